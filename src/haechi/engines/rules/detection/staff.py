"""What is known about handlers: bureau and peers, leaving, leave, hours on duty; whom to watch; which case belongs to whom.

It comes from the personnel system and the case systems; what is unknown stays unknown: a handler who stands nowhere is
'unknown', never 'on duty'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haechi.engines.rules.detection.keyed import Keyed

EPOCH = date(1970, 1, 1)
OFFICE_HOURS = (9 * 60, 18 * 60)


@dataclass(frozen=True, slots=True)
class Handler:
    """account: as in the log. peers: the group whose work is alike ('복지/창구'). leave: first and last days. returned: the day a
    long absence ended, which explains an account that wakes up. shift: minutes of the day on which the handler works on
    working days; None: by roster only (a day that the roster leaves out is unknown, not off)."""

    account: str
    bureau: str
    peers: str
    hired: date | None = None
    left: date | None = None
    leave: tuple[tuple[date, date], ...] = ()
    returned: tuple[date, ...] = ()
    shift: tuple[int, int] | None = OFFICE_HOURS

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Handler:
        """From a row of text: account, bureau, peers, hired, left, leave ('2026-03-02~2026-03-06;…'), returned, shift ('540-1080')."""
        spans = [part.split("~") for part in str(row.get("leave") or "").split(";") if part]
        shift = str(row.get("shift") or "540-1080")
        return cls(
            row["account"], row.get("bureau", ""), row.get("peers") or row.get("bureau", ""), _day(row.get("hired")),
            _day(row.get("left")), tuple((date.fromisoformat(a), date.fromisoformat(b)) for a, b in spans),
            tuple(date.fromisoformat(part) for part in str(row.get("returned") or "").split(";") if part),
            None if shift == "roster" else (int(shift.split("-")[0]), int(shift.split("-")[1])),
        )  # fmt: skip


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


class WatchList:
    """Data subjects whom a handler has no business looking at without a case: kept as keyed numbers only.

    public: watched for everybody (people in the news); own: account → family and colleagues of that handler.
    """

    def __init__(
        self, keyed: Keyed, public: Iterable[str] = (), own: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        self.public = np.array(sorted({keyed(subject) for subject in public}), np.int64)
        self.own = {who: frozenset(map(keyed, subjects)) for who, subjects in (own or {}).items()}

    @classmethod
    def of_numbers(cls, keyed: Keyed, public: Iterable[int], own: Mapping[str, Iterable[int]]) -> WatchList:
        """From numbers that `keyed` made before: what a database keeps instead of anybody's number."""
        made = cls(keyed)
        made.public = np.array(sorted(set(public)), np.int64)
        made.own = {who: frozenset(numbers) for who, numbers in own.items()}
        return made

    def pairs(self, handlers: Mapping[str, int]) -> NDArray[np.int64]:
        """Sorted pair numbers of (handler, watched subject) for the handlers of an intake."""
        found = [pair_of(handlers[who], subject) for who, own in self.own.items() if who in handlers for subject in own]
        return np.array(sorted(found), np.int64)


class CaseRegister:
    """Which case belongs to whose data: pairs of keyed numbers. A case number that stands nowhere proves nothing."""

    def __init__(self, keyed: Keyed, cases: Iterable[tuple[str, str]] = ()) -> None:
        self._keyed = keyed
        self._fresh: list[int] = [pair_of(keyed(case), keyed(subject)) for case, subject in cases]
        self._sorted = np.empty(0, np.int64)

    def add(self, cases: Iterable[tuple[str, str]]) -> None:
        """More (case number, data subject)."""
        self._fresh += [pair_of(self._keyed(case), self._keyed(subject)) for case, subject in cases]

    def add_pairs(self, pairs: Iterable[int]) -> None:
        """More, as `pair_of` numbered them before."""
        self._fresh += pairs

    def related(self, case: NDArray[np.int64], subject: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each row whether its case belongs to its data subject."""
        if self._fresh:
            self._sorted = distinct(np.concatenate([self._sorted, np.array(self._fresh, np.int64)]))
            self._fresh = []
        return np.asarray((case != 0) & is_in(pairs_of(case, subject), self._sorted))


_MIX = np.uint64(0x9E3779B97F4A7C15)
_MASK = (1 << 64) - 1


def pair_of(left: int, right: int) -> int:
    """One number for two, as `pairs_of` makes it."""
    mixed = (((left + 1) * int(_MIX)) & _MASK) ^ right
    return ((mixed * int(_MIX)) & _MASK) >> 1


def pairs_of(left: NDArray[Any], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """One 63-bit number for each pair; which pairs are equal stays, everything else is lost."""
    with np.errstate(over="ignore"):
        mixed = ((left.astype(np.uint64) + np.uint64(1)) * _MIX) ^ right.astype(np.uint64)
        return ((mixed * _MIX) >> np.uint64(1)).astype(np.int64)


def is_in(values: NDArray[np.int64], ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each value whether it stands in a sorted array."""
    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[at] == values)


@dataclass
class Staff:
    """Everybody's facts, day by day. roster: (account, day) → minutes on duty from and to (may pass midnight, >1440), overtime
    and night duty among them. holidays: days on which shifts do not count.

    horizon: the last day that the roster knows of handlers who work by roster; None: all of them.
    """

    handlers: Mapping[str, Handler]
    roster: Mapping[tuple[str, date], Sequence[tuple[int, int]]] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()

    def is_working_day(self, day: date) -> bool:
        """Neither weekend nor holiday."""
        return day.weekday() < 5 and day not in self.holidays

    def spans(self, account: str, day: date) -> list[tuple[int, int]]:
        """Minutes of `day` on duty, night work of the day before among them."""
        handler = self.handlers.get(account)
        found = list(self.roster.get((account, day), ()))
        if handler is not None and handler.shift is not None and self.is_working_day(day):
            found.append(handler.shift)
        found += [(0, to - 1440) for _, to in self.roster.get((account, day - timedelta(days=1)), ()) if to > 1440]
        return found

    def standing(self, account: str, day: date) -> str:
        """'here', 'leave', 'left' or 'unknown' on a day."""
        handler = self.handlers.get(account)
        if handler is None:
            return "unknown"
        if handler.left is not None and day > handler.left:
            return "left"
        if any(first <= day <= last for first, last in handler.leave):
            return "leave"
        return "here"


def distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted, each once. By sorting: NumPy's own `unique` hashes integers since 2.3, which is slower for our keys."""
    ordered = np.sort(values)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def number_of(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """Back from `number_of`."""
    return EPOCH + timedelta(days=int(number))
