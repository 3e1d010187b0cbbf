"""Tables in text: rows under a line of headings (bars, tabs, commas, semicolons, slashes), each cell read as its heading says."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from haechi.engines.text.personal_data.labelled import is_value, labels_of
from haechi.engines.text.personal_data.numbers import Span, has_any
from haechi.engines.text.personal_data.rules import Rules

_SIGNS = ("|", "\t", ",", "，", ";", "/")
_MOST_ROWS = 5000
_NAME = re.compile(r"[가-힣](?: ?[가-힣○●*]){1,3}|[A-Z][A-Za-z'’-]+(?: [A-Z][A-Za-z'’-]+){1,3}")
_ADDRESS = re.compile(
    r"(?=.{0,60}[0-9*])(?=.{0,60}[가-힣]{1,8}(?:로|길|동|리|가|읍|면|구|시))[가-힣0-9A-Za-z .,()*-]{6,80}"
)
_QUOTED = re.compile(r'(?:^|(?<=,))(?:\s*"[^"]*"[^,"]*|[^,]*)')
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
    return labels_of(rules).kind(word) or _ending(word, rules)


def _ending(word: str, rules: Rules) -> str | None:
    """The kind of a heading that says more than the label: 가입IP, 보호자연락처, 신청인 성명."""
    for name in ("name", "phone", "address", "email"):
        kind = rules.kinds[name]
        if kind.active and any(len(one) > 1 and word.endswith(one) for one in kind.words("columns")):
            return name
    return next((kind for at in range(1, len(word) - 1) if (kind := labels_of(rules).kind(word[at:]))), None)


def find_by_example(text: str, original: str, found: Sequence[Span], rules: Rules) -> Iterator[Span]:
    """(kind, start, end) of cells below or above others of the same column that were found: a list of one thing is one thing.

    Blocks are neighbouring lines with the same separator and as many cells; a column is of a kind when at least a third of its cells,
    and no other kind as often, were found to be.
    """
    if not found or "\n" not in text:
        return
    spans = sorted(found, key=lambda span: span[1])
    begins = [span[1] for span in spans]
    for rows in _blocks(text, original):
        for column in range(len(rows[0])):
            cells = [row[column] for row in rows]
            kinds = [_covering(spans, begins, cell) for cell in cells]
            said = [kind for kind in kinds if kind]
            if not said or len(said) == len(cells):
                continue
            kind = max(set(said), key=said.count)
            if 3 * said.count(kind) < len(cells) or kind in ("email", "ip"):
                continue
            for (start, end), known in zip(cells, kinds, strict=True):
                if (
                    known is None
                    and start < end
                    and not _column(text[start:end], rules)
                    and _fits(kind, text[start:end], rules)
                ):
                    yield kind, start, end


def _blocks(text: str, original: str) -> Iterator[list[list[tuple[int, int]]]]:
    """Runs of at least two lines that are cut into as many cells by the same sign; cells by position in the text."""
    block: list[list[tuple[int, int]]] = []
    last: tuple[str, int] | None = None
    for start, line in [*_lines(text), (len(text), "")]:
        written = original[start : start + len(line)] if len(original) == len(text) else line
        shape: tuple[str, int] | None = None
        cells: list[tuple[int, int]] = []
        for sign in _SIGNS:
            if sign in written:
                cells = [(start + a, start + b) for a, b in _cells(written, sign)]
                shape = (sign, len(cells))
                break
        if shape != last or shape is None or shape[1] < 2:
            if len(block) > 1:
                yield block
            block = []
        last = shape
        if shape is not None and len(block) < _MOST_ROWS:
            block.append(cells)


def _covering(spans: Sequence[Span], begins: Sequence[int], cell: tuple[int, int]) -> str | None:
    """The kind of the span that fills most of a cell."""
    start, end = cell
    for at in range(bisect_left(begins, start), len(spans)):
        kind, since, until = spans[at]
        if since >= end:
            return None
        if until <= end and 10 * (until - since) >= 7 * (end - start):
            return kind
    return None


def _of_offices(cells: list[str], rules: Rules) -> bool:
    """A list of places and bureaux, not of people."""
    words = ["".join(cell.split()) for cell in cells]
    people = any(has_any(word, rules.kinds["name"].words("columns")) for word in words)
    return not people and any(has_any(word, rules.kinds["address"].words("office_columns")) for word in words)


def _cells(line: str, sign: str) -> Iterator[tuple[int, int]]:
    """Where the cells begin and end, without spaces and quotes around them; leading and closing bars are no cells."""
    start = 0
    parts = _parts(line, sign)
    for at, part in enumerate(parts):
        outer = sign == "|" and at in (0, len(parts) - 1) and not part.strip()
        if not outer:
            left = len(part) - len(part.lstrip(" \"'"))
            right = len(part.rstrip(" \"'\r"))
            yield start + min(left, right), start + right
        start += len(part) + 1


def _parts(line: str, sign: str) -> list[str]:
    """The line cut at the sign, not inside of double quotes (RFC 4180)."""
    if sign != "," or '"' not in line:
        return line.split(sign)
    return [found[0] for found in _QUOTED.finditer(line)] if line.count('"') % 2 == 0 else line.split(sign)


def _fits(kind: str, value: str, rules: Rules) -> bool:
    if kind == "name":
        return _NAME.fullmatch(value) is not None and value[:2] not in rules.kinds["name"].words("not_names")
    if kind == "address":
        return _ADDRESS.fullmatch(value) is not None
    match = labels_of(rules).values[kind].fullmatch(value)
    return match is not None and is_value(kind, value)
