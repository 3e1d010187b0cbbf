"""A plan as the drafter reads it: numbered lines with their rank, their place and the headings above.

The lines are the plan's own words; everything that a draft says points back to lines by their number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

LineKind = Literal["heading", "text", "row"]
HEADING, TOP_ITEM, ITEM, NOTE, PROSE = 1, 2, 3, 4, 0
_MARKS = (
    (HEADING, re.compile(r"^[□■❏◈]\s*")),
    (TOP_ITEM, re.compile(r"^[oOㅇ○◦●∘]\s+|^[○◦●∘]\s*")),
    (NOTE, re.compile(r"^(?:[¹²³⁴⁵⁶⁷⁸⁹]+⁾|※|\*{1,3}(?!\*)|☞|\[주\]|주\))\s*")),
    (ITEM, re.compile(r"^(?:[-–•·∙▪▶◆]\s+|[·∙▪▶◆•]\s*|[①-⑳]\s*)")),
)
_NUMBERING = re.compile(r"^(?:[ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ]+\s*[.．]?|\d{1,2}(?:-\d{1,2})?\s*[.．)]|[가-하]\s*[.．)])\s+")
_LABEL = re.compile(r"^(?:\(([^()]{2,14})\)\s*|([^:：,.()'‘’“”\"]{2,16}?)\s?[:：]\s*)(.*)$", re.DOTALL)
_OVERVIEW = re.compile(r"^사업\s*개요$")
_PHONE_MARK = re.compile(r"☎|\d{3,4}-\d{4}")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit as it stands at text[start:end]. value: the normal form; kind: money, date, percent …"""

    kind: str
    value: str
    unit: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Morpheme:
    """One morpheme at text[start:end] with its Sejong tag."""

    form: str
    tag: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Korean:
    """The two language tools that drafting needs; the caller brings them, so that a process loads one analyser only.

    figures: text → every number in it, in order, not overlapping. morphemes: text → its morphemes in order.
    """

    figures: Callable[[str], Sequence[Any]]
    morphemes: Callable[[str], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the plan. text: exactly as read. body: without its list mark. label: "사업예산" of "(사업예산) 14백만원",
    whose body is then "14백만원". rank: 0 prose, 1 □, 2 ○, 3 -, 4 ※. locator: "3쪽" or the last heading.
    passage: ordinal of the passage that holds it. table: number of the table from 0 for rows, else -1. follows: a further
    sentence of the paragraph that the line before began."""

    number: int
    kind: LineKind
    text: str
    body: str
    rank: int = PROSE
    label: str = ""
    locator: str = ""
    page: int | None = None
    passage: int = 0
    table: int = -1
    level: int = 0
    follows: bool = False


@dataclass(frozen=True, slots=True)
class PlanTable:
    """A table of the plan. lines: for each row the number of the line that says it."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    section: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan in reading order. part: which of several projects of the file this is, from 0; parts: their titles."""

    title: str
    lines: tuple[Line, ...]
    tables: tuple[PlanTable, ...] = ()
    title_line: int = -1
    part: int = 0
    parts: tuple[str, ...] = ()

    def line(self, number: int) -> Line:
        """The line of this number. KeyError when it is not of this part of the plan."""
        first = self.lines[0].number if self.lines else 0
        at = number - first
        if not 0 <= at < len(self.lines):
            raise KeyError(number)
        return self.lines[at]


def make_line(number: int, kind: LineKind, text: str, **place: Any) -> Line:
    """A line from its text: mark, rank and label are read off."""
    rank, body = (PROSE, text.strip()) if kind == "row" else _unmarked(text.strip())
    if kind == "heading":
        return Line(number, kind, text, heading_words(body), HEADING, **place)
    found = _LABEL.match(body) if kind == "text" and rank != NOTE else None
    if found and not _PHONE_MARK.search(found[1] or found[2]) and not _is_figure(found[1] or found[2]):
        return Line(number, kind, text, found[3].strip(), rank, (found[1] or found[2]).strip(), **place)
    if rank == HEADING:
        return Line(number, "heading", text, heading_words(body), HEADING, **place)
    return Line(number, kind, text, body, rank, **place)


def _is_figure(label: str) -> bool:
    return label.strip()[:1] in "'’‘" or label.strip()[:1].isdigit()


def _unmarked(text: str) -> tuple[int, str]:
    """(rank, words) of a line; readers of Markdown leave "- o …", where the inner mark counts."""
    rank = PROSE
    for _ in range(3):
        for found_rank, pattern in _MARKS:
            found = pattern.match(text)
            if found and len(text) > found.end():
                rank, text = found_rank, text[found.end() :]
                break
        else:
            break
    return rank, text.strip()


def heading_words(text: str) -> str:
    """A heading without its mark and number: "3. 주요 사업과 예산" → "주요 사업과 예산"."""
    return _NUMBERING.sub("", _unmarked(text)[1]).strip()


def parts_of(plan: Plan) -> list[Plan]:
    """The projects of a file: cut where a title stands above "사업개요"; the plan itself when there is at most one."""
    starts = [_title_at(plan.lines, at) for at, line in enumerate(plan.lines) if _OVERVIEW.match(line.body)]
    starts = list(dict.fromkeys(starts))
    if len(starts) < 2:
        return [replace(plan, parts=(plan.title,))]
    titles = tuple(plan.lines[at].body for at in starts)
    ends = [*starts[1:], len(plan.lines)]
    return [
        Plan(
            title=titles[number],
            lines=plan.lines[start:end],
            tables=_tables_between(plan, start, end),
            title_line=plan.lines[start].number,
            part=number,
            parts=titles,
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _title_at(lines: Sequence[Line], overview: int) -> int:
    """Up from "사업개요" over the goal, the people and the bureau to the title: at most six unmarked lines."""
    at = overview
    while at > 0 and overview - at < 6:
        above = lines[at - 1]
        if above.kind != "text" or above.rank != PROSE or above.table >= 0 or "\t" in above.text:
            break
        at -= 1
    while at < overview and (_PHONE_MARK.search(lines[at].text) or len(lines[at].body) > 70):
        at += 1
    titled = [number for number in range(at, overview) if _could_be_title(lines[number])]
    bureau = next((number for number in range(at, overview) if _is_bureau(lines[number].body)), None)
    if bureau is not None and bureau > at and _could_be_title(lines[bureau - 1]):
        return bureau - 1
    return titled[0] if titled else at


def _could_be_title(line: Line) -> bool:
    return 4 <= len(line.body) <= 70 and not _PHONE_MARK.search(line.text) and not line.body.endswith((".", "다"))


def _is_bureau(text: str) -> bool:
    return bool(re.fullmatch(r"[가-힣A-Za-z0-9]{2,14}(?:국|실|본부|단|과|관|센터|재단)", text))


def _tables_between(plan: Plan, start: int, end: int) -> tuple[PlanTable, ...]:
    numbers = {line.number for line in plan.lines[start:end]}
    return tuple(table for table in plan.tables if table.lines and set(table.lines) <= numbers)
