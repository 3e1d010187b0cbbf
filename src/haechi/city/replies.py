"""민원 회신 초안: a citizen's letter in, a reply out whose every sentence stands in a document the citizen may read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from haechi.city.drafting import Drafting, content_of
from haechi.city.plan_reading import form
from haechi.core.errors import InvalidInput
from haechi.core.roles import require
from haechi.core.store import Actor
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.answer import Contact
from haechi.engines.knowledge.ports import Citation, Delta, Done, Hit, Reader, Retrieval
from haechi.engines.text.drafting.reply import Answered, Source, compose_reply, questions_of

LONGEST_LETTER = 5000
LONGEST_RECEIPT = 60
ContactFor = Callable[[str, Sequence[Hit]], Contact | None]
OPEN = Reader(tags=frozenset({"public"}))
"""The reply leaves the house: only documents that its reader may open himself are quoted."""


class Replies:
    """Makes replies and keeps them among the drafts of who made them."""

    def __init__(self, drafting: Drafting, knowledge: Knowledge, contact_for: ContactFor) -> None:
        self._drafting = drafting
        self._knowledge = knowledge
        self._contact_for = contact_for

    def draft(self, actor: Actor, letter: str, receipt: str = "") -> dict[str, Any]:
        """A reply to `letter` (at most 5,000 characters), kept; as Drafting.get. InvalidInput when there is nothing to answer.

        Three to six retrievals and answers: about a second.
        """
        require(actor, "draft.make")
        if not letter.strip():
            raise InvalidInput("민원 글이 비어 있습니다.", next_step="받은 민원의 글을 붙여 넣으세요.", record="letter")
        if len(letter) > LONGEST_LETTER:
            raise InvalidInput(
                f"민원 글이 너무 깁니다({len(letter):,}자).",
                next_step=f"{LONGEST_LETTER:,}자 이내로 물음이 든 부분만 붙여 넣으세요.",
                record="letter",
            )
        answered = [self._answer(question) for question in questions_of(letter)]
        reply, grounds = compose_reply(answered, form("reply"), bureau=actor.bureau, receipt=receipt[:LONGEST_RECEIPT])
        content = content_of(reply, grounds, model=self._model(answered))
        digest = hashlib.sha256(letter.encode()).hexdigest()
        return self._drafting.keep(actor, "reply", content, "받은 민원", digest)

    def _answer(self, question: str) -> Answered:
        """A sentence is followed by its citations; one without any does not leave the house."""
        said: list[tuple[str, list[Source]]] = []
        hits: Sequence[Hit] = ()
        for event in self._knowledge.answer(question, OPEN, ()):
            match event:
                case Retrieval():
                    hits = event.hits
                case Delta():
                    said.append((event.text, []))
                case Citation():
                    said[-1][1].append(_source(event))
                case Done() if not event.answered:
                    said = []
        sentences = tuple((text, tuple(sources)) for text, sources in said if sources)
        return Answered(question, sentences, self._contact(question, hits))

    def _contact(self, question: str, hits: Sequence[Hit]) -> dict[str, str] | None:
        contact = self._contact_for(question, hits)
        return asdict(contact) if contact is not None else None

    def _model(self, answered: list[Answered]) -> str:
        return self._knowledge.fingerprint if any(one.sentences for one in answered) else "built-in"


def _source(citation: Citation) -> Source:
    passage = citation.passage
    return Source(passage.id, passage.title, passage.locator, citation.quote, passage.page)
