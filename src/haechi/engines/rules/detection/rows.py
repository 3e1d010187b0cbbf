"""Access log rows as columns: a chunk is a few arrays, so that a day of a large city fits into some tens of megabytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

ACTIONS: Mapping[str, int] = {
    "other": 0, "view": 1, "search": 2, "create": 3, "edit": 4, "delete": 5, "print": 6, "download": 7,
}  # fmt: skip
"""What was done, as rules name it. 'other' is kept and counted: an unknown word is no reason to lose a line."""

SEOUL_OFFSET = 9 * 3600
"""Seconds east of UTC. Korea has had no daylight saving time since 1988."""
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Rows:
    """Equally long columns. handler: index into the intake's names. at: Unix seconds. place, subject, case: keyed numbers
    (case 0: none was given). count: records touched, ≥ 1. reason: whether one was given. ref: where the row stands (the
    caller's numbering: line, or batch and row)."""

    handler: NDArray[np.int32]
    at: NDArray[np.int64]
    place: NDArray[np.int64]
    subject: NDArray[np.int64]
    action: NDArray[np.int8]
    count: NDArray[np.int32]
    case: NDArray[np.int64]
    reason: NDArray[np.bool_]
    ref: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    @property
    def day(self) -> NDArray[np.int64]:
        """Days since 1970-01-01 in Seoul."""
        return (self.at + SEOUL_OFFSET) // DAY

    @property
    def minute(self) -> NDArray[np.int64]:
        """Minute of the day in Seoul, 0..1439."""
        return (self.at + SEOUL_OFFSET) % DAY // 60

    def where(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Rows:
        """The rows of a mask or of positions."""
        return Rows(*(getattr(self, field.name)[mask] for field in fields(self)))

    @staticmethod
    def joined(parts: Sequence[Rows]) -> Rows:
        """All rows, ordered by time; those of the same second stay in their order."""
        whole = Rows(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Rows)))
        return whole.where(np.argsort(whole.at, kind="stable"))
