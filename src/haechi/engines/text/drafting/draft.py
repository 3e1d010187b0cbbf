"""A draft: paragraphs whose every sentence names the lines of the plan that it rests on. JSON-ready by `as_dict`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Role = Literal["meta", "title", "subtitle", "heading", "paragraph", "top_item", "item", "note", "table", "to_fill"]
MadeBy = Literal["plan", "rule", "form", "model"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """text as printed. lines: numbers of the plan's lines it rests on. made: the plan's own words, words changed by a
    rule, words of the form, or words of a language model that passed the checks."""

    text: str
    lines: tuple[int, ...] = ()
    made: MadeBy = "plan"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph or table. rows: of cells, the first one the header when `headed`; row_lines: for each row its lines."""

    id: str
    section: str
    role: Role
    sentences: tuple[Sentence, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    row_lines: tuple[tuple[int, ...], ...] = ()
    headed: bool = False

    @property
    def text(self) -> str:
        """The sentences as one text."""
        return " ".join(sentence.text for sentence in self.sentences)

    def claims(self) -> Iterator[tuple[str, tuple[int, ...], MadeBy]]:
        """(text, lines, made) of every sentence and row: what the checker has to prove."""
        for sentence in self.sentences:
            yield sentence.text, sentence.lines, sentence.made
        for row, lines in zip(self.rows, self.row_lines, strict=True):
            yield " | ".join(row), lines, "plan" if lines else "form"


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft by the form `form` (id and date in force). left_out: (why, text) of what could not be kept."""

    kind: str
    title: str
    form: str
    in_force: str
    label: str
    paragraphs: tuple[Paragraph, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def paragraph_from(data: dict[str, Any]) -> Paragraph:
    """The inverse of `as_dict` for one paragraph."""
    return Paragraph(
        id=data["id"],
        section=data["section"],
        role=data["role"],
        sentences=tuple(
            Sentence(item["text"], tuple(item.get("lines", ())), item.get("made", "plan")) for item in data["sentences"]
        ),
        rows=tuple(tuple(row) for row in data.get("rows", ())),
        row_lines=tuple(tuple(lines) for lines in data.get("row_lines", ())),
        headed=bool(data.get("headed", False)),
    )


def draft_from(data: dict[str, Any]) -> Draft:
    """The inverse of `as_dict`."""
    return Draft(
        kind=data["kind"],
        title=data["title"],
        form=data["form"],
        in_force=data["in_force"],
        label=data["label"],
        paragraphs=tuple(paragraph_from(item) for item in data["paragraphs"]),
        left_out=tuple((why, text) for why, text in data.get("left_out", ())),
        warnings=tuple(data.get("warnings", ())),
    )
