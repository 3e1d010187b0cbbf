"""Two plain charts as SVG: horizontal bars, and lines over a few points in time. Shapes beside colours, figures written out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from haechi.office.letters.paper import Chart

WIDE, ROW, LEFT, RIGHT = 640, 26, 190, 70
INK, BLUE, GRID = "#1e2124", "#256ef4", "#cdd1d5"
LINES = (("#256ef4", ""), ("#8a1c1c", "6 3"), ("#228738", "2 3"), ("#6d4b9a", "8 3 2 3"))
"""Colour and dashes of each line: told apart without colours."""


def bars(values: Sequence[tuple[str, float]], *, caption: str, unit: str = "", shown: str = "{:,.0f}") -> Chart:
    """(name, value ≥ 0) → a bar each, the longest filling the width. ValueError for a negative value."""
    if any(value < 0 for _, value in values):
        raise ValueError("bars are not negative")
    most = max((value for _, value in values), default=0) or 1
    height = ROW * len(values) + 10
    drawn = []
    for at, (name, value) in enumerate(values):
        y = 5 + at * ROW
        long = (WIDE - LEFT - RIGHT) * value / most
        drawn.append(
            f'<text x="{LEFT - 8}" y="{y + 17}" text-anchor="end">{escape(_short(name))}</text>'
            f'<rect x="{LEFT}" y="{y + 4}" width="{long:.1f}" height="{ROW - 8}" fill="{BLUE}"/>'
            f'<text x="{LEFT + long + 6:.1f}" y="{y + 17}">{escape(shown.format(value) + unit)}</text>'
        )
    rows = (("이름", "값"), *((name, shown.format(value) + unit) for name, value in values))
    return Chart(_svg(height, drawn, caption), caption, rows)


def lines(
    names: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], *, caption: str, shown: str = "{:,.1f}"
) -> Chart:
    """Points in time `names`, and series of values (None: unknown, a gap) → one chart. At most four series."""
    if len(series) > len(LINES):
        raise ValueError(f"at most {len(LINES)} lines can be told apart")
    known = [value for _, values in series for value in values if value is not None]
    low, high = min(known, default=0), max(known, default=1)
    spread = (high - low) or 1
    height, top, bottom = 260, 20, 200

    def x(at: int) -> float:
        return 60 + (WIDE - 200) * (at / max(1, len(names) - 1))

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - low) / spread

    drawn = [
        f'<line x1="{x(at):.0f}" y1="{top}" x2="{x(at):.0f}" y2="{bottom}" stroke="{GRID}"/>'
        f'<text x="{x(at):.0f}" y="{bottom + 20}" text-anchor="middle">{escape(_short(name))}</text>'
        for at, name in enumerate(names)
    ]
    drawn += [
        f'<text x="50" y="{y(value) + 4:.0f}" text-anchor="end">{escape(shown.format(value))}</text>'
        for value in dict.fromkeys((low, high))
    ]
    for (name, values), (colour, dashes) in zip(series, LINES, strict=False):
        points = [(x(at), y(value)) for at, value in enumerate(values) if value is not None]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'
        )
        drawn += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in points]
        if points:
            drawn.append(
                f'<text x="{points[-1][0] + 8:.0f}" y="{points[-1][1] + 4:.0f}" fill="{colour}">{escape(_short(name))}</text>'
            )
    rows = (
        ("이름", *names),
        *((name, *("미상" if value is None else shown.format(value) for value in values)) for name, values in series),
    )
    return Chart(_svg(height, drawn, caption), caption, rows)


def _svg(height: int, drawn: Sequence[str], caption: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {height}" width="{WIDE}" height="{height}" role="img" '
        f'aria-label="{escape(caption)}" font-size="13" font-family="Pretendard, NanumGothic, sans-serif" fill="{INK}">'
        f"{''.join(drawn)}</svg>"
    )


def _short(text: str, longest: int = 16) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
