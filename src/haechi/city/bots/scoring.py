"""The score of a bot: its own questions through the real search and the real answerer, held inside its documents."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.city.bots.fences import draft_fence
from haechi.city.bots.policy import BotPolicy, bot_policy
from haechi.city.bots.registry import own
from haechi.city.waiting import WaitingRoom
from haechi.core import audit, clock
from haechi.core.errors import Conflict, HaechiError, InvalidInput, Unavailable
from haechi.core.measuring import wilson
from haechi.core.store import Actor, Row, Store
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.answer.evaluation import answer_matches
from haechi.engines.knowledge.ports import Citation, Delta, Done, Reader

FIGURES = ("right", "answered", "document", "citation", "unknown")
"""Shares of: questions that went as expected; questions with an answer in the documents that were answered; answers that
rest on the named document; answers every sentence of which is cited; 모름 questions answered 모름."""
log = logging.getLogger("haechi.bots")
PATIENCE_SECONDS = 20.0
LONGEST = 500
Verdict = dict[str, Any]


@dataclass(slots=True)
class UnderWay:
    """A test that runs in this process: `done` of `of` questions; `problem` once it could not go on."""

    of: int = 0
    done: int = 0
    problem: HaechiError | None = None


class Scoring:
    """Asks the accepted questions of a draft. Waits its turn among the people who ask, a question at a time."""

    def __init__(
        self,
        store: Store,
        knowledge: Knowledge,
        *,
        room: WaitingRoom,
        knowledge_version: Callable[[], int] = lambda: 0,
        wait_for_rights: Callable[[float], bool] = lambda _: True,
        patience: float = 60.0,
    ) -> None:
        self._store, self._knowledge, self._room = store, knowledge, room
        self._version, self._wait, self._patience = knowledge_version, wait_for_rights, patience
        self._running: dict[str, UnderWay] = {}
        self._turn = threading.Lock()

    def start(self, actor: Actor, bot_id: str) -> None:
        """Run it in the background; `under_way` tells how far it is. Conflict as `run`, and while one is running."""
        _, asked = self._asked(actor, bot_id)
        with self._turn:
            running = self._running.get(bot_id)
            if running is not None and running.problem is None:
                raise Conflict("이미 채점하고 있습니다.", next_step="끝날 때까지 기다리세요.", record=bot_id)
            under = self._running[bot_id] = UnderWay(len(asked))
        threading.Thread(target=self._in_background, args=(actor, bot_id, under), name="scoring", daemon=True).start()

    def under_way(self, bot_id: str) -> UnderWay | None:
        """The test that runs, or that could not end; None when there is none."""
        return self._running.get(bot_id)

    def _in_background(self, actor: Actor, bot_id: str, under: UnderWay) -> None:
        try:
            self.run(actor, bot_id, under)
            self._running.pop(bot_id, None)
        except HaechiError as error:
            under.problem = error
        except Exception:
            log.exception("채점이 끝까지 가지 못했습니다: %s", bot_id)
            under.problem = Unavailable("채점하다가 문제가 생겼습니다.", next_step="다시 채점하세요.", record=bot_id)

    def run(self, actor: Actor, bot_id: str, under: UnderWay | None = None) -> str:
        """Ask them all and keep the score; its id. Conflict where no question has been accepted yet."""
        bot, asked = self._asked(actor, bot_id)
        self._until_taken_up(actor, bot_id, self._patience, whole=True)
        tags, version = test_tags(bot, actor), self._version()
        reader = Reader(tags=tags, within=draft_fence(bot_id))
        rows: list[Verdict] = []
        for row in asked:
            rows.append(self._one(row, reader))
            if under is not None:
                under.done = len(rows)
        return self._keep(actor, bot, rows, tags, version)

    def _asked(self, actor: Actor, bot_id: str) -> tuple[Row, list[Row]]:
        with self._store.transaction(actor) as tx:
            bot = own(tx, bot_id)
            asked = tx.all(
                """select question, expected, unknown, document_id::text as document_id from bot_questions
                where bot_id = :bot and not proposed order by place""",
                bot=bot_id,
            )
        if not asked:
            raise Conflict(
                "시험 질문이 없습니다.", next_step="질문을 적거나, 제안된 질문을 살펴보고 받아들이세요.", record=bot_id
            )
        return bot, asked

    def _until_taken_up(self, actor: Actor, bot_id: str, seconds: float, *, whole: bool) -> None:
        """Wait until the index here holds the documents as they stand; whole: read, and indexed by every stage.

        Half an index would score itself too low.
        """
        deadline = time.monotonic() + seconds
        while True:
            with self._store.transaction(actor) as tx:
                standing = tx.one(_UNDER_WAY, bot=bot_id)
            if standing is None or (not (whole and standing["unread"]) and standing["head"] <= self._version()):
                return
            if time.monotonic() > deadline or not self._wait(PATIENCE_SECONDS):
                raise Unavailable(
                    f"아직 읽거나 검색을 준비하고 있는 문서가 있습니다({standing['unread']}건).",
                    next_step="1분 뒤 다시 하세요. 문서 담기에서 어디까지 읽었는지 볼 수 있습니다.",
                    record=bot_id,
                )
            time.sleep(0.2)

    def ask(self, actor: Actor, bot_id: str, question: str) -> Verdict:
        """One question to the draft, as its office tries it: with the asker's own rights, and nothing is kept."""
        with self._store.transaction(actor) as tx:
            own(tx, bot_id)
        question = " ".join(question.split())[:LONGEST]
        if not question:
            raise InvalidInput("질문이 비어 있습니다.", next_step="궁금한 내용을 한 문장으로 적으세요.", record=bot_id)
        self._until_taken_up(actor, bot_id, PATIENCE_SECONDS, whole=False)
        row = {"question": question, "expected": "", "unknown": False, "document_id": None}
        return self._one(row, Reader(tags=actor.tags, within=draft_fence(bot_id)))

    def _one(self, row: Row, reader: Reader) -> Verdict:
        with self._room.enter() as place:
            for _ in place.wait():
                pass
            return judged(row, self._knowledge.answer(row["question"], reader))

    def _keep(self, actor: Actor, bot: Row, rows: list[Verdict], tags: frozenset[str], version: int) -> str:
        score_id, found = clock.new_id(), figures(rows)
        passed = not shortcomings(found, bot_policy())
        with self._store.transaction(actor) as tx:
            own(tx, bot["id"])
            tx.run(
                """insert into bot_scores (id, bot_id, at, revision, by_subject, by_name, tags, knowledge_version, model, figures, passed, rows)
                values (:id, :bot, :now, :revision, :by, :name, :tags, :version, :model, cast(:figures as jsonb), :passed, cast(:rows as jsonb))""",
                {"id": score_id, "bot": bot["id"], "now": clock.now(), "revision": bot["revision"], "by": actor.subject, "name": actor.name,
                 "tags": sorted(tags), "version": version, "model": self._knowledge.fingerprint, "passed": passed,
                 "figures": json.dumps(found), "rows": json.dumps(rows, ensure_ascii=False)},
            )  # fmt: skip
            # Only the state that was tested counts as tested.
            tx.run(
                "update bots set state = 'tested' where id = :id and state = 'draft' and revision = :seen",
                {"id": bot["id"], "seen": bot["revision"]},
            )
            audit.record(tx, "bot.score", f"bot:{bot['id']}", {"figures": found["right"], "passed": passed})
        return score_id

    def scores(self, actor: Actor, bot_id: str, limit: int = 10) -> list[Row]:
        """Latest first; only those asked with rights that this person holds as well."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select id::text as id, at, revision, by_name, model, figures, passed, rows from bot_scores
                where bot_id = :bot order by at desc limit :limit""",
                bot=bot_id,
                limit=limit,
            )


