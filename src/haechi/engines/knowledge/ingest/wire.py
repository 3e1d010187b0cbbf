"""Parsed documents as plain JSON, for the pipe between the worker process and its parent. Nothing is unpickled."""

from __future__ import annotations

from typing import Any

from haechi.engines.knowledge.ports import Block, ParsedDocument, Table


def to_plain(document: ParsedDocument) -> dict[str, Any]:
    """JSON-ready form of a document."""
    return {
        "title": document.title,
        "media_type": document.media_type,
        "pages": document.pages,
        "member": document.member,
        "metadata": dict(document.metadata),
        "warnings": list(document.warnings),
        "blocks": [_block(block) for block in document.blocks],
    }


def _block(block: Block) -> list[Any]:
    table = None
    if block.table is not None:
        table = [list(block.table.header), [list(row) for row in block.table.rows], block.table.caption]
    return [block.kind, block.text, block.level, block.page, list(block.heading_path), block.article, table]


def from_plain(value: dict[str, Any]) -> ParsedDocument:
    """The document again. Raises KeyError, TypeError or ValueError when the value has another shape."""
    return ParsedDocument(
        title=str(value["title"]),
        blocks=tuple(_read_block(block) for block in value["blocks"]),
        media_type=str(value["media_type"]),
        pages=None if value["pages"] is None else int(value["pages"]),
        member=str(value["member"]),
        metadata={str(key): str(item) for key, item in value["metadata"].items()},
        warnings=tuple(map(str, value["warnings"])),
    )


def _read_block(value: list[Any]) -> Block:
    kind, text, level, page, path, article, table = value
    read = None
    if table is not None:
        header, rows, caption = table
        read = Table(tuple(map(str, header)), tuple(tuple(map(str, row)) for row in rows), str(caption))
    return Block(
        kind=kind,
        text=str(text),
        level=int(level),
        page=None if page is None else int(page),
        heading_path=tuple(map(str, path)),
        article=str(article),
        table=read,
    )
