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

from .keys import Asked
from .postings import UNIT, Columns, Postings, Row, build, columns, merge, term_hash
from .reading import access
from .segments import Rows, SegmentedStore, View
from .topk import Part, Weighing, best_rows

Found = list[tuple[str, float]]
RECENT = 16


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query with the statistics of the reader's partitions. views: those that the parts belong to."""

    views: tuple[View[Postings], ...]
    parts: tuple[Part, ...]
    weighing: Weighing


class LexicalIndex(SegmentedStore[Postings]):
    """Inverted index over (key, partition, term weights). Exact BM25; k1 ≥ 0, 0 ≤ b ≤ 1."""

    kind = "lexical"
    segment_type = Postings

    def __init__(self, k1: float = 1.2, b: float = 0.75, **layout: int) -> None:
        super().__init__(**layout)
        self.k1, self.b = k1, b
        self._known: dict[Any, tuple[tuple[View[Postings], ...], _Asked | None]] = {}

    def settings(self) -> dict[str, Any]:
        """Unit of the weights and BM25's k1 and b: segments keep peaks computed with them."""
        return {"unit": UNIT, "k1": self.k1, "b": self.b}

    def _merge(self, views: Sequence[View[Postings]]) -> tuple[Postings | None, list[Rows]]:
        return merge(views, self.k1, self.b)

    def add(self, rows: Iterable[Row]) -> None:
        """Searchable when this returns. A row whose key is known replaces it; of equal keys in `rows` the last counts."""
        distinct = {row.key: row for row in rows}
        if distinct:
            self.add_columns(columns(list(distinct.values())))

    def add_columns(self, given: Columns) -> None:
        """The same for rows that were counted and hashed already (bulk loads)."""
        if given.keys:
            self._append(build(given, self.k1, self.b))

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
        asked = self._ask(self._views, query, partitions)
        if asked is None or limit < 1:
            return []
        best: Found = []
        floor = 0.0
        chosen = None if mask is None else Asked(mask)
        for view, part in sorted(zip(asked.views, asked.parts, strict=True), key=lambda pair: -len(pair[1].segment)):
            masked = None if chosen is None else np.fromiter(sorted(view.find(chosen).values()), np.int32)
            rows, scores = best_rows(part, asked.weighing, limit, floor, masked)
            best = sorted([*best, *_best(view, rows, scores, limit)], key=lambda hit: (-hit[1], hit[0]))[:limit]
            floor = best[-1][1] if len(best) == limit else 0.0
        return best

    def score(self, query: Mapping[str, float], keys: Iterable[str], partitions: Collection[str]) -> dict[str, float]:
        """The same scores for given keys; 0.0 where no term is shared; unreadable and unknown keys are left out."""
        views, wanted = self._views, Asked(keys)
        asked = self._ask(views, query, partitions)
        parts = dict(zip(map(id, asked.views), asked.parts, strict=True)) if asked else {}
        found: dict[str, float] = {}
        for view in views:
            seen = access(view, frozenset(partitions))
            if seen is None:
                continue
            rows = {key: row for key, row in view.find(wanted).items() if seen.holds(row)}
            found.update(dict.fromkeys(rows, 0.0))
            if asked is not None and rows:
                scores = asked.weighing.exact(parts[id(view)], np.fromiter(rows.values(), np.int32, len(rows)))
                found.update(zip(rows, scores.tolist(), strict=True))
        return found

    def document_frequency(self, terms: Iterable[str], partitions: Collection[str]) -> dict[str, int]:
        """How many readable passages hold each term."""
        names = list(terms)
        _, parts = self._parts(self._views, names, frozenset(partitions))
        return {name: sum(part.access.frequency(part.docs(at)) for part in parts) for at, name in enumerate(names)}

    def _parts(
        self, views: Sequence[View[Postings]], terms: Sequence[str], readable: frozenset[str]
    ) -> tuple[tuple[View[Postings], ...], tuple[Part, ...]]:
        hashes = np.fromiter((term_hash(term) for term in terms), np.uint64, len(terms))
        seen = [(view, right) for view in views if (right := access(view, readable)) is not None]
        parts = (Part(view.segment, right, *view.segment.spans(hashes)) for view, right in seen)
        return tuple(view for view, _ in seen), tuple(parts)

    def _ask(
        self, views: tuple[View[Postings], ...], query: Mapping[str, float], partitions: Collection[str]
    ) -> _Asked | None:
        """Statistics of the query for this reader. The last few are kept: candidates are scored after a search."""
        terms, readable = sorted(term for term, weight in query.items() if weight > 0), frozenset(partitions)
        name = (readable, *((term, query[term]) for term in terms))
        known = self._known.get(name)
        if known is not None and known[0] is views:
            return known[1]
        asked = self._weighed(views, terms, [query[term] for term in terms], readable)
        if len(self._known) >= RECENT or any(other is not views for other, _ in tuple(self._known.values())):
            self._known.clear()  # also lets segments go that were merged away
        self._known[name] = (views, asked)
        return asked

    def _weighed(
        self, views: Sequence[View[Postings]], terms: list[str], weights: list[float], readable: frozenset[str]
    ) -> _Asked | None:
        seen, parts = self._parts(views, terms, readable)
        passages = sum(count for view in seen for name, count in view.counts.items() if name in readable)
        size = sum(size for view in seen for name, size in view.sizes.items() if name in readable)
        if not terms or not passages or not size:
            return None
        boosts = []
        for number, weight in enumerate(weights):
            df = sum(part.access.frequency(part.docs(number)) for part in parts)
            boosts.append(weight * math.log(1 + (passages - df + 0.5) / (df + 0.5)))
        return _Asked(seen, parts, Weighing(tuple(boosts), self.k1, self.b, size / UNIT / passages))


def _best(view: View[Postings], rows: Rows, scores: NDArray[np.float64], limit: int) -> Found:
    """The best rows with a score above 0; among equal scores the first keys."""
    keys = view.segment.keys
    if len(rows) > limit:
        edge = np.partition(scores, len(rows) - limit)[len(rows) - limit]
        rows, scores = rows[scores >= edge], scores[scores >= edge]
    order = np.lexsort((keys.rank[rows], -scores))[:limit]
    return [(keys.text(int(rows[at])), float(scores[at])) for at in order.tolist() if scores[at] > 0]
