"""One immutable segment of the lexical index: sorted term hashes, postings in row order, weights, row lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .files import Arrays
from .keys import KeyTable, TextHashes
from .segments import Rows, Segment, View

UNIT = 64
"""Weights are kept as whole 64ths, so that lengths add up to the same total in any order."""
HEAVIEST = 65535
ROW_BITS, WEIGHT_BITS = 24, 16
_HASHES = TextHashes()


def term_hash(term: str) -> int:
    """The 64 bits by which the index knows a term. Among 10 million terms two share theirs with odds of 1 in 370,000."""
    return _HASHES[term]


@dataclass(frozen=True, slots=True)
class Row:
    """One passage for the lexical index. terms: term → count or weight above 0. partition: one access-tag tuple."""

    key: str
    partition: str
    terms: Mapping[str, float]


class Postings(Segment):
    """t terms, p postings, n rows. terms (t): hashes, ascending. term_starts (t+1). docs (p): rows, ascending within a
    term. weights (p): 64ths. lengths (n): sum of a row's weights in 64ths. peaks (t): the largest BM25 term part of a term
    in the segment when the average length is `reference`; scaled, it bounds the term part for every reader."""

    def __init__(
        self,
        keys: KeyTable,
        partitions: tuple[str, ...],
        starts: NDArray[np.int64],
        terms: NDArray[np.uint64],
        term_starts: NDArray[np.int64],
        docs: Rows,
        weights: NDArray[np.uint16],
        lengths: NDArray[np.int64],
        peaks: NDArray[np.float32],
    ) -> None:
        super().__init__()
        self.keys, self.partitions, self.starts = keys, partitions, starts
        self.terms, self.term_starts, self.docs, self.weights, self.lengths = terms, term_starts, docs, weights, lengths
        self.peaks, self.reference = peaks, reference_length(lengths)

    def arrays(self) -> Arrays:
        """What is saved, under the names of the class docstring; peaks too, their reference length is computed again."""
        return {
            "starts": self.starts,
            "terms": self.terms,
            "term_starts": self.term_starts,
            "docs": self.docs,
            "weights": self.weights,
            "lengths": self.lengths,
            "peaks": self.peaks,
            **self.keys.as_arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, partitions: tuple[str, ...]) -> Self:
        """A saved segment over its mapped arrays. O(n) for n rows (their lengths are summed); KeyError when one is missing."""
        names = ("starts", "terms", "term_starts", "docs", "weights", "lengths", "peaks")
        return cls(KeyTable.from_arrays(arrays), partitions, *(arrays[name] for name in names))  # type: ignore[arg-type]

    def row_sizes(self) -> NDArray[np.int64]:
        """Length of each row (n,), in 64ths of a term: the sums give BM25's average length."""
        return self.lengths

    def spans(self, hashes: NDArray[np.uint64]) -> tuple[list[int], list[int], list[float]]:
        """First posting, end of postings and peak of each term; first = end where the segment does not know it."""
        if not len(self.terms):
            return [0] * len(hashes), [0] * len(hashes), [0.0] * len(hashes)
        place = np.minimum(np.searchsorted(self.terms, hashes), len(self.terms) - 1)
        known = self.terms[place] == hashes
        first = self.term_starts[place]
        end = np.where(known, self.term_starts[place + 1], first)
        return first.tolist(), end.tolist(), self.peaks[place].tolist()


def reference_length(lengths: NDArray[np.int64]) -> float:
    """The average length that peaks are computed for: somewhat above the segment's own, in weights (not 64ths)."""
    return float(lengths.sum()) * 1.1 / UNIT / max(len(lengths), 1) or 1.0


@dataclass(frozen=True, slots=True)
class Columns:
    """Many rows at once, already counted and hashed (see term_hash): the bulk form of Row.

    keys, partitions: one a row, keys distinct. sizes: terms of each row. hashes, weights: row after row.
    """

    keys: Sequence[str]
    partitions: Sequence[str]
    sizes: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    weights: NDArray[np.float64]


def columns(rows: Sequence[Row]) -> Columns:
    """Rows with distinct keys, counted and hashed: O(terms), one hash a different term."""
    sizes = np.fromiter((len(row.terms) for row in rows), np.int64, len(rows))
    total = int(sizes.sum())
    hashes = np.fromiter((_HASHES[term] for row in rows for term in row.terms), np.uint64, total)
    weights = np.fromiter((weight for row in rows for weight in row.terms.values()), np.float64, total)
    return Columns([row.key for row in rows], [row.partition for row in rows], sizes, hashes, weights)


def build(given: Columns, k1: float, b: float) -> Postings:
    """A segment of these rows."""
    count = len(given.keys)
    order = sorted(range(count), key=lambda row: (given.partitions[row], given.keys[row]))
    place = np.empty(count, np.uint64)
    place[order] = np.arange(count, dtype=np.uint64)
    terms, ordinals = np.unique(given.hashes, return_inverse=True)
    weights = np.clip(np.rint(given.weights * UNIT), 1, HEAVIEST).astype(np.uint64)
    packed = _pack(ordinals.astype(np.uint64), np.repeat(place, given.sizes), weights)
    packed.sort()
    packed = _once(packed)
    names, starts = _partition_starts([given.partitions[row] for row in order])
    return _unpack(KeyTable.build([given.keys[row] for row in order]), names, starts, terms, packed, k1, b)


