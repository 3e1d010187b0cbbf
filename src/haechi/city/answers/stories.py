"""Test stories: what a person says and what the bot must do, played through the real engine before anything is published."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from haechi.core import audit, clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.identity import require
from haechi.core.store import Actor, Row, Store, Transaction

EXPECTATIONS: Mapping[str, tuple[str, str]] = {
    "faq": ("이 FAQ로 답한다", "is answered by this FAQ"),
    "scenario": ("이 시나리오를 시작한다", "starts this scenario"),
    "topic": ("이 주제로 알아듣는다", "is understood as this topic"),
    "text": ("이 글이 들어 있다", "says this text"),
    "not_text": ("이 글이 들어 있지 않다", "does not say this text"),
    "state": ("이렇게 끝난다", "ends in this state"),
}
LINES_LIMIT, SAID_LIMIT = 20, 500
Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A person says `said` (or presses the button with that label); the bot must do `expect` with `value`."""

    said: str
    expect: str
    value: str


@dataclass(frozen=True, slots=True)
class Played:
    """A line and what came of it. got: what the bot did, in words. why: empty when it passed."""

    said: str
    expect: str
    value: str
    got: str
    passed: bool
    why: str = ""


class Stage(Protocol):
    """Where stories are played: the engine that serves citizens, except that nothing is filed and nobody is called."""

    def play(
        self, actor: Actor, bot: str, said: Sequence[str], candidate: tuple[str, int] | None
    ) -> Iterable[Sequence[Event]]:
        """The events of each turn, in order. candidate: an answer's version that counts as published for this play."""
        ...


