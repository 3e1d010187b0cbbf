"""What is in force: the answers that bots may say on a day, and how each answer stands for those who keep it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from haechi.city.answers.graph import steps_of
from haechi.core import clock
from haechi.core.errors import NotFound
from haechi.core.store import SYSTEM, Actor, Row, Store, Transaction
from haechi.engines.dialogue.ports import FaqEntry, Scenario, Topic

REMINDER_DAYS = 30
"""So long before an answer expires its bureau finds it on the list of reminders."""
TRIAL = Actor("system", "시스템", frozenset({"public", "staff"}), frozenset({"ai_team"}))
STANDINGS = ("live", "expiring", "expired", "upcoming", "none", "withdrawn")

# The version that counts on a day is the newest published one that has begun, even when it has ended: what it replaced
# never comes back.
_COUNTING = """
select distinct on (v.answer_id) a.id::text as id, a.bureau, v.number, v.content, v.owner, v.valid_from, v.valid_until
from kept_answer_versions v join kept_answers a on a.id = v.answer_id
where a.bot = :bot and a.kind = :kind and a.withdrawn_at is null and v.state = 'published' and v.valid_from <= :day
order by v.answer_id, v.number desc"""

_ROWS = """
select a.id::text as id, a.kind, a.bot, a.bureau, a.audience, a.withdrawn_at, a.withdrawn_by, a.withdrawn_why, n.number, n.state, n.content, n.owner,
  n.valid_from, n.valid_until, n.made_at, n.made_by_name, l.number as live_number, l.valid_from as live_from,
  l.valid_until as live_until, l.content as live_content, l.owner as live_owner,
  (select count(*) from kept_answer_phrases p where p.answer_id = a.id and p.removed_at is null) as phrases
from kept_answers a
join lateral (select * from kept_answer_versions v where v.answer_id = a.id order by number desc limit 1) n on true
left join lateral (select * from kept_answer_versions v where v.answer_id = a.id and v.state = 'published'
  order by (v.valid_from <= :day) desc, number desc limit 1) l on true"""


@dataclass(frozen=True, slots=True)
class Shelf:
    """One page of the list. total: before paging; counts: answers by standing and by open work, over the whole list."""

    rows: list[dict[str, Any]]
    total: int
    counts: dict[str, int]


class Answers:
    """Reads kept answers. `store`: as the role that serves people; what bots say is read as the system."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def in_force(self, bot: str, day: date) -> list[FaqEntry]:
        """The FAQ that `bot` may say on `day` (Seoul's calendar); never an expired or withdrawn one."""
        with self._store.transaction(SYSTEM) as tx:
            rows = _counting(tx, bot, "faq", day)
            phrases = _phrases(tx, [row["id"] for row in rows])
        return [_entry(row, phrases.get(row["id"], ())) for row in rows]

    def scenarios(self, bot: str, day: date | None = None) -> list[Scenario]:
        """The scenarios that `bot` may play on `day` (default: today)."""
        with self._store.transaction(SYSTEM) as tx:
            rows = _counting(tx, bot, "scenario", day or clock.today())
        return [_scenario(row) for row in rows]

    def topics(self, bot: str, day: date | None = None) -> list[Topic]:
        """How people ask for each scenario in force: its title and its other wordings."""
        with self._store.transaction(SYSTEM) as tx:
            rows = _counting(tx, bot, "scenario", day or clock.today())
            phrases = _phrases(tx, [row["id"] for row in rows])
        return [_topic(row, phrases.get(row["id"], ())) for row in rows]

    def would_be(
        self, bot: str, candidate: tuple[str, int], day: date
    ) -> tuple[list[FaqEntry], list[Scenario], list[Topic]]:
        """(in_force, scenarios, topics) as if this version were published and had begun; for trying it. Whoever tries it was
        checked before: it is read as by the AI team, who may see drafts."""
        answer_id, number = candidate
        with self._store.transaction(TRIAL) as tx:
            row = tx.one(
                """select a.id::text as id, a.kind, a.bureau, v.number, v.content, v.owner, v.valid_from, v.valid_until
                from kept_answer_versions v join kept_answers a on a.id = v.answer_id
                where a.id = :id and v.number = :number and a.bot = :bot""",
                id=_uuid(answer_id),
                number=number,
                bot=bot,
            )
            if row is None:
                raise _absent(answer_id)
            phrases = _phrases(tx, [answer_id]).get(answer_id, ())
        row = {**row, "valid_from": min(row["valid_from"], day)}
        faq, scenarios, topics = self.in_force(bot, day), self.scenarios(bot, day), self.topics(bot, day)
        if row["kind"] == "faq":
            return [*(one for one in faq if one.id != answer_id), _entry(row, phrases)], scenarios, topics
        scenario, topic = _scenario(row), _topic(row, phrases)
        return (
            faq,
            [*(one for one in scenarios if one.id != answer_id), scenario],
            [*(one for one in topics if one.id != topic.id), topic],
        )

    def changed(self, bot: str) -> int:
        """Grows with every change to the bot's answers; together with the day it keys every cache of them."""
        with self._store.transaction(SYSTEM) as tx:
            return int(tx.value("select version from kept_answers_changed where bot = :bot", bot=bot) or 0)

    # --- for those who keep them -------------------------------------------------------------------------------------

    def shelf(
        self, actor: Actor, *, bot: str = "", bureau: str = "", kind: str = "", standing: str = "", search: str = "",
        limit: int = 50, offset: int = 0,
    ) -> Shelf:  # fmt: skip
        """What the actor may see, oldest end first. standing: one of STANDINGS, or 'draft', 'review' for open work."""
        day = clock.today()
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                _ROWS + """ where (:bot = '' or a.bot = :bot) and (:bureau = '' or a.bureau = :bureau)
                and (:kind = '' or a.kind = :kind) and (:search = '' or strpos(lower(n.content::text), lower(:search)) > 0)
                order by coalesce(l.valid_until, n.valid_until), a.id""",
                day=day, bot=bot, bureau=bureau, kind=kind, search=search,
            )  # fmt: skip
        seen = [described(row, day) for row in rows]
        counts = {key: sum(key in (one["standing"], one["work"]) for one in seen) for key in (*STANDINGS, *WORK)}
        kept = [one for one in seen if _wanted(one, standing)]
        return Shelf(kept[offset : offset + limit], len(kept), counts)

    def one(self, actor: Actor, answer_id: str) -> dict[str, Any]:
        """One answer with `versions` (newest first) and `phrases` (also removed ones). NotFound when there is none."""
        with self._store.transaction(actor) as tx:
            row = tx.one(_ROWS + " where a.id = :id", day=clock.today(), id=_uuid(answer_id))
            if row is None:
                raise _absent(answer_id)
            versions = tx.all(
                "select * from kept_answer_versions where answer_id = :id order by number desc", id=answer_id
            )
            phrases = tx.all(
                "select id::text as id, phrase, source, added_by_name, added_at, removed_by_name, removed_at"
                " from kept_answer_phrases where answer_id = :id order by removed_at nulls first, added_at",
                id=answer_id,
            )
        return described(row, clock.today()) | {"versions": versions, "phrases": phrases}

    def expiring(self, actor: Actor, days: int = REMINDER_DAYS) -> list[dict[str, Any]]:
        """Answers in force that end within `days`, the soonest first: the list of reminders."""
        last = clock.today() + timedelta(days=days)
        rows = self.shelf(actor, limit=10_000).rows
        return [row for row in rows if row["standing"] in ("live", "expiring") and row["live_until"] <= last]


