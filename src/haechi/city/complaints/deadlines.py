"""The day by which an office must have acted: working days, the day of receipt counted or not, as the rule says. Pure."""

from __future__ import annotations

from collections.abc import Set
from datetime import date, timedelta

LONGEST = 400


def is_working_day(day: date, holidays: Set[date]) -> bool:
    """Neither Saturday nor Sunday nor a public holiday."""
    return day.weekday() < 5 and day not in holidays


def due_day(received: date, days: int, holidays: Set[date], *, first_day_counts: bool = True) -> date:
    """The `days`-th working day. A day of receipt that is no working day is not counted.

    Of a report on Monday with 7 days and the first counted: Tuesday of the week after.
    """
    if days < 1:
        raise ValueError("a deadline has at least one day")
    left, day = days, received if first_day_counts else received + timedelta(days=1)
    for _ in range(LONGEST):
        if is_working_day(day, holidays):
            left -= 1
            if left == 0:
                return day
        day += timedelta(days=1)
    raise ValueError("no working day found within a year")


def days_left(today: date, due: date, holidays: Set[date]) -> int:
    """Working days from tomorrow to the due day; negative: days overdue."""
    step = 1 if due >= today else -1
    day, count = today, 0
    while day != due:
        day += timedelta(days=step)
        if is_working_day(day if step > 0 else day + timedelta(days=1), holidays):
            count += step
    return count
