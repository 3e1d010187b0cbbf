"""The draw: who gets a seat, in which order, and why. Pure, and the same for everybody who has the seed and the list.

1. Everybody's lot is sha256("<seed>:<application number>"): a shuffle that any programme in any language repeats.
2. Whoever was never funded comes before whoever was.
3. Within each of the two groups the bureaux take turns: each sends its next lot, the bureaux in the order of
   sha256("<seed>:<bureau>").
4. In that order each takes a seat of their own side (headquarters or branch offices) while there is one.
5. Seats that one side leaves empty go to those of the other side who wait, in the same order.
6. The money is handed out in that order as well. At the first who no longer fits it stops: nobody overtakes by asking less.

The seed is sha256("<secret>:<sha256 of the list>"). The secret's sha256 is published before anybody applies, and the list is
closed before the secret is: who knows the list cannot choose the secret, who made the secret cannot choose the list.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Pool = Literal["main", "branch"]
POOLS: dict[str, tuple[str, str]] = {"main": ("본청", "Headquarters"), "branch": ("사업소", "Branch offices")}
HEADER = ("number", "bureau", "pool", "first_time", "ask_won", "place", "result")


@dataclass(frozen=True, slots=True)
class Entry:
    """One application in the draw. ask_won: what it asks for; first_time: its applicant was never funded before."""

    number: str
    bureau: str
    pool: Pool
    ask_won: int
    first_time: bool


@dataclass(frozen=True, slots=True)
class Lot:
    """What became of an entry. place: in the order of the draw, from 1; waiting: place on the waiting list, 0 when drawn."""

    entry: Entry
    place: int
    drawn: bool
    waiting: int
    why: tuple[str, str]


@dataclass(frozen=True)
class Drawn:
    """lots: in the order of the draw. spent_won: what the drawn ones ask for together."""

    seed: str
    lots: tuple[Lot, ...]
    spent_won: int

    @property
    def people(self) -> int:
        """How many were drawn."""
        return sum(lot.drawn for lot in self.lots)

    def as_csv(self) -> bytes:
        """The result, without names, so that anybody may draw again and compare."""
        rows = ((*_fields(lot.entry), lot.place, "drawn" if lot.drawn else "waiting") for lot in self.lots)
        return _csv((HEADER, *rows))


def commitment(secret: str) -> str:
    """What is published of a secret before anybody applies."""
    return _sha(secret)


def list_hash(entries: Iterable[Entry]) -> str:
    """sha256 of the list that is drawn from, by number: one changed field changes it."""
    return hashlib.sha256(_csv(_fields(e) for e in sorted(entries, key=lambda e: e.number))).hexdigest()


def seed_of(secret: str, list_sha256: str) -> str:
    """The seed of the draw."""
    return _sha(f"{secret}:{list_sha256}")


def order(entries: Iterable[Entry], seed: str) -> list[Entry]:
    """Rules 1 to 3."""
    shuffled = sorted(entries, key=lambda e: (_sha(f"{seed}:{e.number}"), e.number))
    first = [e for e in shuffled if e.first_time]
    again = [e for e in shuffled if not e.first_time]
    return [*_in_turn(first, seed), *_in_turn(again, seed)]


def _in_turn(entries: Sequence[Entry], seed: str) -> Iterable[Entry]:
    by_bureau: dict[str, list[Entry]] = {}
    for entry in entries:
        by_bureau.setdefault(entry.bureau, []).append(entry)
    bureaux = sorted(by_bureau, key=lambda name: (_sha(f"{seed}:{name}"), name))
    for turn in range(max((len(queue) for queue in by_bureau.values()), default=0)):
        for name in bureaux:
            if turn < len(by_bureau[name]):
                yield by_bureau[name][turn]


@dataclass
class _Purse:
    seats: dict[str, int]
    won: int
    taken: dict[str, int] = field(default_factory=lambda: {"main": 0, "branch": 0})
    empty: bool = False

    def take(self, entry: Entry, pool: str) -> bool:
        """A seat of that side and the money for it; once the money is short it stays closed."""
        if self.empty or not self.seats[pool] - self.taken[pool]:
            return False
        if entry.ask_won > self.won:
            self.empty = True
            return False
        self.taken[pool] += 1
        self.won -= entry.ask_won
        return True


def draw(entries: Sequence[Entry], seed: str, *, seats_main: int, seats_branch: int, budget_won: int) -> Drawn:
    """Rules 1 to 6. O(n log n); 1,700 entries in a few hundredths of a second. ValueError for two entries of one number."""
    if len({entry.number for entry in entries}) != len(entries):
        raise ValueError("an application stands twice in the list")
    ordered = order(entries, seed)
    purse = _Purse({"main": seats_main, "branch": seats_branch}, budget_won)
    got: dict[str, str] = {}
    for entry in ordered:
        if purse.take(entry, entry.pool):
            got[entry.number] = entry.pool
    for entry in ordered:  # rule 5
        other = "branch" if entry.pool == "main" else "main"
        if entry.number not in got and purse.take(entry, other):
            got[entry.number] = other
    return _told(ordered, got, purse, seed)


def _told(ordered: Sequence[Entry], got: dict[str, str], purse: _Purse, seed: str) -> Drawn:
    lots, waiting, spent = [], 0, 0
    for place, entry in enumerate(ordered, 1):
        drawn = entry.number in got
        waiting += not drawn
        spent += entry.ask_won if drawn else 0
        why = _drawn_because(entry, place, got[entry.number]) if drawn else _waits_because(entry, place, waiting, purse)
        lots.append(Lot(entry, place, drawn, 0 if drawn else waiting, why))
    return Drawn(seed, tuple(lots), spent)


def _came(entry: Entry, place: int) -> tuple[str, str]:
    group = ("처음 지원받는 사람", "first time") if entry.first_time else ("전에 지원받은 사람", "funded before")
    return (
        f"추첨 순서 {place:,}번({group[0]} 가운데 부서가 번갈아 나온 순서)",
        f"Place {place:,} in the draw ({group[1]}, bureaux in turn)",
    )


def _drawn_because(entry: Entry, place: int, pool: str) -> tuple[str, str]:
    came, seat = _came(entry, place), POOLS[pool]
    left = (f"{POOLS[entry.pool][0]} 자리가 차서 남은 ", "a left-over seat of ") if pool != entry.pool else ("", "")
    return (f"{came[0]}으로 {left[0]}{seat[0]} 자리를 받았습니다.", f"{came[1]}: drawn, {left[1]}{seat[1]}.")


def _waits_because(entry: Entry, place: int, waiting: int, purse: _Purse) -> tuple[str, str]:
    came = _came(entry, place)
    if purse.empty:
        short = (
            f"앞 순서까지 지급하고 남은 예산 {purse.won:,}원으로는 다음 사람의 신청액을 댈 수 없어 멈췄습니다.",
            f"the money stopped with {purse.won:,} won left.",
        )
    else:
        seats = purse.seats["main"] + purse.seats["branch"]
        short = (f"자리 {seats:,}개가 앞 순서에서 모두 찼습니다.", f"all {seats:,} seats were taken before.")
    return (
        f"{came[0]}인데, {short[0]} 대기 {waiting:,}번입니다.",
        f"{came[1]}: {short[1]} Waiting number {waiting:,}.",
    )


def _fields(entry: Entry) -> tuple[str, str, str, str, int]:
    return (entry.number, entry.bureau, entry.pool, "yes" if entry.first_time else "no", entry.ask_won)


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
