"""How much one file may cost, and the clock that stops it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from haechi.engines.knowledge.ingest.failures import unreadable

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for reading one file. Sizes in bytes, times in seconds.

    unpacked_bytes and ratio guard against archives that swell; pages, cells, characters and members against documents
    that never end; seconds is the whole time of one file by the wall clock; memory_bytes is the address space of the
    worker process.
    """

    file_bytes: int = 200 * MIB
    unpacked_bytes: int = 512 * MIB
    ratio: float = 200.0
    members: int = 5_000
    pages: int = 3_000
    cells: int = 1_000_000
    characters: int = 20_000_000
    ocr_pages: int = 200
    ocr_pixels: int = 16_000_000
    seconds: float = 120.0
    memory_bytes: int = 2_048 * MIB

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form, read back by `Limits(**value)`."""
        return asdict(self)


class Budget:
    """The running account of one file: time by the wall clock, characters and table cells kept so far."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._end = time.monotonic() + limits.seconds
        self._characters = 0
        self._cells = 0

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raises UnreadableDocument (timed_out) once the time is spent."""
        if self.left <= 0:
            raise unreadable("timed_out", seconds=f"{self.limits.seconds:g}")

    def characters(self, count: int) -> None:
        """Account for `count` characters kept; raises UnreadableDocument (too_large)."""
        self._characters += count
        if self._characters > self.limits.characters:
            raise unreadable("too_large", what=f"글자 {self.limits.characters:,}자")
        self.check()

    def cells(self, count: int) -> None:
        """Account for `count` table cells; raises UnreadableDocument (too_large)."""
        self._cells += count
        if self._cells > self.limits.cells:
            raise unreadable("too_large", what=f"표 칸 {self.limits.cells:,}개")
        self.check()
