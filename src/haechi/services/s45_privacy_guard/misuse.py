"""Misuse as behaviour: why somebody does it, for how long, how much, how carefully. Sizes are drawn widely, faint ones among them.

It knows nothing of rules or their thresholds. What a misuser knows of the city is what staff know: the approval limit of
downloads (1,000 records), that nights are quiet, that a case number may be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from haechi.services.s45_privacy_guard.city_life import CELEBRITIES, LOAD, LOOK, PRINT, SEARCH, City, Ints, Log

APPROVAL_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Incident:
    """One misuse. who: whose account. size: rows that belong to it. days: story days on which they lie."""

    id: int
    kind: str
    who: int
    size: int
    days: tuple[int, ...]


@dataclass
class Plan:
    """Incidents with their rows, by story day."""

    incidents: list[Incident]
    rows: dict[int, list[Log]]


def plan(city: City, *, months: list[tuple[int, int]], a_month: int) -> Plan:
    """`a_month` incidents of each kind in turn in every month (first and last story day), each by another account."""
    made = Plan([], {})
    used: set[int] = set()
    kinds = list(KINDS)
    for month, (first, last) in enumerate(months):
        for turn in range(a_month):
            kind = kinds[(turn + month * a_month) % len(kinds)]
            _place(city, made, kind, first, last, used)
    return made


def _place(city: City, made: Plan, kind: str, first: int, last: int, used: set[int]) -> None:
    for _ in range(200):
        story = KINDS[kind](city, first, last)
        if story is None or story[0] in used:
            continue
        who, parts = story
        used.add(who)
        id = len(made.incidents)
        for day, log in parts:
            log.incident[:] = id
            made.rows.setdefault(day, []).append(log)
        size = sum(len(log.who) for _, log in parts)
        made.incidents.append(Incident(id, kind, who, size, tuple(day for day, _ in parts)))
        return


Story = tuple[int, list[tuple[int, Log]]] | None


def _somebody(city: City, day: int, *, rare: bool = False) -> int | None:
    """Somebody who is employed and not away on the day."""
    who = int(city.chance.integers(0, city.people))
    away = any(a <= day <= b for a, b in city.leave[who])
    fits = city.hired[who] < day - 30 and city.left[who] > day + 30 and bool(city.rare[who]) == rare and not away
    return who if fits else None


def _spread(city: City, n: int, first: int, last: int, days: int, *, working: bool = True) -> dict[int, int]:
    """n rows on up to `days` days near each other."""
    open_days = [day for day in range(first, last + 1) if city.is_working(day) or not working]
    start = int(city.chance.integers(0, max(1, len(open_days) - days)))
    chosen = city.chance.choice(open_days[start : start + days], n)
    return {int(day): int(count) for day, count in zip(*np.unique(chosen, return_counts=True), strict=True)}


def _size(city: City, middle: float, spread: float, least: int = 1) -> int:
    return max(least, int(city.chance.lognormal(np.log(middle), spread)))


def _covered(city: City, n: int) -> Ints:
    """Case numbers of somebody who has none to give: most leave the field empty, some write any number, a few know the right one."""
    care = city.chance.choice(3, p=[0.6, 0.3, 0.1])
    weights = ([1.0, 0.0, 0.0], [0.4, 0.05, 0.55], [0.5, 0.4, 0.1])[care]
    return city.chance.choice([0, 1, 2], n, p=weights)


def _rows(city: City, who: int, n: int, hours: tuple[float, float] = (9, 18), **given: object) -> Log:
    draw = city.chance
    base: dict[str, object] = {
        "who": who, "second": np.sort(draw.integers(int(hours[0] * 3600), int(hours[1] * 3600), n)), "place": -1 - who,
        "whose": draw.integers(0, city.citizens, n), "what": draw.choice([LOOK, SEARCH], n, p=[0.7, 0.3]),
        "case": _covered(city, n), "reason": 1,
    }  # fmt: skip
    return Log.of(n, **(base | given))


def _harvest(city: City, first: int, last: int) -> Story:
    """Takes down many people, for sale or for a campaign."""
    who = _somebody(city, first)
    if who is None:
        return None
    n, days = _size(city, 90, 0.7, 15), int(city.chance.choice([1, 1, 2, 3, 5]))
    return who, [(day, _rows(city, who, count)) for day, count in _spread(city, n, first, last, days).items()]


def _at_night(city: City, first: int, last: int) -> Story:
    """Looks people up when nobody else is there."""
    who = _somebody(city, first)
    if who is None or city.work[who] in (4, 8):
        return None
    n, days = _size(city, 12, 0.6, 3), int(city.chance.integers(1, 5))
    parts = _spread(city, n, first, last, days, working=False)
    return who, [(day, _rows(city, who, count, (20.5, 24))) for day, count in parts.items()]


def _stalking(city: City, first: int, last: int) -> Story:
    """Follows one person: an address, a new phone number, a benefit."""
    who = _somebody(city, first)
    if who is None:
        return None
    n, whom = 4 + int(city.chance.poisson(5)), int(city.chance.integers(CELEBRITIES, city.citizens))
    parts = _spread(city, n, first, last, int(city.chance.integers(4, 15)))
    return who, [(day, _rows(city, who, count, whose=whom)) for day, count in parts.items()]


def _acquaintance(city: City, first: int, last: int) -> Story:
    """Family, a colleague, somebody in the news: a few looks."""
    who = _somebody(city, first)
    if who is None:
        return None
    n, kind = 1 + int(city.chance.geometric(0.45)), int(city.chance.integers(0, 3))
    pools = (city.family[who], city.own_record[city.colleagues[who]], np.arange(CELEBRITIES))
    whom = int(city.chance.choice(pools[kind]))
    parts = _spread(city, n, first, last, 3)
    return who, [(day, _rows(city, who, count, whose=whom)) for day, count in parts.items()]


def _gone(city: City, first: int, last: int) -> Story:
    """The account of somebody who left or is on leave, used by another from their own seat, or from home."""
    who = int(city.chance.integers(0, city.people))
    draw = city.chance
    if draw.random() < 0.5:
        if not first - 20 <= city.left[who] < last - 2:
            return None
        begin, end = max(first, int(city.left[who]) + 2), last
    else:
        spells = [(a, b) for a, b in city.leave[who] if first <= a and b <= last and b - a >= 1]
        if not spells:
            return None
        begin, end = spells[0]
    if not any(city.is_working(day) for day in range(begin, end + 1)):
        return None
    place = 9999 if draw.random() < 0.3 else -1 - int(draw.integers(0, city.people))
    n = _size(city, 6, 0.8)
    parts = _spread(city, n, begin, end, 2)
    return who, [(day, _rows(city, who, count, place=place)) for day, count in parts.items()]


def _sleeping(city: City, first: int, last: int) -> Story:
    """An account that its owner hardly uses: somebody else found its password."""
    who = _somebody(city, first, rare=True)
    if who is None:
        return None
    place = -1 - int(city.chance.integers(0, city.people))
    parts = _spread(city, _size(city, 10, 0.7, 2), first, last, 2)
    return who, [(day, _rows(city, who, count, place=place)) for day, count in parts.items()]


def _lent(city: City, first: int, last: int) -> Story:
    """A colleague without the right works with the owner's account, beside the owner; with proper numbers, for it is work."""
    who = _somebody(city, first)
    if who is None or city.work[who] in (7, 9):
        return None
    place = -1 - int(city.chance.integers(0, city.people))
    parts = _spread(city, _size(city, 30, 0.6, 5), first, last, int(city.chance.integers(1, 6)))
    return who, [(day, _rows(city, who, count, place=place, case=1)) for day, count in parts.items()]