class Stories:
    """Stories of each bot, and what came of playing them."""

    def __init__(self, store: Store, stage: Stage) -> None:
        self._store = store
        self._stage = stage

    def add(self, actor: Actor, bot: str, bureau: str, title: str, lines: Sequence[Line]) -> str:
        """A new story; its id. InvalidInput when a line says or expects nothing."""
        require(actor, "answers.edit", bureau)
        kept = checked(title, lines)
        story_id = clock.new_id()
        with self._store.transaction(actor) as tx:
            tx.run(
                """insert into test_stories (id, bot, bureau, title, lines, made_by_name, made_at)
                values (:id, :bot, :bureau, :title, cast(:lines as jsonb), :name, :now)""",
                {
                    "id": story_id, "bot": bot, "bureau": bureau, "title": title.strip()[:200], "name": actor.name,
                    "lines": json.dumps([asdict(line) for line in kept], ensure_ascii=False), "now": clock.now(),
                },
            )  # fmt: skip
            audit.record(tx, "answers.story_added", f"story:{story_id}", {"bot": bot})
        return story_id

    def remove(self, actor: Actor, story_id: str) -> None:
        """Take a story out of the play; what it once showed stays in the runs."""
        with self._store.transaction(actor) as tx:
            row = tx.one("select bureau from test_stories where id::text = :id and removed_at is null", id=story_id)
            if row is None:
                raise NotFound("그런 이야기가 없습니다.", next_step="목록에서 다시 고르세요.", record=story_id)
            require(actor, "answers.edit", row["bureau"])
            tx.run(
                "update test_stories set removed_at = :now where id::text = :id", {"now": clock.now(), "id": story_id}
            )
            audit.record(tx, "answers.story_removed", f"story:{story_id}", {})

    def of(self, actor: Actor, bot: str = "") -> list[Row]:
        """Stories by bot and title."""
        with self._store.transaction(actor) as tx:
            return _stories(tx, bot)

    def runs(self, actor: Actor, bot: str = "", limit: int = 20) -> list[Row]:
        """What came of playing, newest first; `candidate` is the answer that was tried, None for what is published."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select r.id::text as id, r.bot, r.bureau, r.candidate::text as candidate, r.candidate_number, r.ran_by_name,
                r.ran_at, r.passed, r.failed, r.results from test_story_runs r
                where (:bot = '' or r.bot = :bot) order by r.ran_at desc limit :limit""",
                bot=bot,
                limit=limit,
            )

    def run(self, actor: Actor, bot: str, candidate: tuple[str, int] | None = None) -> Row:
        """Play every story of the bot and keep the result. candidate: as in `Stage.play`."""
        require(actor, "answers.edit", actor.bureau or None)
        if candidate is not None:
            self._seen(actor, candidate)
        results = [self._play(actor, bot, story, candidate) for story in self.of(actor, bot)]
        failed = sum(not line["passed"] for result in results for line in result["lines"])
        passed = sum(line["passed"] for result in results for line in result["lines"])
        run_id = clock.new_id()
        with self._store.transaction(actor) as tx:
            tx.run(
                """insert into test_story_runs (id, bot, bureau, candidate, candidate_number, ran_by_name, ran_at, passed, failed,
                results) values (:id, :bot, :bureau, cast(:candidate as uuid), :number, :name, :now, :passed, :failed,
                cast(:results as jsonb))""",
                {
                    "id": run_id, "bot": bot, "bureau": actor.bureau, "candidate": candidate[0] if candidate else None,
                    "number": candidate[1] if candidate else None, "name": actor.name, "now": clock.now(), "passed": passed,
                    "failed": failed, "results": json.dumps(results, ensure_ascii=False),
                },
            )  # fmt: skip
        return {"id": run_id, "passed": passed, "failed": failed, "results": results}

    def rehearse(self, actor: Actor, bot: str, said: str, candidate: tuple[str, int]) -> list[Event]:
        """What the bot would answer to one sentence if this version were published; nothing is kept."""
        require(actor, "answers.read", actor.bureau or None)
        self._seen(actor, candidate)
        return list(next(iter(self._stage.play(actor, bot, [said.strip()[:SAID_LIMIT]], candidate))))

    def _seen(self, actor: Actor, candidate: tuple[str, int]) -> None:
        with self._store.transaction(actor) as tx:
            known = tx.value(
                "select true from kept_answer_versions where answer_id::text = :id and number = :number",
                id=candidate[0],
                number=candidate[1],
            )
        if not known:
            raise NotFound("그런 판이 없습니다.", next_step="답변 화면에서 다시 고르세요.", record=candidate[0])

    def failures(self, actor: Actor, answer_id: str, number: int) -> int | None:
        """Failed lines of the newest run of this version; 0 when its bot has no stories, None when it was never tried."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                """select failed from test_story_runs where candidate::text = :id and candidate_number = :number
                order by ran_at desc limit 1""",
                id=answer_id,
                number=number,
            )
            if row is not None:
                return int(row["failed"])
            bot = tx.value("select bot from kept_answers where id::text = :id", id=answer_id)
            return None if _stories(tx, str(bot)) else 0

    def _play(self, actor: Actor, bot: str, story: Row, candidate: tuple[str, int] | None) -> dict[str, Any]:
        lines = [Line(**line) for line in story["lines"]]
        turns = self._stage.play(actor, bot, [line.said for line in lines], candidate)
        played = [judge(line, events) for line, events in zip(lines, turns, strict=True)]
        return {
            "story": story["id"], "title": story["title"], "passed": all(one.passed for one in played),
            "lines": [asdict(one) for one in played],
        }  # fmt: skip


def _stories(tx: Transaction, bot: str) -> list[Row]:
    return tx.all(
        """select id::text as id, bot, bureau, title, lines, made_by_name, made_at from test_stories
        where removed_at is null and (:bot = '' or bot = :bot) order by bot, title, id""",
        bot=bot,
    )


def checked(title: str, lines: Sequence[Line]) -> list[Line]:
    """The lines that say something. InvalidInput for an unknown expectation or one without a value."""
    kept = [
        Line(one.said.strip()[:SAID_LIMIT], one.expect, one.value.strip()[:SAID_LIMIT])
        for one in lines
        if one.said.strip()
    ]
    if not title.strip() or not kept or len(kept) > LINES_LIMIT:
        raise InvalidInput(
            "이야기에 제목과 대사가 있어야 합니다.", next_step=f"제목과 1–{LINES_LIMIT}줄을 적으세요.", record="lines"
        )
    for line in kept:
        if line.expect not in EXPECTATIONS or not line.value:
            raise InvalidInput(
                f"'{line.said}'에 기대가 없습니다.",
                next_step="챗봇이 어떻게 해야 하는지 고르고 값을 적으세요.",
                record="lines",
            )
    return kept


def judge(line: Line, events: Sequence[Event]) -> Played:
    """Whether the events of a turn are what the line expects."""
    ended: Event = next((event for event in reversed(events) if event["event"] == "ended"), {})
    texts = words_of(events)
    everything = " ".join(texts)
    intent, state = str(ended.get("intent", "")), str(ended.get("state", ""))
    got = f"{intent or '–'} · {state or '–'} · {everything[:300]}"
    passed = {
        "faq": intent in (line.value, f"faq:{line.value}"),
        "scenario": intent in (line.value, f"scenario:{line.value}"),
        "topic": intent == line.value,
        "text": line.value in everything,
        "not_text": bool(texts) and line.value not in everything,
        "state": state == line.value,
    }[line.expect]
    error = next((str(event["message"]) for event in events if event["event"] == "error"), "")
    why = "" if passed else error or f"기대: {EXPECTATIONS[line.expect][0]} ({line.value})"
    return Played(line.said, line.expect, line.value, got, passed, why)


def words_of(events: Sequence[Event]) -> list[str]:
    """Everything the bot said in a turn."""
    found: list[str] = []
    for event in events:
        match event["event"]:
            case "say" | "answer_done" | "emergency":
                found.append(str(event.get("text", "")))
            case "choices":
                found.append(str(event["question"]))
                found.extend(str(one["label"]) for one in event["options"])
            case "ask_field":
                found.append(str(event["field"]["label"]))
            case "card":
                found.append(str(event["title"]))
    return [text for text in found if text]
