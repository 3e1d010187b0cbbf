"""The PDFs of the demonstration city, typeset once and kept beside the texts.

A fresh machine may have no Korean font, so the built PDFs (fonts embedded as subsets, SIL Open Font License) are part of
the package; `python -m haechi.city.demo --typeset` makes them again from the texts. Needs the development group (typst).
"""

from __future__ import annotations

from pathlib import Path

from haechi.city.demo.files import pieces
from haechi.core.errors import MissingPart
from haechi.engines.knowledge.ingest.pieces import Piece

FOLDER = Path(__file__).parent / "typeset"
_HEAD = """#set document(title: {title}, author: {author}, date: none)
#set page(paper: "a4", margin: (x: 24mm, y: 26mm), numbering: "- 1 -")
#set text(font: ("NanumGothic", "Noto Sans CJK KR"), size: 10.5pt, lang: "ko", region: "KR")
#set par(leading: 0.9em, spacing: 1.2em, justify: true)
#set table(stroke: 0.5pt, inset: 6pt)
#show heading.where(level: 1): set text(19pt)
#show heading.where(level: 2): set text(14pt)
#show heading.where(level: 3): set text(12.5pt)
"""


def typeset(text: str, *, title: str, author: str) -> bytes:
    """The source text as PDF. Raises MissingPart when typst is not installed."""
    try:
        import typst
    except ImportError as error:
        raise MissingPart("typst", "uv sync --group dev") from error
    head = _HEAD.format(title=_quoted(title), author=_quoted(author))
    return typst.compile((head + "\n\n".join(map(_markup, pieces(text)))).encode())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _markup(piece: Piece) -> str:
    if piece.table is not None:
        rows = [piece.table.header, *piece.table.rows]
        cells = ", ".join(_quoted(cell) for row in rows for cell in row)
        return f"#table(columns: {len(rows[0])}, {cells})"
    if piece.kind == "heading":
        return f"#heading(level: {piece.level}, {_quoted(piece.text)})"
    return f"#par({_quoted(piece.text)})"
