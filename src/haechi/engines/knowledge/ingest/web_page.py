"""HTML: the main text without scripts, menus and hidden parts; headings, lists, tables with merged cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree, html

from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.grid import Cell, spread
from haechi.engines.knowledge.ingest.limits import Budget
from haechi.engines.knowledge.ingest.outline import is_list_item
from haechi.engines.knowledge.ingest.pieces import Draft, Piece, clean, table_piece
from haechi.engines.knowledge.ingest.plain import decode

MEDIA_TYPE = "text/html"
_SKIPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "iframe",
        "object",
        "embed",
        "svg",
        "canvas",
        "nav",
        "head",
        "select",
        "button",
        "input",
        "textarea",
    ]
)
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "aside",
        "header",
        "footer",
        "address",
        "blockquote",
        "pre",
        "form",
        "fieldset",
        "figure",
        "figcaption",
        "dl",
        "dt",
        "dd",
        "ul",
        "ol",
        "li",
        "table",
        "caption",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "details",
        "summary",
        "body",
        "html",
        "center",
    ]
)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_DEEPEST = 400


def read(data: bytes, budget: Budget) -> Draft:
    """HTML bytes → draft. Nothing that the page refers to is fetched."""
    text = _decode(data)
    budget.characters(len(text))
    parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        root = html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text), parser=parser)
    except (etree.ParserError, ValueError) as error:
        raise unreadable("empty") from error
    walk = _Walk(budget)
    walk.visit(root, 0)
    walk.flush()
    title = root.find(".//title")
    metadata = {"language": root.get("lang", "")} if root.get("lang") else {}
    return Draft(walk.pieces, MEDIA_TYPE, title=clean(title.text or "") if title is not None else "", metadata=metadata)


def _decode(data: bytes) -> str:
    found = _CHARSET.search(data[:4096])
    if found and found[1].lower() in (b"euc-kr", b"ks_c_5601-1987", b"cp949", b"korean"):
        return data.decode("cp949", "replace")
    return decode(data)


class _Walk:
    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._text: list[str] = []
        self._kind = ""
        self.pieces: list[Piece] = []

    def flush(self) -> None:
        """Ends the running paragraph."""
        text = clean(" ".join(part for part in "".join(self._text).split("\n") if part.strip()).replace("\x1e", "\n"))
        self._text.clear()
        kind, self._kind = self._kind, ""
        if not text:
            return
        if kind.startswith("h"):
            self.pieces.append(Piece("heading", text.replace("\n", " "), level=int(kind[1])))
        else:
            listed = kind == "li" or is_list_item(text)
            self.pieces.append(Piece("list" if listed else "paragraph", text))

    def visit(self, element: etree._Element, depth: int) -> None:
        """Depth-first; text before and after block elements belongs to different paragraphs."""
        self._budget.check()
        if depth > _DEEPEST:
            self._text.append(" ".join(element.itertext()))
            return
        tag = element.tag if isinstance(element.tag, str) else ""
        if not tag or tag in _SKIPPED or element.get("hidden") is not None or _HIDDEN.search(element.get("style", "")):
            return
        if tag == "br":
            self._text.append("\x1e")
            return
        if tag == "table":
            self.flush()
            self._table(element)
            return
        if tag in _BLOCKS:
            self.flush()
            if tag == "li" or re.fullmatch(r"h[1-6]", tag):
                self._kind = tag
        self._text.append(element.text or "")
        for child in element:
            self.visit(child, depth + 1)
            self._text.append(child.tail or "")
        if tag in _BLOCKS:
            self.flush()

    def _table(self, table: etree._Element) -> None:
        rows = [row for row in table.iter("tr") if next(row.iterancestors("table"), None) is table]
        cells = [[_cell(cell) for cell in row if cell.tag in ("td", "th")] for row in rows]
        if table.find(".//table") is not None or max((len(row) for row in cells), default=0) < 2:
            for row in rows:
                for cell in row:
                    self.visit(cell, 1)
                    self.flush()
            return
        caption = table.find("caption")
        title = "" if caption is None else " ".join(caption.itertext())
        piece = table_piece(spread(cells, self._budget), self._budget, caption=title)
        if piece is not None:
            self.pieces.append(piece)


def _cell(cell: etree._Element) -> Cell:
    return "".join(_cell_text(cell)), _span(cell.get("rowspan")), _span(cell.get("colspan"))


def _cell_text(cell: etree._Element) -> Iterator[str]:
    for element in cell.iter():
        if isinstance(element.tag, str) and element.tag not in ("script", "style"):
            yield " " if element.tag in ("br", "p", "div", "li") else ""
            yield element.text or ""
        if element is not cell:
            yield element.tail or ""


def _span(value: str | None) -> int:
    return int(value) if value and value.isdigit() and int(value) else 1
