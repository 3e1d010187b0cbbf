"""A synthetic city at work: staff, shifts, seasons, leave, cases, and the access log that their days leave behind.

For trial and bench only. It knows nothing of rules or their thresholds: people here have habits, forget case numbers, cover for
each other, work late with and without approval, walk between desk and counter, return from leave early. Misuse stands in
`misuse.py`. Every figure that rests on this says "synthetic": it says whether the rules see behaviour of this kind, nothing of a
real city.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELEBRITIES = 20
EPOCH = date(1970, 1, 1)
HEADER = "계정,접속일시,접속지,정보주체,수행업무,건수,접수번호,사유\n"
ACTIONS = np.array(["조회", "검색", "수정", "출력", "다운로드"])
LOOK, SEARCH, EDIT, PRINT, LOAD = range(5)


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work. rate: people a day; uncased: share of look-ups without a case number; season: how much busier the last
    week of a month is; shift: 'day', 'three' or 'night'; free_seats: sits elsewhere every day."""

    name: str
    share: float
    rate: float
    uncased: float
    season: float
    prints: float
    loads: float
    shift: str = "day"
    free_seats: bool = False


WORKS = (
    Work("민원창구", 0.18, 24, 0.03, 1.1, 0.06, 0.0),
    Work("복지", 0.18, 12, 0.06, 1.2, 0.02, 0.002),
    Work("세무", 0.12, 14, 0.04, 2.6, 0.04, 0.004),
    Work("교통", 0.09, 15, 0.05, 1.3, 0.02, 0.002),
    Work("120콜센터", 0.05, 48, 0.14, 1.1, 0.0, 0.0, "three", True),
    Work("보건", 0.11, 8, 0.05, 1.0, 0.01, 0.002),
    Work("주택", 0.08, 6, 0.06, 1.2, 0.01, 0.002),
    Work("통계", 0.04, 3, 0.10, 1.4, 0.0, 0.12),
    Work("상황실", 0.03, 5, 0.15, 1.0, 0.0, 0.0, "night"),
    Work("그 밖", 0.12, 2, 0.08, 1.0, 0.01, 0.003),
)

Ints = NDArray[np.int64]


@dataclass
class Log:
    """Rows of a day as columns; `incident` −1 for honest work. case: 0 none, 1 the person's own, 2 somebody else's number."""

    who: Ints
    second: Ints
    place: Ints
    whose: Ints
    what: Ints
    count: Ints
    case: Ints
    reason: Ints
    incident: Ints

    @staticmethod
    def of(n: int, **given: Any) -> Log:
        """Columns of length n; what is not given is an ordinary look-up with a case."""
        base = {"place": -1, "what": LOOK, "count": 1, "case": 1, "reason": 0, "incident": -1}
        made = {name: np.broadcast_to(np.asarray(value, np.int64), n).copy() for name, value in (base | given).items()}
        return Log(**made)

    @staticmethod
    def joined(parts: list[Log], order: bool = True) -> Log:
        """All rows in the order of time."""
        names = Log.__dataclass_fields__
        whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        at = np.argsort(whole["second"], kind="stable") if order else slice(None)
        return Log(**{name: column[at] for name, column in whole.items()})


