"""Dense vectors by key: the best of a key's vectors counts, over the partitions that a reader may read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from haechi.core.errors import InvalidInput

from .files import Arrays
from .keys import KeyTable
from .postings import merged_rows
from .segments import Rows, Segment, SegmentedStore, View

Storage = Literal["float32", "int8"]
Floats = NDArray[np.float32]
BLOCK = 8192
"""Rows that are turned from int8 to float32 at a time: they stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class VectorRow:
    """The vectors of one key: shape (dimensions,) or (several, dimensions)."""

    key: str
    partition: str
    vectors: NDArray[np.floating[Any]]


class VectorSegment(Segment):
    """n rows, m ≥ n vectors. data (m, dimensions): float32 or int8; scales (m): int8 × scale = value (ones for float32).

    vector_starts (n+1): first vector of each row.
    """

    def __init__(
        self,
        keys: KeyTable,
        partitions: tuple[str, ...],
        starts: NDArray[np.int64],
        data: NDArray[Any],
        scales: Floats,
        vector_starts: NDArray[np.int64],
    ) -> None:
        super().__init__()
        self.keys, self.partitions, self.starts = keys, partitions, starts
        self.data, self.scales, self.vector_starts = data, scales, vector_starts
        self.longest = float(np.sqrt(self._squares().max(initial=0.0)))

    def _squares(self) -> NDArray[np.float64]:
        steps = range(0, len(self.data), BLOCK)
        blocks = [np.square(self.data[at : at + BLOCK], dtype=np.float32).sum(axis=1) for at in steps]
        return np.concatenate([np.zeros(1), *blocks])[1:] * self.scales.astype(np.float64) ** 2

    def arrays(self) -> Arrays:
        own = {"starts": self.starts, "data": self.data, "scales": self.scales, "vector_starts": self.vector_starts}
        return own | self.keys.as_arrays()

    @classmethod
    def from_arrays(cls, arrays: Arrays, partitions: tuple[str, ...]) -> Self:
        names = ("starts", "data", "scales", "vector_starts")
        return cls(KeyTable.from_arrays(arrays), partitions, *(arrays[name] for name in names))  # type: ignore[arg-type]

    def row_sizes(self) -> None:
        return None

    def products(self, first: int, end: int, question: Floats) -> Floats:
        """Inner products of the vectors first..end with the question, to float32's precision."""
        data = self.data[first:end]
        if data.dtype == np.float32:
            return data @ question
        blocks = [data[at : at + BLOCK].astype(np.float32) @ question for at in range(0, len(data), BLOCK)]
        return np.concatenate(blocks) * self.scales[first:end]

    def exact(self, rows: Rows, question: NDArray[np.float64]) -> NDArray[np.float64]:
        """The best inner product of each row, in float64, the same whatever else the segment holds."""
        best = np.empty(len(rows))
        for number, row in enumerate(rows.tolist()):
            first, end = self.vector_starts[row], self.vector_starts[row + 1]
            values = (self.data[first:end].astype(np.float64) * question).sum(axis=1) * self.scales[first:end]
            best[number] = values.max()
        return best