def merge(views: Sequence[View[Postings]], k1: float, b: float) -> tuple[Postings | None, list[Rows]]:
    """One segment of the live rows, and for each view old row → new row (-1: gone)."""
    keys, names, starts, moved = merged_rows(views)
    if not keys:
        return None, moved
    terms = np.unique(np.concatenate([view.segment.terms for view in views]))
    pieces = []
    for view, places in zip(views, moved, strict=True):
        segment = view.segment
        ordinals = np.searchsorted(terms, segment.terms).astype(np.uint64)
        ordinals = np.repeat(ordinals, np.diff(segment.term_starts))
        docs = places[segment.docs]
        if len(view.deleted):
            kept = docs >= 0
            pieces.append(_pack(ordinals[kept], docs[kept].astype(np.uint64), segment.weights[kept].astype(np.uint64)))
        else:
            pieces.append(_pack(ordinals, docs.astype(np.uint64), segment.weights.astype(np.uint64)))
    packed = np.concatenate(pieces)
    del pieces
    packed.sort()
    return _unpack(KeyTable.build(keys), names, starts, terms, packed, k1, b), moved


def merged_rows(views: Sequence[View[Any]]) -> tuple[list[str], tuple[str, ...], NDArray[np.int64], list[Rows]]:
    """Where the live rows of several segments go: keys, partitions and their starts, and old row → new row a view.

    Order: partition, then view, then old row.
    """
    names = sorted({name for view in views for name in view.segment.partitions})
    number = {name: at for at, name in enumerate(names)}
    parts, sources, texts = [], [], []
    for view in views:
        sizes = np.diff(view.segment.starts)
        part = np.repeat([number[name] for name in view.segment.partitions], sizes)
        live = np.ones(len(view.segment), bool)
        live[view.deleted] = False
        parts.append(np.where(live, part, len(names)))
        sources.append(np.arange(len(view.segment)))
        texts.append(view.segment.keys.texts())
    order = np.argsort(np.concatenate(parts), kind="stable")
    part = np.concatenate(parts)[order]
    order, part = order[part < len(names)], part[part < len(names)]
    moved = np.full(sum(len(source) for source in sources), -1, np.int32)
    moved[order] = np.arange(len(order), dtype=np.int32)
    flat = [text for source in texts for text in source]
    kept, starts = _partition_starts([names[at] for at in part.tolist()])
    bounds = np.cumsum([len(source) for source in sources])[:-1]
    return [flat[at] for at in order.tolist()], kept, starts, np.split(moved, bounds)


def _partition_starts(ordered: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    names: list[str] = []
    starts: list[int] = []
    for row, name in enumerate(ordered):
        if not names or names[-1] != name:
            names.append(name)
            starts.append(row)
    return tuple(names), np.array([*starts, len(ordered)], np.int64)


def _pack(ordinals: NDArray[np.uint64], docs: NDArray[np.uint64], weights: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """term | row | weight in one number, so that one plain sort orders the postings."""
    return (ordinals << np.uint64(ROW_BITS + WEIGHT_BITS)) | (docs << np.uint64(WEIGHT_BITS)) | weights


def _once(packed: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The weights of one term in one row added up, where a caller gave it twice."""
    places = packed >> np.uint64(WEIGHT_BITS)
    first = np.flatnonzero(np.diff(places, prepend=~places[:1]))
    if len(first) == len(packed):
        return packed
    weights = np.add.reduceat(packed & np.uint64(HEAVIEST), first)
    return (places[first] << np.uint64(WEIGHT_BITS)) | np.minimum(weights, np.uint64(HEAVIEST))


def _unpack(
    keys: KeyTable,
    names: tuple[str, ...],
    starts: NDArray[np.int64],
    terms: NDArray[np.uint64],
    packed: NDArray[np.uint64],
    k1: float,
    b: float,
) -> Postings:
    weights = (packed & np.uint64(HEAVIEST)).astype(np.uint16)
    docs = ((packed >> np.uint64(WEIGHT_BITS)) & np.uint64((1 << ROW_BITS) - 1)).astype(np.int32)
    edges = np.arange(len(terms) + 1, dtype=np.uint64) << np.uint64(ROW_BITS + WEIGHT_BITS)
    term_starts = np.searchsorted(packed, edges).astype(np.int64)
    used = np.diff(term_starts) > 0
    lengths = np.bincount(docs, weights=weights, minlength=len(keys)).astype(np.int64)
    term_starts = np.append(term_starts[:-1][used], len(packed)).astype(np.int64)
    peaks = _peaks(term_starts, docs, weights, lengths, k1, b)
    return Postings(keys, names, starts, terms[used], term_starts, docs, weights, lengths, peaks)


def _peaks(
    term_starts: NDArray[np.int64],
    docs: Rows,
    weights: NDArray[np.uint16],
    lengths: NDArray[np.int64],
    k1: float,
    b: float,
) -> NDArray[np.float32]:
    if not len(docs):
        return np.zeros(0, np.float32)
    norms = (k1 * (1 - b + b * (lengths / UNIT / reference_length(lengths))) * UNIT).astype(np.float32)
    shares = weights.astype(np.float32)
    below = norms.take(docs)
    below += shares
    shares /= below
    return np.maximum.reduceat(shares, term_starts[:-1])
