"""An uploaded plan as the drafter reads it: blocks and passages of the knowledge engine become numbered lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import yaml

from haechi.core.errors import InvalidInput
from haechi.core.roles import policy_file
from haechi.engines.knowledge.answer.morphology import analyse
from haechi.engines.knowledge.answer.quantities import Quantity, find_quantities
from haechi.engines.knowledge.ingest import sentences, split
from haechi.engines.knowledge.ports import Block, ParsedDocument, Passage
from haechi.engines.text.drafting import (
    Form,
    Korean,
    Line,
    Plan,
    PlanTable,
    Vocabulary,
    form_from,
    make_line,
    vocabulary_from,
)

LONGEST_LINE = 1_000
"""Characters of one line; longer stretches without a full stop are cut, so that no line costs much to analyse."""
MOST_LINES = 20_000
"""Lines of a plan; a longer document is not drafted from."""
_ENDLESS = re.compile(r"[\d,.\s만억조천백십]{24,}")


def _figures(text: str) -> Sequence[Quantity]:
    """The figures of a text. Endless runs of digits are blanked first: no figure is so long, and the patterns would try
    every way to cut one; the checker then compares such digits letter by letter."""
    return find_quantities(_ENDLESS.sub(lambda run: " " * len(run[0]), text))


KOREAN = Korean(figures=_figures, morphemes=analyse)


def _policy(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(policy_file(f"forms/{name}.yaml").read_text(encoding="utf-8"))
    return data


@cache
def form(kind: str) -> Form:
    """The form in force for "press_release" or "report" (policy/forms)."""
    return form_from(_policy(kind))


@cache
def vocabulary() -> Vocabulary:
    """The city's words for a plan's fields and endings (policy/forms)."""
    return vocabulary_from(_policy("plan_fields"), _policy("wording"))


def plan_from(document: ParsedDocument) -> Plan:
    """The whole document as one plan; `parts_of` cuts it where it holds several projects. InvalidInput when too long."""
    reading = _Reading(split(document, document_id="plan", version_id="plan"))
    for block in document.blocks:
        reading.take(block)
        if len(reading.lines) > MOST_LINES:
            raise InvalidInput(
                f"계획서가 너무 깁니다({MOST_LINES:,}줄 넘음).", next_step="초안에 쓸 부분만 따로 저장해 올리세요."
            )
    title, at = _title(document, reading.lines)
    return Plan(title=title, lines=tuple(reading.lines), tables=tuple(reading.tables), title_line=at)


class _Reading:
    """One pass over the blocks; the passage of a line is the next one that holds its words."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._at = 0
        self.lines: list[Line] = []
        self.tables: list[PlanTable] = []

    def take(self, block: Block) -> None:
        """The lines of one block."""
        if block.table is not None:
            self._table(block)
            return
        kind = "heading" if block.kind == "heading" else "text"
        for text in block.text.split("\n"):
            first = len(self.lines)
            for sentence in [text] if kind == "heading" else sentences(text):
                for piece in _bounded(sentence.strip()):
                    self._line(kind, piece, block)
            self._join(first)

    def _line(self, kind: Any, text: str, block: Block, table: int = -1) -> int:
        number = len(self.lines)
        self._seek(text)
        place = {
            "page": block.page,
            "passage": self._at,
            "table": table,
            "level": block.level,
            "locator": self._locator(block),
        }
        self.lines.append(make_line(number, kind, text, **place))
        return number

    def _join(self, first: int) -> None:
        """Further sentences of one paragraph keep its rank: a note stays a note to its end."""
        for at in range(first + 1, len(self.lines)):
            self.lines[at] = replace(self.lines[at], rank=self.lines[first].rank, follows=True)

    def _locator(self, block: Block) -> str:
        if block.page is not None:
            return f"{block.page}쪽"
        return block.heading_path[-1] if block.heading_path else f"{self._at + 1}번째 문단"

    def _seek(self, text: str) -> None:
        probe = text[:80]
        for at in range(self._at, min(self._at + 40, len(self._passages))):
            if probe in self._passages[at].text:
                self._at = at
                return

    def _table(self, block: Block) -> None:
        table = block.table
        assert table is not None
        said = block.text.split("\n")
        rows = [row for row in table.rows if any(cell.strip() for cell in row)]
        said = said[len(said) - len(rows) :] if len(said) >= len(rows) else []
        number = len(self.tables)
        lines = [self._line("row", text, block, number) for text in said]
        if lines:
            section = block.heading_path[-1] if block.heading_path else ""
            self.tables.append(PlanTable(table.header, tuple(rows), tuple(lines), section))


def _bounded(text: str) -> list[str]:
    """The text in pieces of at most LONGEST_LINE characters, cut at blanks where there are any."""
    out: list[str] = []
    while len(text) > LONGEST_LINE:
        cut = text.rfind(" ", LONGEST_LINE // 2, LONGEST_LINE)
        cut = cut if cut > 0 else LONGEST_LINE
        out.append(text[:cut])
        text = text[cut:].strip()
    return [*out, text] if text else out


def _title(document: ParsedDocument, lines: Sequence[Line]) -> tuple[str, int]:
    """The document's title and the line where it stands (-1: only in the file's properties)."""
    wanted = document.title.strip()
    for line in lines[:20]:
        if wanted and line.text.strip() == wanted:
            return line.body, line.number
    first = next((line for line in lines[:5] if line.kind == "heading" and line.level <= 1), None)
    return (first.body, first.number) if first else (wanted, -1)
