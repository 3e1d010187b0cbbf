"""Answers from a table's cells: row × column, composed into one Korean sentence with the cells copied exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from haechi.engines.knowledge.answer.answer_types import type_present
from haechi.engines.knowledge.answer.evidence import held
from haechi.engines.knowledge.answer.morphology import with_josa
from haechi.engines.knowledge.answer.qualifiers import names_alone
from haechi.engines.knowledge.answer.question import Question
from haechi.engines.knowledge.ports import Passage, Table

_UNIT = re.compile(r"(?:단위\s*[:：]\s*|\()(천\s?원|백만\s?원|만\s?원|원|명|㎡|%|건|개|일|분|시간|대|회)\)?")
_COUNTED = re.compile(r"^\s*(?:번호|연번|순번|순서|구분|No\.?|#)\s*$", re.I)
_BARE = re.compile(r"^[\d,.]+$")
_VERBAL = re.compile(r"(?:[다요함음임됨]|[.!])\s*$")


@dataclass(frozen=True, slots=True)
class CellAnswer:
    """text: the composed sentence without its source frame. quote: the row as it stands in the passage's text."""

    text: str
    quote: str


def row_of(passage: Passage, line: str) -> int | None:
    """The index of the table row that this line of the passage's text shows, or None."""
    if passage.table is None:
        return None
    fits = [
        (sum(len(cell) for cell in row), index)
        for index, row in enumerate(passage.table.rows)
        if any(row) and all(cell in line for cell in row if cell)
    ]
    return max(fits)[1] if fits else None


def cell_answer(question: Question, passage: Passage, line: str, weights: Mapping[str, float]) -> CellAnswer | None:
    """The cells of this row that answer the question; None when the line is no row or the row has one cell only."""
    index = row_of(passage, line)
    if index is None or passage.table is None:
        return None
    table = passage.table
    row = table.rows[index]
    filled = [column for column, cell in enumerate(row) if cell]
    if len(filled) < 2:
        return None
    labels = _labels(question, table, row, filled, weights)
    answers = _answers(question, table, row, [column for column in filled if column not in labels], weights)
    if not answers:
        return None
    return CellAnswer(_compose(table, row, labels, answers), line)


def _labels(
    question: Question, table: Table, row: Sequence[str], filled: Sequence[int], weights: Mapping[str, float]
) -> list[int]:
    """The columns that name the row: those whose cells hold words of the question, else the first one."""
    named = [
        column
        for column in filled
        if sum(weights[t.form] * t.weight * held(t, row[column]) for t in question.terms if t.weight >= 0.5) > 0.4
        and not (column > 0 and type_present(question, row[column]) >= 0.8 and column == filled[-1])
    ]
    if len(named) == len(filled):
        named = named[:1]
    first = next((column for column in filled if not _numbering(table, row, column)), filled[0])
    if first not in named and not type_present(question, _header(table, first) + " " + row[first]) >= 1.0:
        named.insert(0, first)
    return named or [first]


def _numbering(table: Table, row: Sequence[str], column: int) -> bool:
    """A column that only counts the rows names nothing."""
    return bool(row[column].strip().isdigit() and column == 0 and _COUNTED.match(_header(table, column) or "번호"))


def _distinguishing(table: Table, row: Sequence[str], labels: Sequence[int], answers: Sequence[int]) -> list[int]:
    """The column by which this row differs from others of the same name (냉장고 300L 이상, 냉장고 300L 미만), if one does."""
    same = [other for other in table.rows if other != row and all(_cell(other, c) == row[c] for c in labels)]
    if not same:
        return []
    rest = [c for c, cell in enumerate(row) if cell and c not in labels and c not in answers]
    return [c for c in rest if not _numbering(table, row, c) and any(_cell(o, c) != row[c] for o in same)][:1]


def _cell(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _answers(
    question: Question, table: Table, row: Sequence[str], columns: Sequence[int], weights: Mapping[str, float]
) -> list[int]:
    alone = [column for column in columns if names_alone(question.text, row[column])]
    if alone:
        return alone[:1]
    scored = {}
    for column in columns:
        header = _header(table, column)
        words = sum(weights[t.form] * t.weight * held(t, header) for t in question.terms)
        scored[column] = words + type_present(question, f"{header} {with_unit(table, column, row[column])}")
    if not scored:
        return []
    top = max(scored.values())
    return [column for column, score in scored.items() if score >= top - 0.05][:4]


def _header(table: Table, column: int) -> str:
    return table.header[column] if column < len(table.header) else ""


def with_unit(table: Table, column: int, cell: str) -> str:
    """A bare number gets the unit that its column's name or the caption states: "1,200" under "요금(원)" → "1,200원"."""
    if not _BARE.match(cell):
        return cell
    unit = _UNIT.search(_header(table, column)) or _UNIT.search(table.caption)
    return cell + unit[1] if unit else cell


def _compose(table: Table, row: Sequence[str], labels: Sequence[int], answers: Sequence[int]) -> str:
    subject = ", ".join(dict.fromkeys(row[column] for column in labels))
    apart = _distinguishing(table, row, labels, answers)
    subject += "".join(f"({row[column]})" for column in apart)
    parts = [_part(table, column, row[column]) for column in answers]
    if len(parts) == 1:
        name, value = parts[0]
        whole = f"{subject}의 {name}" if name else subject
        return f"{whole}: {value}" if _VERBAL.search(value) else f"{with_josa(whole, '은', '는')} {value}입니다."
    listed = ", ".join(f"{name} {value}".strip() for name, value in parts)
    return f"{with_josa(subject, '은', '는')} {listed}입니다." if not _VERBAL.search(listed) else f"{subject}: {listed}"


def _part(table: Table, column: int, cell: str) -> tuple[str, str]:
    name = re.sub(r"\s*\((?:단위\s*[:：]\s*)?[가-힣%㎡]{1,4}\)\s*$", "", _header(table, column))
    return name, with_unit(table, column, cell)
