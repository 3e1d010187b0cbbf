"""The answerer that needs no language model, as the gateway's last way out: the documents' own sentences, each with its source.

It reads as the key that asks: what the key's tags do not open changes no answer. Its index is this process's own, filled from the
database when it is first needed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from haechi.city.database import DatabaseUrls
from haechi.city.gateway.truth import Refused
from haechi.city.settings import Settings
from haechi.core.errors import NotFound, Unavailable
from haechi.core.store import SYSTEM, Store

if TYPE_CHECKING:
    from haechi.engines.knowledge.ports import Citation, Reader

AT_ONCE, MOST_WAITING = 2, 40
INDEX_SECONDS, RIGHTS_SECONDS = 60.0, 5.0
NOTICE = "※ 언어모델 서버가 모두 멈추어, 내장 답변기가 문서의 문장으로 답했습니다."


@dataclass(frozen=True, slots=True)
class Answered:
    """text: the answer with its sources below, as a person reads it. answered False: 모름, and the text says so.

    citations: marker, title, page, quote of each sentence's source.
    """

    text: str
    answered: bool
    citations: tuple[dict[str, Any], ...]


class BuiltInAnswerer:
    """One a gateway process. Nothing is loaded before the first `answer`."""

    def __init__(self, settings: Settings, urls: DatabaseUrls) -> None:
        self._settings, self._urls = settings, urls
        self._making = threading.Lock()
        self._parts: _Parts | None = None
        self._room = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def answer(self, question: str, history: Sequence[tuple[str, str]], secret: str, bot: str = "") -> Answered:
        """For the key `secret`, within the documents of `bot` where one is named. history: (question, answer), oldest first.

        Refused when too many wait; HaechiError when the key is no longer in force or the index is not ready.
        """
        if self._waiting >= MOST_WAITING:
            raise Refused("queue_full", 5)
        self._waiting += 1
        try:
            async with self._room:
                return await asyncio.to_thread(self._answer, question, history, secret, bot)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Give everything back."""
        if self._parts is not None:
            self._parts.close()

    def _answer(self, question: str, history: Sequence[tuple[str, str]], secret: str, bot: str) -> Answered:
        from haechi.engines.knowledge.ports import Citation, Done, Turn

        parts = self._ready()
        reader = parts.reader(secret, bot)
        if not parts.indexing.filled.wait(INDEX_SECONDS) or not parts.indexing.wait_for_rights(RIGHTS_SECONDS):
            raise Unavailable("내장 답변기의 색인이 아직 준비되지 않았습니다.", next_step="1분 뒤 다시 물어보세요.")
        cited, done = [], None
        for event in parts.knowledge.answer(question, reader, [Turn(*pair) for pair in history]):
            if isinstance(event, Citation):
                cited.append(event)
            elif isinstance(event, Done):
                done = event
        assert done is not None  # the port's promise: Done comes last
        return Answered(_written(done.text, cited), done.answered, tuple(map(_as_dict, cited)))

    def _ready(self) -> _Parts:
        with self._making:
            if self._parts is None:
                self._parts = _Parts(self._settings, self._urls)
            return self._parts


class _Parts:
    """What the answerer stands on."""

    def __init__(self, settings: Settings, urls: DatabaseUrls) -> None:
        from haechi.city.indexing import Indexing
        from haechi.core.keys import Keys
        from haechi.engines.knowledge import Knowledge

        self._store, self._worker_store = Store(urls.app, size=AT_ONCE), Store(urls.worker, size=2)
        self._keys = Keys(self._store)
        # The serving process writes the snapshot; this one only reads it.
        self.indexing = Indexing(self._worker_store, settings, keeps_snapshot=False)
        self.indexing.start()
        self.knowledge = Knowledge.assemble(self.indexing.retriever)

    def reader(self, secret: str, bot: str) -> Reader:
        """What this key may be answered from now. A citizens' bot reads only what is public; one that nobody knows, nothing."""
        from haechi.city.bots import Bots, fence
        from haechi.engines.knowledge.ports import Reader

        tags = self._keys.check(secret, "models").tags
        if not bot:
            return Reader(tags=tags)
        bots = Bots(self._store)
        try:
            card = bots.get(bot, SYSTEM)
        except NotFound:
            return Reader(tags=tags, within=fence(bot))
        return Reader(tags=tags & {"public"} if card.audience == "citizen" else tags, within=bots.fence(bot))

    def close(self) -> None:
        self.indexing.close()
        self._store.close()
        self._worker_store.close()


def _written(text: str, cited: Sequence[Citation]) -> str:
    sources = dict.fromkeys(f"[{each.marker}] {_place(each)}" for each in cited)
    return "\n\n".join([text, *(["출처\n" + "\n".join(sources)] if sources else []), NOTICE])


def _place(cited: Citation) -> str:
    return ", ".join(each for each in (f"「{cited.passage.title}」", cited.passage.locator) if each)


def _as_dict(cited: Citation) -> dict[str, Any]:
    passage = cited.passage
    return {
        "marker": cited.marker, "document_id": passage.document_id, "title": passage.title, "page": passage.page,
        "quote": cited.quote,
    }  # fmt: skip