def test_tags(bot: Row, actor: Actor) -> frozenset[str]:
    """Whose eyes the test looks through: a citizen's, or an officer's of the owning bureau, never more than the tester's own."""
    if bot["audience"] == "citizen":
        return frozenset({"public"})
    return actor.tags & {"public", "staff", f"bureau:{bot['bureau']}"}


test_tags.__test__ = False  # type: ignore[attr-defined]


def judged(row: Row, events: Iterable[Any]) -> Verdict:
    """One question's answer beside what was expected. JSON-ready."""
    sentences: list[str] = []
    citations: list[Citation] = []
    done: Done | None = None
    for event in events:
        if isinstance(event, Delta):
            sentences.append(event.text)
        elif isinstance(event, Citation):
            citations.append(event)
        elif isinstance(event, Done):
            done = event
    if done is None:
        raise Unavailable("답변이 끝까지 만들어지지 않았습니다.", next_step="잠시 뒤 다시 채점하세요.")
    cited = {one.sentence for one in citations}
    documents = {one.passage.document_id for one in citations}
    verdict: Verdict = {
        "question": row["question"], "expected": row["expected"], "unknown": row["unknown"], "document_id": row["document_id"],
        "answered": done.answered, "text": done.text, "reason": done.reason, "citations": [_shown(one) for one in citations],
        "matched": answer_matches(row["expected"], done.text) if row["expected"] else None,
        "right_document": row["document_id"] in documents if row["document_id"] else None,
        "fully_cited": bool(citations) and all(n in cited for n in range(1, len(sentences) + 1)) if done.answered else None,
    }  # fmt: skip
    return {**verdict, "right": _right(verdict)}


