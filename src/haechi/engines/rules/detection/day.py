"""One day of rows with everything that rules ask about it: on duty or not, standing, watched, related case, known place."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from haechi.engines.rules.detection.ingest import Intake
from haechi.engines.rules.detection.rows import Rows
from haechi.engines.rules.detection.rules import Where
from haechi.engines.rules.detection.staff import CaseRegister, Handler, Staff, WatchList, day_of, is_in, pairs_of
from haechi.engines.rules.detection.windows import Pairs, Seats

MARGIN = 60
"""Minutes before and after the hours on duty that are no offence: people come early and finish what they began."""
PROVED_KEPT = 31
"""Days for which a proved row vouches for other rows of the same handler on the same person."""
Mask = NDArray[np.bool_]


class Facts:
    """What is known besides the log, made ready for a day; and what the log itself taught: last use, known places."""

    def __init__(
        self, intake: Intake, staff: Staff, cases: CaseRegister | None, watch: WatchList | None,
        shared_places: frozenset[int], places_kept: int,
    ) -> None:  # fmt: skip
        self._intake, self.staff, self.cases, self._watch = intake, staff, cases, watch
        self.shared = np.array(sorted(shared_places), np.int64)
        self._seats, self.proved = Seats(places_kept), Pairs(PROVED_KEPT)
        self.names: list[str] = []
        self._groups: dict[str, int] = {}
        self._group = np.empty(0, np.int64)
        self._last_use = np.empty(0, np.int64)
        self._first_day: int | None = None
        self._watched: dict[str, NDArray[np.int64]] = {}

    def day(self, number: int, rows: Rows) -> Day:
        """The day with its facts."""
        if self._first_day is None:
            self._first_day = number
        self._grow()
        day = Day(number, rows, self)
        self.proved.add(pairs_of(rows.handler, rows.subject)[day.proved])
        return day

    def learn(self, number: int, rows: Rows) -> None:
        """After a day was judged."""
        self._last_use[np.unique(rows.handler)] = number
        self._seats.add(rows.handler, rows.place)

    def _grow(self) -> None:
        known = len(self.names)
        new = list(self._intake.handlers)[known:]
        if not new:
            return
        self.names += new
        people = [self.staff.handlers.get(who) for who in new]
        groups = [self._groups.setdefault(one.peers if one else "", len(self._groups)) for one in people]
        self._group = np.concatenate([self._group, np.array(groups, np.int64)])
        self._last_use = np.concatenate([self._last_use, np.full(len(new), -1, np.int64)])
        if self._watch is not None:
            self._watched["own"] = self._watch.pairs(self._intake.handlers)

    @property
    def group(self) -> NDArray[np.int64]:
        """Number of each handler's peers."""
        return self._group

    def at(self, which: str, rows: Rows) -> Mask:
        """Rows at a place that is 'strange' (new to their handler) or 'foreign' (another one's own seat, not a shared one)."""
        if which == "strange":
            return self._seats.strange(rows.handler, rows.place)
        return self._seats.foreign(rows.handler, rows.place) & ~is_in(rows.place, self.shared)

    def watched(self, rows: Rows, which: str) -> Mask:
        """Rows whose data subject is watched: for everybody, for this handler, or either."""
        found = np.zeros(len(rows), np.bool_)
        if self._watch is None:
            return found
        if which in ("public", "any"):
            found |= is_in(rows.subject, self._watch.public)
        if which in ("own", "any"):
            found |= is_in(pairs_of(rows.handler, rows.subject), self._watched.get("own", np.empty(0, np.int64)))
        return found

    def dormant(self, number: int, days: int) -> Mask:
        """Accounts unused for `days` days, without a reason that explains it (newly hired, back from a long absence)."""
        last = np.where(self._last_use >= 0, self._last_use, self._first_day or 0)
        asleep = (number - last >= days) & (self._first_day is not None)
        for handler in np.flatnonzero(asleep):
            person = self.staff.handlers.get(self.names[handler])
            if person is not None and _explained(person, int(last[handler]), number):
                asleep[handler] = False
        return np.asarray(asleep)


