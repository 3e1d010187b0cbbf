"""Tables of a PDF, looked for only on pages that have ruling lines, within a bounded time."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest.limits import Budget
from haechi.engines.knowledge.ingest.pieces import Piece, table_piece

_SHARE_OF_TIME = 0.4


class Boxed(Protocol):
    """Anything with a box in points from the lower left."""

    @property
    def left(self) -> float:
        """Left edge, points from the page's left."""
        ...

    @property
    def bottom(self) -> float:
        """Lower edge, points from the page's bottom."""
        ...

    @property
    def right(self) -> float:
        """Right edge, points from the page's left; never less than `left`."""
        ...

    @property
    def top(self) -> float:
        """Upper edge, points from the page's bottom; never less than `bottom`."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A table and its box, in points from the lower left."""

    piece: Piece
    left: float
    bottom: float
    right: float
    top: float

    def covers(self, line: Boxed) -> bool:
        """Whether the middle of the line lies inside the table."""
        x, y = (line.left + line.right) / 2, (line.bottom + line.top) / 2
        return self.left - 2 <= x <= self.right + 2 and self.bottom - 2 <= y <= self.top + 2


def find(data: bytes, pages: Sequence[int], budget: Budget, warnings: list[str]) -> dict[int, list[Found]]:
    """Tables by page index. A page that cannot be analysed keeps its plain text; running out of time is a warning."""
    if not pages:
        return {}
    import pdfplumber  # slow to load, and most PDFs have no ruled table

    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    end = time.monotonic() + _SHARE_OF_TIME * budget.left
    found: dict[int, list[Found]] = {}
    try:
        with pdfplumber.open(io.BytesIO(data), pages=[index + 1 for index in pages]) as document:
            for page in document.pages:
                if time.monotonic() > end:
                    warnings.append(f"시간 한도 때문에 {page.page_number}쪽부터 표를 글로만 읽었습니다.")
                    break
                found[page.page_number - 1] = _page(page, budget)
                page.close()
    except (UnreadableDocument, MemoryError):
        raise
    except Exception:  # pdfminer raises anything on odd files; the text itself was already read
        warnings.append("표의 모양을 읽지 못해 글로만 읽었습니다.")
    return found


def _page(page: Any, budget: Budget) -> list[Found]:
    if len(page.lines) + len(page.rects) + len(page.curves) > 5_000:
        return []
    tables: list[Found] = []
    for table in page.find_tables():
        rows = [[cell or "" for cell in row] for row in _filled(table)]
        if len(rows) < 2 or max(map(len, rows)) < 2:
            continue
        piece = table_piece(rows, budget, page=page.page_number)
        if piece is None:
            continue
        left, top, right, bottom = table.bbox
        tables.append(Found(piece, left, float(page.height) - bottom, right, float(page.height) - top))
    return tables


def _filled(table: Any) -> list[list[str | None]]:
    """Positions that pdfplumber leaves None belong to a merged cell: to the left first, else above."""
    rows = [list(row) for row in table.extract()]
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            if cell is not None:
                continue
            above = rows[at - 1][column] if at else None
            box = table.rows[at].cells
            left = row[column - 1] if column else None
            tall = column == 0 or (box[column - 1] is not None and row[column - 1] is not None and above is not None)
            row[column] = above if (tall and at) else left
    return rows
