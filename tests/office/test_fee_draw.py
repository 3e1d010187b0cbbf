"""The draw and the money of the fee support, as arithmetic that anybody can repeat."""

from __future__ import annotations

import hashlib
import time

import pytest

from haechi.engines.rules.dated import parameter
from haechi.office.support import Entry, commitment, draw, list_hash, reach, seed_of
from haechi.office.support.payments import as_csv, table

BUREAUX = ("재무국", "복지실", "디지털도시국", "상수도사업본부", "한강사업본부")


def _entries(n: int, *, ask: int = 90_000) -> list[Entry]:
    return [
        Entry(
            f"이용료-2025-{i:05}",
            BUREAUX[i % 5],
            "branch" if i % 5 > 2 else "main",
            ask if i % 3 else ask - 30_000,
            i % 4 != 0,
        )
        for i in range(n)
    ]


def test_the_plan_s_numbers_are_warned_of_where_they_do_not_fit() -> None:
    more = reach(1_130, 90_000, 101_000_000)
    assert (more.need_won, more.fit, more.short) == (101_700_000, 1_122, 8)
    assert "8명이 모자랍니다" in more.text[0]
    first = reach(570, 90_000, 60_000_000)
    assert (first.need_won, first.enough) == (51_300_000, True)
    from datetime import date

    people = [parameter("fee.seats_a_year", on=day).value for day in (date(2025, 3, 1), date(2025, 9, 1))]
    assert people == [570, 1_700]
    assert parameter("fee.budget_a_year_won", on=date(2026, 3, 1)).value is None, "not known, so not invented"


def test_seventeen_hundred_are_drawn_and_told_why_within_a_second() -> None:
    entries = _entries(1_838)
    started = time.perf_counter()
    drawn = draw(entries, "시드", seats_main=1_100, seats_branch=600, budget_won=161_000_000)
    assert time.perf_counter() - started < 1
    assert (drawn.people, len(drawn.lots) - drawn.people) == (1_700, 138)
    assert drawn.spent_won == sum(lot.entry.ask_won for lot in drawn.lots if lot.drawn) <= 161_000_000
    assert all(lot.why[0] and lot.why[1] for lot in drawn.lots)
    again = draw(list(reversed(entries)), "시드", seats_main=1_100, seats_branch=600, budget_won=161_000_000)
    assert again.as_csv() == drawn.as_csv(), "the order in which they were read does not matter"
    assert draw(entries, "다른 시드", seats_main=1_100, seats_branch=600, budget_won=161_000_000).lots != drawn.lots


def test_whoever_was_never_funded_comes_first_and_bureaux_take_turns() -> None:
    drawn = draw(_entries(100), "시드", seats_main=20, seats_branch=20, budget_won=10**9)
    groups = [lot.entry.first_time for lot in drawn.lots]
    assert groups == sorted(groups, reverse=True)
    first_round = [lot.entry.bureau for lot in drawn.lots[:5]]
    assert sorted(first_round) == sorted(BUREAUX)
    assert [lot.entry.bureau for lot in drawn.lots[5:10]] == first_round
    chosen = [lot for lot in drawn.lots if lot.drawn]
    assert sum(lot.entry.pool == "main" for lot in chosen) == 20


def test_seats_that_one_side_leaves_empty_go_to_the_other() -> None:
    entries = [entry for entry in _entries(50) if entry.pool == "main"]
    drawn = draw(entries, "시드", seats_main=10, seats_branch=4, budget_won=10**9)
    assert drawn.people == 14
    assert sum("남은 사업소 자리" in lot.why[0] for lot in drawn.lots) == 4


def test_where_the_money_ends_it_stops_and_nobody_overtakes_by_asking_less() -> None:
    entries = [Entry(f"{i}", "재무국", "main", 90_000 if i % 2 else 10_000, True) for i in range(40)]
    drawn = draw(entries, "시드", seats_main=40, seats_branch=0, budget_won=1_000_000)
    results = [lot.drawn for lot in drawn.lots]
    assert results == sorted(results, reverse=True)
    assert drawn.spent_won <= 1_000_000
    turned_away = next(lot for lot in drawn.lots if not lot.drawn)
    assert drawn.spent_won + turned_away.entry.ask_won > 1_000_000
    assert "예산" in turned_away.why[0]
    assert turned_away.waiting == 1


def test_the_seed_is_bound_to_a_secret_and_to_the_list() -> None:
    secret, entries = "a" * 64, _entries(10)
    assert commitment(secret) == hashlib.sha256(secret.encode()).hexdigest()
    listed = list_hash(entries)
    assert listed == list_hash(list(reversed(entries)))
    assert listed != list_hash(entries[:-1])
    assert seed_of(secret, listed) == hashlib.sha256(f"{secret}:{listed}".encode()).hexdigest()
    with pytest.raises(ValueError, match="twice"):
        draw([*entries, entries[0]], "시드", seats_main=1, seats_branch=1, budget_won=10**6)


def test_the_payment_file_sums_up_and_carries_no_formula() -> None:
    people = [
        {"number": "이용료-1", "login": "kim", "name": "=HYPERLINK(1)", "bureau": "재무국", "ask_won": 90_000},
        {"number": "이용료-2", "login": "lee", "name": "이나래", "bureau": "재무국", "ask_won": 60_000},
    ]
    cells = table(people)
    assert cells[-1] == ("합계", "", "", "2명", "", 150_000)
    assert "'=HYPERLINK" in as_csv(cells).decode("utf-8-sig")
