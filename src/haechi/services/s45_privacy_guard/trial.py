"""The trial: ten kinds of misuse hidden in the log of a synthetic city, found by the city's own rules within its budget.

The log comes as CSV text and goes the whole way: five fields, rules of policy/detection, monthly choice. An incident counts as
found only when its account lies within the budget of a month AND an alert of it rests on at least one row of the incident.
City and misuse are SYNTHETIC (city_life.py, misuse.py, which read no threshold): the figures say whether behaviour of this kind is
seen, nothing about a real city's log.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from haechi.core.contract import Bench, NotMeasured, Scorecard
from haechi.core.manifest import load
from haechi.core.measuring import bootstrap, machine, wilson
from haechi.core.roles import policy_file
from haechi.engines.rules.detection import (
    Alert,
    CaseRegister,
    Detector,
    Handler,
    Intake,
    Keyed,
    Staff,
    WatchList,
    choose,
    load_rules,
    read_csv,
)  # fmt: skip
from haechi.services.s45_privacy_guard.city_life import HEADER, LOAD, City, Log
from haechi.services.s45_privacy_guard.misuse import KINDS, Plan, plan

SERVICE = 45
PEOPLE = 4000
WARM_UP, MONTH, MONTHS = 42, 28, 5
A_MONTH = 20
SHARE = 0.01
CURVE = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 1.0)
DATASET = "synthetic-city"
NOTE = f"합성 기록이다. 취급자 {PEOPLE:,}명, {MONTHS}달(달마다 오남용 {A_MONTH}건, 취급자의 {A_MONTH / PEOPLE:.1%}). 실제 시의 정확도가 아니다."
TARGETS: Mapping[str, float | None] = {
    kpi.id: kpi.target for kpi in load(Path(__file__).parent).kpis if kpi.source == "trial"
}


@dataclass
class Run:
    """What came of one story. truth: row number → incident. missing: downloads without a reason (row numbers)."""

    city: City
    plan: Plan
    alerts: list[Alert] = field(default_factory=list)
    truth: dict[int, int] = field(default_factory=dict)
    unreasoned: set[int] = field(default_factory=set)
    rows: int = 0
    unjudged: int = 0


def run(bench: Bench, seed: int) -> list[Scorecard | NotMeasured]:
    """Every figure of this service; see Trial."""
    bench.engine("rules")  # a bench without the engine measures nothing
    story = play(seed)
    return score(story, seed)


def play(seed: int, *, people: int = PEOPLE, months: int = MONTHS, a_month: int = A_MONTH) -> Run:
    """One story from the first day to the last, through the whole way of the service."""
    spans = [(WARM_UP + one * MONTH, WARM_UP + (one + 1) * MONTH - 1) for one in range(months)]
    city = City(seed, people=people, days=WARM_UP + months * MONTH)
    story = Run(city, plan(city, months=spans, a_month=a_month))
    keyed = Keyed(random.Random(seed).randbytes(32))
    public, own = city.watch()
    register, intake = CaseRegister(keyed), Intake(keyed)
    staff = Staff({row["account"]: Handler.from_row(row) for row in city.staff_rows()}, city.roster)
    detector = Detector(
        load_rules(policy_file("detection")), intake, staff, cases=register, watch=WatchList(keyed, public, own),
        shared_places=frozenset(map(keyed, city.shared_places())),
    )  # fmt: skip
    for lines, first in _days(story, register):
        for rows in read_csv([HEADER, *lines], intake, first=first):
            story.alerts += detector.feed(rows)
    story.alerts += detector.finish()
    story.unjudged = detector.unjudged.total()
    return story


def _days(story: Run, register: CaseRegister) -> Iterator[tuple[list[str], int]]:
    """Each day's lines and the number of the first; notes the truth on the way."""
    for number in range(story.city.days):
        log = Log.joined([story.city.honest(number), *story.plan.rows.get(number, ())])
        register.add(story.city.cases_of(log))
        first = story.rows + 1
        for at in np.flatnonzero(log.incident >= 0):
            story.truth[first + int(at)] = int(log.incident[at])
        story.unreasoned |= {first + int(at) for at in np.flatnonzero((log.what == LOAD) & (log.reason == 0))}
        story.rows += len(log.who)
        yield story.city.lines(number, log), first


