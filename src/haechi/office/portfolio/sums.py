"""The portfolio's totals against the plan's: each line agrees, differs, or says why it cannot be known. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.core.manifest import FIELDS, UNKNOWN
from haechi.core.store import Row
from haechi.office.portfolio.sources import PlanTotals


@dataclass(frozen=True, slots=True)
class Line:
    """One total. plan and ours as they stand; agrees None: cannot be known, and `why` (ko, en) says what is missing."""

    what: tuple[str, str]
    plan: int
    ours: int | None
    agrees: bool | None
    why: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Money:
    """The money of the plan's year. entered: won of the lines with an amount; unknown: services without a full amount.

    apart: won of lines that belong to no single service; they stand beside the sum, not in it.
    """

    year: int
    plan_won: int
    source: str
    entered: int
    unknown: int
    apart: int
    words: tuple[str, str]


def money_of(lines: Sequence[Row], services: Sequence[int], plan: PlanTotals) -> Money:
    """Entered amounts of the plan's year beside the plan's total, and the difference in words."""
    of_year = [line for line in lines if line["year"] == plan.year]
    own = [line for line in of_year if line["service"] in set(services)]
    entered = sum(line["won"] or 0 for line in own)
    whole = amounts(own)
    unknown = sum(whole.get(number) is None for number in services)
    apart = sum(line["won"] or 0 for line in of_year if line["service"] == 0)
    return Money(
        plan.year, plan.budget_won, plan.source, entered, unknown, apart, _words(plan, entered, unknown, len(services))
    )


def amounts(lines: Sequence[Row]) -> dict[int, int | None]:
    """Service → won of its lines; None when one of them is 미상. A service without a line has no entry."""
    found: dict[int, int | None] = {}
    for line in lines:
        before = found.get(line["service"], 0)
        found[line["service"]] = None if before is None or line["won"] is None else before + line["won"]
    return found


def _words(plan: PlanTotals, entered: int, unknown: int, services: int) -> tuple[str, str]:
    gap = plan.budget_won - entered
    ko = f"계획의 총액은 {plan.budget_won:,}원({plan.source})이고, 입력된 금액의 합계는 {entered:,}원입니다."
    en = f"The plan gives {plan.budget_won:,} won; the entered amounts come to {entered:,} won."
    if gap == 0 and not unknown:
        return f"{ko} 두 값이 같습니다.", f"{en} They agree."
    side = "적습니다" if gap > 0 else "많습니다"
    ko += f" 합계가 {abs(gap):,}원 {side}."
    en += f" That is {abs(gap):,} won {'less' if gap > 0 else 'more'}."
    if unknown:
        ko += f" {services}개 서비스 가운데 {unknown}개의 금액이 미상이므로, 이 차이가 어느 서비스의 것인지 알 수 없습니다."
        en += f" Amounts of {unknown} of {services} services are unknown, so the gap cannot be assigned."
    else:
        ko += " 모든 금액이 입력되었는데 맞지 않습니다. 예산서와 계획의 총액을 다시 확인하세요."
        en += " All amounts are entered and they do not agree: check the budget and the plan's total."
    return ko, en


def reconcile(services: Sequence[Mapping[str, Any]], plan: PlanTotals) -> list[Line]:
    """Counts of the city's list against the plan's: services, fields, bureaux, new and continuing."""
    fields = Counter(row["field"] for row in services)
    lines = [_line(("서비스", "Services"), plan.services, len(services))]
    lines += [_line(FIELDS[key], wanted, fields[key]) for key, wanted in plan.fields.items()]
    lines.append(_bureaux(services, plan))
    unread = sum(row["continuity"] == UNKNOWN for row in services)
    for word, name, wanted in (("신규", "New", plan.new), ("계속", "Continuing", plan.continuing)):
        count = sum(row["continuity"] == word for row in services)
        why = (
            (f"{unread}개 서비스가 신규인지 계속인지 미상입니다. 지금까지 {count}개가 확인되었습니다.",
             f"New or continuing is unknown for {unread} services; {count} are confirmed.")
            if unread else ("", "")
        )  # fmt: skip
        lines.append(_line((word, name), wanted, count, why=why, cannot=bool(unread) and count <= wanted))
    return lines


def _bureaux(services: Sequence[Mapping[str, Any]], plan: PlanTotals) -> Line:
    legible = len({row["bureau"] for row in services} - {UNKNOWN})
    blank = sum(row["bureau"] == UNKNOWN for row in services)
    why = (
        (f"담당 실국이 비어 있는 서비스가 {blank}개라 {plan.bureaux}개 가운데 {legible}개만 읽힙니다.",
         f"The bureau of {blank} services is blank: {legible} of {plan.bureaux} can be read.")
        if blank else ("", "")
    )  # fmt: skip
    return _line(
        ("담당 실국", "Bureaux"), plan.bureaux, legible, why=why, cannot=bool(blank) and legible < plan.bureaux
    )


def _line(
    what: tuple[str, str], plan: int, ours: int, *, why: tuple[str, str] = ("", ""), cannot: bool = False
) -> Line:
    if cannot:
        return Line(what, plan, ours, None, why)
    if plan == ours:
        return Line(what, plan, ours, True, ("", ""))
    differs = (
        f"계획은 {plan:,}, 명세와 입력으로는 {ours:,}입니다.",
        f"The plan says {plan:,}, the records say {ours:,}.",
    )
    return Line(what, plan, ours, False, (f"{differs[0]} {why[0]}".strip(), f"{differs[1]} {why[1]}".strip()))
