"""HWPX (KS X 6101, OWPML): sections of a zip package, read with headings, merged cells and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.grid import Cell, spread
from haechi.engines.knowledge.ingest.limits import Budget
from haechi.engines.knowledge.ingest.outline import is_list_item
from haechi.engines.knowledge.ingest.package import Package, parse_xml
from haechi.engines.knowledge.ingest.pieces import Draft, Piece, PieceKind, clean, table_piece

MEDIA_TYPE = "application/hwp+zip"
_SECTION = re.compile(r"^Contents/section(\d+)\.xml$")
_OUTLINE_STYLE = re.compile(r"^(?:개요|outline|heading|제목)\s*(\d)?", re.IGNORECASE)
_INLINE = {"tab": " ", "lineBreak": "\n", "nbSpace": " ", "fwSpace": " ", "hypen": "-"}
_NOT_SHOWN = frozenset({"header", "footer", "hiddenComment", "deleteBegin", "memogroup"})


def read(data: bytes, budget: Budget) -> Draft:
    """HWPX bytes → draft. Raises UnreadableDocument (encrypted, broken, zip_bomb, unsafe)."""
    package = Package(data, budget.limits)
    _refuse_encrypted(package)
    sections = sorted((int(found[1]), name) for name in package.names if (found := _SECTION.match(name)) is not None)
    if not sections:
        raise unreadable("broken")
    levels = _levels(package.xml("Contents/header.xml")) if "Contents/header.xml" in package.names else _Levels()
    walk = _Walk(levels, budget)
    pieces: list[Piece] = []
    for _, name in sections:
        for paragraph in package.xml(name):
            if _tag(paragraph) == "p":
                pieces += walk.paragraph(paragraph)
    pieces += [Piece("footnote", text) for text in walk.notes]
    return Draft(pieces, MEDIA_TYPE, title=_title(package), metadata=_metadata(package), guess_headings=True)


def _refuse_encrypted(package: Package) -> None:
    if "META-INF/manifest.xml" in package.names and b"encryption-data" in package.read("META-INF/manifest.xml"):
        raise unreadable("encrypted")


def _tag(element: etree._Element) -> str:
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


@dataclass(frozen=True, slots=True)
class _Levels:
    """Heading depth by paragraph shape and by style, from the package's header."""

    shapes: dict[str, int] = field(default_factory=dict)
    styles: dict[str, int] = field(default_factory=dict)

    def of(self, paragraph: etree._Element) -> int:
        named = self.styles.get(paragraph.get("styleIDRef", ""), 0)
        return named or self.shapes.get(paragraph.get("paraPrIDRef", ""), 0)


def _levels(header: etree._Element) -> _Levels:
    shapes: dict[str, int] = {}
    styles: dict[str, int] = {}
    for element in header.iter():
        if _tag(element) == "paraPr":
            heading = next((child for child in element.iter() if _tag(child) == "heading"), None)
            if heading is not None and heading.get("type") == "OUTLINE":
                shapes[element.get("id", "")] = min(int(heading.get("level") or 0) + 1, 6)
        elif _tag(element) == "style":
            found = _OUTLINE_STYLE.match(element.get("name") or "") or _OUTLINE_STYLE.match(
                element.get("engName") or ""
            )
            if found:
                styles[element.get("id", "")] = int(found[1] or 1)
    return _Levels(shapes, styles)


