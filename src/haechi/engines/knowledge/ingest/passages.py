"""Blocks → passages of about 100–400 characters: the unit that is found, cited and shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

from haechi.engines.knowledge.ingest.pieces import row_text, table_text
from haechi.engines.knowledge.ingest.sentences import sentences
from haechi.engines.knowledge.ports import Block, CollectionKind, ParsedDocument, Passage, Table

LONGEST = 400
SHORT = 100
_ARTICLE_ROOT = re.compile(r"^(?:부칙 ?)?(?:제\d+조(?:의\d+)?)?")
_CLAUSE = re.compile(r"^(?:부칙 ?)?(?:제\d+조(?:의\d+)?)?(?:제\d+항)?")


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of text that will not be cut again, and where it stands."""

    text: str
    block: Block
    table: Table | None = None
    loose: bool = False
    """Continues the part before it: the two are joined by a blank, not a line break."""


@dataclass(slots=True)
class _Open:
    parts: list[_Part] = field(default_factory=list)

    @property
    def length(self) -> int:
        return sum(len(part.text) + 1 for part in self.parts)

    @property
    def only_headings(self) -> bool:
        return all(part.block.kind == "heading" for part in self.parts)


def split(
    document: ParsedDocument,
    *,
    document_id: str,
    version_id: str,
    access: Sequence[str] = ("public",),
    valid_from: date | None = None,
    valid_to: date | None = None,
    kind: CollectionKind | None = None,
) -> list[Passage]:
    """Passages in document order; every character of the blocks is in one of them, in order.

    Headings stand at the head of the passage that follows them. One article is one passage where it fits, else one a
    항; table rows are grouped, each row naming its columns, with the rows kept as `table`. kind: "statutes" for a
    document with articles unless given. Ids are "<version_id>:<ordinal>".
    """
    kind = kind or ("statutes" if sum(block.kind == "article" for block in document.blocks) >= 3 else "documents")
    found: list[Passage] = []
    for parts in _groups(document.blocks):
        lead = next((part for part in parts if part.block.kind != "heading"), parts[-1])
        ordinal = len(found)
        passage = Passage(
            id=f"{version_id}:{ordinal}",
            document_id=document_id,
            version_id=version_id,
            ordinal=ordinal,
            text=_text(parts),
            title=document.title,
            heading_path=_heading_path(lead),
            page=lead.block.page,
            article=_shared_article(parts),
            table=_table(parts),
            access=tuple(access),
            valid_from=valid_from,
            valid_to=valid_to,
            kind=kind,
        )
        found.append(passage)
    return found


def _text(parts: Iterable[_Part]) -> str:
    text = ""
    for part in parts:
        text += (" " if part.loose else "\n") * bool(text) + part.text
    return text


def _heading_path(lead: _Part) -> tuple[str, ...]:
    if lead.block.kind != "heading":
        return lead.block.heading_path
    return (*lead.block.heading_path, lead.block.text.replace("\n", " "))


def _shared_article(parts: Sequence[_Part]) -> str:
    """The place that all parts share: "제5조" for an article in one piece, "제5조제2항" for one of its clauses."""
    labels = {part.block.article for part in parts if part.block.kind != "heading" and part.block.article}
    if len(labels) == 1:
        return labels.pop()
    for level in (_CLAUSE, _ARTICLE_ROOT):
        shared = {found[0].strip() for label in labels if (found := level.match(label))}
        if len(shared) == 1:
            return shared.pop()
    return ""


def _table(parts: Sequence[_Part]) -> Table | None:
    tables = [part.table for part in parts if part.table is not None]
    if not tables:
        return None
    return replace(tables[0], rows=tuple(row for table in tables for row in table.rows))


def _groups(blocks: Sequence[Block]) -> Iterator[list[_Part]]:
    """Passages as lists of parts. A change of heading, article, table or page closes the passage."""
    current = _Open()
    for (_, _), group in groupby(blocks, key=_unit):
        members = list(group)
        if members[0].kind == "heading":
            if not current.only_headings:
                yield from _close(current)
            current.parts += [part for block in members for part in _cut(block)]
            if current.length > LONGEST:
                yield from _close(current)
            continue
        if not current.only_headings:
            yield from _close(current)
        yield from _fill(current, members)
    yield from _close(current)


def _unit(block: Block) -> tuple[object, ...]:
    if block.kind == "heading":
        return ("heading", ())
    if block.kind == "table":
        return ("table", id(block))
    if block.article:
        root = _ARTICLE_ROOT.match(block.article)
        return ("article", (root[0] if root else "", block.heading_path, block.page))
    return ("text", (block.heading_path, block.page))


def _fill(current: _Open, members: list[Block]) -> Iterator[list[_Part]]:
    whole = sum(len(block.text) + 1 for block in members)
    by_clause = members[0].kind == "article" and current.length + whole > LONGEST
    clause = ""
    for block in members:
        found = _CLAUSE.match(block.article)
        here = found[0] if found else ""
        if by_clause and here != clause and not current.only_headings:
            yield from _close(current)
        clause = here
        for part in _cut(block):
            crowded = current.length + len(part.text) > LONGEST
            if crowded and current.parts and not (current.only_headings and current.length < SHORT):
                yield from _close(current)
            current.parts.append(part)


def _close(current: _Open) -> Iterator[list[_Part]]:
    if current.parts:
        yield current.parts
        current.parts = []


def _cut(block: Block) -> Iterator[_Part]:
    if block.table is not None:
        yield from _table_parts(block, block.table)
        return
    loose = False
    for text in _bounded(block.text):
        yield _Part(text, block, loose=loose)
        loose = True


def _table_parts(block: Block, table: Table) -> Iterator[_Part]:
    head = table_text(replace(table, rows=()))
    unfilled = block.text.split("\n")
    rows = [(row, line) for row in table.rows if (line := row_text(table.header, row))]
    lead = unfilled[: len(unfilled) - len(rows)] if len(unfilled) >= len(rows) else [head]
    for line in lead:
        for index, text in enumerate(_bounded(line)):
            yield _Part(text, block, table=replace(table, rows=()), loose=index > 0)
    for row, line in rows:
        for index, text in enumerate(_bounded(line)):
            yield _Part(text, block, table=replace(table, rows=(row,) if index == 0 else ()), loose=index > 0)


def _bounded(text: str) -> list[str]:
    """Stretches of at most LONGEST characters, cut at sentences, else at blanks, else anywhere."""
    if len(text) <= LONGEST:
        return [text]
    out: list[str] = []
    held = ""
    for sentence in sentences(text):
        if held and len(held) + len(sentence) > LONGEST:
            out.append(held)
            held = ""
        held += sentence
        while len(held) > LONGEST:
            cut = held.rfind(" ", SHORT, LONGEST)
            cut = cut if cut > 0 else LONGEST
            out.append(held[:cut])
            held = held[cut:]
    return [part.strip() for part in (*out, held) if part.strip()]
