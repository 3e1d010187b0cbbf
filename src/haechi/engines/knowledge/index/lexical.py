"""BM25 over what a reader may read, and over nothing else.

Number of passages, document frequency and average length are taken over the reader's partitions, so a passage that the
reader may not read changes no score, rank or count. Weighting as Lucene's BM25Similarity:
idf = ln(1 + (N - df + 0.5) / (df + 0.5)), term part = w / (w + k1 (1 - b + b length / average length)).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .postings import UNIT, Postings, Row, build, merge, term_hash
from .segments import Rows, Runs, SegmentedStore, View

Found = list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class _Part:
    """One segment as the reader sees it. allowed: bool a row, or None when every row is readable."""

    view: View[Postings]
    runs: Runs
    allowed: NDArray[np.bool_] | None
    first: NDArray[np.int64]
    end: NDArray[np.int64]

    def postings(self, term: int) -> tuple[Rows, NDArray[np.uint16]]:
        """Readable rows that hold the term, and its weights there."""
        segment = self.view.segment
        docs = segment.docs[self.first[term] : self.end[term]]
        weights = segment.weights[self.first[term] : self.end[term]]
        if self.allowed is None or not len(docs):
            return docs, weights
        kept = self.allowed[docs]
        return docs[kept], weights[kept]


@dataclass(frozen=True, slots=True)
class _Query:
    """What is asked, in canonical order (terms ascending), with the statistics of the reader's partitions."""

    parts: tuple[_Part, ...]
    boosts: tuple[float, ...]
    passages: int
    average: float


