"""One segment as one reader sees it: which rows count, how often a term occurs there."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .postings import Postings
from .segments import Rows, Runs, View

RANGES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """runs: readable row ranges. edges: their bounds in one ascending array. ranges: at most RANGES row ranges that
    cover the runs (what is scanned). gone: deleted rows inside the runs. start: float32 a row, 0 where readable and
    live, -inf elsewhere (sums begin there, so an unreadable row never rises), or None when every row counts. norms: length norms by average length (see topk)."""

    runs: Runs
    edges: Rows
    ranges: Runs
    gone: Rows
    start: NDArray[np.float32] | None
    norms: dict[float, NDArray[np.float32]] = field(default_factory=dict)

    def frequency(self, docs: Rows) -> int:
        """How many of these ascending rows are readable and live."""
        if self.start is None:
            return len(docs)
        if len(docs) < 64:
            return int((self.start[docs] == 0).sum())
        at = docs.searchsorted(self.edges)
        count = int(at[1::2].sum() - at[::2].sum())
        if not len(self.gone):
            return count
        if len(self.gone) * 16 > len(docs):
            return int((self.start[docs] == 0).sum())
        place = np.minimum(docs.searchsorted(self.gone), len(docs) - 1)
        return count - int((docs[place] == self.gone).sum())

    def holds(self, row: int) -> bool:
        """Whether the row lies in a readable partition, deleted or not. O(runs)."""
        return any(first <= row < last for first, last in self.runs)


def access(view: View[Postings], partitions: frozenset[str]) -> Access | None:
    """What of the segment these partitions are; None when nothing. Remembered with the view, by the runs."""
    runs = view.runs(partitions)
    if not runs:
        return None
    known = view.memo.get(runs)
    if known is None:
        known = view.memo[runs] = _access(view, runs)
    return known


def _access(view: View[Postings], runs: Runs) -> Access:
    edges = np.array(runs, np.int32).reshape(-1)
    inside = edges.searchsorted(view.deleted, side="right") % 2 == 1
    gone = view.deleted[inside]
    start = None
    if runs != ((0, len(view.segment)),) or len(gone):
        start = np.full(len(view.segment), -np.inf, np.float32)
        for first, last in runs:
            start[first:last] = 0
        start[gone] = -np.inf
    return Access(runs, edges, _covering(runs), gone, start)


def _covering(runs: Runs) -> Runs:
    """Join neighbours over the smallest gaps until few ranges are left: one scan costs less than many short ones."""
    ranges = list(runs)
    while len(ranges) > 1:
        gaps = [right[0] - left[1] for left, right in pairwise(ranges)]
        at = min(range(len(gaps)), key=gaps.__getitem__)
        width = ranges[at][1] - ranges[at][0] + ranges[at + 1][1] - ranges[at + 1][0]
        if len(ranges) <= RANGES and gaps[at] * 4 > width:
            break
        ranges[at : at + 2] = [(ranges[at][0], ranges[at + 1][1])]
    return tuple(ranges)
