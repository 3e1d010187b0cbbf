"""What rules count, for all handlers at once. Pure: columns in, one number a handler out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from haechi.engines.rules.detection.rows import Rows
from haechi.engines.rules.detection.staff import pairs_of

Values = NDArray[np.float64]
ENOUGH_PAIRS = 5
FAR = 10 * 86_400
"""Seconds between two handlers on one line: more than any reach."""


def rows_of(rows: Rows, n: int) -> Values:
    """Rows of each of `n` handlers."""
    return np.bincount(rows.handler, minlength=n).astype(np.float64)


def records_of(rows: Rows, n: int) -> Values:
    """Records touched."""
    return np.bincount(rows.handler, weights=rows.count, minlength=n).astype(np.float64)


def subjects_of(rows: Rows, n: int) -> Values:
    """Different data subjects."""
    _, first = np.unique(pairs_of(rows.handler, rows.subject), return_index=True)
    return np.bincount(rows.handler[first], minlength=n).astype(np.float64)


def split_of(rows: Rows, n: int, *, minutes: int, parts: int) -> Values:
    """The most records that a handler took in at least `parts` rows within `minutes`."""
    values = np.zeros(n)
    if not len(rows):
        return values
    order = np.lexsort((rows.at, rows.handler))
    handler, count = rows.handler[order].astype(np.int64), rows.count[order]
    line = handler * FAR + (rows.at[order] - rows.at.min())
    begin = np.searchsorted(line, line - minutes * 60)
    total = np.concatenate([[0], np.cumsum(count, dtype=np.int64)])
    here = np.arange(len(line))
    sums = np.where(here - begin + 1 >= parts, total[here + 1] - total[begin], 0)
    np.maximum.at(values, handler, sums.astype(np.float64))
    return values


def usual_repeats(rows: Rows, group: NDArray[np.int64], *, tail: float) -> Values:
    """For each handler the repeats on one person that its peers reach by chance in `tail` × peers of the windows.

    Pairs of handler and person get fewer by about the same factor with every further look; the factor is what the group shows
    (pairs with three looks over pairs with two), so that work that meets the same people again and again sets its own limit.
    0 in groups with fewer than ENOUGH_PAIRS.
    """
    groups = int(group.max(initial=0)) + 1
    _, first, counts = np.unique(pairs_of(rows.handler, rows.subject), return_index=True, return_counts=True)
    mine = group[rows.handler[first]]
    twice, thrice = (np.bincount(mine[counts >= least], minlength=groups).astype(np.float64) for least in (2, 3))
    peers = np.maximum(np.bincount(group, minlength=groups), 1)
    factor = np.clip((thrice + 1.0) / (twice + 2.0), 0.02, 0.9)
    further = np.log((twice + 1.0) / (tail * peers)) / -np.log(factor)
    return np.where(twice >= ENOUGH_PAIRS, 2.0 + np.ceil(np.maximum(further, 0.0)), 0.0)[group]


def switches_of(
    rows: Rows, n: int, *, minutes: int, by_place: bool, strange: NDArray[np.bool_] | None = None
) -> tuple[Values, NDArray[np.bool_]]:  # fmt: skip
    """How often within `minutes` one account changes its place (parallel use of an account), or, by_place, one place its account
    (a shared seat); and which rows are one end of such a change. A walk from desk to counter is one change; two people with
    one account go to and fro. strange: rows at places strange to their handler; then only changes with such an end count, and at
    a place they count for whoever is new there, not for whose seat it is."""
    values, touched = np.zeros(n), np.zeros(len(rows), np.bool_)
    if len(rows) < 2:
        return values, touched
    group, other = (
        (rows.place, rows.handler.astype(np.int64)) if by_place else (rows.handler.astype(np.int64), rows.place)
    )
    order = np.lexsort((rows.at, group))
    same = group[order][1:] == group[order][:-1]
    near = rows.at[order][1:] - rows.at[order][:-1] <= minutes * 60
    change = same & near & (other[order][1:] != other[order][:-1])
    if strange is not None:
        change &= strange[order][1:] | strange[order][:-1]
    later, earlier = order[1:][change], order[:-1][change]
    touched[later] = touched[earlier] = True
    for ends in (later, earlier) if by_place else (later,):
        counted = ends if strange is None or not by_place else ends[strange[ends]]
        np.add.at(values, rows.handler[counted], 1)
    return values, touched


def robust_z(values: Values, group: NDArray[np.int64], *, least: int) -> Values:
    """(value − median) / (1.4826 · MAD) within each group; spreads under 1 count as 1; NaN in groups smaller than `least`.

    Iglewicz and Hoaglin 1993. Only for an order: what is suspect, the rules decide.
    """
    z = np.full(len(values), np.nan)
    for one in np.unique(group):
        mine = group == one
        if mine.sum() < least:
            continue
        middle = np.median(values[mine])
        spread = 1.4826 * np.median(np.abs(values[mine] - middle))
        z[mine] = (values[mine] - middle) / max(spread, 1.0)
    return z
