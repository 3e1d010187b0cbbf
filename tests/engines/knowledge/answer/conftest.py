"""A small in-memory `PassageIndex` for tests: BM25 over content words and letter pairs, readers respected."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from haechi.engines.knowledge.answer.morphology import content_words, squeezed
from haechi.engines.knowledge.ports import CollectionKind, Hit, Passage, Reader, Table


class SmallIndex:
    """Implements the port in memory; every search counts only what the reader may read."""

    def __init__(self, passages: Sequence[Passage] = ()) -> None:
        self._passages: dict[str, tuple[Passage, Counter[str]]] = {}
        self.add(passages)

    def add(self, passages: Sequence[Passage]) -> None:
        for passage in passages:
            self._passages[passage.id] = (
                passage,
                Counter(_terms(f"{passage.title} {' '.join(passage.heading_path)} {passage.text}")),
            )

    def remove_document(self, document_id: str) -> None:
        self._passages = {key: one for key, one in self._passages.items() if one[0].document_id != document_id}

    def search(
        self, question: str, reader: Reader, *, limit: int = 10, kind: CollectionKind | None = None
    ) -> list[Hit]:
        known = [
            one for one in self._passages.values() if reader.tags & set(one[0].access) and kind in (None, one[0].kind)
        ]
        if not known:
            return []
        average = sum(sum(terms.values()) for _, terms in known) / len(known)
        asked = set(_terms(question))
        seen = Counter(term for _, terms in known for term in asked & terms.keys())
        scored = [
            (sum(_bm25(term, terms, seen, len(known), average) for term in asked & terms.keys()), p)
            for p, terms in known
        ]
        best = sorted((one for one in scored if one[0] > 0), key=lambda one: (-one[0], one[1].id))[:limit]
        return [Hit(passage, score, {"bm25": (rank, score)}) for rank, (score, passage) in enumerate(best, 1)]

    def count(self, reader: Reader) -> int:
        return sum(bool(reader.tags & set(one[0].access)) for one in self._passages.values())


def _terms(text: str) -> list[str]:
    letters = squeezed(text)
    return [*content_words(text), *(letters[i : i + 2] for i in range(len(letters) - 1))]


def _bm25(term: str, terms: Counter[str], seen: Counter[str], total: int, average: float) -> float:
    idf = math.log(1 + (total - seen[term] + 0.5) / (seen[term] + 0.5))
    length = sum(terms.values()) / average
    weight = 1.0 if len(term) != 2 else 0.5
    return weight * idf * terms[term] * 2.2 / (terms[term] + 1.2 * (0.25 + 0.75 * length))


def passages_of(folder: Path, **fields: object) -> list[Passage]:
    """Markdown files cut at their headings and tables; enough for tests, no reader of real documents."""
    return [
        one
        for path in sorted(folder.glob("*.md"))
        for one in markdown_passages(path.name, path.read_text("utf-8"), **fields)
    ]


def markdown_passages(name: str, text: str, **fields: object) -> list[Passage]:
    title, found, path = "", [], ()
    for block in re.split(r"\n(?=#)|\n\n", text):
        lines = block.strip().split("\n")
        if lines and lines[0].startswith("#"):
            depth, heading = len(lines[0]) - len(lines[0].lstrip("#")), lines[0].lstrip("# ").strip()
            title = title or heading
            path = (*path[: depth - 2], heading) if depth > 1 else ()
            lines = lines[1:]
        body = "\n".join(lines).strip()
        if not body:
            continue
        table = _table(lines) if body.startswith("|") else None
        shown = _table_text(table) if table else body
        article = _article(path)
        found.append(
            Passage(
                f"{name}#{len(found)}",
                name,
                f"{name}@1",
                len(found),
                shown,
                title,
                path,
                None,
                article,
                table,
                **fields,
            )  # type: ignore[arg-type]
        )
    return found


def _article(path: tuple[str, ...]) -> str:
    match = re.match(r"제\d+조", path[-1]) if path else None
    return match[0] if match else ""


def _table(lines: Sequence[str]) -> Table:
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in lines
        if not re.match(r"^\|[-| :]+\|$", line)
    ]
    return Table(rows[0], tuple(rows[1:]))


def _table_text(table: Table) -> str:
    return "\n".join(
        " | ".join(f"{name}: {cell}" for name, cell in zip(table.header, row, strict=True) if cell)
        for row in table.rows
    )


HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def small_index() -> type[SmallIndex]:
    """The index class, for tests that fill it themselves."""
    return SmallIndex


@pytest.fixture(scope="session")
def read_markdown():
    """markdown_passages, for tests that write their own documents."""
    return markdown_passages


@pytest.fixture(scope="session")
def hanbit() -> SmallIndex:
    """The five documents of the invented district of Hanbit."""
    return SmallIndex(passages_of(HERE / "documents"))
