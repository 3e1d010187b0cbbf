"""What is usual: chance limits against summed probabilities, scatter of a group, repeats of a group, whose seat a place is."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from haechi.core.roles import policy_file
from haechi.engines.rules.detection import load_rules
from haechi.engines.rules.detection.chance import LARGEST, limits_of, tail_of
from haechi.engines.rules.detection.fixtures import run_case
from haechi.engines.rules.detection.measures import usual_repeats
from haechi.engines.rules.detection.ranking import choose
from haechi.engines.rules.detection.rows import Rows
from haechi.engines.rules.detection.rules import WEAK
from haechi.engines.rules.detection.windows import History, Seats, dispersion

RULES = {rule.id: rule for rule in load_rules(policy_file("detection"))}


def test_the_sum_of_terms_is_the_poisson_law():
    at_most = sum(math.exp(-2.5) * 2.5**k / math.factorial(k) for k in range(6))
    assert tail_of(6, 2.5, spread=1.0) == pytest.approx(1 - at_most)


@pytest.mark.parametrize("spread", [1.0, 1.5, 4.0])
@pytest.mark.parametrize("mean", [0.05, 0.7, 3.0, 12.0, 90.0])
def test_a_limit_is_the_least_count_that_chance_hardly_reaches(mean, spread):
    (limit,) = limits_of(np.array([mean]), tail=1e-4, spread=spread)
    assert tail_of(int(limit), mean, spread=spread) <= 1e-4
    # The table rounds the mean up by less than three per cent.
    assert tail_of(int(limit) - 1, mean * 1.03, spread=spread) > 1e-4


def test_limits_grow_with_what_is_expected_and_stay_unknown_where_it_is():
    limits = limits_of(np.array([0.0, 1.0, 10.0, LARGEST, 2 * LARGEST, np.nan]), tail=1e-3, spread=1.3)
    assert np.isnan(limits[-1])
    assert (np.diff(limits[:-1]) > 0).all()
    assert limits[4] == pytest.approx(2 * limits[3], abs=1)


def test_scatter_is_near_one_for_chance_and_large_for_bad_days():
    chance, group = np.random.default_rng(3), np.zeros(60, np.int64)
    even, clumped, whole = History(40), History(40), History(40)
    active, day = np.ones(60, bool), np.full(60, 50.0)
    for _ in range(40):
        even.add(chance.binomial(50, 0.1, 60).astype(float), active)
        clumped.add(np.where(chance.random(60) < 0.1, 50.0, 0.0), active)
        whole.add(day, active)
    assert dispersion(even, whole, group, 40)[0] == pytest.approx(1.0, abs=0.15)
    assert dispersion(clumped, whole, group, 40)[0] > 20


def _looks(pairs: list[tuple[int, int, int]]) -> Rows:
    handler = np.concatenate([np.full(n, who) for who, _, n in pairs])
    subject = np.concatenate([np.full(n, whom) for _, whom, n in pairs])
    n = len(handler)
    return Rows(
        handler.astype(np.int32), np.arange(n), np.zeros(n, np.int64), subject.astype(np.int64), np.ones(n, np.int8),
        np.ones(n, np.int32), np.zeros(n, np.int64), np.zeros(n, bool), np.arange(n),
    )  # fmt: skip


def test_work_that_meets_the_same_people_again_sets_its_own_limit():
    group = np.array([0] * 20 + [1] * 20)
    rare = [(who, who, 1) for who in range(20)]
    often = [(who, who * 100 + at, 2 + at % 4) for who in range(20, 40) for at in range(12)]
    limits = usual_repeats(_looks([*rare, *often]), group, tail=0.002)
    assert limits[0] == 0
    assert limits[25] > 8


def test_a_seat_belongs_to_whom_it_nearly_always_served_and_memory_ends():
    seats, handler, place = Seats(10), np.array([0, 1], np.int32), np.array([70, 71])
    assert not seats.foreign(handler, place).any()
    for _ in range(6):
        seats.add(handler, place)
    assert seats.foreign(np.array([1, 0, 0], np.int32), np.array([70, 70, 72])).tolist() == [True, False, False]
    assert seats.strange(np.array([1, 0, 0], np.int32), np.array([70, 70, 72])).tolist() == [True, False, True]
    for _ in range(10):
        seats.add(np.array([0, 1], np.int32), np.array([80, 81]))
    assert seats.strange(np.array([0], np.int32), np.array([70])).all()
    assert not seats.foreign(np.array([1], np.int32), np.array([70])).any()


def test_one_look_is_told_weakly_and_a_second_one_gravely_the_next_day():
    rule = RULES["watched_public"]
    story = {"watch": {"public": ["s"]}, "rows": [{"days": [-5, 0], "n": 10, "case": True}, {"days": [-1, 0], "n": 1, "subject": "s"}]}  # fmt: skip
    weak, grave = run_case(rule, story)
    assert (weak.value, weak.precedence, grave.value, grave.precedence) == (1, WEAK, 2, rule.precedence)


def test_two_rules_of_one_kind_are_one_piece_of_evidence():
    (alert, *_) = run_case(RULES["no_case"], RULES["no_case"].cases["normal"])
    grave = dataclasses.replace(alert, id="g", handler="grave", precedence=1)
    same = [dataclasses.replace(alert, id=f"s{at}", handler="same", rule=f"r{at}", kind="case") for at in range(2)]
    both = [dataclasses.replace(alert, id=f"b{at}", handler="both", rule=f"r{at}", kind=kind) for at, kind in enumerate(("case", "time"))]  # fmt: skip
    weak = [dataclasses.replace(alert, id="w0", handler="weak"), dataclasses.replace(alert, id="w1", handler="weak", kind="place", precedence=WEAK)]  # fmt: skip
    order = [one.handler for one in choose([grave, *same, *both, *weak], 100, share=0.02)]
    assert set(order[:2]) == {"grave", "both"}
    assert set(order[2:]) == {"same", "weak"}
