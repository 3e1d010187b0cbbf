"""What a plan says: whether its parts hang together, what it costs, when the next one is due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from haechi.engines.rules.dated import Parameter, parameter

RULES = {"basic_plan": "plan.basic_plan_years", "yearly_plan": "plan.yearly_plan_years"}


@dataclass(frozen=True, slots=True)
class Due:
    """When the next plan is due, by which rule: years, its law, and since when the rule is in force."""

    on: date
    rule: Parameter


@dataclass(frozen=True, slots=True)
class Totals:
    """Won by year and by goal ('' for a task without a goal), and how many lines have no amount (미상)."""

    by_year: Mapping[int, int]
    by_goal: Mapping[str, int]
    won: int
    unknown: int


def next_due(flow: str, adopted_on: date, *, on: date) -> Due:
    """The day by which the next plan must stand, as the rule in force on `on` says.

    NotFound for a day before the rule. A change of the ordinance moves the day of a plan that stands already.
    """
    rule = parameter(RULES[flow], on=on)
    years = int(rule.value)
    try:
        day = adopted_on.replace(year=adopted_on.year + years)
    except ValueError:  # 29 February
        day = adopted_on.replace(year=adopted_on.year + years, day=28)
    return Due(day, rule)


def totals(answers: Mapping[str, Any]) -> Totals:
    """What the budget lines come to. O(lines)."""
    goals = {row["code"]: row["goal"] for row in answers.get("tasks") or ()}
    by_year: Counter[int] = Counter()
    by_goal: Counter[str] = Counter()
    unknown = 0
    for row in answers.get("budget") or ():
        if row.get("won") is None:
            unknown += 1
            continue
        by_year[int(row["year"])] += row["won"]
        by_goal[goals.get(row["task"], "")] += row["won"]
    return Totals(dict(sorted(by_year.items())), dict(sorted(by_goal.items())), sum(by_year.values()), unknown)


def faults(answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What does not hang together, as (ko, en): codes twice, tasks without a goal, lines without a task, years outside the plan."""
    found: list[tuple[str, str]] = []
    goals = [row["code"] for row in answers.get("goals") or ()]
    tasks = [row["code"] for row in answers.get("tasks") or ()]
    for what, codes in (("목표", goals), ("과제", tasks)):
        twice = sorted(code for code, n in Counter(codes).items() if n > 1)
        if twice:
            found.append(
                (f"{what} 코드 {', '.join(twice)}이(가) 두 번 있습니다.", f"Codes stand twice: {', '.join(twice)}.")
            )
    found += _strays("과제의 목표 코드", (row["goal"] for row in answers.get("tasks") or ()), goals)
    found += _strays("예산의 과제 코드", (row["task"] for row in answers.get("budget") or ()), tasks)
    found += _strays("성과지표의 과제 코드", (row["task"] for row in answers.get("kpis") or ()), tasks)
    bare = sorted(set(goals) - {row["goal"] for row in answers.get("tasks") or ()})
    if bare:
        found.append((f"과제가 없는 목표가 있습니다: {', '.join(bare)}.", f"Goals without a task: {', '.join(bare)}."))
    return found + _years(answers)


def _strays(what: str, used: Any, known: list[str]) -> list[tuple[str, str]]:
    stray = sorted(set(used) - set(known))
    return [(f"{what} {', '.join(stray)}이(가) 위에 없습니다.", f"Unknown codes: {', '.join(stray)}.")] if stray else []


def _years(answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    first, last = answers.get("from_year"), answers.get("until_year")
    if first is None or last is None:
        return []
    if last < first:
        return [("끝나는 해가 시작하는 해보다 앞섭니다.", "The last year comes before the first.")]
    rows = [*(answers.get("budget") or ()), *(answers.get("kpis") or ())]
    outside = sorted({str(row["year"]) for row in rows if not first <= float(row["year"]) <= last})
    return (
        [(f"계획 기간 밖의 해가 있습니다: {', '.join(outside)}.", f"Years outside the plan: {', '.join(outside)}.")]
        if outside
        else []
    )
