"""An official refits retrieval on the city's own questions: what is learned must help questions that were not seen."""

from __future__ import annotations

import numpy as np
import pytest
from bench.retrieval_fitting import (
    Candidates,
    Groups,
    Pairs,
    Turn,
    as_sayings,
    contrast,
    fitted_weights,
    learned_turn,
    split,
)

SIZE, THINGS = 24, 30


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def told_otherwise(seed: int = 3) -> tuple[Pairs, Pairs, Pairs]:
    """(to learn from, held out, sayings). Questions are their passage seen through a turn that is the same for all."""
    chance = np.random.default_rng(seed)
    passages = unit(chance.standard_normal((THINGS, SIZE)))
    sentences = unit(np.repeat(passages, 2, axis=0) + 0.1 * chance.standard_normal((2 * THINGS, SIZE)))
    views = (Groups(passages, np.arange(THINGS)), Groups(sentences, np.arange(0, 2 * THINGS, 2)))
    away = 0.5 * chance.standard_normal((SIZE, 4)) @ chance.standard_normal((4, SIZE))

    def asked(count: int) -> Pairs:
        right = np.arange(count) % THINGS
        questions = passages[right] + passages[right] @ away + 0.15 * chance.standard_normal((count, SIZE))
        return Pairs(unit(questions), right, views, batch=64)

    means = unit(chance.standard_normal((6, SIZE)))
    spoken = np.repeat(chance.standard_normal((6, SIZE)), 2, axis=0) + 0.1 * chance.standard_normal((12, SIZE))
    sayings = as_sayings(unit(spoken), np.arange(0, 12, 2), means)
    return asked(600), asked(150), sayings


def first_places(pairs: Pairs, turned: np.ndarray) -> float:
    near = sum(view.nearest(turned)[0] for view in pairs.views)
    return float((near.argmax(axis=1) == pairs.right).mean())


def test_the_learned_turn_ranks_questions_that_it_never_saw() -> None:
    learn, held_out, sayings = told_otherwise()

    turn = learned_turn(learn, sayings, rank=8, passes=30, seed=0)

    assert turn.losses[-1] < 0.5 * turn.losses[0]
    before, after = first_places(held_out, held_out.questions), first_places(held_out, turn(held_out.questions))
    assert after > before + 0.2, (before, after)


def test_the_lexicon_moves_sayings_to_their_administrative_words() -> None:
    learn, _, sayings = told_otherwise()
    right = np.arange(len(sayings.right))

    without = contrast(learned_turn(learn, None, rank=8, passes=10), sayings, right)[0]
    taught = contrast(learned_turn(learn, sayings, rank=8, passes=10), sayings, right)[0]

    assert taught < without


def test_the_same_seed_gives_the_same_turn_and_another_seed_another() -> None:
    learn, _, sayings = told_otherwise()
    first, again, other = (learned_turn(learn, sayings, rank=4, passes=2, seed=seed) for seed in (5, 5, 6))

    assert np.array_equal(first.a, again.a)
    assert np.array_equal(first.b, again.b)
    assert not np.array_equal(first.b, other.b)


def test_the_slopes_are_those_of_the_loss() -> None:
    learn, _, _ = told_otherwise()
    chance = np.random.default_rng(1)
    # Double precision: a difference quotient of single-precision losses would be mostly rounding.
    views = tuple(Groups(view.vectors.astype(float), view.starts) for view in learn.views)
    pairs = Pairs(learn.questions.astype(float), learn.right, views)
    turn = Turn(0.1 * chance.standard_normal((SIZE, 4)), 0.1 * chance.standard_normal((4, SIZE)))
    rows = np.arange(20)
    _, slope_a, slope_b = contrast(turn, pairs, rows)

    for array, slope in ((turn.a, slope_a), (turn.b, slope_b)):
        for place in ((0, 0), (2, 3), (3, 1)):
            kept, losses = array[place], []
            for moved in (kept + 1e-5, kept - 1e-5):
                array[place] = moved
                losses.append(contrast(turn, pairs, rows)[0])
            array[place] = kept
            assert slope[place] == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-2, abs=1e-4)


def judged(count: int = 400) -> list[Candidates]:
    """The right passage is drawn by weights 3, 1, 0; the third feature says nothing."""
    chance = np.random.default_rng(8)
    made = []
    for _ in range(count):
        values = chance.standard_normal((int(chance.integers(5, 12)), 3))
        scores = np.exp(values @ np.array([3.0, 1.0, 0.0]))
        made.append(Candidates(values, int(chance.choice(len(values), p=scores / scores.sum()))))
    return made


def test_weights_are_found_again_from_what_they_ranked() -> None:
    weights = fitted_weights(judged(), decay=0.0)

    assert weights == pytest.approx([3.0, 1.0, 0.0], abs=0.5)
    assert weights[0] > weights[1] > abs(weights[2])


def test_an_answer_that_no_stage_brought_teaches_nothing() -> None:
    known = judged(100)
    lost = Candidates(np.full((4, 3), 9.0), None)

    assert np.array_equal(fitted_weights([*known, lost]), fitted_weights(known))
    with pytest.raises(ValueError, match="among the candidates"):
        fitted_weights([lost])


def test_the_split_keeps_questions_apart_and_does_not_depend_on_their_order() -> None:
    keys = [f"q{number}" for number in range(50)]
    fit, choose = split(keys, choose=10)

    assert len(choose) == 10
    assert sorted(fit + choose) == sorted(keys)
    assert split(keys[::-1], choose=10) == (fit, choose)
