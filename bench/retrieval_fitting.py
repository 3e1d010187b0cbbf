"""What fits the parameters of retrieval, as pure functions: the turn of the question's vector and the fusion weights.

Used by `fit_retrieval.py`. numpy only; every random choice comes from the seed that the caller gives.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Numbers = NDArray[np.int64]

SPLIT_SEED = 7
"""Behind the shipped files. Another number would let the adapter see questions that the weights were chosen on."""
_TEMPERATURE = np.float32(0.02)
_BATCH, _SAYINGS_BATCH = 128, 64
_RATE, _DECAY = 3e-3, 1e-3
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8
"""Adam's usual constants."""


def split(keys: Sequence[str], choose: int = 1500, seed: int = SPLIT_SEED) -> tuple[list[str], list[str]]:
    """(fit, choose): the keys in a seeded order that does not depend on the order in which they came."""
    order = sorted(keys)
    random.Random(seed).shuffle(order)
    return order[choose:], order[:choose]


@dataclass(frozen=True, slots=True)
class Groups:
    """Vectors of which several belong to one thing. vectors: (n, dimensions). starts: (things,), first row of each."""

    vectors: Matrix
    starts: Numbers

    @property
    def sizes(self) -> Numbers:
        """Rows of each thing."""
        return np.diff(self.starts, append=len(self.vectors))

    def nearest(self, turned: Matrix) -> tuple[Matrix, Matrix]:
        """(best cosine, (questions, things); share of each row in it, (questions, n): 1 for the nearest of its thing)."""
        cosines = turned @ self.vectors.T
        best = np.maximum.reduceat(cosines, self.starts, axis=1)
        picked = (cosines == np.repeat(best, self.sizes, axis=1)).astype(np.float32)
        picked /= np.repeat(np.add.reduceat(picked, self.starts, axis=1), self.sizes, axis=1)
        return best, picked

    def back(self, slope: Matrix, picked: Matrix) -> Matrix:
        """Slope by thing → slope by the question's vector."""
        return (np.repeat(slope, self.sizes, axis=1) * picked) @ self.vectors


@dataclass(frozen=True, slots=True)
class Pairs:
    """What a question should lie near. questions: (n, dimensions). right: (n,), number of the thing that answers.

    views: each tells all the things anew (whole passages, their sentences); their cosines count alike.
    """

    questions: Matrix
    right: Numbers
    views: tuple[Groups, ...]
    batch: int = _BATCH


@dataclass(slots=True)
class Turn:
    """q → q + (q · a) · b, made a unit vector. losses: mean of each pass over the questions, without the decay."""

    a: Matrix
    b: Matrix
    losses: list[float] = field(default_factory=list)

    def __call__(self, questions: Matrix) -> Matrix:
        """Unit vectors, the shape of `questions`."""
        moved = questions + (questions @ self.a) @ self.b
        return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def cross_entropy(scores: Matrix, right: Numbers) -> tuple[float, Matrix]:
    """Mean of −log softmax at `right`, and its slope by the scores."""
    below = scores - scores.max(axis=1, keepdims=True)
    total = np.exp(below).sum(axis=1, keepdims=True)
    rows = np.arange(len(right))
    loss = float((np.log(total[:, 0]) - below[rows, right]).mean())
    shares = np.exp(below) / total
    shares[rows, right] -= 1.0
    return loss, shares / len(right)


def contrast(turn: Turn, pairs: Pairs, rows: Numbers) -> tuple[float, Matrix, Matrix]:
    """Loss of these rows of the pairs, and its slopes by a and b. The other things are the wrong answers."""
    questions = pairs.questions[rows]
    inner = questions @ turn.a
    moved = questions + inner @ turn.b
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    turned = moved / length
    found = [view.nearest(turned) for view in pairs.views]
    part = np.float32(1 / len(found)) / _TEMPERATURE
    loss, slope = cross_entropy(part * sum(best for best, _ in found), pairs.right[rows])
    back = part * sum(view.back(slope, picked) for view, (_, picked) in zip(pairs.views, found, strict=True))
    back = (back - (back * turned).sum(axis=1, keepdims=True) * turned) / length
    return loss, questions.T @ (back @ turn.b.T), inner.T @ back


