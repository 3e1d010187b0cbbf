"""DOCX (ECMA-376 WordprocessingML): the body in order, with headings, lists, merged cells and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.grid import Cell, spread
from haechi.engines.knowledge.ingest.limits import Budget
from haechi.engines.knowledge.ingest.outline import is_list_item
from haechi.engines.knowledge.ingest.package import Package
from haechi.engines.knowledge.ingest.pieces import Draft, Piece, clean, table_piece

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_HEADING = re.compile(r"^(?:heading|제목|개요)\s*(\d)?$", re.IGNORECASE)
_BREAKS = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}
_SKIPPED = frozenset({"del", "moveFrom", "instrText", "pPr", "rPr", "sectPr", "Fallback"})


def read(data: bytes, budget: Budget) -> Draft:
    """DOCX bytes → draft. Raises UnreadableDocument (broken, encrypted, unsafe, zip_bomb)."""
    package = Package(data, budget.limits)
    if "word/document.xml" not in package.names:
        raise unreadable("broken")
    levels = _levels(package.xml("word/styles.xml")) if "word/styles.xml" in package.names else {}
    walk = _Walk(levels, budget)
    body = next((child for child in package.xml("word/document.xml") if _tag(child) == "body"), None)
    pieces = list(walk.blocks(body)) if body is not None else []
    for name in ("word/footnotes.xml", "word/endnotes.xml"):
        if name in package.names:
            pieces += _notes(package.xml(name), walk)
    title, metadata = _properties(package)
    return Draft(pieces, MEDIA_TYPE, title=title, metadata=metadata, guess_headings=True)


def _tag(element: etree._Element) -> str:
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _value(element: etree._Element | None, name: str = "val") -> str:
    if element is None:
        return ""
    return next((value for key, value in element.attrib.items() if str(key).rsplit("}", 1)[-1] == name), "")


def _child(element: etree._Element | None, *path: str) -> etree._Element | None:
    for name in path:
        if element is None:
            return None
        element = next((child for child in element if _tag(child) == name), None)
    return element


def _levels(styles: etree._Element) -> dict[str, int]:
    """Style id → heading depth, by outline level or by the style's name."""
    found: dict[str, int] = {}
    for style in styles:
        if _tag(style) != "style":
            continue
        outline = _value(_child(style, "pPr", "outlineLvl"))
        name = _value(_child(style, "name"))
        if outline.isdigit() and int(outline) < 9:
            found[_value(style, "styleId")] = int(outline) + 1
        elif match := _HEADING.match(name):
            found[_value(style, "styleId")] = int(match[1] or 1)
        elif name.lower() == "title":
            found[_value(style, "styleId")] = 1
    return found


class _Walk:
    def __init__(self, levels: dict[str, int], budget: Budget) -> None:
        self._levels = levels
        self._budget = budget

    def blocks(self, container: etree._Element) -> Iterator[Piece]:
        """Paragraphs and tables of a container, through content controls and inserted revisions."""
        for child in container:
            tag = _tag(child)
            if tag == "p":
                yield from self._paragraph(child)
            elif tag == "tbl":
                yield from self._table(child)
            elif tag in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag"):
                yield from self.blocks(child)

    def _paragraph(self, paragraph: etree._Element) -> Iterator[Piece]:
        self._budget.check()
        boxes: list[etree._Element] = []
        text = clean(_text(paragraph, boxes))
        if text:
            self._budget.characters(len(text))
            level = self._level(paragraph)
            listed = _child(paragraph, "pPr", "numPr") is not None or is_list_item(text)
            if level and len(text) <= 120:
                yield Piece("heading", text, level=level)
            else:
                yield Piece("list" if listed else "paragraph", text)
        for box in boxes:
            yield from self.blocks(box)

    def _level(self, paragraph: etree._Element) -> int:
        outline = _value(_child(paragraph, "pPr", "outlineLvl"))
        if outline.isdigit() and int(outline) < 9:
            return int(outline) + 1
        return self._levels.get(_value(_child(paragraph, "pPr", "pStyle")), 0)

    def _table(self, table: etree._Element) -> Iterator[Piece]:
        nested: list[Piece] = []
        rows = [self._row(row, nested) for row in _rows(table)]
        piece = table_piece(spread(_merged_down(rows), self._budget), self._budget)
        if piece is not None:
            yield piece
        yield from nested

    def _row(self, row: etree._Element, nested: list[Piece]) -> list[tuple[str, int, str]]:
        cells: list[tuple[str, int, str]] = []
        skipped = _value(_child(row, "trPr", "gridBefore"))
        if skipped.isdigit() and int(skipped) < 100:
            cells.append(("", int(skipped), ""))
        for cell in row.iter():
            if _tag(cell) != "tc" or next((up for up in cell.iterancestors() if _tag(up) == "tr"), None) is not row:
                continue
            inside = list(self.blocks(cell))
            nested += [piece for piece in inside if piece.kind == "table"]
            text = "\n".join(piece.text for piece in inside if piece.kind != "table")
            across = _value(_child(cell, "tcPr", "gridSpan"))
            merge = _child(cell, "tcPr", "vMerge")
            state = "" if merge is None else (_value(merge) or "continue")
            cells.append((text, int(across) if across.isdigit() else 1, state))
        return cells


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for child in table:
        if _tag(child) == "tr":
            yield child
        elif _tag(child) in ("sdt", "sdtContent", "ins"):
            yield from _rows(child)


def _merged_down(rows: list[list[tuple[str, int, str]]]) -> list[list[Cell]]:
    """Word marks each cell below a merged one as "continue": it takes the text of the cell above at its column."""
    above: dict[int, str] = {}
    out: list[list[Cell]] = []
    for row in rows:
        column, cells = 0, list[Cell]()
        for text, across, state in row:
            shown = above.get(column, "") if state == "continue" else text
            above[column] = shown
            cells.append((shown, 1, across))
            column += across
        out.append(cells)
    return out


def _text(element: etree._Element, boxes: list[etree._Element]) -> str:
    parts: list[str] = []
    for child in element:
        tag = _tag(child)
        if tag == "t":
            parts.append(child.text or "")
        elif tag in _BREAKS:
            parts.append(_BREAKS[tag])
        elif tag == "txbxContent":
            boxes.append(child)
        elif tag not in _SKIPPED:
            parts.append(_text(child, boxes))
    return "".join(parts)


def _notes(root: etree._Element, walk: _Walk) -> Iterator[Piece]:
    for note in root:
        if _tag(note) in ("footnote", "endnote") and _value(note, "type") not in ("separator", "continuationSeparator"):
            text = "\n".join(piece.text for piece in walk.blocks(note))
            if text:
                yield Piece("footnote", f"주{_value(note, 'id')}) {text}")


def _properties(package: Package) -> tuple[str, dict[str, str]]:
    if "docProps/core.xml" not in package.names:
        return "", {}
    found = {_tag(child): clean(child.text or "") for child in package.xml("docProps/core.xml")}
    names = {"creator": "author", "created": "created", "modified": "modified"}
    return found.get("title", ""), {names[key]: value for key, value in found.items() if key in names and value}
