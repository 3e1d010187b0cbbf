"""Scores of unlike stages → one score: normalised within the question, then a weighted sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_LEAST_SPREAD = 1e-3


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage's view of a question. best: its own ranking (key, score), best first. scores: exact, for candidates."""

    best: Sequence[tuple[str, float]]
    scores: Mapping[str, float]

    def rank(self, key: str) -> int | None:
        """Place from 1 in the stage's own ranking, or None below it."""
        return next((at for at, (name, _) in enumerate(self.best, 1) if name == key), None)


def shares(stage: Stage) -> dict[str, float]:
    """score / best score: 0..1. For stages whose scores start at 0 (BM25)."""
    top = max([score for _, score in stage.best[:1]] + list(stage.scores.values()), default=0.0)
    return {key: score / top if top > 0 else 0.0 for key, score in stage.scores.items()}


def coverages(stage: Stage, highest: float) -> dict[str, float]:
    """score / highest possible score: how much of the question the passage covers, 0..1.

    Unlike a share of the best score this stays small where no passage holds the question's words, so that a telling in
    the citizen's own words is left to the vectors without asking what kind of question it is.
    """
    return {key: score / highest if highest > 0 else 0.0 for key, score in stage.scores.items()}


def blended(first: Mapping[str, float], second: Mapping[str, float], share_of_second: float) -> dict[str, float]:
    """Weights between two sets."""
    names = sorted({*first, *second})
    return {
        name: (1 - share_of_second) * first.get(name, 0.0) + share_of_second * second.get(name, 0.0) for name in names
    }


def standings(stage: Stage, spread_over: int) -> dict[str, float]:
    """(score − mean) / spread, over the stage's `spread_over` best. For cosines, whose level says nothing."""
    values = np.array([score for _, score in stage.best[:spread_over]])
    if len(values) == 0:
        return dict.fromkeys(stage.scores, 0.0)
    mean, spread = float(values.mean()), max(float(values.std()), _LEAST_SPREAD)
    return {key: (score - mean) / spread for key, score in stage.scores.items()}


def fused(features: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]) -> dict[str, float]:
    """key → weighted sum. A key that a feature lacks gets that feature's least value (the stage did not know it)."""
    keys = sorted({key for feature in features.values() for key in feature})
    total = dict.fromkeys(keys, 0.0)
    for name, feature in features.items():
        weight = weights.get(name, 0.0)
        if weight == 0.0 or not feature:
            continue
        least = min(feature.values())
        for key in keys:
            total[key] += weight * feature.get(key, least)
    return total