def _in_parts(city: City, first: int, last: int) -> Story:
    """Takes out a list in parts that need no approval: in an afternoon, or over some days."""
    who = _somebody(city, first)
    if who is None:
        return None
    draw, total, sizes = city.chance, _size(city, 4000, 0.7, 1200), []
    low = int(draw.choice([150, 400, 700]))
    while total > 0:
        sizes.append(int(draw.integers(low, APPROVAL_LIMIT)))
        total -= sizes[-1]
    quick = draw.random() < 0.6
    parts, at = _spread(city, len(sizes), first, last, 1 if quick else int(draw.integers(3, 9))), 0
    made = []
    for day, count in parts.items():
        begin = float(draw.uniform(9, 16))
        hours = (begin, begin + float(draw.uniform(0.5, 2.5)))
        made.append((day, _rows(city, who, count, hours, what=LOAD, count=sizes[at : at + count])))
        at += count
    return who, made


def _browsing(city: City, first: int, last: int) -> Story:
    """Neighbours, a former class, the parents of a kindergarten: many people once, no case among them."""
    who = _somebody(city, first)
    if who is None:
        return None
    parts = _spread(city, _size(city, 30, 0.6, 6), first, last, int(city.chance.integers(1, 7)))
    return who, [(day, _rows(city, who, count)) for day, count in parts.items()]


def _paper(city: City, first: int, last: int) -> Story:
    """Prints a list, or person after person."""
    who = _somebody(city, first)
    if who is None:
        return None
    n = int(city.chance.integers(1, 40))
    each = np.maximum(1, city.chance.lognormal(np.log(_size(city, 220, 0.7, 50) / n), 0.4, n)).astype(int)
    parts, at, made = _spread(city, n, first, last, int(city.chance.integers(1, 3))), 0, []
    for day, count in parts.items():
        made.append((day, _rows(city, who, count, what=PRINT, count=each[at : at + count])))
        at += count
    return who, made


KINDS: Mapping[str, Callable[[City, int, int], Story]] = {
    "harvest": _harvest, "at_night": _at_night, "stalking": _stalking, "acquaintance": _acquaintance, "gone": _gone,
    "sleeping_account": _sleeping, "lent_account": _lent, "in_parts": _in_parts, "browsing": _browsing, "paper": _paper,
}  # fmt: skip
"""The ten scenario types."""