def learned_turn(pairs: Pairs, sayings: Pairs | None, *, rank: int = 64, passes: int = 4, seed: int = 0) -> Turn:
    """The turn that brings questions to their answers and sayings to their administrative words, by Adam.

    Both losses count alike; the decay is on a · b, so that what was not asked about stays where it was.
    """
    chance = np.random.default_rng(seed)
    size = pairs.questions.shape[1]
    turn = Turn((0.05 * chance.standard_normal((size, rank))).astype(np.float32), np.zeros((rank, size), np.float32))
    adam = _Adam([turn.a, turn.b])
    for _ in range(passes):
        order, spoken = chance.permutation(len(pairs.right)), chance.permutation(len(sayings.right) if sayings else 0)
        total = 0.0
        for step, at in enumerate(range(0, len(order), pairs.batch)):
            rows = order[at : at + pairs.batch]
            loss, slope_a, slope_b = contrast(turn, pairs, rows)
            total += loss * len(rows)
            if sayings is not None:
                start = (step * sayings.batch) % len(spoken)
                more, more_a, more_b = contrast(turn, sayings, spoken[start : start + sayings.batch])
                total += more * len(rows)
                slope_a, slope_b = slope_a + more_a, slope_b + more_b
            whole = 2 * np.float32(_DECAY) * (turn.a @ turn.b)
            adam.step([slope_a + whole @ turn.b.T, slope_b + turn.a.T @ whole])
        turn.losses.append(total / len(order))
    return turn


def as_sayings(phrases: Matrix, starts: Numbers, means: Matrix) -> Pairs:
    """Each saying of the lexicon should lie near the administrative words of its situation."""
    sizes = np.diff(starts, append=len(phrases))
    situations = Groups(means, np.arange(len(means)))
    return Pairs(phrases, np.repeat(np.arange(len(means)), sizes), (situations,), batch=_SAYINGS_BATCH)


class _Adam:
    """Changes its arrays in place."""

    def __init__(self, arrays: Sequence[Matrix]) -> None:
        self._arrays = arrays
        self._means = [np.zeros_like(array) for array in arrays]
        self._squares = [np.zeros_like(array) for array in arrays]
        self._steps = 0

    def step(self, slopes: Sequence[Matrix]) -> None:
        self._steps += 1
        first, second = 1 - _FIRST**self._steps, 1 - _SECOND**self._steps
        for array, mean, square, slope in zip(self._arrays, self._means, self._squares, slopes, strict=True):
            mean += (1 - _FIRST) * (slope - mean)
            square += (1 - _SECOND) * (slope * slope - square)
            array -= (_RATE / first * mean / (np.sqrt(square / second) + _TINY)).astype(np.float32)


# --- fusion weights --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidates:
    """values: (candidates, features) of one question. right: row of the passage that answers, or None: not found."""

    values: NDArray[np.float64]
    right: int | None


def fitted_weights(questions: Sequence[Candidates], decay: float = 1e-3, steps: int = 50) -> NDArray[np.float64]:
    """Weights, (features,), of the listwise softmax over candidates, by Newton's method (the loss is convex).

    Questions whose answer no stage brought teach nothing and are left out. Raises ValueError where none is left.
    """
    usable = [question for question in questions if question.right is not None]
    if not usable:
        raise ValueError("no question has its answer among the candidates")
    starts = np.cumsum([0, *(len(question.values) for question in usable)])[:-1]
    rows = np.concatenate([question.values for question in usable])
    right = starts + np.array([question.right for question in usable])
    weights = np.ones(rows.shape[1])
    loss, slope, bend = _listwise(rows, starts, right, weights, decay)
    for _ in range(steps):
        move, share = np.linalg.solve(bend, slope), 1.0
        while True:
            tried = _listwise(rows, starts, right, weights - share * move, decay)
            if tried[0] <= loss or share < 1e-6:
                break
            share /= 2
        gained = loss - tried[0]
        weights, (loss, slope, bend) = weights - share * move, tried
        if gained < 1e-10:
            break
    return weights


def _listwise(
    rows: NDArray[np.float64], starts: Numbers, right: Numbers, weights: NDArray[np.float64], decay: float
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Loss, slope and second derivative."""
    sizes, count = np.diff(starts, append=len(rows)), len(starts)
    scores = rows @ weights
    shifted = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), sizes))
    shares = shifted / np.repeat(np.add.reduceat(shifted, starts), sizes)
    weighed = rows * shares[:, None]
    middle = np.add.reduceat(weighed, starts)
    loss = float(-np.log(shares[right] + 1e-12).mean() + decay * weights @ weights)
    slope = (middle.sum(axis=0) - rows[right].sum(axis=0)) / count + 2 * decay * weights
    bend = (weighed.T @ rows - middle.T @ middle) / count + 2 * decay * np.eye(len(weights))
    return loss, slope, bend
