"""Bounded memory of the days before: what each handler and each group of peers usually did, who touched whom, which places
are known. Its size depends on handlers and days kept, never on how many rows there were."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from haechi.engines.rules.detection.measures import Values
from haechi.engines.rules.detection.rows import Rows
from haechi.engines.rules.detection.staff import distinct, is_in, pairs_of

INACTIVE = -1
BUSIEST = 4.0
"""A group's busy day lifts limits at most so many times."""
PEERS_FOR_FACTOR = 8
OWNER_DAYS, OWNER_SHARE = 5, 0.8
"""A place is somebody's seat when it was theirs on so many days, and on such a share of the days of all who were there."""


class History:
    """The last `days` values of one rule for each handler; INACTIVE where the handler did nothing at all."""

    def __init__(self, days: int) -> None:
        self._ring = np.full((days, 0), INACTIVE, np.int32)
        self._next = 0

    def _wide(self, n: int) -> NDArray[np.int32]:
        if n > self._ring.shape[1]:
            more = np.full((self._ring.shape[0], n + n // 4 + 64 - self._ring.shape[1]), INACTIVE, np.int32)
            self._ring = np.concatenate([self._ring, more], axis=1)
        return self._ring[:, :n]

    def add(self, values: Values, active: NDArray[np.bool_]) -> None:
        """Another day, over the oldest."""
        n = len(values)
        row = self._wide(n)[self._next]
        self._ring[self._next, :] = INACTIVE
        row[:] = np.where(active, np.minimum(values, 2**31 - 1), INACTIVE)
        self._next = (self._next + 1) % len(self._ring)

    def _newest(self, n: int, days: int) -> NDArray[np.int32]:
        """The newest `days` rows, newest first."""
        ring = self._wide(n)
        return ring[(self._next - 1 - np.arange(min(days, len(ring)))) % len(ring)]

    def sums(self, n: int, days: int) -> Values:
        """Sum of the newest `days` days."""
        if days <= 0:
            return np.zeros(n)
        newest = self._newest(n, days)
        return np.asarray(np.where(newest > 0, newest, 0).sum(axis=0, dtype=np.int64), np.float64)

    def active(self, n: int, days: int) -> Values:
        """On how many of the newest `days` days each handler did anything."""
        if days <= 0:
            return np.zeros(n)
        return np.asarray((self._newest(n, days) != INACTIVE).sum(axis=0), np.float64)

    def own(self, n: int, days: int, quantile: float, least: int) -> Values:
        """Each handler's quantile (nearest rank) over active days; NaN with fewer than `least`."""
        ordered = np.sort(self._newest(n, days), axis=0)
        idle = (ordered == INACTIVE).sum(axis=0)
        active = len(ordered) - idle
        at = idle + np.clip(np.ceil(active * quantile).astype(int) - 1, 0, np.maximum(active - 1, 0))
        found = ordered[np.minimum(at, len(ordered) - 1), np.arange(n)].astype(np.float64)
        return np.where(active >= least, found, np.nan)

    def peers(self, group: NDArray[np.int64], days: int, quantile: float, least: int) -> Values:
        """For each handler the quantile over all active days of the group; NaN with fewer than `least` of them."""
        newest = self._newest(len(group), days)
        found = np.full(len(group), np.nan)
        for one in np.unique(group):
            mine = group == one
            values = newest[:, mine]
            values = values[values != INACTIVE]
            if len(values) >= least:
                at = max(0, int(np.ceil(len(values) * quantile)) - 1)
                found[mine] = np.partition(values, at)[at]
        return found


def dispersion(counted: History, whole: History, group: NDArray[np.int64], days: int) -> Values:
    """For each handler the group's variance of what counted over its mean, day by day, given what each did in all (1: as chance
    scatters; more: it comes in clusters, bad days among them). Pearson's statistic over expected counts. NaN in groups without."""
    x, w = counted._newest(len(group), days), whole._newest(len(group), days)
    active = (x != INACTIVE) & (w > 0)
    x, w = np.where(active, x, 0).astype(np.float64), np.where(active, w, 0).astype(np.float64)
    all_w = w.sum(axis=0)
    share = np.divide(x.sum(axis=0), all_w, out=np.zeros(len(group)), where=all_w > 0)
    mean = share * w
    groups = int(group.max(initial=0)) + 1
    squares = np.bincount(group, ((x - mean) ** 2).sum(axis=0), groups)
    means = np.bincount(group, (mean * (1 - share)).sum(axis=0), groups)
    return np.divide(squares, means, out=np.full(groups, np.nan), where=means > 0)[group]


def busy_factor(
    values: Values, usual: Values, active: NDArray[np.bool_], group: NDArray[np.int64]
) -> Values:  # fmt: skip
    """How much busier than usual each group is today (1..BUSIEST): tax season lifts all of a bureau, not one of its people."""
    factor = np.ones(len(values))
    with np.errstate(invalid="ignore"):
        fit = active & (usual > 0)
    for one in np.unique(group[fit]):
        mine = fit & (group == one)
        if mine.sum() >= PEERS_FOR_FACTOR:
            factor[group == one] = np.clip(np.median(values[mine] / usual[mine]), 1.0, BUSIEST)
    return factor


class Kept:
    """Rows of the last `days` days that a rule may still need: for windows of several days, and as evidence."""

    def __init__(self, days: int) -> None:
        self._days: deque[Rows] = deque(maxlen=days)

    def add(self, rows: Rows) -> Rows:
        """Another day; all rows that are kept now."""
        self._days.append(rows)
        return Rows.joined(list(self._days))


class Pairs:
    """Pairs (handler and place, handler and data subject) that were seen within the last `days` days, today among them."""

    def __init__(self, days: int) -> None:
        self._days: deque[NDArray[np.int64]] = deque(maxlen=days)
        self._known = np.empty(0, np.int64)

    def holds(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which pairs were seen."""
        return is_in(pairs, self._known)

    def add(self, pairs: NDArray[np.int64]) -> None:
        """Another day."""
        full = len(self._days) == self._days.maxlen
        self._days.append(distinct(pairs))
        self._known = distinct(np.concatenate(list(self._days) if full else [self._known, self._days[-1]]))


class Seats:
    """Who sits where: on how many of the last `days` days each handler was at each place. Bounded by pairs of place and handler."""

    def __init__(self, days: int) -> None:
        self._days: deque[tuple[NDArray[np.int64], NDArray[np.int64]]] = deque(maxlen=days)
        none = np.empty(0, np.int64)
        self._place, self._handler, self._seen = none, none, none
        self._known, self._places, self._owner = none, none, none

    def add(self, handler: NDArray[np.int32], place: NDArray[np.int64]) -> None:
        """Another day; the oldest goes."""
        _, first = np.unique(pairs_of(handler, place), return_index=True)
        today = place[first], handler[first].astype(np.int64)
        gone = self._days[0] if len(self._days) == self._days.maxlen else (today[0][:0], today[1][:0])
        self._days.append(today)
        places = np.concatenate([self._place, today[0], gone[0]])
        handlers = np.concatenate([self._handler, today[1], gone[1]])
        seen = np.concatenate([self._seen, np.ones(len(first), np.int64), np.full(len(gone[0]), -1, np.int64)])
        order = np.lexsort((handlers, places))
        places, handlers = places[order], handlers[order]
        at = np.flatnonzero(np.concatenate([[True], (places[1:] != places[:-1]) | (handlers[1:] != handlers[:-1])]))
        seen = np.add.reduceat(seen[order], at)
        kept = seen > 0
        self._place, self._handler, self._seen = places[at][kept], handlers[at][kept], seen[kept]
        self._known = np.sort(pairs_of(self._handler, self._place))
        self._settle()

    def _settle(self) -> None:
        """The owner of each place, −1 where it has none."""
        begin = np.flatnonzero(np.concatenate([[True], self._place[1:] != self._place[:-1]]))
        every, most = np.add.reduceat(self._seen, begin), np.maximum.reduceat(self._seen, begin)
        which = np.repeat(np.arange(len(begin)), np.diff(np.append(begin, len(self._place))))
        top = np.flatnonzero(self._seen == most[which])
        owner = np.full(len(begin), -1, np.int64)
        owner[which[top]] = self._handler[top]
        owner[(most < OWNER_DAYS) | (most < OWNER_SHARE * every)] = -1
        self._places, self._owner = self._place[begin], owner

    def strange(self, handler: NDArray[np.int32], place: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Rows at a place where their handler never was."""
        return ~is_in(pairs_of(handler, place), self._known)

    def foreign(self, handler: NDArray[np.int32], place: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Rows at the seat of one other handler."""
        if not len(self._places):
            return np.zeros(len(place), np.bool_)
        at = np.minimum(np.searchsorted(self._places, place), len(self._places) - 1)
        owner = np.where(self._places[at] == place, self._owner[at], -1)
        return np.asarray((owner >= 0) & (owner != handler))
