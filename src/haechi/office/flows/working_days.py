"""Working days: the calendar of policy/calendar.yaml, and days counted on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import yaml

from haechi.core.roles import policy_file

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """Public holidays until a day; after it nothing is known, and only weekends are left out."""

    holidays: frozenset[date]
    known_until: date

    def is_working(self, day: date) -> bool:
        """Neither weekend nor holiday."""
        return day.weekday() < SATURDAY and day not in self.holidays

    def after(self, day: date, days: int) -> date:
        """The working day that is `days` working days after `day` (0: `day` itself, or the next working day)."""
        while not self.is_working(day):
            day += timedelta(days=1)
        while days > 0:
            day += timedelta(days=1)
            days -= self.is_working(day)
        return day


@cache
def calendar_in_force() -> Calendar:
    """The calendar that the desks use too (policy/desk.yaml, `holidays`)."""
    told = yaml.safe_load(policy_file("desk.yaml").read_text(encoding="utf-8"))["holidays"]
    return Calendar(frozenset(told["days"]), told["until"])
