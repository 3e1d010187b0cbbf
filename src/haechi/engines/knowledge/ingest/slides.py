"""PPTX: each slide a page, its title a heading, shapes from top to bottom, tables, speaker notes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import pptx

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.limits import Budget
from haechi.engines.knowledge.ingest.outline import is_list_item
from haechi.engines.knowledge.ingest.package import Package
from haechi.engines.knowledge.ingest.pieces import Draft, Piece, clean, table_piece

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def read(data: bytes, budget: Budget) -> Draft:
    """PPTX bytes → draft. Raises UnreadableDocument (broken, too_many_pages, unsafe, zip_bomb)."""
    Package(data, budget.limits).refuse_declarations()
    try:
        deck = pptx.Presentation(io.BytesIO(data))
        count = len(deck.slides)
        if count > budget.limits.pages:
            raise unreadable("too_many_pages", pages=f"{count:,}", limit=f"{budget.limits.pages:,}")
        pieces = [piece for number, slide in enumerate(deck.slides, 1) for piece in _slide(slide, number, budget)]
        title = clean(deck.core_properties.title or "")
    except (UnreadableDocument, MemoryError):
        raise
    except Exception as error:  # python-pptx raises anything at all on malformed parts
        raise unreadable("broken") from error
    return Draft(pieces, MEDIA_TYPE, title="" if title == "PowerPoint Presentation" else title, pages=count)


def _slide(slide: Any, number: int, budget: Budget) -> Iterator[Piece]:
    title = slide.shapes.title
    if title is not None and (text := clean(title.text_frame.text)):
        yield Piece("heading", text.replace("\n", " "), level=1, page=number)
    for shape in _in_order(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        yield from _shape(shape, number, budget)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = clean(slide.notes_slide.notes_text_frame.text)
        if notes:
            budget.characters(len(notes))
            yield Piece("footnote", f"발표자 노트: {notes}", page=number)


def _in_order(shapes: Iterable[Any]) -> list[Any]:
    """From top to bottom, then left to right; placeholders without a place of their own keep theirs."""
    return sorted(shapes, key=lambda shape: ((shape.top or 0) // 200_000, shape.left or 0))


def _shape(shape: Any, number: int, budget: Budget) -> Iterator[Piece]:
    if hasattr(shape, "shapes"):
        for inner in _in_order(shape.shapes):
            yield from _shape(inner, number, budget)
    elif getattr(shape, "has_table", False) and shape.has_table:
        piece = table_piece(_rows(shape.table), budget, page=number)
        if piece is not None:
            yield piece
    elif shape.has_text_frame:
        for paragraph in shape.text_frame.paragraphs:
            text = clean("".join(run.text for run in paragraph.runs) or paragraph.text)
            if text:
                budget.characters(len(text))
                listed = paragraph.level > 0 or is_list_item(text)
                yield Piece("list" if listed else "paragraph", text, page=number)


def _rows(table: Any) -> list[list[str]]:
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    for at, row in enumerate(table.rows):
        for column, cell in enumerate(row.cells):
            if cell.is_merge_origin:
                for down in range(cell.span_height):
                    for across in range(cell.span_width):
                        rows[at + down][column + across] = cell.text
    return rows