def _right(one: Verdict) -> bool:
    if one["unknown"]:
        return not one["answered"]
    return bool(one["answered"] and one["matched"] is not False and one["right_document"] is not False)


def _shown(one: Citation) -> dict[str, Any]:
    return {
        "marker": one.marker, "quote": one.quote, "passage_id": one.passage.id, "document_id": one.passage.document_id,
        "title": one.passage.title, "locator": one.passage.locator,
    }  # fmt: skip


def figures(rows: Sequence[Verdict]) -> dict[str, dict[str, Any]]:
    """Each of FIGURES as count, n, value and Wilson's 95 % interval; value null where there is nothing to count."""
    known = [row for row in rows if not row["unknown"]]
    answered = [row for row in known if row["answered"]]
    named = [row for row in answered if row["right_document"] is not None]
    said = [row for row in rows if row["answered"]]
    return {
        "right": _share([row["right"] for row in rows]),
        "answered": _share([row["answered"] for row in known]),
        "document": _share([row["right_document"] for row in named]),
        "citation": _share([row["fully_cited"] for row in said]),
        "unknown": _share([not row["answered"] for row in rows if row["unknown"]]),
    }


def _share(hits: Sequence[bool]) -> dict[str, Any]:
    count, n = sum(hits), len(hits)
    if not n:
        return {"count": 0, "n": 0, "value": None, "low": None, "high": None}
    low, high = wilson(count, n)
    return {"count": count, "n": n, "value": round(count / n, 4), "low": round(low, 4), "high": round(high, 4)}


def shortcomings(found: dict[str, dict[str, Any]], rule: BotPolicy) -> list[str]:
    """Keys of what the score falls short of: few_questions, no_unknown, right, citation, unknown. [] is a pass."""
    return list(_short(found, rule))


def _short(found: dict[str, dict[str, Any]], rule: BotPolicy) -> Iterator[str]:
    if found["right"]["n"] < rule.questions:
        yield "few_questions"
    if found["unknown"]["n"] < rule.unknown:
        yield "no_unknown"
    for name, least in (("right", rule.right), ("citation", rule.citation), ("unknown", rule.unknown_right)):
        value = found[name]["value"]
        if value is not None and value < least:
            yield name


_UNDER_WAY = """select count(*) filter (where v.state in ('received', 'reading', 'searchable')) as unread,
    coalesce(max((select max(seq) from index_log l where l.document_id = m.document_id)), 0) as head
    from bot_documents m join lateral (select state from versions where document_id = m.document_id
    order by number desc limit 1) v on true where m.bot_id = :bot and m.edition = 'draft'"""
