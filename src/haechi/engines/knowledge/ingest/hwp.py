"""HWP 5.0 (OLE), distribution files (배포용) and HWPML.

Two independent readers look at each HWP 5 file and the one that finds more text is believed: unhwp keeps merged cells,
hwp2markdown decrypts distribution files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import hwp2md
import unhwp
from hwp2md.convert import read_blocks
from hwp2md.errors import UnsupportedHwpError

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.grid import Cell, spread
from haechi.engines.knowledge.ingest.limits import Budget
from haechi.engines.knowledge.ingest.outline import is_list_item
from haechi.engines.knowledge.ingest.package import refuse_declarations
from haechi.engines.knowledge.ingest.pieces import Draft, Piece, clean, table_piece

HWP5 = "application/x-hwp"
HWPML = "application/x-hwpml"


def read(data: bytes, budget: Budget) -> Draft:
    """HWP 5.0 bytes → draft. Raises UnreadableDocument (encrypted, broken)."""
    blocks, failure = _with_hwp2md(data, budget)
    pieces, metadata = _with_unhwp(data, budget)
    if _amount(blocks) > 1.02 * _amount(pieces):
        pieces = blocks
    else:
        # The second reader knows the outline's depth better.
        levels = {piece.text: piece.level for piece in blocks if piece.kind == "heading"}
        pieces = [
            replace(piece, kind="heading", level=levels[piece.text]) if piece.text in levels else piece
            for piece in pieces
        ]
    if not pieces and failure is not None:
        raise failure
    return Draft(pieces, HWP5, title=metadata.pop("title", ""), metadata=metadata, guess_headings=True)


def read_hwpml(data: bytes, budget: Budget) -> Draft:
    """HWPML (one XML file) → draft."""
    refuse_declarations(data)
    pieces, failure = _with_hwp2md(data, budget)
    if failure is not None:
        raise failure
    return Draft(pieces, HWPML, guess_headings=True)


def _amount(pieces: list[Piece]) -> int:
    """Letters found, without blanks and without the names of columns that table text repeats."""
    total = 0
    for piece in pieces:
        if piece.table is not None:
            cells = [*piece.table.header, *dict.fromkeys(cell for row in piece.table.rows for cell in row)]
            total += sum(len("".join(cell.split())) for cell in cells)
        else:
            total += len("".join(piece.text.split()))
    return total


def _with_hwp2md(data: bytes, budget: Budget) -> tuple[list[Piece], UnreadableDocument | None]:
    try:
        return list(_pieces(read_blocks(data), budget)), None
    except UnsupportedHwpError:
        return [], unreadable("encrypted")
    except (UnreadableDocument, MemoryError):
        raise
    except Exception:  # a young parser meets arbitrary bytes: whatever it raises, the file is what is at fault
        return [], unreadable("broken")


def _pieces(blocks: list[hwp2md.Block], budget: Budget) -> Iterator[Piece]:
    for block in blocks:
        if isinstance(block, hwp2md.Table):
            if piece := table_piece(block.rows, budget):
                yield piece
        elif isinstance(block, hwp2md.Note):
            text = clean("\n".join(paragraph.text for paragraph in block.paragraphs))
            if text:
                yield Piece("footnote", f"주{block.number}) {text}")
        elif isinstance(block, hwp2md.Paragraph):
            label = block.list_info.label if block.list_info else ""
            text = clean(f"{label} {block.text}" if label else block.text)
            if text:
                budget.characters(len(text))
                yield _paragraph(text, block.level, listed=block.list_info is not None)


def _paragraph(text: str, level: int, *, listed: bool = False) -> Piece:
    if level and len(text) <= 100 and not text.endswith(("다.", "함.", "음.")):
        return Piece("heading", text, level=level)
    return Piece("list" if listed or is_list_item(text) else "paragraph", text)


def _with_unhwp(data: bytes, budget: Budget) -> tuple[list[Piece], dict[str, str]]:
    try:
        with unhwp.parse_bytes(data) as result:
            document = json.loads(result.json)
    except (unhwp.UnhwpError, ValueError, OSError, RecursionError):
        return [], {}
    pieces = [
        piece
        for section in document.get("sections", [])
        for entry in section.get("content", [])
        for piece in _unhwp_pieces(entry, budget)
    ]
    about = document.get("metadata") or {}
    metadata = {key: str(about[key]) for key in ("title", "author", "created", "modified") if about.get(key)}
    return pieces, metadata


def _unhwp_pieces(entry: Mapping[str, Any], budget: Budget) -> Iterator[Piece]:
    if "Paragraph" in entry:
        paragraph = entry["Paragraph"]
        text = clean(_text(paragraph))
        if text:
            budget.characters(len(text))
            head = paragraph.get("style", {}).get("head") or {}
            level = paragraph.get("style", {}).get("heading_level") or 0
            if not level and head.get("kind") == "Outline":
                level = int(head.get("level") or 0) + 1
            yield _paragraph(text, level)
    elif "Table" in entry:
        rows = [[_cell(cell) for cell in row.get("cells", [])] for row in entry["Table"].get("rows", [])]
        if len(rows) == 1 and len(rows[0]) == 1:
            if text := clean(rows[0][0][0]):
                yield _paragraph(text, 0)
        elif piece := table_piece(spread(rows, budget), budget):
            yield piece


def _cell(cell: Mapping[str, Any]) -> Cell:
    text = "\n".join(_text(paragraph) for paragraph in cell.get("content", []))
    for table in cell.get("nested_tables", []) or []:
        text += "\n" + " ".join(_cell(below)[0] for row in table.get("rows", []) for below in row.get("cells", []))
    return text, int(cell.get("rowspan") or 1), int(cell.get("colspan") or 1)


def _text(paragraph: Mapping[str, Any]) -> str:
    """The words of a paragraph; the numbering that the outline draws ("1. ") is not part of the text."""
    outline = (paragraph.get("style", {}).get("head") or {}).get("kind") == "Outline"
    parts: list[str] = []
    for index, inline in enumerate(paragraph.get("content", [])):
        if "Text" in inline:
            drawn = outline and index == 0 and inline["Text"].get("style", {}).get("font_name") is None
            parts.append("" if drawn else inline["Text"].get("text", ""))
        elif "LineBreak" in inline or inline == "LineBreak":
            parts.append("\n")
        elif isinstance(inline, dict):
            value = next(iter(inline.values()), None)
            if isinstance(value, dict):
                parts.append(str(value.get("text") or value.get("script") or ""))
    return "".join(parts)
