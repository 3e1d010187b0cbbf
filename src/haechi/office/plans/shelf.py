"""Plans as their pages use them: what stands, what is being written, when the next is due, what changed."""

from __future__ import annotations

from datetime import date
from typing import Any

from haechi.core import clock
from haechi.core.errors import Conflict, NotFound
from haechi.core.store import Actor, Row, Store
from haechi.office.cases import Cases, Opening, rows
from haechi.office.letters import Heading, Item, Note, Paper, Part, Table, Text
from haechi.office.plans.compare import Change, compare
from haechi.office.plans.content import Due, next_due, totals
from haechi.office.plans.hooks import FORM
from haechi.office.rounds import answers_of

FLOWS = ("basic_plan", "yearly_plan")


class Plans:
    """Every staff member may read plans; the flows say who writes them."""

    def __init__(self, store: Store, cases: Cases) -> None:
        self._store = store
        self._cases = cases

    def listed(self, actor: Actor) -> list[Row]:
        """Plans of both kinds, the newest first, with the words of their state."""
        with self._store.transaction(actor) as tx:
            found = tx.all(
                f"select {rows.COLUMNS} from cases c where c.kind = any (:kinds) order by c.opened_at desc, c.id limit 200",
                kinds=list(FLOWS),
            )
        return [self._cases.reading.named(row) for row in found]

    def due(self, actor: Actor, *, on: date) -> dict[str, tuple[Row, Due] | None]:
        """Flow → the plan that stands on a day and when the next is due by the rule of that day; None while there is none."""
        told: dict[str, tuple[Row, Due] | None] = {}
        with self._store.transaction(actor) as tx:
            for flow in FLOWS:
                row = tx.one(
                    f"""select {rows.COLUMNS} from cases c where c.kind = :kind and c.state = 'adopted'
                    and (c.closed_at at time zone 'Asia/Seoul')::date <= :on order by c.closed_at desc limit 1""",
                    kind=flow,
                    on=on,
                )
                told[flow] = (row, next_due(flow, adopted_on(row), on=on)) if row is not None else None
        return told

    def one(self, actor: Actor, plan_id: str) -> dict[str, Any]:
        """case, answers, totals, the yearly plans under it, other plans of its kind to compare it with."""
        with self._store.transaction(actor) as tx:
            case = self._plan(rows.found(tx, plan_id))
            answers = answers_of(tx, case["id"], FORM)
            under = tx.all(
                f"select {rows.COLUMNS} from cases c where c.parent = :id order by c.opened_at", id=case["id"]
            )
            others = tx.all(
                f"select {rows.COLUMNS} from cases c where c.kind = :kind and c.id <> :id order by c.opened_at desc limit 20",
                kind=case["kind"],
                id=case["id"],
            )
        return {
            "case": self._cases.reading.named(case),
            "answers": answers,
            "totals": totals(answers),
            "under": [self._cases.reading.named(row) for row in under],
            "others": others,
        }

    def changes(self, actor: Actor, old_id: str, new_id: str) -> list[Change]:
        """What the new plan says otherwise. NotFound for anything that is no plan."""
        with self._store.transaction(actor) as tx:
            old, new = (self._plan(rows.found(tx, id)) for id in (old_id, new_id))
            return compare(answers_of(tx, old["id"], FORM), answers_of(tx, new["id"], FORM))

    def begin_year(self, actor: Actor, basic_id: str, year: int) -> Row:
        """An execution plan of a year under an adopted basic plan, its tasks taken over; the one that stands when there is
        one. Conflict before the basic plan is adopted, or for a year outside it."""
        with self._store.transaction(actor) as tx:
            basic = self._plan(rows.found(tx, basic_id))
            answers = answers_of(tx, basic["id"], FORM)
        if basic["kind"] != "basic_plan" or basic["state"] != "adopted":
            raise Conflict(
                "확정된 기본계획이 아닙니다.", next_step="기본계획이 의결된 뒤에 시작하세요.", record=basic["number"]
            )
        if not answers["from_year"] <= year <= answers["until_year"]:
            raise Conflict(
                f"기본계획은 {answers['from_year']}년부터 {answers['until_year']}년까지입니다.",
                next_step="그 안의 해를 고르세요.",
                record=str(year),
            )
        case = self._cases.open(
            actor, "yearly_plan",
            Opening(f"{year}년 시행계획", bureau=actor.bureau, parent=basic["id"], round=str(year), key=f"plan:{basic['id']}:{year}"),
        )  # fmt: skip
        if case["state"] == "draft" and not self._cases.filings.get(actor, case["id"], FORM)["answers"]:
            self._cases.filings.save(actor, case["id"], FORM, _of_year(answers, year), base=0)
        return case

    def paper(self, actor: Actor, plan_id: str) -> Paper:
        """The plan as a document; one that is not adopted says 초안 across every page."""
        seen = self.one(actor, plan_id)
        return as_paper(seen["case"], seen["answers"])

    def _plan(self, case: Row) -> Row:
        if case["kind"] not in FLOWS:
            raise NotFound("그런 계획이 없습니다.", next_step="계획 목록에서 다시 고르세요.", record=case["number"])
        return case


