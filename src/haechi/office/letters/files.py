"""A paper as HWPX and DOCX, through the writers of the drafting engine; charts as pictures with their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from haechi.engines.text import drafting
from haechi.engines.text.drafting import Element
from haechi.office.letters.html_file import to_html
from haechi.office.letters.paper import Chart, Heading, Item, Note, Paper, Part, Text
from haechi.office.letters.pdf_file import to_pdf

FORMATS = ("hwpx", "docx", "pdf", "html")
MEDIA_TYPES: Mapping[str, str] = {
    "hwpx": "application/hwp+zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
}


def render(paper: Paper, formats: tuple[str, ...] = FORMATS) -> dict[str, bytes]:
    """Format → bytes. MissingPart when a PDF is asked for and cannot be made here."""
    return {name: _WRITERS[name](paper) for name in formats}


def to_docx(paper: Paper) -> bytes:
    """The bytes of the DOCX."""
    return drafting.to_docx(list(elements(paper)), title=paper.title, author=paper.author or "해치", label=paper.footer)


def to_hwpx(paper: Paper) -> bytes:
    """The bytes of the HWPX."""
    return drafting.to_hwpx(list(elements(paper)), title=paper.title, author=paper.author or "해치", label=paper.footer)


def elements(paper: Paper) -> Iterator[Element]:
    """The paper as the drafting engine's page. A chart stands as the table of its figures."""
    if paper.watermark:
        yield Element("label", f"[{paper.watermark}]")
    if paper.kind:
        yield Element("banner", " ".join(paper.kind))
    yield Element("title", paper.title)
    if paper.meta:
        yield Element("meta", rows=tuple(paper.meta))
    for part in paper.parts:
        yield from _elements(part)
    if paper.sign:
        yield Element("title", paper.sign)


def _elements(part: Part) -> Iterator[Element]:
    if isinstance(part, Heading):
        yield Element("heading" if part.level == 1 else "text", ("□ " if part.level == 1 else "") + part.text)
    elif isinstance(part, Text):
        yield Element("text", part.text)
    elif isinstance(part, Item):
        yield Element("item" if part.level == 1 else "sub_item", ("○ " if part.level == 1 else "- ") + part.text)
    elif isinstance(part, Note):
        yield Element("note", "※ " + part.text)
    else:
        if part.caption:
            yield Element("text", f"<{part.caption}>")
        if part.rows:
            yield Element("table", rows=part.rows, headed=isinstance(part, Chart) or part.headed)


_WRITERS: Mapping[str, Callable[[Paper], bytes]] = {
    "hwpx": to_hwpx,
    "docx": to_docx,
    "pdf": to_pdf,
    "html": to_html,
}
