"""Merged cells: a grid in which every position holds the text of the cell that covers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from haechi.engines.knowledge.ingest.limits import Budget

Cell = tuple[str, int, int]
"""Text, rows covered, columns covered."""

_WIDEST = 1_000


def spread(rows: Iterable[Sequence[Cell]], budget: Budget) -> list[list[str]]:
    """Rows of cells in reading order (HTML's table model) → a full grid; a merged cell fills all that it covers."""
    filled: dict[tuple[int, int], str] = {}
    width = height = 0
    for at_row, cells in enumerate(rows):
        column = 0
        for text, down, across in cells:
            while (at_row, column) in filled:
                column += 1
            down, across = max(1, min(down, _WIDEST)), max(1, min(across, _WIDEST))
            budget.cells(down * across)
            for row in range(at_row, at_row + down):
                for col in range(column, column + across):
                    filled.setdefault((row, col), text)
            column += across
            width = max(width, column)
        height = at_row + 1
    return [[filled.get((row, column), "") for column in range(width)] for row in range(height)]