def _explained(person: Handler, since: int, number: int) -> bool:
    days = [day for day in (person.hired, *person.returned) if day is not None]
    return any(day_of(since) < day <= day_of(number) for day in days)


@dataclass
class Day:
    """A day's rows, ordered by time, and masks over them, each made once when first asked for."""

    number: int
    rows: Rows
    facts: Facts
    _dormant: dict[int, Mask] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Handlers known so far."""
        return len(self.facts.names)

    @cached_property
    def active(self) -> Mask:
        """Handlers with any row today."""
        return np.bincount(self.rows.handler, minlength=self.n) > 0

    @cached_property
    def proved(self) -> Mask:
        """Rows with a case that belongs to their data subject (any number, where no register is at hand)."""
        if self.facts.cases is None:
            return np.asarray(self.rows.case != 0)
        return self.facts.cases.related(self.rows.case, self.rows.subject)

    @cached_property
    def vouched(self) -> Mask:
        """Rows whose handler has a proved row on the same person within PROVED_KEPT days."""
        return self.facts.proved.holds(pairs_of(self.rows.handler, self.rows.subject))

    @cached_property
    def standing(self) -> NDArray[np.str_]:
        """Of each handler; '' for those who did nothing today."""
        day = day_of(self.number)
        found = np.full(self.n, "", "<U8")
        for handler in np.flatnonzero(self.active):
            found[handler] = self.facts.staff.standing(self.facts.names[handler], day)
        return found

    @cached_property
    def off_hours(self) -> Mask:
        """Rows outside the hours on duty and their margin. Handlers whom nobody knows are not judged by hours."""
        day, minute = day_of(self.number), self.rows.minute
        usual = (minute < 9 * 60 - MARGIN) | (minute > 18 * 60 + MARGIN) | (not self.facts.staff.is_working_day(day))
        off = np.zeros(len(self.rows), np.bool_)
        for handler in np.unique(self.rows.handler[usual | self._by_roster[self.rows.handler]]):
            who = self.facts.names[handler]
            if who not in self.facts.staff.handlers:
                continue
            mine = self.rows.handler == handler
            on = np.zeros(int(mine.sum()), np.bool_)
            for begin, end in self.facts.staff.spans(who, day):
                on |= (minute[mine] >= begin - MARGIN) & (minute[mine] <= end + MARGIN)
            off[mine] = ~on
        return off

    @cached_property
    def _by_roster(self) -> Mask:
        people = (self.facts.staff.handlers.get(who) for who in self.facts.names)
        return np.array([one is not None and one.shift != (540, 1080) for one in people], np.bool_)

    def matching(self, where: Where) -> Mask:
        """The rows that a rule counts."""
        rows = self.rows
        mask = np.isin(rows.action, where.action) if where.action else np.ones(len(rows), np.bool_)
        if where.case == "absent":
            mask &= rows.case == 0
        elif where.case == "unproved":
            mask &= ~self.proved
        elif where.case == "never":
            mask &= ~(self.proved | self.vouched)
        if where.reason:
            mask &= ~rows.reason
        if where.count is not None:
            mask &= (rows.count >= where.count[0]) & (rows.count <= where.count[1])
        if where.standing:
            mask &= np.isin(self.standing, where.standing)[rows.handler]
        if where.dormant_days:
            mask &= self.facts.dormant(self.number, where.dormant_days)[rows.handler]
        if where.watched:
            mask &= self.facts.watched(rows, where.watched)
        if where.place:
            mask &= self.facts.at(where.place, rows)
        if where.hours:
            mask &= self.off_hours
        if where.mostly:
            every, counted = (np.bincount(rows.handler[one], minlength=self.n) for one in (slice(None), mask))
            mask &= (counted >= where.mostly * every)[rows.handler]
        return mask