# --- figures ---------------------------------------------------------------------------------------------------------


def found(story: Run, share: float) -> tuple[set[int], list[float], list[tuple[int, int]]]:
    """Incidents found, share of handlers flagged in each month, and (right, flagged) of each month, at a budget."""
    by_month: dict[int, list[Alert]] = defaultdict(list)
    for alert in story.alerts:
        month = ((alert.last - story.city.first).days - WARM_UP) // MONTH
        by_month[month].append(alert)
    hit: set[int] = set()
    flagged, right = [], []
    for month in range((story.city.days - WARM_UP) // MONTH):
        chosen = [one for one in choose(by_month[month], story.city.people, share=share) if one.within]
        incidents = [
            {story.truth[row.ref] for alert in one.alerts for row in alert.evidence if row.ref in story.truth}
            for one in chosen
        ]
        hit |= set().union(*incidents) if incidents else set()
        flagged.append(len(chosen) / story.city.people)
        right.append((sum(bool(one) for one in incidents), len(chosen)))
    return hit, flagged, right


def score(story: Run, seed: int) -> list[Scorecard | NotMeasured]:
    """Scorecards: recall at the budget, flagged share, downloads, recall by kind, the budget curve, precision."""
    incidents = story.plan.incidents
    hit, flagged, right = found(story, SHARE)
    cards: list[Scorecard | NotMeasured] = [
        _share("scenario_recall", len(hit), len(incidents), seed, NOTE),
        _flagged(flagged, seed),
        _reasons(story, seed),
        _share("flagged_rightly", sum(a for a, _ in right), max(1, sum(b for _, b in right)), seed, NOTE),
    ]
    for kind in KINDS:
        mine = [one.id for one in incidents if one.kind == kind]
        if mine:
            cards.append(_share(f"recall_{kind}", len(hit & set(mine)), len(mine), seed, NOTE))
    faint = _faintest(story)
    cards.append(
        _share("recall_faintest_third", len(hit & faint), len(faint), seed, "종류마다 행이 가장 적은 셋째 몫. " + NOTE)
    )
    for share in CURVE:
        at, _, _ = found(story, share)
        name = "recall_without_budget" if share == 1.0 else f"recall_at_{share:.2%}".replace(".", "_").rstrip("%")
        cards.append(
            _share(name, len(at), len(incidents), seed, "예산 곡선: 한 달에 볼 수 있는 취급자의 비율. " + NOTE)
        )
    return cards


def _faintest(story: Run) -> set[int]:
    faint: set[int] = set()
    for kind in KINDS:
        mine = sorted((one for one in story.plan.incidents if one.kind == kind), key=lambda one: one.size)
        faint |= {one.id for one in mine[: max(1, len(mine) // 3)]}
    return faint


def _reasons(story: Run, seed: int) -> Scorecard:
    """Downloads without a reason: each row in an alert, or in the count of one with more rows than it shows."""
    told = {row.ref for alert in story.alerts if alert.rule == "reason_missing" for row in alert.evidence}
    return _share("downloads_with_reason", len(told & story.unreasoned), len(story.unreasoned), seed, NOTE)


def _flagged(shares: Sequence[float], seed: int) -> Scorecard:
    mean = sum(shares) / len(shares)
    return Scorecard(
        SERVICE, "flagged_handlers", max(shares), "비율(0–1)", "lower", TARGETS.get("flagged_handlers"), len(shares),
        (min(bootstrap(shares, seed)[0], mean), max(shares)), DATASET, seed, machine(), True, "가장 많은 달의 값. " + NOTE,
    )  # fmt: skip


def _share(figure: str, hits: int, n: int, seed: int, note: str) -> Scorecard:
    return Scorecard(
        SERVICE, figure, hits / n, "비율(0–1)", "higher", TARGETS.get(figure), n, wilson(hits, n), DATASET, seed, machine(),
        True, note,
    )  # fmt: skip
