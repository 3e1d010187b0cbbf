"""How many of something chance alone brings about: limits from an expected number."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
LARGEST = 400.0
"""Expected numbers beyond it get the limit of LARGEST in proportion, which is on the safe side."""
STEPS = 400


def limits_of(expected: Values, *, tail: float, spread: float) -> Values:
    """The least count that comes about with a probability of at most `tail`, for each expected number (NaN stays NaN).

    Negative binomial with variance `spread` × mean (1 or less: Poisson). O(log STEPS) each, from a table made once.
    """
    means, limits = _table(tail, spread)
    at = np.minimum(np.searchsorted(means, expected), len(means) - 1)
    found = limits[at] * np.maximum(expected / LARGEST, 1.0)
    return np.where(np.isnan(expected), np.nan, np.ceil(found))


def tail_of(count: int, mean: float, *, spread: float) -> float:
    """P(X ≥ count), summed term by term: what the table is checked against."""
    return (
        float(1.0 - np.exp(_log_terms(np.array([mean]), max(1, count), spread)[0, :count]).sum()) if count > 0 else 1.0
    )


@lru_cache(maxsize=32)
def _table(tail: float, spread: float) -> tuple[Values, Values]:
    means = np.concatenate([[1e-6], np.geomspace(0.01, LARGEST, STEPS)])
    top = int(LARGEST + 12 * np.sqrt(LARGEST * max(1.0, spread)) + 60)
    below = np.cumsum(np.exp(_log_terms(means, top, spread)), axis=1)
    # The least count k with P(X ≥ k) = 1 − P(X ≤ k − 1) ≤ tail.
    return means, (below < 1.0 - tail).sum(axis=1).astype(np.float64) + 1.0


def _log_terms(means: Values, terms: int, spread: float) -> Values:
    """log P(X = 0 .. terms − 1) of each mean, shape (means, terms)."""
    step = np.arange(terms - 1)
    if spread <= 1.0:
        ratios = np.log(means)[:, None] - np.log(step + 1.0)
        first = -means
    else:
        size = (means / (spread - 1.0))[:, None]
        ratios = np.log(size + step) - np.log(step + 1.0) + np.log(1.0 - 1.0 / spread)
        first = -size[:, 0] * np.log(spread)
    return np.concatenate([first[:, None], first[:, None] + np.cumsum(ratios, axis=1)], axis=1)
