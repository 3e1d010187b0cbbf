"""Statistics of a trial: pure functions on numbers. Paired t with its interval, bootstrap, Cohen's kappa.

Sources: Student (1908), paired t; Efron (1979), percentile bootstrap; Cohen (1960, 1968), kappa and weighted kappa;
the incomplete beta function by its continued fraction (Lentz), Numerical Recipes §6.4. Nothing beyond numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, lgamma, log, log1p, sqrt

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """A mean difference with its interval at `level`. n: pairs. p: two-sided, None where no test was made."""

    mean: float
    low: float
    high: float
    n: int
    level: float
    method: str
    p: float | None = None

    @property
    def flat(self) -> bool:
        """Whether every pair differs by the same: nothing then tells how sure the mean is, and the interval is no interval."""
        return self.low == self.high

    @property
    def clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return not self.flat and (self.low > 0 or self.high < 0)


def paired_t(before: Sequence[float], after: Sequence[float], *, level: float = 0.95) -> Effect | None:
    """after − before over pairs, Student's t. None with fewer than two pairs.

    ValueError for sequences of different length, numbers that are not finite, a level outside (0, 1). All differences equal:
    `flat`, without p, because nothing tells how sure the mean is.
    """
    differences = _differences(before, after)
    _level(level)
    n = len(differences)
    if n < 2:
        return None
    mean, spread = float(np.mean(differences)), float(np.std(differences, ddof=1))
    if spread == 0:
        return Effect(mean, mean, mean, n, level, "paired t")
    error = spread / sqrt(n)
    reach = t_quantile((1 + level) / 2, n - 1) * error
    p = 2 * (1 - t_cdf(abs(mean / error), n - 1))
    return Effect(mean, mean - reach, mean + reach, n, level, "paired t", min(1.0, p))


def paired_bootstrap(
    before: Sequence[float], after: Sequence[float], *, level: float = 0.95, draws: int = 10_000, seed: int = 20250401
) -> Effect | None:
    """after − before, percentile bootstrap of the mean; the same seed gives the same interval. None with fewer than two pairs.

    O(draws × pairs) time, in blocks of a thousand draws.
    """
    differences = _differences(before, after)
    _level(level)
    n = len(differences)
    if n < 2:
        return None
    chance = np.random.default_rng(seed)
    means = np.concatenate(
        [
            differences[chance.integers(0, n, size=(min(1000, draws - at), n))].mean(axis=1)
            for at in range(0, draws, 1000)
        ]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Effect(float(np.mean(differences)), float(low), float(high), n, level, f"bootstrap {draws:,}, seed {seed}")


def kappa(first: Sequence[int], second: Sequence[int], *, weighted: bool = False) -> float | None:
    """Cohen's kappa of two raters over the same items; weighted: with quadratic weights, for ordered scores.

    1: they always agree; 0: as often as chance would. None without items, and where both gave one and the same score to
    everything, because chance alone then agrees always. ValueError for sequences of different length.
    """
    if len(first) != len(second):
        raise ValueError("both raters rate the same items")
    scores = sorted({*first, *second})
    if not first or len(scores) < 2:
        return None
    place = {score: at for at, score in enumerate(scores)}
    seen = np.zeros((len(scores), len(scores)))
    for one, other in zip(first, second, strict=True):
        seen[place[one], place[other]] += 1
    seen /= seen.sum()
    chance = np.outer(seen.sum(axis=1), seen.sum(axis=0))
    values = np.array(scores, dtype=float)
    wrong = (values[:, None] - values[None, :]) ** 2 if weighted else 1.0 - np.eye(len(scores))
    expected = float((wrong * chance).sum())
    return None if expected == 0 else 1.0 - float((wrong * seen).sum()) / expected


def agreement(kappa_value: float | None) -> tuple[str, str]:
    """Landis and Koch's (1977) words for a kappa."""
    if kappa_value is None:
        return "판단할 수 없음", "cannot be judged"
    for up_to, words in (
        (0.0, ("일치하지 않음", "poor")), (0.2, ("약함", "slight")), (0.4, ("낮음", "fair")), (0.6, ("보통", "moderate")),
        (0.8, ("상당함", "substantial")),
    ):  # fmt: skip
        if kappa_value <= up_to:
            return words
    return "매우 높음", "almost perfect"


# --- Student's t -----------------------------------------------------------------------------------------------------


def t_cdf(t: float, df: float) -> float:
    """P(T ≤ t) for Student's t with df degrees of freedom. ValueError for df ≤ 0."""
    if df <= 0:
        raise ValueError("degrees of freedom are positive")
    half = 0.5 * _beta_share(df / 2, 0.5, df / (df + t * t))
    return 1 - half if t > 0 else half


def t_quantile(p: float, df: float) -> float:
    """The t with P(T ≤ t) = p, to about 1e-10, by halving. ValueError for p outside (0, 1)."""
    _level(p)
    if p < 0.5:
        return -t_quantile(1 - p, df)
    low, high = 0.0, 1.0
    while t_cdf(high, df) < p:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, df) < p else (low, middle)
        if high - low < 1e-12 * max(1.0, high):
            break
    return (low + high) / 2


def _beta_share(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), 0 ≤ x ≤ 1."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Lentz's continued fraction; converges within a few dozen rounds for x below (a + 1) / (a + b + 2)."""
    tiny = 1e-300
    c, d = 1.0, 1 / _kept(1 - (a + b) * x / (a + 1), tiny)
    value = d
    for m in range(1, 500):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _kept(1 + step * d, tiny)
            c = _kept(1 + step / c, tiny)
            value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def _kept(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


# --- inside ----------------------------------------------------------------------------------------------------------


def _differences(before: Sequence[float], after: Sequence[float]) -> Floats:
    if len(before) != len(after):
        raise ValueError("each value before has one after")
    found: Floats = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    if not all(isfinite(value) for value in found):
        raise ValueError("a value is not a number")
    return found


def _level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError("a level lies between 0 and 1")
