"""One rule, one day: the value of every handler against the least value, the own history and the peers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from haechi.engines.rules.detection import measures
from haechi.engines.rules.detection.chance import limits_of
from haechi.engines.rules.detection.day import Day
from haechi.engines.rules.detection.measures import Values
from haechi.engines.rules.detection.rows import Rows
from haechi.engines.rules.detection.rules import OverExpected, Rule
from haechi.engines.rules.detection.staff import is_in, pairs_of
from haechi.engines.rules.detection.windows import History, Kept, busy_factor, dispersion

Z_LEAST = 8
WIDEST, SPREAD_STEP = 20.0, 0.25


class Memory:
    """What one rule keeps between days: values of days before, and rows where its window has several days."""

    def __init__(self, rule: Rule) -> None:
        compared = [one for one in (rule.over_own, rule.over_peers, rule.over_expected) if one is not None]
        days = max((one.days for one in compared), default=0) + rule.window_days
        self.history = History(days) if compared else None
        self.whole = History(days) if rule.over_expected is not None else None
        """What the handler did in all, for the share that was counted."""
        sums = compared and rule.measure != "repeat"
        self.kept = Kept(rule.window_days) if rule.window_days > 1 and not sums else None


@dataclass
class Judged:
    """values, limit, z: one number a handler. fired: whom the rule names. basis: how limits came about. rows: those that
    count; focus: the one data subject of each handler where the rule is about one. unknown: handlers of whom nothing to
    compare with is known."""

    values: Values
    limit: Values
    fired: NDArray[np.bool_]
    z: Values
    rows: Rows
    basis: Mapping[str, Values] = field(default_factory=dict)
    focus: NDArray[np.int64] | None = None
    unknown: int = 0


def judge(rule: Rule, day: Day, memory: Memory) -> Judged:
    """The day by the rule; the memory learns the day."""
    rows = day.rows.where(day.matching(rule.where))
    fresh = measures.rows_of(rows, day.n)
    if memory.kept is not None:
        rows = memory.kept.add(rows)
    today, counted, focus = _measured(rule, rows, day)
    active, values = day.active, today
    if rule.measure == "repeat":
        today = fresh
    elif memory.history is not None and rule.window_days > 1:
        values = today + memory.history.sums(day.n, rule.window_days - 1)
    whole = _whole(rule, day, memory)
    limit, basis, unknown = _limits(rule, values, whole, rows, active, day, memory)
    over = (values >= rule.at_least) & active
    blind = over & unknown
    fired = over & ~unknown & (values >= limit)
    if memory.history is not None:
        # A day that fired teaches no more than its limit, so that misuse does not become what is usual.
        memory.history.add(np.where(fired, np.minimum(today, limit / basis["days"]), today), active)
    if memory.whole is not None:
        memory.whole.add(whole - memory.whole.sums(day.n, rule.window_days - 1), active)
    z = np.full(day.n, np.nan)
    if fired.any():
        z[active] = measures.robust_z(values[active], day.facts.group[active], least=Z_LEAST)
    return Judged(values, limit, fired, z, counted, basis, focus, int(blind.sum()))


def _measured(rule: Rule, rows: Rows, day: Day) -> tuple[Values, Rows, NDArray[np.int64] | None]:
    n = day.n
    if rule.measure == "rows":
        return measures.rows_of(rows, n), rows, None
    if rule.measure == "records":
        return measures.records_of(rows, n), rows, None
    if rule.measure == "subjects":
        return measures.subjects_of(rows, n), rows, None
    if rule.measure == "repeat":
        values, focus = _repeat(rule, rows, n)
        return values, rows, focus
    if rule.measure == "split":
        return measures.split_of(rows, n, minutes=rule.minutes, parts=rule.parts), rows, None
    by_place = rule.measure == "account_switches"
    rows = rows.where(~is_in(rows.place, day.facts.shared))
    strange = day.facts.at(rule.where.ends, rows) if rule.where.ends else None
    values, touched = measures.switches_of(rows, n, minutes=rule.minutes, by_place=by_place, strange=strange)
    return values, rows.where(touched), None


def _whole(rule: Rule, day: Day, memory: Memory) -> Values:
    """The same measure over the same window, whatever case, place or hour the rows had."""
    if memory.whole is None:
        return np.zeros(day.n)
    every = replace(rule.where, case="", place="", hours="", mostly=0.0)
    rows = day.rows.where(day.matching(every))
    today = measures.rows_of(rows, day.n) if rule.measure == "repeat" else _measured(rule, rows, day)[0]
    return today + memory.whole.sums(day.n, rule.window_days - 1)


def _repeat(rule: Rule, rows: Rows, n: int) -> tuple[Values, NDArray[np.int64]]:
    """Rows of each handler on the one data subject whom they touched most, on at least `on_days` days."""
    values, focus = np.zeros(n), np.zeros(n, np.int64)
    if not len(rows):
        return values, focus
    _, first, inverse, counts = np.unique(
        pairs_of(rows.handler, rows.subject), return_index=True, return_inverse=True, return_counts=True
    )
    many = np.flatnonzero(counts >= rule.at_least)
    if rule.on_days > 1 and len(many):
        keys = np.unique(np.stack([inverse, rows.day], axis=1)[np.isin(inverse, many)], axis=0)[:, 0]
        many = many[np.bincount(keys, minlength=len(counts))[many] >= rule.on_days]
    for at in many[np.argsort(counts[many], kind="stable")]:
        handler = rows.handler[first[at]]
        values[handler], focus[handler] = counts[at], rows.subject[first[at]]
    return values, focus


def _limits(
    rule: Rule, values: Values, whole: Values, rows: Rows, active: NDArray[np.bool_], day: Day, memory: Memory
) -> tuple[Values, dict[str, Values], NDArray[np.bool_]]:  # fmt: skip
    """Limit of each handler, what it is made of, and of whom nothing is known. Both comparisons must be passed where both
    can be made; one alone decides where the other is unknown."""
    n = day.n
    limit = np.full(n, rule.at_least)
    basis: dict[str, Values] = {}
    if memory.history is None:
        return limit, {}, np.zeros(n, np.bool_)
    known = np.zeros(n, np.bool_)
    group = day.facts.group
    days = 1.0 + memory.history.active(n, rule.window_days - 1)
    if rule.over_own is not None:
        one = rule.over_own
        usual = memory.history.own(n, one.days, 0.5, one.at_least_days) * days
        own = memory.history.own(n, one.days, one.quantile, one.at_least_days) * days
        factor = busy_factor(values, np.maximum(usual, 1), active, group)
        limit = np.fmax(limit, own * one.times * factor)
        basis |= {"own": own, "busy": factor}
        known |= ~np.isnan(own)
    if rule.over_peers is not None:
        other = rule.over_peers
        peers = memory.history.peers(group, other.days, other.quantile, other.at_least) * days
        limit = np.fmax(limit, peers * other.times)
        basis["peers"] = peers
        known |= ~np.isnan(peers)
    if rule.over_expected is not None and memory.whole is not None:
        usual = _Usual(rule, rule.over_expected, memory.history, memory.whole, group)
        share = usual.share()
        if rule.measure == "repeat":
            limit = np.fmax(np.fmax(limit, usual.repeats(share, whole)), measures.usual_repeats(
                rows, group, tail=rule.over_expected.tail
            ))  # fmt: skip
        else:
            limit = np.fmax(limit, usual.counts(share * whole))
        basis["expected"] = share * whole
        known |= ~np.isnan(share)
    return limit, basis | {"days": days}, ~known


@dataclass(frozen=True)
class _Usual:
    """What of a handler's work usually counts, and how far chance goes beyond it. counted, whole: days before today."""

    rule: Rule
    by: OverExpected
    counted: History
    whole: History
    group: NDArray[np.int64]

    def share(self) -> Values:
        """Which share of what each handler did before this window counted, drawn to the peers'; NaN with too few days. Where one
        person is counted the window itself tells as well: a few rows among all of three weeks."""
        n, newer = len(self.group), 0 if self.rule.measure == "repeat" else self.rule.window_days - 1
        counted, of = (
            history.sums(n, self.by.days + newer) - history.sums(n, newer) for history in (self.counted, self.whole)
        )
        days = self.counted.active(n, self.by.days + newer) - self.counted.active(n, newer)
        groups = int(self.group.max(initial=0)) + 1
        with np.errstate(invalid="ignore", divide="ignore"):
            peers = (np.bincount(self.group, counted, groups) / np.bincount(self.group, of, groups))[self.group]
            share = (counted + self.by.prior * np.nan_to_num(peers)) / (of + self.by.prior)
        return np.where(np.isnan(peers) | (days < self.by.at_least_days), np.nan, share)

    def counts(self, expected: Values) -> Values:
        """Limits from expected counts with the scatter measured in each group, at least the rule's own."""
        measured = np.nan_to_num(dispersion(self.counted, self.whole, self.group, self.by.days))
        spread = np.ceil(np.clip(measured, self.by.spread, WIDEST) / SPREAD_STEP) * SPREAD_STEP
        limit = np.full(len(expected), np.nan)
        for width in np.unique(spread):
            mine = spread == width
            limit[mine] = limits_of(expected[mine], tail=self.by.tail, spread=float(width))
        return limit

    def repeats(self, share: Values, whole: Values) -> Values:
        """Of `whole` looks each counts by chance with `share`: so many of so many on one person, whoever it may be."""
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = np.log(np.maximum(whole, 1) / self.by.tail) / -np.log(np.clip(share * self.by.spread, 1e-4, 0.98))
        return np.ceil(chance)
