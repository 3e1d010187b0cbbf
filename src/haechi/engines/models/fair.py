"""Weighted fair sharing with lanes: the rules, as a small machine that needs no database.

Virtual token counter (Sheng et al., Fairness in Serving Large Language Models, OSDI 2024): each tenant's counter grows by
(tokens read × 1 + tokens written × 2) / weight; who waits and has the smallest counter is served next; what is read is
charged at admission, what is written as it comes; who returns from idle is lifted to the smallest counter of those who wait
and keeps no savings. It is work-conserving, and between two tenants that both wait the weighted service differs by a bound.

Lanes: a lower number goes first. A lane that waits is owed its guaranteed share of each admission that another gets and goes
first once it is owed a whole one: no lane starves. 긴급 (0) needs no guarantee.

`model_step` in migrations/versions/0002_gateway.sql does the same in the database for all gateways at once;
tests/gateway/test_step.py holds the two against each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SHARES: tuple[float, ...] = (0.0, 0.25, 0.10, 0.05)
"""Guaranteed share of admissions by lane, while it waits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request in line. units: virtual tokens due at admission. order: of arrival."""

    id: str
    tenant: str
    lane: int
    units: float
    order: int


@dataclass(slots=True)
class _Tenant:
    weight: float = 1.0
    served: float = 0.0
    lanes: dict[int, deque[Waiting]] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        return any(self.lanes.values())


class FairQueue:
    """Who is served next. Weights default to 1."""

    def __init__(self, weights: Mapping[str, float] | None = None, shares: tuple[float, ...] = SHARES) -> None:
        self._tenants = {name: _Tenant(weight) for name, weight in (weights or {}).items()}
        self._shares = shares
        self._owed = [0.0] * len(shares)
        self._level = 0.0
        self._arrived = 0

    def __len__(self) -> int:
        return sum(len(line) for tenant in self._tenants.values() for line in tenant.lanes.values())

    def served(self, tenant: str) -> float:
        """Virtual tokens / weight that this tenant has got."""
        return self._tenants[tenant].served

    def arrive(self, id: str, tenant: str, units: float, lane: int = 2) -> None:
        """A request gets in line; its tenant is lifted when it was idle."""
        state = self._tenants.setdefault(tenant, _Tenant())
        if not state.waits:
            floor = min((each.served for each in self._tenants.values() if each.waits), default=self._level)
            state.served = max(state.served, floor)
        self._arrived += 1
        state.lanes.setdefault(lane, deque()).append(Waiting(id, tenant, lane, units, self._arrived))

    def next(self) -> Waiting | None:
        """Admit one: out of the line, its input charged. None when nobody waits."""
        heads = [(t, line[0]) for t in self._tenants.values() for line in t.lanes.values() if line]
        if not heads:
            return None
        tenant, chosen = min(heads, key=lambda pair: (*self._lane_order(pair[1].lane), pair[0].served, pair[1].order))
        tenant.lanes[chosen.lane].popleft()
        tenant.served += chosen.units / tenant.weight
        self._level = max(self._level, tenant.served)
        self._settle_lanes(chosen.lane)
        return chosen

    def charge(self, tenant: str, units: float) -> None:
        """Output as it comes."""
        state = self._tenants[tenant]
        state.served += units / state.weight

    def leave(self, id: str) -> bool:
        """Somebody who waited goes away; False when nobody of that id waits."""
        for tenant in self._tenants.values():
            for line in tenant.lanes.values():
                for waiting in line:
                    if waiting.id == id:
                        line.remove(waiting)
                        return True
        return False

    def _lane_order(self, lane: int) -> tuple[int, int]:
        return (0 if lane == 0 else 1 if self._owed[lane] >= 1 else 2), lane

    def _settle_lanes(self, admitted: int) -> None:
        waiting = {lane for tenant in self._tenants.values() for lane, line in tenant.lanes.items() if line}
        for lane in range(1, len(self._owed)):
            if lane == admitted:
                self._owed[lane] = max(0.0, self._owed[lane] - 1)
            else:
                self._owed[lane] = self._owed[lane] + self._shares[lane] if lane in waiting else 0.0


def position(tenant: str, lane: int, rank: int, queues: Iterable[tuple[str, int, float, int]]) -> int:
    """About how many are admitted before and with this request, itself included: what a waiting person is told.

    rank: among its tenant's own in its lane, from 1. queues: (tenant, lane, weight, waiting) of every queue there is. Lanes
    before count whole; in the same lane another tenant gets about its weight's share of turns before ours comes.
    """
    rows = list(queues)
    weight = next((w for t, _, w, _ in rows if t == tenant), 1.0)
    ahead = sum(n for _, other, _, n in rows if other < lane)
    beside = sum(min(n, rank * w / weight) for t, other, w, n in rows if other == lane and t != tenant)
    return max(1, round(ahead + beside + rank))


def jain(shares: Iterable[float]) -> float:
    """Jain's index of equality: 1 when all are equal, 1/n when one has everything."""
    values = list(shares)
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def entitled(demand: Mapping[str, float], weights: Mapping[str, float], capacity: float) -> dict[str, float]:
    """Weighted max-min shares of a capacity: nobody gets more than they ask for, what they leave goes to the others."""
    got = dict.fromkeys(demand, 0.0)
    open_, left = {name for name, wanted in demand.items() if wanted > 0}, capacity
    while open_ and left > 1e-9:
        each = left / sum(weights[name] for name in open_)
        full = {name for name in open_ if demand[name] - got[name] <= each * weights[name] + 1e-12}
        if not full:
            for name in open_:
                got[name] += each * weights[name]
            break
        for name in full:
            left -= demand[name] - got[name]
            got[name] = demand[name]
        open_ -= full
    return got
