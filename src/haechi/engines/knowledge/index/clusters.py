"""Inverted lists over the vectors of one large partition: only the nearest lists are searched (IVF).

Centroids, lists and the number of lists that are searched come from the partition's own vectors alone. The number is the
smallest that finds 99.5 % of the ten nearest for trial questions (mixtures of two of the partition's own vectors, the
second with a third of the weight; the nearest, mostly one of the two, is left out), measured once when the lists are
made and then frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .files import Arrays

Floats = NDArray[np.float32]
Read = Callable[[NDArray[np.int64]], Floats]
"""Vector numbers → their float32 values, shape (numbers, dimensions)."""
SAMPLE, ROUNDS, STEP = 40_000, 6, 16_384
TRIALS, NEAREST, RECALL = 400, 11, 0.995


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """centroids (lists, dimensions). starts (lists+1) into members (vector numbers by list). probes: lists searched."""

    centroids: Floats
    starts: NDArray[np.int64]
    members: NDArray[np.int32]
    probes: int

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """What a saved segment holds of the lists, each name beginning with `list_`; no copies are made."""
        return {
            "list_centroids": self.centroids,
            "list_starts": self.starts,
            "list_members": self.members,
            "list_probes": np.array([self.probes]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Clusters | None:
        """The lists of a saved segment, over its mapped arrays; None when it was saved without lists."""
        if "list_probes" not in arrays:
            return None
        probes = int(arrays["list_probes"][0])
        return cls(arrays["list_centroids"], arrays["list_starts"], arrays["list_members"], probes)

    def near(self, question: Floats) -> list[tuple[int, int]]:
        """The ranges of `members` to search, ascending, neighbours joined."""
        order = np.sort(np.argpartition(-(self.centroids @ question), self.probes - 1)[: self.probes])
        ranges: list[tuple[int, int]] = []
        for first, end in zip(self.starts[order].tolist(), self.starts[order + 1].tolist(), strict=True):
            if ranges and ranges[-1][1] == first:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((first, end))
        return ranges


def assign(count: int, read: Read, seed: int = 0) -> tuple[Floats, NDArray[np.int32]]:
    """Centroids and the list of each vector (k-means on a sample, then one pass over all)."""
    noise = np.random.default_rng(seed)
    sample = read(np.sort(noise.permutation(count)[:SAMPLE]))
    lists = max(8, min(1024, int(2 * count**0.5), len(sample) // 16))
    centroids = sample[np.sort(noise.permutation(len(sample))[:lists])].copy()
    for _ in range(ROUNDS):
        nearest = _nearest(sample, centroids)
        order = np.argsort(nearest, kind="stable")
        filled, first = np.unique(nearest[order], return_index=True)
        means = np.add.reduceat(sample[order], first, axis=0) / np.bincount(nearest)[filled][:, None]
        centroids[filled] = means
    steps = [np.arange(at, min(at + STEP, count)) for at in range(0, count, STEP)]
    return centroids, np.concatenate([_nearest(read(step), centroids) for step in steps])


def cluster(centroids: Floats, owner: NDArray[np.int32], read: Read, seed: int = 0) -> Clusters:
    """The lists of already assigned vectors, with the number of probes measured."""
    members = np.argsort(owner, kind="stable").astype(np.int32)
    starts = np.searchsorted(owner[members], np.arange(len(centroids) + 1)).astype(np.int64)
    return Clusters(centroids, starts, members, _probes(centroids, owner, read, seed))


def _nearest(vectors: Floats, centroids: Floats) -> NDArray[np.int32]:
    """By distance: argmin |v - c|² = argmax v·c - |c|²/2."""
    half = np.square(centroids).sum(axis=1) / 2
    return np.argmax(vectors @ centroids.T - half, axis=1).astype(np.int32)


def _probes(centroids: Floats, owner: NDArray[np.int32], read: Read, seed: int) -> int:
    noise = np.random.default_rng(seed + 1)
    picked = noise.permutation(len(owner))[: 2 * TRIALS]
    first, second = np.array_split(read(picked), 2)
    questions = first[: len(second)] + second / 3
    best = np.full((len(questions), NEAREST), -np.inf, np.float32)
    found = np.zeros(best.shape, np.int64)
    for at in range(0, len(owner), STEP):
        step = np.arange(at, min(at + STEP, len(owner)))
        scores = np.concatenate([best, questions @ read(step).T], axis=1)
        numbers = np.concatenate([found, np.broadcast_to(step, (len(questions), len(step)))], axis=1)
        top = np.argpartition(-scores, NEAREST - 1, axis=1)[:, :NEAREST]
        best, found = np.take_along_axis(scores, top, 1), np.take_along_axis(numbers, top, 1)
    found = np.take_along_axis(found, np.argsort(-best, axis=1)[:, 1:], 1)
    places = np.argsort(np.argsort(-(questions @ centroids.T), axis=1), axis=1)
    needed = np.sort(np.take_along_axis(places, owner[found].astype(np.int64), 1).reshape(-1)) + 1
    return int(needed[min(int(np.ceil(RECALL * len(needed))), len(needed) - 1)])
