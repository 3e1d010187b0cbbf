"""A manuscript as HWPX (KS X 6101): paragraphs, tables, 함초롬 and 맑은 고딕 with the office's own fallbacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hwpx import HwpxDocument

from haechi.engines.text.drafting.docx_file import column_shares
from haechi.engines.text.drafting.manuscript import Element

MEDIA_TYPE = "application/hwp+zip"
_PAGE_WIDTH, _MARGIN = 59528, 5669
_EDGE, _ROW = 2835, 1900
"""In HWP units (1/7200 inch): above and below, the edge and the header or footer take 10 mm each; a table row 6.7 mm."""
_GOTHIC, _BATANG = "맑은 고딕", "함초롬바탕"
_LOOKS: dict[str, dict[str, Any]] = {
    "banner": {"size": 22, "bold": True, "font": _GOTHIC},
    "label": {"size": 9, "font": _GOTHIC, "color": "#8A1C1C"},
    "title": {"size": 17, "bold": True, "font": _GOTHIC},
    "subtitle": {"size": 11, "font": _GOTHIC},
    "heading": {"size": 13.5, "bold": True, "font": _GOTHIC},
    "text": {"size": 11.5, "font": _BATANG},
    "to_fill": {"size": 11.5, "font": _BATANG, "color": "#8A1C1C"},
    "item": {"size": 11.5, "font": _BATANG},
    "sub_item": {"size": 11.5, "font": _BATANG},
    "note": {"size": 10, "font": _BATANG},
    "cell": {"size": 10, "font": _GOTHIC},
    "head_cell": {"size": 10, "bold": True, "font": _GOTHIC},
}
_SHAPES: dict[str, dict[str, Any]] = {
    "banner": {"alignment": "CENTER", "line_spacing_percent": 140, "spacing_after_pt": 4},
    "label": {"line_spacing_percent": 130, "spacing_after_pt": 4},
    "title": {"alignment": "CENTER", "line_spacing_percent": 150, "spacing_before_pt": 12, "spacing_after_pt": 4},
    "subtitle": {"alignment": "CENTER", "line_spacing_percent": 140, "spacing_after_pt": 3},
    "heading": {"line_spacing_percent": 150, "spacing_before_pt": 10, "spacing_after_pt": 2, "keep_with_next": True},
    "text": {"alignment": "JUSTIFY", "line_spacing_percent": 160, "spacing_after_pt": 3},
    "item": {"line_spacing_percent": 160, "indent_left_mm": 9, "first_line_indent_mm": -5},
    "sub_item": {"line_spacing_percent": 160, "indent_left_mm": 11, "first_line_indent_mm": -4},
    "note": {"line_spacing_percent": 150, "indent_left_mm": 18, "first_line_indent_mm": -5},
    "table": {"spacing_after_pt": 6},
}


def to_hwpx(elements: Sequence[Element], *, title: str, author: str, label: str) -> bytes:
    """The bytes of the file. title, author: its properties. label: the footer on every page."""
    document = HwpxDocument.new()
    try:
        document.page.set_margins(left=_MARGIN, right=_MARGIN, top=_EDGE, bottom=_EDGE, header=_EDGE, footer=_EDGE)
        styles = {name: document.styles.ensure_run(**look) for name, look in _LOOKS.items()}
        shaped: dict[str, list[int]] = defaultdict(list)
        for at, element in enumerate(elements):
            if element.kind in ("table", "meta"):
                _table(document, element, styles)
                shaped["table"].append(len(document.paragraphs) - 1)
            else:
                _paragraph(document, element, styles, first=at == 0)
                shaped[element.kind].append(len(document.paragraphs) - 1)
        for kind, indexes in shaped.items():
            document.styles.apply_paragraph_format(paragraph_indexes=indexes, **_SHAPES[kind])
        document.page.set_footer(text=label)
        _properties(document, title, author, "\n".join(one.text for one in elements if one.text))
        return document.to_bytes()
    finally:
        document.close()


def _paragraph(document: HwpxDocument, element: Element, styles: dict[str, str], *, first: bool) -> None:
    look = "to_fill" if element.kind == "text" and element.text.startswith("[") else element.kind
    if first:  # a new document begins with one empty paragraph that holds the page's settings
        document.paragraphs[0].add_run(element.text, char_pr_id_ref=styles[look])
    else:
        document.add_paragraph(element.text, char_pr_id_ref=styles[look], inherit_style=False)


def _table(document: HwpxDocument, element: Element, styles: dict[str, str]) -> None:
    columns = max(len(row) for row in element.rows)
    table = document.add_table(
        len(element.rows), columns, width=_PAGE_WIDTH - 2 * _MARGIN, height=_ROW * len(element.rows)
    )
    table.set_column_widths([round(1000 * share) for share in column_shares(element.rows, columns)])
    for at, row in enumerate(element.rows):
        for column, text in enumerate(row):
            strong = (element.headed and at == 0) or (element.kind == "meta" and column == 0)
            cell = table.cell(at, column)
            cell.set_text(text)
            for paragraph in cell.paragraphs:
                for run in paragraph.runs:
                    run.char_pr_id_ref = styles["head_cell" if strong else "cell"]
            if strong:
                table.set_cell_shading(at, column, "#E9EEF5")


def _properties(document: HwpxDocument, title: str, author: str, text: str) -> None:
    """The library's blank document carries properties and a preview of its own: ours take their place."""
    package = document.package
    package.clear_document_metadata()
    package.set_document_metadata(title=title, creator=author)
    package.set_part("Preview/PrvText.txt", text[:1000])
