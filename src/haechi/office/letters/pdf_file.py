"""A paper as PDF, typeset by typst with a Korean font; charts stay drawings."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import haechi
from haechi.core.errors import MissingPart
from haechi.office.letters.paper import Chart, Heading, Item, Note, Paper, Part, Table, Text

PACKED = Path(haechi.__file__).parent / "web" / "static" / "vendor" / "pretendard" / "ttf"
"""Where set-up puts the font of the screens (Pretendard, SIL Open Font License)."""
FAMILIES = ("Pretendard", "NanumGothic", "Noto Sans CJK KR", "Malgun Gothic")
_HEAD = """#set document(title: {title}, author: {author}, date: none)
#set page(paper: "a4", margin: (x: 20mm, y: 22mm), numbering: none,
  footer: align(center, text(8pt, fill: luma(90))[#{footer} · #context counter(page).display()]){mark})
#set text(font: {fonts}, size: 10.5pt, lang: {language})
#set par(leading: 0.85em, spacing: 1.1em, justify: true)
#set table(stroke: 0.5pt + luma(120), inset: 6pt)
#show table.cell.where(y: 0): set text(weight: "semibold")
#show heading.where(level: 1): set text(15pt)
#show heading.where(level: 2): set text(12.5pt)
#show heading.where(level: 3): set text(11pt)
"""


def to_pdf(paper: Paper) -> bytes:
    """The bytes of the file. MissingPart without typst or without any Korean font."""
    try:
        import typst
    except ImportError as error:
        raise MissingPart("typst", "./haechi up") from error
    fonts, families = _fonts()
    if not families:
        raise MissingPart("한글 글꼴", "sudo apt-get install fonts-nanum")
    source = _source(paper, families)
    data: bytes = typst.compile(source.encode(), font_paths=fonts)
    return data


def svg_to_png(svg: str, *, wide: float = 160.0) -> bytes:
    """The drawing as PNG, `wide` millimetres at 200 dots an inch, for formats that take no drawings."""
    import typst

    fonts, families = _fonts()
    source = f"""#set page(width: {wide}mm, height: auto, margin: 0pt)
#set text(font: {_list(families or FAMILIES)})
#image(bytes({_quoted(svg)}), format: "svg", width: 100%)"""
    data: bytes = typst.compile(source.encode(), font_paths=fonts, format="png", ppi=200)
    return data


@cache
def _fonts() -> tuple[Any, tuple[str, ...]]:
    import typst

    fonts = typst.Fonts(include_system_fonts=True, font_paths=[str(PACKED)] if PACKED.is_dir() else [])
    known = {str(family) for family in fonts.families()}
    return fonts, tuple(family for family in FAMILIES if family in known)


def _source(paper: Paper, families: tuple[str, ...]) -> str:
    mark = ""
    if paper.watermark:
        mark = f', background: rotate(-30deg, text(90pt, fill: luma(225), weight: "bold")[#{_quoted(paper.watermark)}])'
    head = _HEAD.format(
        title=_quoted(paper.title), author=_quoted(paper.author or "해치"), footer=_quoted(paper.footer),
        fonts=_list(families), language=_quoted(paper.language), mark=mark,
    )  # fmt: skip
    body = [f'#align(center, text(20pt, weight: "bold")[#{_quoted(paper.kind)}])'] if paper.kind else []
    body.append(f"#align(center, heading(level: 1, outlined: true, {_quoted(paper.title)}))")
    if paper.meta:
        cells = ", ".join(f"strong({_quoted(name)}), {_quoted(value)}" for name, value in paper.meta)
        body.append(f"#table(columns: (auto, 1fr), {cells})")
    body += [_part(part) for part in paper.parts]
    if paper.sign:
        body.append(f'#v(8mm)\n#align(center, text(13pt, weight: "semibold")[#{_quoted(paper.sign)}])')
    return head + "\n\n".join(body)


def _part(part: Part) -> str:
    if isinstance(part, Heading):
        return f"#heading(level: {part.level + 1}, {_quoted(part.text)})"
    if isinstance(part, Text):
        return f"#par({_quoted(part.text)})"
    if isinstance(part, Item):
        mark, left = ("○", "2mm") if part.level == 1 else ("-", "7mm")
        return f"#pad(left: {left}, grid(columns: (4.5mm, 1fr), [{mark}], {_quoted(part.text)}))"
    if isinstance(part, Note):
        return f"#pad(left: 4mm, text(9pt)[#{_quoted('※ ' + part.text)}])"
    if isinstance(part, Chart):
        drawing = f'#image(bytes({_quoted(part.svg)}), format: "svg", width: 100%, alt: {_quoted(part.caption)})'
        return f"{drawing}\n\n{_caption(part.caption)}\n\n{_table(part.rows, True)}"
    return (f"{_caption(part.caption)}\n\n" if part.caption else "") + _table(part.rows, part.headed)


def _caption(text: str) -> str:
    return f'#text(9.5pt, weight: "semibold")[#{_quoted(text)}]'


def _table(rows: tuple[tuple[str, ...], ...], headed: bool) -> str:
    if not rows:
        return ""
    cells = [", ".join(_quoted(cell) for cell in row) for row in rows]
    head = f"table.header({cells[0]}), " if headed else ""
    return f"#table(columns: {len(rows[0])}, {head}{', '.join(cells[1:] if headed else cells)})"


def _list(families: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(_quoted, families)) + ",)"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


__all__ = ["FAMILIES", "PACKED", "Table", "svg_to_png", "to_pdf"]
