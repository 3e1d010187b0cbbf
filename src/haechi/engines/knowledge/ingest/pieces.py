"""What a reader hands over before the outline is known: the pieces of a document in reading order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from haechi.engines.knowledge.ingest.limits import Budget
from haechi.engines.knowledge.ports import Table

PieceKind = Literal["heading", "paragraph", "list", "table", "footnote"]

_SPACES = re.compile(r"[ \t\u00a0\u3000\u2000-\u200b]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufeff\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """level: heading depth from 1. page: from 1, or None."""

    kind: PieceKind
    text: str
    level: int = 0
    page: int | None = None
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A document as its reader saw it. guess_headings: the format carries no heading marks, so numbering decides."""

    pieces: Sequence[Piece]
    media_type: str
    title: str = ""
    pages: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    guess_headings: bool = False


class FormatReader(Protocol):
    """One format: bytes → draft. Raises UnreadableDocument, and nothing else on purpose."""

    def __call__(self, data: bytes, budget: Budget) -> Draft: ...


def clean(text: str) -> str:
    """Text without control characters, runs of blanks as one, lines trimmed; line breaks kept."""
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n").replace("\x0c", "\n"))
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def table_piece(
    rows: Iterable[Sequence[str]], budget: Budget, *, caption: str = "", page: int | None = None
) -> Piece | None:
    """A table from its grid (merged cells already filled), header found; None when every cell is empty."""
    grid = [tuple(clean(cell).replace("\n", " ") for cell in row) for row in rows]
    budget.cells(sum(map(len, grid)))
    grid = [row for row in grid if any(row)]
    if not grid:
        return None
    width = max(map(len, grid))
    grid = [row + ("",) * (width - len(row)) for row in grid]
    used = [any(row[column] for row in grid) for column in range(width)]
    grid = [tuple(cell for cell, keep in zip(row, used, strict=True) if keep) for row in grid]
    header, body = _split_header(grid)
    table = Table(header, tuple(body), clean(caption).replace("\n", " "))
    return Piece("table", table_text(table), page=page, table=table)


def row_text(header: Sequence[str], row: Sequence[str]) -> str:
    """One table row as a line: "기준: 1인가구 | 금액: 50만원"; a cell merged over the whole row is said once."""
    filled = {cell for cell in row if cell}
    if len(filled) == 1 and len(row) > 2 and all(row) and not any(char.isdigit() for char in row[0]):
        return row[0]
    parts: list[str] = []
    for index, cell in enumerate(row):
        name = header[index] if index < len(header) else ""
        if cell:
            parts.append(f"{name}: {cell}" if name and name != cell else cell)
    return " | ".join(parts)


def table_text(table: Table) -> str:
    """The searchable text of a table: caption, names of columns that no row fills, then one line a row."""
    lines = [table.caption] if table.caption else []
    unfilled = [name for index, name in enumerate(table.header) if name and not any(row[index] for row in table.rows)]
    if unfilled:
        lines.append(" | ".join(unfilled))
    lines += [line for row in table.rows if (line := row_text(table.header, row))]
    return "\n".join(lines)


def _split_header(grid: list[tuple[str, ...]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    if len(grid) < 2 or len(grid[0]) < 2 or not _names(grid[0]):
        return (), grid
    first = grid[0]
    merged = any(a and a == b for a, b in itertools.pairwise(first))
    if merged and len(grid) > 2 and len(set(first)) > 1 and _names(grid[1]):
        joined = tuple(a if a == b or not b else f"{a} {b}" for a, b in zip(first, grid[1], strict=True))
        return joined, grid[2:]
    if merged and len(set(first)) == 1:
        return (), grid
    return first, grid[1:]


def _names(row: Sequence[str]) -> bool:
    """A row of column names: mostly filled, short, hardly a number among them."""
    filled = [cell for cell in row if cell]
    if len(filled) < max(2, 0.6 * len(row)):
        return False
    numbers = sum(bool(re.fullmatch(r"[\d,.%\-~원명건만천백억\s]+", cell)) for cell in filled)
    return numbers == 0 and max(map(len, filled)) <= 40
