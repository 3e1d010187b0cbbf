"""Honest figures: 95 % intervals and the machine they were taken on."""

from __future__ import annotations

import math
import os
import platform
import random
from collections.abc import Sequence

Z95 = 1.959963984540054


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion, within 0..1 (Wilson 1927, score interval). Raises ValueError for n = 0."""
    if n <= 0:
        raise ValueError("an interval needs cases")
    share = successes / n
    middle = share + Z95**2 / (2 * n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    whole = 1 + Z95**2 / n
    low, high = (middle - half) / whole, (middle + half) / whole
    # The formula's bounds meet 0, 1 and the share itself only up to rounding.
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def bootstrap(values: Sequence[float], seed: int, rounds: int = 1000) -> tuple[float, float]:
    """95 % percentile interval of the mean by resampling (Efron 1979), repeatable by `seed`."""
    if not values:
        raise ValueError("an interval needs cases")
    chance = random.Random(seed)
    means = sorted(sum(chance.choices(values, k=len(values))) / len(values) for _ in range(rounds))
    mean = sum(values) / len(values)
    return min(means[int(rounds * 0.025)], mean), max(means[int(rounds * 0.975) - 1], mean)


def machine() -> str:
    """Processor, cores and Python version, without the host name: "x86_64 · 2 cores · Python 3.11.2"."""
    return f"{platform.machine()} · {os.cpu_count()} cores · Python {platform.python_version()}"
