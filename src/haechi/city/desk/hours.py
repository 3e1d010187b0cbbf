"""When an office is open, when it opens next, and deadlines counted in its open minutes. Pure; Seoul's calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from haechi.core.clock import SEOUL

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOKS_AHEAD = 60
"""Days that are searched for the next opening: longer than any row of holidays."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Hours:
    """week: for each weekday from Monday the open spans in minutes since midnight, in order, not touching midnight twice.

    holidays: days on which nothing is open (empty for an office that works through).
    """

    week: tuple[tuple[Span, ...], ...]
    holidays: frozenset[date] = frozenset()

    def is_open(self, at: datetime) -> bool:
        """Whether somebody answers at this moment (aware)."""
        local = at.astimezone(SEOUL)
        minute = local.hour * 60 + local.minute
        return any(begin <= minute < end for begin, end in self._spans(local.date()))

    def opens_at(self, at: datetime) -> datetime | None:
        """`at` itself when open; else the next opening; None when there is none within two months."""
        if self.is_open(at):
            return at
        return next((begin for begin, _ in self._from(at)), None)

    def due(self, at: datetime, minutes: int) -> datetime | None:
        """The moment by which `minutes` open minutes have passed since `at`; None when the office does not open."""
        left = timedelta(minutes=minutes)
        for begin, end in self._from(at):
            if left <= end - begin:
                return begin + left
            left -= end - begin
        return None

    def _spans(self, day: date) -> tuple[Span, ...]:
        return () if day in self.holidays else self.week[day.weekday()]

    def _from(self, at: datetime) -> list[tuple[datetime, datetime]]:
        """Open stretches from `at` on, the first cut at `at`."""
        today = at.astimezone(SEOUL).date()
        found = []
        for ahead in range(LOOKS_AHEAD):
            day = today + timedelta(days=ahead)
            midnight = datetime.combine(day, time(), SEOUL)
            for begin, end in self._spans(day):
                first, last = midnight + timedelta(minutes=begin), midnight + timedelta(minutes=end)
                if last > at:
                    found.append((max(first, at), last))
        return found


def read_hours(week: Mapping[str, Sequence[str]], holidays: frozenset[date]) -> Hours:
    """From a policy: {'mon-fri': ['09:00-12:00', '13:00-18:00'], 'sat': [...]}, or 'every day'. ValueError names what is wrong."""
    days: list[tuple[Span, ...]] = [()] * 7
    for named, spans in week.items():
        read = tuple(sorted(_span(span) for span in spans))
        if any(first[1] > second[0] for first, second in pairwise(read)):
            raise ValueError(f"{named}: spans overlap: {list(spans)}")
        for day in _days(named):
            days[day] = read
    return Hours(tuple(days), holidays)


def _days(named: str) -> range:
    if named == "every day":
        return range(7)
    first, _, last = named.partition("-")
    if first not in DAYS or (last and last not in DAYS):
        raise ValueError(f"unknown day {named!r}: use {', '.join(DAYS)}, a range such as mon-fri, or 'every day'")
    return range(DAYS.index(first), DAYS.index(last or first) + 1)


def _span(text: str) -> Span:
    begin, _, end = text.partition("-")
    minutes = []
    for part in (begin, end):
        hour, _, minute = part.partition(":")
        minutes.append(int(hour) * 60 + int(minute))
    if not 0 <= minutes[0] < minutes[1] <= 24 * 60:
        raise ValueError(f"{text!r} is no span of a day")
    return minutes[0], minutes[1]
