"""One rule, one day: the value of every handler against the least value, the own history and the peers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from haechi.engines.rules.detection import measures
from haechi.engines.rules.detection.day import Day
from haechi.engines.rules.detection.measures import Values
from haechi.engines.rules.detection.rows import Rows
from haechi.engines.rules.detection.rules import Rule
from haechi.engines.rules.detection.staff import is_in, pairs_of
from haechi.engines.rules.detection.windows import History, Kept, busy_factor

Z_LEAST = 8


class Memory:
    """What one rule keeps between days: values of days before, and rows where its window has several days."""

    def __init__(self, rule: Rule) -> None:
        compared = rule.over_own is not None or rule.over_peers is not None
        own = rule.over_own.days if rule.over_own else 0
        peers = rule.over_peers.days if rule.over_peers else 0
        self.history = History(max(own, peers) + rule.window_days) if compared else None
        self.kept = Kept(rule.window_days) if rule.window_days > 1 and not compared else None


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
    if memory.kept is not None:
        rows = memory.kept.add(rows)
    today, counted, focus = _measured(rule, rows, day)
    active, values = day.active, today
    if memory.history is not None and rule.window_days > 1:
        values = today + memory.history.sums(day.n, rule.window_days - 1)
    limit, basis, unknown = _limits(rule, values, active, day, memory)
    over = (values >= rule.at_least) & active
    blind = over & unknown
    fired = over & ~unknown & (values >= limit)
    if memory.history is not None:
        # A day that fired teaches no more than its limit, so that misuse does not become what is usual.
        memory.history.add(np.where(fired, np.minimum(today, limit / basis["days"]), today), active)
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
    strange = ~day.facts.places.holds(pairs_of(rows.handler, rows.place)) if rule.where.ends else None
    values, touched = measures.switches_of(rows, n, minutes=rule.minutes, by_place=by_place, strange=strange)
    return values, rows.where(touched), None


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
    rule: Rule, values: Values, active: NDArray[np.bool_], day: Day, memory: Memory
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
    return limit, basis | {"days": days}, ~known
