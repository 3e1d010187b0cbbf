"""Dense vectors by key: the best of a key's vectors counts, over the partitions that a reader may read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from haechi.core.errors import InvalidInput

from .clusters import Clusters, Floats, assign, cluster
from .files import Arrays
from .keys import Asked, KeyTable
from .postings import merged_rows
from .segments import Rows, Runs, Segment, SegmentedStore, View

Storage = Literal["float32", "int8"]
BLOCK = 512
"""Vectors that are multiplied at a time: they stay in the processor's cache, and the product stays on one thread (BLAS
spreads larger ones over all cores, which on a busy machine took ten times as long)."""


@dataclass(frozen=True, slots=True)
class VectorRow:
    """The vectors of one key: shape (dimensions,) or (several, dimensions)."""

    key: str
    partition: str
    vectors: NDArray[np.floating[Any]]


class VectorSegment(Segment):
    """n rows, m ≥ n vectors. data (m, dimensions): float32 or int8; scales (m): int8 × scale = value (ones for float32).

    vector_starts (n+1): first vector of each row. clusters: inverted lists, where the segment is one large partition.
    """

    def __init__(
        self,
        keys: KeyTable,
        partitions: tuple[str, ...],
        starts: NDArray[np.int64],
        data: NDArray[Any],
        scales: Floats,
        vector_starts: NDArray[np.int64],
        clusters: Clusters | None = None,
    ) -> None:
        super().__init__()
        self.keys, self.partitions, self.starts = keys, partitions, starts
        self.data, self.scales, self.vector_starts, self.clusters = data, scales, vector_starts, clusters
        self.pinned = clusters is not None
        self.longest = float(np.sqrt(self._squares().max(initial=0.0)))

    def _squares(self) -> NDArray[np.float64]:
        steps = range(0, len(self.data), BLOCK)
        blocks = [np.square(self.data[at : at + BLOCK], dtype=np.float32).sum(axis=1) for at in steps]
        return np.concatenate([np.zeros(1), *blocks])[1:] * self.scales.astype(np.float64) ** 2

    def arrays(self) -> Arrays:
        """What is saved, under the names of the class docstring, with keys and, where there are any, inverted lists."""
        own = {"starts": self.starts, "data": self.data, "scales": self.scales, "vector_starts": self.vector_starts}
        return own | self.keys.as_arrays() | (self.clusters.as_arrays() if self.clusters else {})

    @classmethod
    def from_arrays(cls, arrays: Arrays, partitions: tuple[str, ...]) -> Self:
        """A saved segment over its mapped arrays. Reads the data once for the longest vector; KeyError when one is missing."""
        names = ("starts", "data", "scales", "vector_starts")
        own = (arrays[name] for name in names)
        return cls(KeyTable.from_arrays(arrays), partitions, *own, clusters=Clusters.from_arrays(arrays))  # type: ignore[arg-type]

    def row_sizes(self) -> None:
        """None: inner products need no statistics over the partitions."""

    def products(self, first: int, end: int, question: Floats) -> Floats:
        """Inner products of the vectors first..end with the question, to float32's precision."""
        products = np.empty(end - first, np.float32)
        buffer = np.empty((min(BLOCK, end - first), self.data.shape[1]), np.float32)
        for at in range(first, end, BLOCK):
            block = self.data[at : min(at + BLOCK, end)]
            if block.dtype != np.float32:
                np.copyto(buffer[: len(block)], block)
                block = buffer[: len(block)]
            np.dot(block, question, out=products[at - first : at - first + len(block)])
        return products if self.data.dtype == np.float32 else products * self.scales[first:end]

    def exact(self, rows: Rows, question: NDArray[np.float64]) -> NDArray[np.float64]:
        """The best inner product of each row, in float64, the same whatever else the segment holds."""
        if not len(rows):
            return np.zeros(0)
        vectors = self._vectors_of(rows)
        counts = self.vector_starts[rows + 1] - self.vector_starts[rows]
        first = np.cumsum(counts) - counts
        values = (self.data[vectors].astype(np.float64) * question).sum(axis=1) * self.scales[vectors]
        return np.maximum.reduceat(values, first)

    def _vectors_of(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """The vector numbers of these rows, row by row."""
        counts = self.vector_starts[rows + 1] - self.vector_starts[rows]
        first = np.cumsum(counts) - counts
        return np.repeat(self.vector_starts[rows] - first, counts) + np.arange(counts.sum())

    def values(self, vectors: NDArray[np.integer[Any]]) -> Floats:
        """These vectors as float32."""
        return self.data[vectors].astype(np.float32) * self.scales[vectors][:, None]

    def rough(self, runs: Runs, question: Floats) -> Floats:
        """The best inner product of each row of the runs to float32's precision, -inf elsewhere."""
        rough = np.full(len(self), -np.inf, np.float32)
        for first, end in runs:
            begin, stop = int(self.vector_starts[first]), int(self.vector_starts[end])
            products = self.products(begin, stop, question)
            several = stop - begin > end - first
            rough[first:end] = (
                np.maximum.reduceat(products, self.vector_starts[first:end] - begin) if several else products
            )
        return rough

    def near(self, clusters: Clusters, question: Floats) -> Floats:
        """The same for the rows whose lists are near the question; -inf for the others."""
        rough = np.full(len(self), -np.inf, np.float32)
        single = len(self.data) == len(self)
        for first, end in clusters.near(question):
            members = clusters.members[first:end]
            if single and len(members) and members[-1] - members[0] == len(members) - 1:
                rough[members[0] : members[-1] + 1] = self.products(int(members[0]), int(members[-1]) + 1, question)
            else:
                owners = np.searchsorted(self.vector_starts, members, side="right") - 1
                np.maximum.at(rough, owners, self.values(members) @ question)
        return rough

    def clustered(self) -> tuple[Self, Rows]:
        """The same rows with inverted lists, list by list, and old row → new row.

        Rows are taken in the order of their keys, so that the lists depend on the rows alone.
        """
        by_key = np.argsort(self.keys.rank)
        canonical = self._vectors_of(by_key)
        centroids, owner = assign(len(canonical), lambda numbers: self.values(canonical[numbers]))
        first = np.concatenate([[0], np.cumsum(np.diff(self.vector_starts)[by_key])])[:-1]
        placed = np.argsort(owner[first], kind="stable")
        order = by_key[placed]
        owners = np.empty(len(owner), np.int32)
        owners[canonical] = owner
        counts = np.diff(self.vector_starts)[order]
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        vectors = self._vectors_of(order)
        texts = self.keys.texts()
        keys = KeyTable.build([texts[row] for row in order.tolist()])
        data, scales = self.data[vectors], self.scales[vectors]
        moved = np.empty(len(order), np.int32)
        moved[order] = np.arange(len(order), dtype=np.int32)
        plain = type(self)(keys, self.partitions, self.starts, data, scales, starts)
        lists = cluster(centroids, owners[vectors], plain.values)
        return type(self)(keys, self.partitions, self.starts, data, scales, starts, lists), moved


class VectorIndex(SegmentedStore[VectorSegment]):
    """Inner product search. Vectors are taken as given: give unit vectors for cosine.

    storage "int8" keeps a quarter of the bytes with one scale a vector (error of a product about 0.5 %; of the
    ten nearest of 600 real questions among 5,448 sentences it keeps 98.4 %).
    Exact up to `lists_from` keys a partition; above, a partition gets a segment of its own with inverted lists (recall:
    see clusters), built in the background from that partition alone, so that others' vectors cannot show in what it misses.
    """

    kind = "vectors"
    segment_type = VectorSegment

    def __init__(
        self, dimensions: int, *, storage: Storage = "float32", lists_from: int = 50_000, **layout: int
    ) -> None:
        super().__init__(**layout)
        self._lists_from = lists_from
        self.dimensions, self.storage = dimensions, storage

    def settings(self) -> dict[str, Any]:
        """Dimensions and storage, which the saved numbers depend on; not where lists begin, which can change at any time."""
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
        chosen = None if mask is None else Asked(mask)
        if limit > 0:
            for view in self._views:
                best.extend(_search_view(view, single, readable, limit, chosen))
        best.sort(key=lambda hit: (-hit[0], hit[1]))
        return [(key, score) for score, key in best[:limit]]

    def score(
        self, question: NDArray[np.floating[Any]], keys: Iterable[str], partitions: Collection[str]
    ) -> dict[str, float]:
        """The same scores for given keys; unreadable and unknown keys are left out."""
        wanted, single = Asked(keys), np.asarray(question, np.float32).reshape(-1).astype(np.float64)
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

    def optimize(self) -> None:
        """Merge as the other stores do, then give every large partition its inverted lists: minutes for a million vectors."""
        super().optimize()
        while name := self._large():
            self._give_lists(name)

    def _large(self) -> str:
        """A partition with so many rows outside lists that it gets a segment with lists, or ""."""
        loose: dict[str, int] = {}
        for view in self._views:
            for name, count in view.counts.items():
                if not view.segment.pinned:
                    loose[name] = loose.get(name, 0) + count
                elif len(view.deleted) > view.live:
                    return name
        return next((name for name in sorted(loose) if loose[name] >= self._lists_from), "")

    def _has_work(self) -> bool:
        return super()._has_work() or bool(self._large())

    def _work(self) -> None:
        super()._work()
        while name := self._large():
            self._give_lists(name)
            super()._work()

    def _give_lists(self, partition: str) -> None:
        """Move a partition's rows out of the shared segments, and its smaller segments with lists, into one with lists."""
        group, rows = [], 0
        for view in sorted(self._views, key=lambda view: (view.segment.pinned, view.live)):
            count = view.counts.get(partition, 0)
            if count and (not view.segment.pinned or rows + count <= self._largest):
                rows += count
                at = view.segment.partitions.index(partition)
                others = np.ones(len(view.segment), bool)
                others[view.segment.starts[at] : view.segment.starts[at + 1]] = False
                group.append(view.without(np.flatnonzero(others).tolist()))
        segment, moved = self._merge(group)
        if segment is None:
            return
        if len(segment) < self._lists_from // 2:
            self._swap(group, segment, moved)
            return
        listed, places = segment.clustered()
        self._swap(group, listed, [np.where(old >= 0, places[old], -1).astype(np.int32) for old in moved])

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
    mask: Asked | None,
) -> list[tuple[float, str]]:
    """Candidates by BLAS, whose last bits depend on the shape of the matrix; then exact scores and ties by key."""
    segment = view.segment
    runs = view.runs(readable)
    if not runs:
        return []
    if mask is not None:
        found = view.find(mask).values()
        rows = np.array(sorted(row for row in found if any(first <= row < end for first, end in runs)), np.int32)
    else:
        rows = _candidates(view, question, runs, limit)
    scores = segment.exact(rows, question.astype(np.float64))
    order = np.lexsort((segment.keys.rank[rows], -scores))[:limit]
    return [(float(scores[at]), segment.keys.text(int(rows[at]))) for at in order.tolist()]


def _candidates(view: View[VectorSegment], question: Floats, runs: Runs, limit: int) -> Rows:
    """Live rows that may be among the `limit` best."""
    segment = view.segment
    rough = segment.near(segment.clusters, question) if segment.clusters is not None else segment.rough(runs, question)
    rough[view.deleted] = -np.inf
    rows = np.flatnonzero(rough > -np.inf)
    if len(rows) > limit:
        slack = 1e-5 * segment.longest * float(np.linalg.norm(question))
        edge = np.partition(rough[rows], len(rows) - limit)[len(rows) - limit] - slack
        rows = rows[rough[rows] >= edge]
    return rows.astype(np.int32)