WORK = ("draft", "review")


def described(row: Row, day: date) -> dict[str, Any]:
    """A row of the list with `standing` (of what is said), `work` (of the newest version), `title` and `days_left`."""
    live = row["live_number"] is not None
    newer = not live or row["number"] > row["live_number"]
    work = "review" if row["state"] == "review" else "draft" if newer and row["state"] != "published" else ""
    shown = row["content"]
    return {
        **row,
        "title": shown.get("question") or shown.get("title", ""),
        "standing": _standing(row, day),
        "work": "" if row["withdrawn_at"] is not None else work,
        "days_left": (row["live_until"] - day).days if live else None,
    }


def _standing(row: Row, day: date) -> str:
    if row["withdrawn_at"] is not None:
        return "withdrawn"
    if row["live_number"] is None:
        return "none"
    if row["live_from"] > day:
        return "upcoming"
    if row["live_until"] < day:
        return "expired"
    return "expiring" if row["live_until"] <= day + timedelta(days=REMINDER_DAYS) else "live"


def _wanted(row: dict[str, Any], standing: str) -> bool:
    if not standing:
        return bool(row["standing"] != "withdrawn")
    return standing in (row["standing"], row["work"]) or (standing == "live" and row["standing"] == "expiring")


def _counting(tx: Transaction, bot: str, kind: str, day: date) -> list[Row]:
    return [row for row in tx.all(_COUNTING, bot=bot, kind=kind, day=day) if row["valid_until"] >= day]


def _phrases(tx: Transaction, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in tx.all(
        """select answer_id::text as id, phrase from kept_answer_phrases
        where removed_at is null and answer_id = any(cast(:ids as uuid[])) order by added_at, phrase""",
        ids=list(ids),
    ):
        found[row["id"]] = (*found.get(row["id"], ()), row["phrase"])
    return found


def _entry(row: Row, phrases: tuple[str, ...]) -> FaqEntry:
    content = row["content"]
    return FaqEntry(
        id=row["id"], question=content["question"], paraphrases=phrases, answer=content["answer"], owner=row["owner"],
        bureau=row["bureau"], version=row["number"], valid_from=row["valid_from"], valid_until=row["valid_until"],
        links=tuple((str(label), str(address)) for label, address in content.get("links", ())),
    )  # fmt: skip


def _scenario(row: Row) -> Scenario:
    return Scenario(row["id"], row["content"]["title"], steps_of(row["content"]))


def _topic(row: Row, phrases: tuple[str, ...]) -> Topic:
    title, target = row["content"]["title"], f"scenario:{row['id']}"
    return Topic(target, title, (title, *phrases), target, row["bureau"])


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise _absent(value) from None


def _absent(answer_id: str) -> NotFound:
    return NotFound("그런 답변이 없습니다.", next_step="답변 목록에서 다시 고르세요.", record=answer_id)