@dataclass
class City:
    """People and days. `staff_rows`, `roster`, `holidays`, `watch`, `shared` are what a city's own systems would tell the
    detector; the rest only this module knows."""

    seed: int
    people: int = 4000
    citizens: int = 400_000
    first: date = date(2026, 1, 5)
    days: int = 180
    rate: float = 1.0
    roster: dict[tuple[str, date], list[tuple[int, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = np.random.default_rng([45, self.seed])
        draw, n = self.chance, self.people
        self.work = draw.choice(len(WORKS), n, p=np.array([one.share for one in WORKS]))
        self.habit = draw.lognormal(0, 0.35, n)
        self.forgets = np.clip(draw.gamma(2, 0.5, n), 0.05, 4)
        self.overtime = draw.beta(1, 10, n)
        self.walks = np.where(draw.random(n) < 0.05, draw.gamma(2, 0.4, n), 0)
        self.rare = draw.random(n) < 0.03
        self.hired = np.where(draw.random(n) < 0.03, draw.integers(0, self.days, n), -400)
        self.left = np.where(draw.random(n) < 0.03, draw.integers(20, self.days, n), 10_000)
        self.slow_records = draw.random(n) < 0.05
        self.leave = [self._leave() for _ in range(n)]
        self.family = draw.integers(CELEBRITIES, self.citizens, (n, 3))
        self.colleagues = draw.integers(0, n, (n, 5))
        self.own_record = draw.permutation(np.arange(CELEBRITIES, self.citizens))[:n]
        self.seat_registered = draw.random(200) < 0.9
        self.known_case = np.zeros(self.citizens, np.bool_)

    # --- what the city's systems know --------------------------------------------------------------------------------

    def name(self, who: int) -> str:
        """The account of a person."""
        return f"e{who:05}"

    def day(self, number: int) -> date:
        """The date of a day of the story."""
        return self.first + timedelta(days=number)

    def staff_rows(self) -> Iterator[dict[str, str]]:
        """The personnel file, as Handler.from_row reads it."""
        for who in range(self.people):
            work = WORKS[self.work[who]]
            spells = [(a, b) for a, b in self.leave[who] if b - a < 40]
            long = [(a, b) for a, b in self.leave[who] if b - a >= 40]
            yield {
                "account": self.name(who), "bureau": work.name, "peers": work.name,
                "hired": self.day(int(self.hired[who])).isoformat(),
                "left": self.day(int(self.left[who])).isoformat() if self.left[who] < self.days else "",
                "leave": ";".join(f"{self.day(a)}~{self.day(b)}" for a, b in spells + long),
                "returned": ";".join(self.day(b + 1).isoformat() for _, b in long),
                "shift": "540-1080" if work.shift == "day" else "roster",
            }  # fmt: skip

    def watch(self) -> tuple[list[str], dict[str, list[str]]]:
        """People in the news, and family and colleagues of each account."""
        own = {
            self.name(who): [
                f"c{one}" for one in (*self.family[who], *(self.own_record[self.colleagues[who]]))
            ]
            for who in range(self.people)
        }  # fmt: skip
        return [f"c{one}" for one in range(CELEBRITIES)], own

    def shared_places(self) -> list[str]:
        """Seats that are registered as shared, and the way in from home."""
        return ["vpn", *(f"counter-{one}" for one in np.flatnonzero(self.seat_registered))]

    def is_working(self, number: int) -> bool:
        """Monday to Friday; the story has no other holidays."""
        return self.day(number).weekday() < 5

    # --- a day -------------------------------------------------------------------------------------------------------

    def honest(self, number: int) -> Log:
        """Everything that people rightly do on a day; fills the roster of the day first."""
        draw = self.chance
        on, begin, end = self._hours(number)
        season = np.array([one.season if self.day(number).day > 24 else 1.0 for one in WORKS])
        bureau_day = draw.lognormal(0, 0.12, len(WORKS)) * (1.15 if self.day(number).weekday() == 0 else 1.0)
        mean = np.array([one.rate for one in WORKS])[self.work] * self.habit * (season * bureau_day)[self.work]
        mean *= draw.gamma(8, 1 / 8, self.people) * self.rate
        mean = np.where(self.rare, np.where(draw.random(self.people) < 0.03, 3.0, 0.0), mean)
        assigned = draw.random(self.people) < 0.003  # a campaign, a counter that is short of people
        n = draw.poisson(np.where(on, mean * np.where(assigned, draw.uniform(2, 5, self.people), 1), 0))
        who = np.repeat(np.arange(self.people), n)
        second = (begin[who] + draw.random(len(who)) * (end - begin)[who]).astype(np.int64) * 60 + draw.integers(
            0, 60, len(who)
        )
        rows = Log.of(len(who), who=who, second=second, whose=self._whom(who, number))
        self._do(rows)
        self._sit(rows, number)
        return Log.joined([rows, *self._batches(on)])

    def _hours(self, number: int) -> tuple[NDArray[np.bool_], Ints, Ints]:
        """Who works from when to when, in minutes of the day; night and overtime go into the roster as far as approved."""
        draw, n = self.chance, self.people
        begin, end = np.full(n, 9 * 60) - draw.integers(0, 40, n), np.full(n, 18 * 60) + draw.integers(0, 30, n)
        on = np.full(n, self.is_working(number)) & (draw.random(n) > 0.03)
        late = on & (draw.random(n) < self.overtime)
        end = np.where(late, draw.integers(19 * 60, 23 * 60, n), end)
        for kind in ("three", "night"):
            mine = np.flatnonzero(np.array([one.shift == kind for one in WORKS])[self.work])
            turn = (mine + number) % (4 if kind == "three" else 5)
            starts = (
                np.array([7 * 60, 14 * 60, 22 * 60, 0, 0])[turn] if kind == "three" else np.full(len(mine), 18 * 60)
            )
            on[mine] = turn < 3 if kind == "three" else turn == 0
            begin[mine], end[mine] = starts, np.minimum(starts + (8 * 60 if kind == "three" else 15 * 60), 1439)
            for who, start, length in zip(
                mine[on[mine]], starts[on[mine]], (8 if kind == "three" else 15) * np.ones(n, int), strict=False
            ):
                self.roster[self.name(who), self.day(number)] = [(int(start), int(start + length * 60))]
        weekend = ~on & (draw.random(n) < 0.004)
        on |= weekend
        for who in np.flatnonzero((late | weekend) & (draw.random(n) < 0.95)):
            self.roster.setdefault((self.name(int(who)), self.day(number)), []).append(
                (int(min(begin[who], 1080)), int(end[who]) + 30)
            )
        for who in range(n):
            if any(first <= number <= last for first, last in self.leave[who]) and draw.random() > 0.01:
                on[who] = False
        gone = number > self.left + np.where(self.slow_records, draw.integers(0, 3, n), 0)
        return on & ~gone & (number >= self.hired), begin, end

    def _leave(self) -> list[tuple[int, int]]:
        draw = self.chance
        spells = []
        for _ in range(int(draw.poisson(self.days / 40))):
            first = int(draw.integers(0, self.days))
            spells.append((first, first + int(draw.choice([0, 0, 1, 2, 4, 8]))))
        if draw.random() < 0.02:
            first = int(draw.integers(-200, self.days))
            spells.append((first, first + int(draw.integers(60, 200))))
        return spells

    def _whom(self, who: Ints, number: int) -> Ints:
        """A third of the work goes on with people of the last days; the rest is new."""
        draw = self.chance
        known = draw.random(len(who)) < 0.35
        pool = (who * 7919 + (number // 4) * 104_729 + draw.integers(0, 25, len(who)) * 1_299_709) % self.citizens
        return np.where(known, pool, draw.integers(0, self.citizens, len(who)))

    def _do(self, rows: Log) -> None:
        draw, n, work = self.chance, len(rows.who), self.work[rows.who]
        rows.what[:] = draw.choice([LOOK, SEARCH, EDIT], n, p=[0.7, 0.18, 0.12])
        dice = draw.random(n)
        prints, loads = (np.array([getattr(one, name) for one in WORKS])[work] for name in ("prints", "loads"))
        rows.what[dice < prints] = PRINT
        load = (dice >= prints) & (dice < prints + loads)
        rows.what[load] = LOAD
        rows.count[load] = np.clip(draw.lognormal(4.5, 1.3, int(load.sum())), 1, 20_000)
        rows.reason[load] = draw.random(int(load.sum())) < 0.97
        forget = np.array([one.uncased for one in WORKS])[work] * self.forgets[rows.who]
        # Forgetting comes in bad days, and with people whose matter has no number yet.
        forget *= draw.gamma(3, 1 / 3, self.people)[rows.who]
        forget = np.where((rows.who * 31 + rows.whose) % 40 == 0, np.maximum(forget * 8, 0.3), forget)
        rows.case[draw.random(n) < forget] = 0
        rows.case[draw.random(n) < 0.003] = 2

    def _sit(self, rows: Log, number: int) -> None:
        """Where people sit: −1−who their own desk, 0.. a shared counter, 1000.. a free seat, 9999 from home."""
        draw, who = self.chance, rows.who
        rows.place[:] = -1 - who
        counter = (self.work[who] == 0) & ((who + number) % 6 == 0)
        seat = (who // 6) % len(self.seat_registered)
        shift = (rows.second // 3600 % 2) == (who % 2)
        rows.place[counter & shift] = seat[counter & shift]
        free = np.array([one.free_seats for one in WORKS])[self.work]
        seats = np.full(self.people, -1)
        seats[free] = 1000 + draw.permutation(int(free.sum()))
        rows.place[free[who]] = seats[who[free[who]]]
        home = draw.random(self.people) < 0.03
        rows.place[home[who] & ~free[who]] = 9999
        walk = draw.random(len(who)) < (self.walks * 0.03)[who]
        rows.place[walk] = 3000 + who[walk] % 300
        helps = draw.random(self.people) < 0.001  # an hour or two at a colleague's desk, under one's own account
        begin, length = draw.integers(9, 16, self.people) * 3600, draw.integers(1, 4, self.people) * 3600
        since = rows.second - begin[who]
        there = helps[who] & ~free[who] & (since >= 0) & (since < length[who])
        rows.place[there] = -1 - self.colleagues[who[there], 0]

    def _batches(self, on: NDArray[np.bool_]) -> list[Log]:
        """Notices printed by the hundred, statistics taken out whole: rightly, mostly with number and reason."""
        draw, made = self.chance, []
        for kind, chance, size in ((2, 0.02, 300), (0, 0.004, 80), (3, 0.01, 150)):
            who = np.flatnonzero(on & (self.work == kind) & (draw.random(self.people) < chance))
            n = len(who)
            made.append(Log.of(
                n, who=who, second=draw.integers(9 * 3600, 18 * 3600, n), place=-1 - who, what=PRINT,
                whose=draw.integers(0, self.citizens, n), count=np.maximum(1, draw.lognormal(np.log(size), 0.8, n)),
                case=draw.random(n) < 0.96,
            ))  # fmt: skip
        return made

    # --- as text -----------------------------------------------------------------------------------------------------

    def cases_of(self, log: Log) -> list[tuple[str, str]]:
        """Cases that were opened for people of this log and not known before: (number, person)."""
        fresh = np.unique(log.whose[(log.case == 1) & ~self.known_case[log.whose]])
        self.known_case[fresh] = True
        return [(f"K{one}", f"c{one}") for one in fresh]

    def lines(self, number: int, log: Log) -> list[str]:
        """The day's lines of CSV, without header."""
        stamps = (
            np.datetime64("1970-01-01")
            + np.timedelta64((self.day(number) - EPOCH).days, "D")
            + log.second.astype("m8[s]")
        )
        times = np.datetime_as_string(stamps, unit="s").tolist()
        numbers = np.where(log.case == 1, log.whose, (log.whose * 31 + 7) % self.citizens).tolist()
        words = ACTIONS[log.what].tolist()
        return [
            f"e{who:05},{at}+09:00,{place_name(place)},c{whose},{what},{count},{f'K{number}' if case else ''},{'업무 처리' if reason else ''}\n"
            for who, at, place, whose, what, count, case, number, reason in zip(
                log.who.tolist(), times, log.place.tolist(), log.whose.tolist(), words, log.count.tolist(), log.case.tolist(),
                numbers, log.reason.tolist(), strict=True,
            )
        ]  # fmt: skip


def place_name(place: int) -> str:
    """The address of a seat."""
    if place < 0:
        return f"10.1.{-place >> 8}.{-place & 255}"
    if place == 9999:
        return "vpn"
    return f"counter-{place}" if place < 1000 else f"10.9.{place >> 8}.{place & 255}"
