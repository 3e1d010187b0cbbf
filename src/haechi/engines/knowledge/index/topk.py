"""The best rows of one segment without scoring all of them, and yet exactly.

MaxScore (Turtle and Flood 1995) on whole arrays: terms are added in order of the most they can give. As soon as what is
left cannot lift an unseen row over the limit-th best score so far, only rows that still can reach it are followed, and
their weights are looked up by binary search. Sums on the way are float32; what remains is scored again in float64 in one
canonical order, so the result does not depend on how rows are spread over segments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .postings import UNIT, Postings
from .reading import Access
from .segments import Rows

SLACK = 1e-4
"""Relative margin that float32 sums of a few hundred terms stay far within."""
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A segment with what it knows of the asked terms: first posting, end of postings, peak."""

    segment: Postings
    access: Access
    first: list[int]
    end: list[int]
    peak: list[float]

    def docs(self, term: int) -> Rows:
        """Rows that hold the term (its place in the query), ascending, readable or not; empty when the segment lacks it."""
        return self.segment.docs[self.first[term] : self.end[term]]


@dataclass(frozen=True, slots=True)
class Weighing:
    """Everything that a score needs beside the postings. boosts: query weight × idf, a term, in canonical order."""

    boosts: tuple[float, ...]
    k1: float
    b: float
    average: float

    def norms(self, part: Part, rows: Rows) -> NDArray[np.float64]:
        """k1 (1 - b + b length / average length) of these rows, shape (len(rows),), in weights, not 64ths."""
        return self.k1 * (1 - self.b + self.b * (part.segment.lengths[rows] / UNIT / self.average))

    def all_norms(self, part: Part) -> Floats:
        """In 64ths, of every row; remembered, because a reader's average stays until something changes."""
        known = part.access.norms.get(self.average)
        if known is None:
            part.access.norms.clear()
            scale = self.k1 * self.b / self.average
            known = (part.segment.lengths * scale + self.k1 * (1 - self.b) * UNIT).astype(np.float32)
            part.access.norms[self.average] = known
        return known

    def exact(self, part: Part, rows: Rows) -> NDArray[np.float64]:
        """Scores of these rows, in float64, terms in canonical order."""
        totals, norms = np.zeros(len(rows)), self.norms(part, rows)
        for term, boost in enumerate(self.boosts):
            docs = part.docs(term)
            if len(docs):
                place = np.minimum(docs.searchsorted(rows), len(docs) - 1)
                held = docs[place] == rows
                weights = part.segment.weights[part.first[term] + place[held]] / UNIT
                totals[held] += boost * (weights / (weights + norms[held]))
        return totals

    def most(self, part: Part, term: int) -> float:
        """No row of the segment gets more from the term than this."""
        stretched = part.peak[term] * max(1.0, self.average / part.segment.reference)
        return self.boosts[term] * min(1.0, stretched * (1 + 1e-5))


def best_rows(
    part: Part, weighing: Weighing, limit: int, floor: float, mask: Rows | None
) -> tuple[Rows, NDArray[np.float64]]:
    """Rows that may be among the `limit` best, with exact scores. floor: a score that `limit` rows elsewhere reach.

    mask: only these rows count.
    """
    terms = [term for term in range(len(weighing.boosts)) if part.end[term] > part.first[term]]
    most = {term: weighing.most(part, term) for term in terms}
    terms.sort(key=lambda term: (-most[term], term))
    left = np.cumsum([0.0, *(most[term] for term in reversed(terms))])[::-1].tolist()
    if not terms or left[0] < floor * (1 - SLACK):
        return np.zeros(0, np.int32), np.zeros(0)
    sums, norms = _start(part, mask), weighing.all_norms(part)
    done = 0
    while done < len(terms) and left[done] >= floor * (1 - SLACK):
        _add(part, terms[done], weighing.boosts[terms[done]], norms, sums)
        done += 1
        if left[0] - left[done] > left[done]:
            floor = _raised(sums, limit, floor)
    rows = np.flatnonzero(sums > max(floor * (1 - SLACK) - left[done], 0.0)).astype(np.int32)
    rows = _follow(part, weighing, terms[done:], left[done:], rows, sums, norms, limit, floor)
    return rows, weighing.exact(part, rows)


def _start(part: Part, mask: Rows | None) -> Floats:
    start, size = part.access.start, len(part.segment)
    if mask is None:
        return np.zeros(size, np.float32) if start is None else start.copy()
    sums = np.full(size, -np.inf, np.float32)
    sums[mask] = 0 if start is None else start[mask]
    return sums


def _pieces(part: Part, term: int) -> list[tuple[int, int]]:
    """The posting ranges of the term that lie in the reader's row ranges."""
    first, end = part.first[term], part.end[term]
    if part.access.start is None or end - first < 256:
        return [(first, end)]
    bounds = np.array(part.access.ranges, np.int32).reshape(-1)
    at = (part.segment.docs[first:end].searchsorted(bounds) + first).tolist()
    return [(low, high) for low, high in zip(at[::2], at[1::2], strict=True) if high > low]


def _add(part: Part, term: int, boost: float, norms: Floats, sums: Floats) -> None:
    for first, end in _pieces(part, term):
        docs = part.segment.docs[first:end]
        share = part.segment.weights[first:end].astype(np.float32)
        below = norms.take(docs)
        below += share
        share /= below
        share *= np.float32(boost)
        share += sums.take(docs)
        sums[docs] = share


def _raised(sums: Floats, limit: int, floor: float) -> float:
    """The limit-th best sum so far, if it is above the floor."""
    above = sums[sums > floor]
    if len(above) < limit:
        return floor
    return max(floor, float(np.partition(above, len(above) - limit)[len(above) - limit]) * (1 - SLACK))


def _follow(
    part: Part,
    weighing: Weighing,
    terms: list[int],
    left: list[float],
    rows: Rows,
    sums: Floats,
    norms: Floats,
    limit: int,
    floor: float,
) -> Rows:
    """Add the rest of the terms to the rows that can still win, dropping those that no longer can."""
    totals, own = sums[rows], norms[rows]
    for number, term in enumerate(terms):
        docs = part.docs(term)
        if len(rows) * 24 < len(docs):
            place = np.minimum(docs.searchsorted(rows), len(docs) - 1)
            held = np.flatnonzero(docs[place] == rows)
            weights = part.segment.weights[part.first[term] + place[held]].astype(np.float32)
            totals[held] += np.float32(weighing.boosts[term]) * (weights / (weights + own[held]))
        else:
            sums[rows] = totals
            _add(part, term, weighing.boosts[term], norms, sums)
            totals = sums[rows]
        floor = _raised(totals, limit, floor)
        kept = totals > max(floor * (1 - SLACK) - left[number + 1], 0.0)
        if not kept.all():
            rows, totals, own = rows[kept], totals[kept], own[kept]
    return rows
