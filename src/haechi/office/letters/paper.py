"""What a paper says, apart from how any file format writes it."""

from __future__ import annotations

from dataclasses import dataclass

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 or 2."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a list; level 1 (○) or 2 (-)."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Note:
    """A remark (※)."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, the first one a header when `headed`; all of one length."""

    rows: Rows
    headed: bool = True
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing as SVG, and the same figures as a table: whoever cannot see the one reads the other."""

    svg: str
    caption: str
    rows: Rows


Part = Heading | Text | Item | Note | Table | Chart


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper. kind: what is printed above ("통 보 서"). meta: pairs above the text (문서번호, 수신 …). sign: who stands under it.

    watermark: printed across and said in every format ("훈련", "초안"); label: the footer of every page.
    """

    title: str
    parts: tuple[Part, ...]
    kind: str = ""
    meta: tuple[tuple[str, str], ...] = ()
    sign: str = ""
    watermark: str = ""
    label: str = ""
    author: str = ""
    language: str = "ko"

    @property
    def footer(self) -> str:
        """The footer, with the watermark's word in it."""
        return " · ".join(filter(None, (f"[{self.watermark}]" if self.watermark else "", self.label or self.title)))
