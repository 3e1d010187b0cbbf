"""From a Markdown source to the file that an office would have."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence

import docx
import hwpforge
import openpyxl
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from haechi.core.errors import InvalidInput
from haechi.engines.knowledge.ingest.limits import Budget, Limits
from haechi.engines.knowledge.ingest.pieces import Piece
from haechi.engines.knowledge.ingest.plain import read_markdown

_CLAUSE_LINE = re.compile(r"\n(?=[①-⑳])")


def build(format: str, text: str, *, title: str, author: str) -> bytes:
    """Bytes of `text` as hwpx, xlsx, docx or md. Raises InvalidInput for another format."""
    if format not in _BUILDERS:
        raise InvalidInput(
            f"시연 문서를 '{format}' 형식으로 만들 수 없습니다.", next_step="hwpx, xlsx, docx, md 가운데 고르세요."
        )
    return _BUILDERS[format](text, title, author)


def pieces(text: str) -> Sequence[Piece]:
    """The headings, paragraphs, lists and tables of a source text."""
    return read_markdown(text.encode(), Budget(Limits())).pieces


def _hwpx(text: str, title: str, author: str) -> bytes:
    front = f"---\ntitle: {title}\nauthor: {author}\n---\n\n"
    return hwpforge.convert_md(front + _CLAUSE_LINE.sub("\n\n", text)).document.to_bytes()


def _markdown(text: str, title: str, author: str) -> bytes:
    return f"---\ntitle: {title}\nauthor: {author}\n---\n\n{text}".encode()


def _docx(text: str, title: str, author: str) -> bytes:
    document = docx.Document()
    document.core_properties.title, document.core_properties.author = title, author
    for piece in pieces(text):
        if piece.table is not None:
            rows = [piece.table.header, *piece.table.rows]
            table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
            for at, row in enumerate(rows):
                for column, cell in enumerate(row):
                    table.cell(at, column).text = cell
        elif piece.kind == "heading":
            document.add_heading(piece.text, level=piece.level)
        elif piece.kind == "list":
            document.add_paragraph(re.sub(r"^[-*] ", "", piece.text), style="List Bullet")
        else:
            document.add_paragraph(piece.text)
    return _saved(document.save)


def _xlsx(text: str, title: str, author: str) -> bytes:
    """A sheet a heading; under it paragraphs as single cells, tables with a shaded header."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    book.properties.title, book.properties.creator = title, author
    sheet = None
    for piece in pieces(text):
        if piece.kind == "heading" or sheet is None:
            sheet = book.create_sheet(piece.text[:31])
            continue
        if sheet.max_row > 1 or sheet["A1"].value is not None:
            sheet.append([])
        if piece.table is None:
            sheet.append([piece.text])
        else:
            _write_table(sheet, [piece.table.header, *piece.table.rows])
    return _saved(book.save)


def _write_table(sheet: openpyxl.worksheet.worksheet.Worksheet, rows: Sequence[Sequence[str]]) -> None:
    edge = Side(style="thin", color="888888")
    for at, row in enumerate(rows):
        sheet.append(list(row))
        for cell in sheet[sheet.max_row]:
            cell.border = Border(left=edge, right=edge, top=edge, bottom=edge)
            cell.alignment = Alignment(vertical="center", wrap_text=True)
            if at == 0:
                cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="E6EEF8")
    for column in range(len(rows[0])):
        widest = max(len(row[column]) for row in rows)
        sheet.column_dimensions[get_column_letter(column + 1)].width = min(60, 2 * widest + 4)


def _saved(save: Callable[[io.BytesIO], None]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


_BUILDERS: Mapping[str, Callable[[str, str, str], bytes]] = {
    "hwpx": _hwpx,
    "md": _markdown,
    "docx": _docx,
    "xlsx": _xlsx,
}
