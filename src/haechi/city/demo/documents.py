"""The documents of the demonstration city with what an office records about each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from haechi.city.demo import files, typeset

CITY_NAME = "해치시 (시연용 가상 도시)"
_TEXTS = Path(__file__).parent / "texts"


@dataclass(frozen=True)
class DemoDocument:
    """One version of one document.

    id: the same for all versions. grade: public, staff, bureau or named. readers: access tags, one of which is enough.
    licence: 공공누리 type, or 비공개. effective_from inclusive, effective_to exclusive. text: the source as Markdown.
    """

    id: str
    title: str
    filename: str
    format: str
    bureau: str
    department: str
    officer: str
    phone: str
    grade: str
    readers: tuple[str, ...]
    licence: str
    effective_from: date
    revised_on: date
    kind: str
    text: str
    version: int = 1
    effective_to: date | None = None

    @cached_property
    def content(self) -> bytes:
        """The file as its office would upload it, built from `text`; PDFs are kept ready (see typeset.py)."""
        if self.format == "pdf":
            return (typeset.FOLDER / f"{self.id}.pdf").read_bytes()
        return files.build(self.format, self.text, title=self.title, author=self.author)

    @property
    def author(self) -> str:
        """Who stands as the author in the file's properties."""
        return f"{CITY_NAME} {self.department}"


def demo_documents() -> list[DemoDocument]:
    """All documents, older versions before newer ones."""
    found = [_document(path.read_text("utf-8")) for path in sorted(_TEXTS.glob("*.md"))]
    return sorted(found, key=lambda document: (document.id, document.version))


def _document(source: str) -> DemoDocument:
    _, front, text = source.split("---\n", 2)
    fields: dict[str, Any] = yaml.safe_load(front)
    fields["readers"] = tuple(fields["readers"])
    return DemoDocument(**fields, text=text.strip() + "\n")
