"""Pieces → blocks: which headings stand above each piece, and where in a statute it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from haechi.engines.knowledge.ingest import statute
from haechi.engines.knowledge.ingest.pieces import Piece
from haechi.engines.knowledge.ports import Block, BlockKind

_SENTENCE_END = re.compile(r"(다|요|함|임|음|됨|것)\.?$|[.!?。:：;,]$")
_LIST_MARK = re.compile(r"^(?:[-–•·∙◦○●▪■◆▶※*✓✔ㆍ]\s?|\d{1,2}[.)]\s|[가-하][.)]\s|\(\d{1,2}\)\s|[①-⑳])")
# Numbering of official documents, outermost first (행정업무의 운영 및 혁신에 관한 규정 시행규칙 제2조: 1. 가. 1) 가) …).
_NUMBERINGS = (
    re.compile(r"^[ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ]+\s*[.．]?\s*\S"),
    re.compile(r"^\d{1,2}\s*[.．]\s+(?!\d)\S"),
    re.compile(r"^\d{1,2}-\d{1,2}\s*[.．]?\s+\S"),
    re.compile(r"^[□■❏◈]\s*\S"),
)
_ARTICLE_DEPTH = 90


def build(pieces: Sequence[Piece], *, guess_headings: bool = False) -> tuple[Block, ...]:
    """Blocks in reading order with heading_path and, in statutes, article."""
    in_statute = statute.is_statute(piece.text for piece in pieces if piece.kind != "table")
    if in_statute:
        pieces = list(_cut_clauses(pieces))
    elif guess_headings and not any(piece.kind == "heading" for piece in pieces):
        pieces = list(_guessed(pieces))
    return tuple(_walk(pieces, in_statute))


def _walk(pieces: Iterable[Piece], in_statute: bool) -> Iterator[Block]:
    stack: list[tuple[int, str]] = []
    place = statute.Place()
    for piece in pieces:
        text, kind, level = piece.text, piece.kind, piece.level
        division = statute.DIVISION.match(text) if in_statute and len(text) <= 60 else None
        if in_statute and kind != "table" and kind != "footnote":
            if division or statute.ADDENDA.match(text):
                rank = statute.DIVISION_RANK[division[2]] if division else 1
                _leave_divisions(stack, rank)
                depth = level or 10 + rank
                place = statute.Place() if division else place.step(text)
                yield _heading(stack, text, depth, piece, place.label)
                continue
            place = statute.Place() if kind == "heading" and not statute.ARTICLE.match(text) else place.step(text)
            if statute.ARTICLE.match(text):
                _push(stack, _ARTICLE_DEPTH, _article_title(text))
        if kind == "heading" and not (in_statute and statute.ARTICLE.match(text)):
            yield _heading(stack, text, level or 1, piece, "")
            continue
        if in_statute and place.label and kind in ("paragraph", "list", "heading"):
            kind_out: BlockKind = "heading" if kind == "heading" else "article"
        else:
            kind_out = kind
        yield Block(
            kind=kind_out,
            text=text,
            level=level if kind_out == "heading" else 0,
            page=piece.page,
            heading_path=tuple(title for _, title in stack),
            article=place.label if in_statute else "",
            table=piece.table,
        )


def _heading(stack: list[tuple[int, str]], text: str, depth: int, piece: Piece, article: str) -> Block:
    title = text.replace("\n", " ")
    while stack and stack[-1][0] >= depth:
        stack.pop()
    block = Block(
        kind="heading",
        text=text,
        level=len(stack) + 1,
        page=piece.page,
        heading_path=tuple(above for _, above in stack),
        article=article,
    )
    stack.append((depth, title))
    return block


def _leave_divisions(stack: list[tuple[int, str]], rank: int) -> None:
    """Steps out of the innermost 편·장·절·관 or 부칙 of the same rank or below, whatever depth it was given."""
    for index, (_, title) in enumerate(stack):
        division = statute.DIVISION.match(title)
        if statute.ADDENDA.match(title) or (division and statute.DIVISION_RANK[division[2]] >= rank):
            del stack[index:]
            return


def _push(stack: list[tuple[int, str]], depth: int, title: str) -> None:
    while stack and stack[-1][0] >= depth:
        stack.pop()
    stack.append((depth, title))


def _article_title(text: str) -> str:
    found = statute.ARTICLE_TITLE.match(text) or statute.ARTICLE.match(text)
    return found[0].strip() if found else text


def _cut_clauses(pieces: Iterable[Piece]) -> Iterator[Piece]:
    for piece in pieces:
        if piece.kind in ("paragraph", "list"):
            for line in piece.text.split("\n"):
                yield from (replace(piece, text=part) for part in statute.clauses(line))
        else:
            yield piece


def _guessed(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Short numbered lines that do not end a sentence become headings; their numbering gives the depth."""
    used = [rank for rank, pattern in enumerate(_NUMBERINGS) if any(_looks(piece, pattern) for piece in pieces)]
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else None
        rank = next((rank for rank in used if _looks(piece, _NUMBERINGS[rank])), None)
        if rank is None or following is None or _looks(following, _NUMBERINGS[rank]):
            yield piece
        else:
            yield replace(piece, kind="heading", level=used.index(rank) + 1)


def _looks(piece: Piece, pattern: re.Pattern[str]) -> bool:
    text = piece.text
    return (
        piece.kind in ("paragraph", "list")
        and len(text) <= 45
        and "\n" not in text
        and bool(pattern.match(text))
        and not _SENTENCE_END.search(text)
    )


def is_list_item(text: str) -> bool:
    """The paragraph begins with a list mark of Korean official writing."""
    return bool(_LIST_MARK.match(text))