class LexicalIndex(SegmentedStore[Postings]):
    """Inverted index over (key, partition, term weights). Exact BM25; k1 ≥ 0, 0 ≤ b ≤ 1."""

    kind = "lexical"
    segment_type = Postings

    def __init__(self, k1: float = 1.2, b: float = 0.75, **layout: int) -> None:
        super().__init__(**layout)
        self.k1, self.b = k1, b

    def settings(self) -> dict[str, Any]:
        return {"unit": UNIT}

    def _merge(self, views: Sequence[View[Postings]]) -> tuple[Postings | None, list[Rows]]:
        return merge(views)

    def add(self, rows: Iterable[Row]) -> None:
        """Searchable when this returns. A row whose key is known replaces it; of equal keys in `rows` the last counts."""
        distinct = {row.key: row for row in rows}
        if distinct:
            self._append(build(list(distinct.values())))

    def search(
        self,
        query: Mapping[str, float],
        partitions: Collection[str],
        limit: int = 10,
        mask: Collection[str] | None = None,
    ) -> Found:
        """The `limit` best (key, score), best first; equal scores in order of their keys; scores are above 0.

        query: term → weight (≤ 0 is ignored). mask: only these keys may be returned; statistics are not touched by it.
        """
        asked = self._ask(query, partitions)
        if asked is None or limit < 1:
            return []
        best: list[tuple[float, str]] = []
        for part in asked.parts:
            scores = np.zeros(len(part.view.segment), np.float64)
            for term, boost in enumerate(asked.boosts):
                docs, weights = part.postings(term)
                if len(docs):
                    scores[docs] += boost * self._share(part, docs, weights, asked.average)
            if mask is not None:
                kept = np.zeros(len(scores), bool)
                kept[list(part.view.find(mask).values())] = True
                scores[~kept] = 0.0
            best.extend(_best(part.view, scores, limit))
        best.sort(key=lambda hit: (-hit[0], hit[1]))
        return [(key, score) for score, key in best[:limit]]

    def score(self, query: Mapping[str, float], keys: Iterable[str], partitions: Collection[str]) -> dict[str, float]:
        """The same scores for given keys; 0.0 where no term is shared; unreadable and unknown keys are left out."""
        wanted, asked = list(keys), self._ask(query, partitions)
        found: dict[str, float] = {}
        for view in self._views:
            rows = {key: row for key, row in view.find(wanted).items() if _inside(row, view.runs(partitions))}
            found.update(dict.fromkeys(rows, 0.0))
            part = next((part for part in asked.parts if part.view is view), None) if asked else None
            if asked is None or part is None or not rows:
                continue
            asked_rows = np.fromiter(rows.values(), np.int32, len(rows))
            totals = self._score_rows(part, asked_rows, asked)
            found.update(zip(rows, totals.tolist(), strict=True))
        return found

    def document_frequency(self, terms: Iterable[str], partitions: Collection[str]) -> dict[str, int]:
        """How many readable passages hold each term."""
        names = list(terms)
        parts = self._parts(names, partitions)
        return {name: sum(len(part.postings(term)[0]) for part in parts) for term, name in enumerate(names)}

    def _score_rows(self, part: _Part, rows: Rows, asked: _Query) -> NDArray[np.float64]:
        segment, totals = part.view.segment, np.zeros(len(rows), np.float64)
        for term, boost in enumerate(asked.boosts):
            docs = segment.docs[part.first[term] : part.end[term]]
            if len(docs):
                place = np.minimum(np.searchsorted(docs, rows), len(docs) - 1)
                held = docs[place] == rows
                weights = segment.weights[part.first[term] + place[held]]
                totals[held] += boost * self._share(part, rows[held], weights, asked.average)
        return totals

    def _share(self, part: _Part, docs: Rows, weights: NDArray[np.uint16], average: float) -> NDArray[np.float64]:
        held = weights / UNIT
        lengths = part.view.segment.lengths[docs] / UNIT
        return held / (held + self.k1 * (1 - self.b + self.b * (lengths / average)))

    def _parts(self, terms: Sequence[str], partitions: Collection[str]) -> tuple[_Part, ...]:
        readable = frozenset(partitions)
        hashes = np.fromiter((term_hash(term) for term in terms), np.uint64, len(terms))
        parts = []
        for view in self._views:
            runs = view.runs(readable)
            if runs:
                first, end = view.segment.spans(hashes)
                parts.append(_Part(view, runs, _allowed(view, runs), first, end))
        return tuple(parts)

    def _ask(self, query: Mapping[str, float], partitions: Collection[str]) -> _Query | None:
        terms = sorted(term for term, weight in query.items() if weight > 0)
        readable = frozenset(partitions)
        parts = self._parts(terms, readable)
        passages = sum(count for part in parts for name, count in part.view.counts.items() if name in readable)
        size = sum(size for part in parts for name, size in part.view.sizes.items() if name in readable)
        if not terms or not passages or not size:
            return None
        boosts = []
        for number, term in enumerate(terms):
            df = sum(len(part.postings(number)[0]) for part in parts)
            boosts.append(query[term] * math.log(1 + (passages - df + 0.5) / (df + 0.5)))
        return _Query(parts, tuple(boosts), passages, size / UNIT / passages)


def _allowed(view: View[Postings], runs: Runs) -> NDArray[np.bool_] | None:
    if runs == ((0, len(view.segment)),) and not len(view.deleted):
        return None
    allowed = np.zeros(len(view.segment), bool)
    for first, last in runs:
        allowed[first:last] = True
    allowed[view.deleted] = False
    return allowed


def _inside(row: int, runs: Runs) -> bool:
    return any(first <= row < last for first, last in runs)


def _best(view: View[Any], scores: NDArray[np.float64], limit: int) -> list[tuple[float, str]]:
    """The best rows with a score above 0; among equal scores at the edge the first keys."""
    rows = np.flatnonzero(scores > 0)
    if len(rows) > limit:
        edge = np.partition(scores[rows], len(rows) - limit)[len(rows) - limit]
        above, level = rows[scores[rows] > edge], rows[scores[rows] == edge]
        level = level[np.argsort(view.segment.keys.rank[level])][: limit - len(above)]
        rows = np.concatenate([above, level])
    return [(float(scores[row]), view.segment.keys.text(row)) for row in rows.tolist()]
