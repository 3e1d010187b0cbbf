"""A manuscript as DOCX, with Korean fonts set for East Asian text and a footer that says who made it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from haechi.engines.text.drafting.manuscript import Element

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_GOTHIC, _MYEONGJO = "맑은 고딕", "함초롬바탕"
_SIZES = {"banner": 22, "label": 9, "title": 17, "subtitle": 11, "heading": 13.5, "text": 11.5, "item": 11.5}
_SIZES |= {"sub_item": 11.5, "note": 10, "table": 10, "meta": 10}
_INDENTS = {"item": (0.9, -0.5), "sub_item": (1.4, -0.4), "note": (1.8, -0.5)}


def to_docx(elements: Sequence[Element], *, title: str, author: str, label: str) -> bytes:
    """The bytes of the file. title, author: its properties. label: the footer on every page."""
    document = docx.Document()
    document.core_properties.title, document.core_properties.author = title, author
    document.core_properties.comments = label
    _page(document)
    for element in elements:
        if element.kind in ("table", "meta"):
            _table(document, element)
        else:
            _paragraph(document, element)
    footer = document.sections[0].footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _font(footer.add_run(label), 8, _GOTHIC)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _page(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2)
    section.top_margin = section.bottom_margin = Cm(2)
    normal = document.styles["Normal"]
    normal.font.name = _GOTHIC
    normal.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), _GOTHIC)


def _font(run: Run, size: float, family: str, *, bold: bool = False, colour: str = "") -> None:
    run.font.size, run.font.bold, run.font.name = Pt(size), bold, family
    fonts = run._element.get_or_add_rPr().get_or_add_rFonts()
    for name in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(name), family)
    if colour:
        run.font.color.rgb = RGBColor.from_string(colour)


def _paragraph(document: Document, element: Element) -> None:
    paragraph = document.add_paragraph()
    form = paragraph.paragraph_format
    form.space_after, form.line_spacing = Pt(4), 1.4
    family = _GOTHIC if element.kind in ("banner", "label", "title", "subtitle", "heading") else _MYEONGJO
    bold = element.kind in ("banner", "title", "heading")
    _font(paragraph.add_run(element.text), _SIZES[element.kind], family, bold=bold, colour=_colour(element))
    if element.kind in ("banner", "title", "subtitle"):
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    if element.kind == "title":
        form.space_before = Pt(12)
    elif element.kind == "text":
        paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    elif element.kind == "heading":
        form.space_before, form.keep_with_next = Pt(10), True
        _outline(paragraph)
    elif element.kind in _INDENTS:
        left, first = _INDENTS[element.kind]
        form.left_indent, form.first_line_indent = Cm(left), Cm(first)


def _colour(element: Element) -> str:
    if element.kind == "label":
        return "8A1C1C"
    return "8A1C1C" if element.kind == "text" and element.text.startswith("[") else ""


def _outline(paragraph: Paragraph) -> None:
    """Outline level 1, so that a reader's navigation lists it as a heading."""
    level = OxmlElement("w:outlineLvl")
    level.set(qn("w:val"), "0")
    paragraph._p.get_or_add_pPr().append(level)


def _table(document: Document, element: Element) -> None:
    columns = max(len(row) for row in element.rows)
    table = document.add_table(len(element.rows), columns, style="Table Grid")
    table.autofit = False
    widths = column_shares(element.rows, columns)
    for column, share in zip(table.columns, widths, strict=True):
        column.width = Cm(17 * share)
    for at, row in enumerate(element.rows):
        for column, text in enumerate(row):
            cell = table.cell(at, column)
            cell.width = Cm(17 * widths[column])
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(2)
            strong = (element.headed and at == 0) or (element.kind == "meta" and column == 0)
            _font(paragraph.add_run(text), _SIZES["table"], _GOTHIC, bold=strong)
            if strong:
                _shade(cell._tc, "E9EEF5")
                paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        if element.headed and at == 0:
            _repeat(table.rows[0]._tr)
    document.add_paragraph().paragraph_format.space_after = Pt(2)


def column_shares(rows: Sequence[Sequence[str]], columns: int) -> list[float]:
    """The share of the page's width each column gets: by its longest cell, none under 10 %."""
    longest = [
        max((min(len(row[column]), 40) for row in rows if column < len(row)), default=1) for column in range(columns)
    ]
    shares = [max(length / max(sum(longest), 1), 0.1) for length in longest]
    return [share / sum(shares) for share in shares]


def _shade(cell: object, colour: str) -> None:
    shading = OxmlElement("w:shd")
    for name, value in (("w:val", "clear"), ("w:color", "auto"), ("w:fill", colour)):
        shading.set(qn(name), value)
    cell.get_or_add_tcPr().append(shading)  # type: ignore[attr-defined]


def _repeat(row: object) -> None:
    header = OxmlElement("w:tblHeader")
    header.set(qn("w:val"), "true")
    row.get_or_add_trPr().append(header)  # type: ignore[attr-defined]