class VectorIndex(SegmentedStore[VectorSegment]):
    """Inner product search. Vectors are taken as given: give unit vectors for cosine.

    storage "int8" keeps a quarter of the bytes with one scale a vector (error of a product about 0.5 %).
    """

    kind = "vectors"
    segment_type = VectorSegment

    def __init__(self, dimensions: int, *, storage: Storage = "float32", **layout: int) -> None:
        super().__init__(**layout)
        self.dimensions, self.storage = dimensions, storage

    def settings(self) -> dict[str, Any]:
        return {"dimensions": self.dimensions, "storage": self.storage}

    def add(self, rows: Iterable[VectorRow]) -> None:
        """Searchable when this returns; a known key is replaced. Raises InvalidInput on another number of dimensions."""
        distinct = {row.key: row for row in rows}
        if distinct:
            self._append(self._build(sorted(distinct.values(), key=lambda row: (row.partition, row.key))))

    def search(
        self,
        question: NDArray[np.floating[Any]],
        partitions: Collection[str],
        limit: int = 10,
        mask: Collection[str] | None = None,
    ) -> list[tuple[str, float]]:
        """The `limit` best (key, inner product), best first; equal ones in order of their keys. question: (dimensions,)."""
        readable, single = frozenset(partitions), np.ascontiguousarray(question, np.float32).reshape(-1)
        if len(single) != self.dimensions:
            raise self._wrong(len(single), "")
        best: list[tuple[float, str]] = []
        if limit > 0:
            for view in self._views:
                best.extend(_search_view(view, single, readable, limit, mask))
        best.sort(key=lambda hit: (-hit[0], hit[1]))
        return [(key, score) for score, key in best[:limit]]

    def score(
        self, question: NDArray[np.floating[Any]], keys: Iterable[str], partitions: Collection[str]
    ) -> dict[str, float]:
        """The same scores for given keys; unreadable and unknown keys are left out."""
        wanted, single = list(keys), np.asarray(question, np.float32).reshape(-1).astype(np.float64)
        found: dict[str, float] = {}
        for view in self._views:
            runs = view.runs(frozenset(partitions))
            rows = {
                key: row for key, row in view.find(wanted).items() if any(first <= row < end for first, end in runs)
            }
            values = view.segment.exact(np.fromiter(rows.values(), np.int32, len(rows)), single)
            found.update(zip(rows, values.tolist(), strict=True))
        return found

    def _build(self, rows: Sequence[VectorRow]) -> VectorSegment:
        groups = [np.asarray(row.vectors, np.float32).reshape(-1, row.vectors.shape[-1]) for row in rows]
        for row, group in zip(rows, groups, strict=True):
            if group.shape[1] != self.dimensions or not len(group):
                raise self._wrong(group.shape[1], row.key)
        vector_starts = np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64)
        names = sorted({row.partition for row in rows})
        placed = [row.partition for row in rows]
        starts = np.array([*(placed.index(name) for name in names), len(rows)], np.int64)
        data, scales = self._stored(np.concatenate(groups))
        return VectorSegment(
            KeyTable.build([row.key for row in rows]), tuple(names), starts, data, scales, vector_starts
        )

    def _stored(self, vectors: Floats) -> tuple[NDArray[Any], Floats]:
        if self.storage == "float32":
            return vectors, np.ones(len(vectors), np.float32)
        largest = np.abs(vectors).max(axis=1, initial=0.0)
        scales = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        return np.rint(vectors / scales[:, None]).astype(np.int8), scales

    def _merge(self, views: Sequence[View[VectorSegment]]) -> tuple[VectorSegment | None, list[Rows]]:
        keys, names, starts, moved = merged_rows(views)
        if not keys:
            return None, moved
        counts = np.zeros(len(keys), np.int64)
        for view, places in zip(views, moved, strict=True):
            counts[places[places >= 0]] = np.diff(view.segment.vector_starts)[places >= 0]
        vector_starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        data = np.empty((int(vector_starts[-1]), self.dimensions), views[0].segment.data.dtype)
        scales = np.empty(len(data), np.float32)
        for view, places in zip(views, moved, strict=True):
            old = view.segment.vector_starts
            owner = np.repeat(np.arange(len(view.segment)), np.diff(old))
            target = np.where(places[owner] >= 0, vector_starts[places[owner]] + np.arange(len(owner)) - old[owner], -1)
            data[target[target >= 0]] = view.segment.data[target >= 0]
            scales[target[target >= 0]] = view.segment.scales[target >= 0]
        return VectorSegment(KeyTable.build(keys), names, starts, data, scales, vector_starts), moved

    def _wrong(self, given: int, key: str) -> InvalidInput:
        return InvalidInput(
            f"벡터가 {given}차원인데 색인은 {self.dimensions}차원입니다.",
            next_step="같은 임베딩 모델로 다시 만든 벡터를 넣으세요.",
            record=key,
        )


def _search_view(
    view: View[VectorSegment],
    question: Floats,
    readable: frozenset[str],
    limit: int,
    mask: Collection[str] | None,
) -> list[tuple[float, str]]:
    """Candidates by BLAS, whose last bits depend on the shape of the matrix; then exact scores and ties by key."""
    segment = view.segment
    rough = np.full(len(segment), -np.inf, np.float32)
    for first, end in view.runs(readable):
        begin, stop = int(segment.vector_starts[first]), int(segment.vector_starts[end])
        products = segment.products(begin, stop, question)
        several = stop - begin > end - first
        rough[first:end] = (
            np.maximum.reduceat(products, segment.vector_starts[first:end] - begin) if several else products
        )
    rough[view.deleted] = -np.inf
    if mask is not None:
        kept = np.zeros(len(segment), bool)
        kept[list(view.find(mask).values())] = True
        rough[~kept] = -np.inf
    rows = np.flatnonzero(rough > -np.inf)
    if len(rows) > limit:
        slack = 1e-5 * segment.longest * float(np.linalg.norm(question))
        edge = np.partition(rough[rows], len(rows) - limit)[len(rows) - limit] - slack
        rows = rows[rough[rows] >= edge]
    scores = segment.exact(rows.astype(np.int32), question.astype(np.float64))
    order = np.lexsort((segment.keys.rank[rows], -scores))[:limit]
    return [(float(scores[at]), segment.keys.text(int(rows[at]))) for at in order.tolist()]
