"""Tables of the event as CSV and XLSX: out and back without a difference, wrong cells named by their place."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter

from haechi.core.errors import InvalidInput

MOST_ROWS = 5000
_DANGEROUS = ("=", "+", "-", "@", "\t")


def write(columns: Sequence[str], rows: Sequence[Sequence[Any]], format: str) -> bytes:
    """The table with its header. Text that a spreadsheet would take for a formula is marked with '."""
    cells = [[_out(value) for value in row] for row in rows]
    if format == "csv":
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(cells)
        return ("\ufeff" + out.getvalue()).encode()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(columns))
    for row in cells:
        sheet.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def read(columns: Sequence[str], content: bytes, name: str) -> list[dict[str, str]]:
    """Rows as texts by column. InvalidInput when it is no such table, naming the columns that are missing."""
    try:
        if name.lower().endswith(".xlsx"):
            sheet = load_workbook(io.BytesIO(content), read_only=True, data_only=True).worksheets[0]
            table = [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
        else:
            table = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    except Exception as error:  # whatever the reader of a foreign file raises means the same to the person
        raise InvalidInput(
            "읽을 수 없는 파일입니다.", next_step="여기서 받은 CSV나 XLSX를 고쳐서 올리세요.", record=name
        ) from error
    head = [cell.strip() for cell in table[0]] if table else []
    if missing := [column for column in columns if column not in head]:
        raise InvalidInput(
            f"없는 열이 있습니다: {', '.join(missing)}.", next_step="받은 파일의 첫 줄을 그대로 두세요.", record=name
        )
    if len(table) > MOST_ROWS:
        raise InvalidInput(f"{MOST_ROWS:,}줄까지 읽습니다.", next_step="나누어 올리세요.", record=name)
    at = {column: head.index(column) for column in columns}
    return [
        {column: _in(row[n] if n < len(row) else "") for column, n in at.items()}
        for row in table[1:] if any(cell.strip() for cell in row)
    ]  # fmt: skip


def number(
    row: dict[str, str], column: str, line: int, columns: Sequence[str], *, blank: float | None = 0.0
) -> float | None:
    """A number of a row; InvalidInput names the cell. line: of the file, the header is 1."""
    text = row[column].replace(",", "").strip()
    if not text:
        return blank
    try:
        return float(text)
    except ValueError as error:
        place = f"{get_column_letter(columns.index(column) + 1)}{line}"
        raise InvalidInput(
            f"{place}의 ‘{text}’은(는) 숫자가 아닙니다.", next_step=f"‘{column}’ 열에 숫자를 적으세요.", record=place
        ) from error


def _out(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return "'" + value if isinstance(value, str) and value.startswith((*_DANGEROUS, "'")) else value


def _in(text: str) -> str:
    text = text.strip()
    return text[1:] if text.startswith("'") else text
