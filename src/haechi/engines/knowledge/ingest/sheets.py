"""XLSX: each sheet a heading, each run of rows a table, merged cells filled."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any
from zipfile import BadZipFile

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.limits import MIB, Budget
from haechi.engines.knowledge.ingest.package import Package
from haechi.engines.knowledge.ingest.pieces import Draft, Piece, clean, table_piece

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WHOLE_SHEET_BYTES = 30 * MIB


def read(data: bytes, budget: Budget) -> Draft:
    """XLSX bytes → draft. Very large sheets are streamed: their merged cells are then not filled, and a warning says so."""
    package = Package(data, budget.limits)
    package.refuse_declarations()
    sheets_bytes = sum(entry.file_size for entry in package.entries if entry.filename.startswith("xl/worksheets/"))
    streamed = sheets_bytes > _WHOLE_SHEET_BYTES
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=streamed, data_only=True)
            pieces = [piece for sheet in book.worksheets for piece in _sheet(sheet, streamed, budget)]
            title = clean(book.properties.title or "")
            book.close()
    except (UnreadableDocument, MemoryError):
        raise
    except (BadZipFile, InvalidFileException) as error:
        raise unreadable("broken") from error
    except Exception as error:  # openpyxl raises anything at all on malformed parts
        raise unreadable("broken") from error
    notes = ("큰 시트라서 병합된 칸을 채우지 않고 읽었습니다.",) if streamed else ()
    return Draft(pieces, MEDIA_TYPE, title=title, warnings=notes)


def _sheet(sheet: Any, streamed: bool, budget: Budget) -> Iterator[Piece]:
    if getattr(sheet, "sheet_state", "visible") != "visible":
        return
    found = list(_regions(_rows(sheet, streamed, budget), budget))
    if found:
        yield Piece("heading", clean(sheet.title) or "시트", level=1)
        yield from found


Row = tuple[list[str], bool]
"""The cells of a row with merged cells filled, and whether only one cell of it really holds something."""


def _rows(sheet: Any, streamed: bool, budget: Budget) -> Iterator[Row]:
    covered = {} if streamed else _covered(sheet, budget)
    for row in sheet.iter_rows():
        budget.cells(len(row))
        own = [shown(getattr(cell, "value", None), getattr(cell, "number_format", "")) for cell in row]
        cells = [
            text or (covered.get((cell.row, cell.column), "") if covered else "")
            for text, cell in zip(own, row, strict=True)
        ]
        yield cells, sum(map(bool, own)) == 1 and len({cell for cell in cells if cell}) == 1


def _covered(sheet: Any, budget: Budget) -> dict[tuple[int, int], str]:
    covered: dict[tuple[int, int], str] = {}
    for area in sheet.merged_cells.ranges:
        size = (area.max_row - area.min_row + 1) * (area.max_col - area.min_col + 1)
        budget.cells(size)
        first = sheet.cell(area.min_row, area.min_col)
        text = shown(first.value, first.number_format)
        for row in range(area.min_row, area.max_row + 1):
            for column in range(area.min_col, area.max_col + 1):
                covered[row, column] = text
    return covered


def shown(value: Any, number_format: str = "") -> str:
    """A cell's value as a person sees it: whole numbers without ".0", thousands and percent as formatted, ISO days."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "예" if value else "아니오"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, int | float):
        if "%" in number_format:
            return f"{value * 100:.10g}%"
        text = f"{value:,.10g}" if "," in number_format and abs(value) < 1e9 else f"{value:.15g}"
        if "," in number_format and float(value).is_integer():
            text = f"{int(value):,}"
        return text + ("원" if "원" in number_format else "")
    return str(value)


def _regions(rows: Iterable[Row], budget: Budget) -> Iterator[Piece]:
    """Rows between blank rows form a region: rows with one filled cell before and after the table are its title and notes."""
    region: list[Row] = []
    for row in rows:
        if any(row[0]):
            region.append(row)
        else:
            yield from _region(region, budget)
            region = []
    yield from _region(region, budget)


def _region(rows: list[Row], budget: Budget) -> Iterator[Piece]:
    start, end = 0, len(rows)
    while start < end and rows[start][1]:
        start += 1
    while end > start and rows[end - 1][1]:
        end -= 1
    for row, _ in rows[:start]:
        yield from _line(row, budget)
    if end > start and (piece := table_piece([row for row, _ in rows[start:end]], budget)):
        yield piece
    for row, _ in rows[end:]:
        yield from _line(row, budget)


def _line(row: Sequence[str], budget: Budget) -> Iterator[Piece]:
    text = clean(next(cell for cell in row if cell))
    budget.characters(len(text))
    if text:
        yield Piece("paragraph", text)