def adopted_on(case: Row) -> date:
    """The day of the resolution, as the city counts days."""
    day: date = case["closed_at"].astimezone(clock.SEOUL).date()
    return day


def _of_year(answers: Any, year: int) -> dict[str, Any]:
    kept = {name: [row for row in answers.get(name) or () if float(row["year"]) == year] for name in ("budget", "kpis")}
    return {
        "from_year": year, "until_year": year, "vision": answers.get("vision"),
        "goals": answers.get("goals"), "tasks": answers.get("tasks"), **{k: v or None for k, v in kept.items()},
    }  # fmt: skip


def as_paper(case: Row, answers: Any) -> Paper:
    """Goal after goal: its tasks, what they cost, how they are measured."""
    sums = totals(answers)
    parts: list[Part] = [
        Heading("비전과 방향"),
        *(Text(line) for line in str(answers.get("vision") or "미정").splitlines() if line.strip()),
    ]
    for goal in answers.get("goals") or ():
        parts.append(Heading(f"{goal['code']} {goal['title']}"))
        for task in (row for row in answers.get("tasks") or () if row["goal"] == goal["code"]):
            parts.append(Item(f"{task['code']} {task['title']} ({task['bureau']})"))
            parts += [
                Item(f"{int(row['year'])}년 {_won(row.get('won'))}", 2)
                for row in answers.get("budget") or ()
                if row["task"] == task["code"]
            ]
            parts += [
                Item(f"{row['name']}: {row.get('base') or '미상'} → {row.get('target') or '미상'}{row.get('unit') or ''} ({int(row['year'])}년)", 2)
                for row in answers.get("kpis") or () if row["task"] == task["code"]
            ]  # fmt: skip
    if sums.by_year:
        parts.append(
            Table(
                (
                    ("해", "예산"),
                    *((f"{year}년", _won(won)) for year, won in sums.by_year.items()),
                    ("합계", _won(sums.won)),
                ),
                caption="예산 합계",
            )
        )
    if sums.unknown:
        parts.append(Note(f"금액이 정해지지 않은 예산 {sums.unknown}줄은 합계에 들어 있지 않습니다."))
    return Paper(
        kind="계획서",
        title=case["title"],
        meta=(("문서번호", case["number"]), ("기간", f"{answers.get('from_year', '미정')}~{answers.get('until_year', '미정')}년"), ("상태", case["state_name"][0])),
        parts=tuple(parts),
        watermark="" if case["state"] == "adopted" else "초안",
        label=case["number"],
    )  # fmt: skip


def _won(won: int | None) -> str:
    return "미상" if won is None else f"{won:,}원"