class _Walk:
    """One pass over paragraphs; notes gather at the end of the document, as they are printed at the end of a page."""

    def __init__(self, levels: _Levels, budget: Budget) -> None:
        self._levels = levels
        self._budget = budget
        self._depth = 0
        self.notes: list[str] = []

    def paragraph(self, paragraph: etree._Element) -> list[Piece]:
        """The pieces of one hp:p: its text, then the tables and boxes anchored in it, in order of appearance."""
        self._budget.check()
        out: list[Piece] = []
        text: list[str] = []
        for run in paragraph:
            if _tag(run) == "run":
                for child in run:
                    self._element(child, text, out, paragraph)
        self._flush(text, out, paragraph)
        return out

    def _element(self, child: etree._Element, text: list[str], out: list[Piece], paragraph: etree._Element) -> None:
        tag = _tag(child)
        if tag == "t":
            text.append(_characters(child))
        elif tag == "tbl":
            self._flush(text, out, paragraph)
            out += self._table(child)
        elif tag in ("footNote", "endNote"):
            self._note(child)
        elif tag == "equation":
            text.extend(script.text or "" for script in child.iter() if _tag(script) == "script")
        elif tag in ("compose", "dutmal"):
            text.append(child.get("composeText") or "".join(child.itertext()))
        elif tag not in _NOT_SHOWN and tag:
            for below in child:
                if _tag(below) in ("subList", "drawText", "caption"):
                    self._flush(text, out, paragraph)
                    out += self._inside(below)
                elif tag == "ctrl" or tag == "container":
                    self._element(below, text, out, paragraph)

    def _inside(self, element: etree._Element) -> list[Piece]:
        self._depth += 1
        if self._depth > 12:
            raise unreadable("unsafe", what="(지나치게 깊은 중첩)")
        pieces = [
            piece
            for below in element.iter()
            if _tag(below) == "p" and _nearest_owner(below, element)
            for piece in self.paragraph(below)
        ]
        self._depth -= 1
        return pieces

    def _note(self, note: etree._Element) -> None:
        body = "\n".join(piece.text for piece in self._inside(note))
        if body:
            self.notes.append(f"주{len(self.notes) + 1}) {body}")

    def _flush(self, text: list[str], out: list[Piece], paragraph: etree._Element) -> None:
        body = clean("".join(text))
        text.clear()
        if not body:
            return
        self._budget.characters(len(body))
        level = self._levels.of(paragraph) if len(body) <= 100 and not body.endswith(("다.", "함.", "음.")) else 0
        kind: PieceKind = "heading" if level else "list" if is_list_item(body) else "paragraph"
        out.append(Piece(kind, body, level=level))

    def _table(self, table: etree._Element) -> Iterator[Piece]:
        rows: list[list[Cell]] = []
        nested: list[Piece] = []
        for row in table:
            if _tag(row) == "tr":
                rows.append([self._cell(cell, nested) for cell in _by_column(row)])
        caption = next((self._inside(child) for child in table if _tag(child) == "caption"), [])
        title = " ".join(piece.text for piece in caption)
        if len(rows) == 1 and len(rows[0]) == 1:
            body = rows[0][0][0]
            return iter([Piece("paragraph", part) for part in (title, body) if part] + nested)
        piece = table_piece(spread(rows, self._budget), self._budget, caption=title)
        return iter(([piece] if piece else []) + nested)

    def _cell(self, cell: etree._Element, nested: list[Piece]) -> Cell:
        pieces = self._inside(cell)
        nested += [piece for piece in pieces if piece.kind == "table"]
        text = "\n".join(piece.text for piece in pieces if piece.kind != "table")
        span = next((child for child in cell if _tag(child) == "cellSpan"), None)
        down, across = (_number(span.get("rowSpan")), _number(span.get("colSpan"))) if span is not None else (1, 1)
        return text, down, across


def _by_column(row: etree._Element) -> list[etree._Element]:
    def column(cell: etree._Element) -> int:
        address = next((child for child in cell if _tag(child) == "cellAddr"), None)
        return _number(address.get("colAddr"), 0) if address is not None else 0

    return sorted((cell for cell in row if _tag(cell) == "tc"), key=column)


def _nearest_owner(paragraph: etree._Element, owner: etree._Element) -> bool:
    """Whether the paragraph belongs to `owner` itself and not to a paragraph inside it."""
    above = paragraph.getparent()
    while above is not None and above is not owner:
        if _tag(above) == "p":
            return False
        above = above.getparent()
    return above is owner


def _number(value: str | None, default: int = 1) -> int:
    try:
        return int(value or default)
    except ValueError:
        return default


def _characters(element: etree._Element) -> str:
    parts = [element.text or ""]
    for child in element:
        parts += [_INLINE.get(_tag(child), ""), child.tail or ""]
    return "".join(parts)


def _opf(package: Package) -> etree._Element | None:
    name = "Contents/content.hpf"
    return parse_xml(package.read(name)) if name in package.names else None


def _title(package: Package) -> str:
    root = _opf(package)
    if root is None:
        return ""
    return next((clean(element.text or "") for element in root.iter() if _tag(element) == "title"), "")


def _metadata(package: Package) -> dict[str, str]:
    root = _opf(package)
    if root is None:
        return {}
    names = {"creator": "author", "ModifiedDate": "modified", "CreatedDate": "created"}
    found = {element.get("name", ""): clean(element.text or "") for element in root.iter() if _tag(element) == "meta"}
    return {names[key]: value for key, value in found.items() if key in names and value}
