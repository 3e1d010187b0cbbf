"""Tables in text: rows under a line of headings (bars, tabs, commas, semicolons, slashes), each cell read as its heading says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from haechi.engines.text.personal_data.labelled import is_value, labels_of
from haechi.engines.text.personal_data.numbers import Span, has_any
from haechi.engines.text.personal_data.rules import Rules

_SIGNS = ("|", "\t", ",", ";", "/")
_MOST_ROWS = 5000
_NAME = re.compile(r"[가-힣](?: ?[가-힣○●*]){1,3}|[A-Z][A-Za-z'’-]+(?: [A-Z][A-Za-z'’-]+){1,3}")
_ADDRESS = re.compile(
    r"(?=.{0,60}[0-9*])(?=.{0,60}[가-힣]{1,8}(?:로|길|동|리|가|읍|면|구|시))[가-힣0-9A-Za-z .,()*-]{6,80}"
)
_ASIDE = re.compile(r"\([^)]{0,12}\)$")


def find_in_tables(text: str, original: str, rules: Rules) -> Iterator[Span]:
    """(kind, start, end). text: the shadow; original: the same length, where tabs are still tabs."""
    if "\n" not in text:
        return
    lines = _lines(text)
    columns: dict[int, str] = {}
    sign, cells = "", 0
    for start, line in lines:
        written = original[start : start + len(line)] if len(original) == len(text) else line
        heading = _heading(written, rules)
        if heading is not None:
            sign, cells, columns = heading
            continue
        if not columns or not line.strip() or set(line) <= set("|-: +"):
            columns = columns if line.strip() else {}
            continue
        found = list(_cells(written, sign))
        if len(found) < cells - 1:
            columns = {}
            continue
        for at, kind in columns.items():
            if at < len(found):
                begin, end = found[at]
                if begin < end and _fits(kind, line[begin:end], rules):
                    yield kind, start + begin, start + end


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def _heading(line: str, rules: Rules) -> tuple[str, int, dict[int, str]] | None:
    """The separator, how many cells, and kind by column, where the line is one of headings."""
    if not 3 <= len(line) <= 300:
        return None
    for sign in _SIGNS:
        if sign not in line:
            continue
        cells = [line[start:end] for start, end in _cells(line, sign)]
        kinds = {at: kind for at, cell in enumerate(cells) if (kind := _column(cell, rules))}
        if kinds and len(cells) >= 2 and not any(re.search("[0-9]{3}", cell) for cell in cells):
            if not _of_offices(cells, rules):
                return sign, len(cells), kinds
            return sign, len(cells), {at: kind for at, kind in kinds.items() if kind not in ("phone", "address", "name")}  # fmt: skip
    return None


def _column(cell: str, rules: Rules) -> str | None:
    word = "".join(_ASIDE.sub("", cell.strip(" *\"'")).split())
    if not word or len(word) > 24:
        return None
    for name in ("name", "phone", "address", "email"):
        if word in rules.kinds[name].words("columns"):
            return name if rules.kinds[name].active else None
    return labels_of(rules).kind(word)


def _of_offices(cells: list[str], rules: Rules) -> bool:
    """A list of places and bureaux, not of people."""
    words = ["".join(cell.split()) for cell in cells]
    people = any(has_any(word, rules.kinds["name"].words("columns")) for word in words)
    return not people and any(has_any(word, rules.kinds["address"].words("office_columns")) for word in words)


def _cells(line: str, sign: str) -> Iterator[tuple[int, int]]:
    """Where the cells begin and end, without spaces and quotes around them; leading and closing bars are no cells."""
    start = 0
    parts = line.split(sign)
    for at, part in enumerate(parts):
        outer = sign == "|" and at in (0, len(parts) - 1) and not part.strip()
        if not outer:
            left = len(part) - len(part.lstrip(" \"'"))
            right = len(part.rstrip(" \"'\r"))
            yield start + min(left, right), start + right
        start += len(part) + 1


def _fits(kind: str, value: str, rules: Rules) -> bool:
    if kind == "name":
        return _NAME.fullmatch(value) is not None and value[:2] not in rules.kinds["name"].words("not_names")
    if kind == "address":
        return _ADDRESS.fullmatch(value) is not None
    match = labels_of(rules).values[kind].fullmatch(value)
    return match is not None and is_value(kind, value)
