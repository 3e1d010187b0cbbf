"""Plain text, Markdown and CSV in the encodings that Korean offices use."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import yaml

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.limits import Budget
from haechi.engines.knowledge.ingest.outline import is_list_item
from haechi.engines.knowledge.ingest.pieces import Draft, Piece, clean, table_piece

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SENTENCE_END = re.compile(r"[.!?:;)\]>]$|(?:다|음|함|임|됨|요)$")
_NUMBERED = re.compile(r"^(?:제\s*\d+\s*(?:조|장|절|편)|부\s*칙|[①-⑳ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ□■])")
_NARROWEST = 30
"""Characters below which a line of a text file was ended on purpose."""


def decode(data: bytes) -> str:
    """Bytes → text: byte order mark, then UTF-8, UTF-16 by its zero bytes, CP949. Raises UnreadableDocument."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strictly(data, encoding)
    if b"\x00" in data[:4096]:
        even, odd = data[:4096:2].count(0), data[1:4096:2].count(0)
        return _strictly(data, "utf-16-le" if odd >= even else "utf-16-be")
    for encoding in ("utf-8", "cp949"):
        try:
            return _strictly(data, encoding)
        except UnreadableDocument:
            continue
    return _damaged(data)


def _damaged(data: bytes) -> str:
    """Text with a few spoilt bytes: the encoding that spoils fewest, when at least 98 of 100 characters remain."""
    tries = [data.decode(encoding, "replace") for encoding in ("utf-8", "cp949")]
    text = min(tries, key=lambda text: text.count("\ufffd"))
    if text.count("\ufffd") > 0.02 * len(text) or len(_BINARY.findall(text)) > 0.01 * len(text):
        raise unreadable("not_supported")
    return text


def _strictly(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise unreadable("not_supported") from error
    if len(_BINARY.findall(text[:20_000])) > 0.01 * min(len(text), 20_000):
        raise unreadable("not_supported")
    return text


def read_text(data: bytes, budget: Budget) -> Draft:
    """TXT → draft: a blank line ends a paragraph; without blank lines, each line is one."""
    text = decode(data)
    budget.characters(len(text))
    pieces = [_paragraph(body) for body in _paragraphs(text)]
    return Draft(pieces, "text/plain", guess_headings=True)


def _paragraphs(text: str) -> Iterator[str]:
    """Lines as paragraphs; a line that fills the width and does not end a sentence runs on into the next."""
    lines = [clean(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    width = max(map(len, lines), default=0)
    held = ""
    for line in lines:
        runs_on = len(held.rpartition("\n")[2]) >= max(_NARROWEST, 0.75 * width) and not _SENTENCE_END.search(held)
        if held and line and runs_on and not is_list_item(line) and not _NUMBERED.match(line):
            held = f"{held}\n{line}"
            continue
        if held:
            yield held.replace("\n", " ")
        held = line
    if held:
        yield held.replace("\n", " ")


def _paragraph(text: str) -> Piece:
    return Piece("list" if is_list_item(text) else "paragraph", text)


def read_csv(data: bytes, budget: Budget) -> Draft:
    """CSV or TSV → one table."""
    text = decode(data)
    budget.characters(len(text))
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter(text)))
    piece = table_piece(rows, budget)
    return Draft([piece] if piece else [], "text/csv")


def delimiter(text: str) -> str:
    """The separator that the first lines agree on most: comma, tab or semicolon."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    return max(",\t;|", key=lambda mark: min((line.count(mark) for line in lines), default=0))


_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_RULE = re.compile(r"^\s{0,3}([-*_])(?:\s*\1){2,}\s*$")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{1,}:?\s*(\|\s*:?-{1,}:?\s*)*\|?\s*$")
_ITEM = re.compile(r"^(\s*)(?:[-*+]|\d{1,3}[.)])\s+\S")
_NOTE = re.compile(r"^\[\^([^\]]+)\]:\s*(.*)$")
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\((?:[^()\s]|\([^()]*\))+(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(r"(\*\*|__|~~|`)(?=\S)(.+?)(?<=\S)\1")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~])")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def read_markdown(data: bytes, budget: Budget) -> Draft:
    """Markdown with tables, notes and a YAML front matter → draft."""
    text = decode(data)
    budget.characters(len(text))
    text, metadata = _front_matter(text.replace("\r\n", "\n").replace("\r", "\n"))
    pieces = list(_markdown(text.split("\n"), budget))
    return Draft(pieces, "text/markdown", title=metadata.pop("title", ""), metadata=metadata, guess_headings=True)


def _front_matter(text: str) -> tuple[str, dict[str, str]]:
    text = text.lstrip("\ufeff")
    end = text.find("\n---", 4)
    if not text.startswith("---\n") or end < 0 or end > 20_000:
        return text, {}
    try:
        values = yaml.safe_load(text[4:end])
    except (yaml.YAMLError, ValueError, RecursionError):
        return text, {}
    if not isinstance(values, dict):
        return text, {}
    flat = {
        str(key): str(value) for key, value in values.items() if isinstance(value, (str, int, float)) or _day(value)
    }
    return text[text.find("\n", end + 1) + 1 :] if "\n" in text[end + 1 :] else "", flat


def _day(value: object) -> bool:
    return hasattr(value, "isoformat")


def _markdown(lines: list[str], budget: Budget) -> Iterator[Piece]:
    at, paragraph, fenced = 0, list[str](), False
    while at < len(lines):
        line = lines[at]
        budget.check()
        if _FENCE.match(line):
            fenced = not fenced
            yield from _flush(paragraph)
        elif fenced:
            paragraph.append(line)
        elif heading := _HEADING.match(line):
            yield from _flush(paragraph)
            if title := inline(heading[2]):
                yield Piece("heading", title, level=len(heading[1]))
        elif "|" in line and at + 1 < len(lines) and _TABLE_RULE.match(lines[at + 1]) and "|" in lines[at + 1]:
            yield from _flush(paragraph)
            end = _table_end(lines, at)
            if piece := table_piece([_cells(row) for row in [line, *lines[at + 2 : end]]], budget):
                yield piece
            at = end - 1
        elif note := _NOTE.match(line):
            yield from _flush(paragraph)
            yield Piece("footnote", clean(f"주{note[1]}) {inline(note[2])}"))
        elif not line.strip() or _RULE.match(line):
            yield from _flush(paragraph)
        else:
            if _ITEM.match(line) or is_list_item(line.strip()):
                yield from _flush(paragraph)
            paragraph.append(line)
        at += 1
    yield from _flush(paragraph)


def _table_end(lines: list[str], at: int) -> int:
    end = at + 2
    while end < len(lines) and "|" in lines[end] and lines[end].strip():
        end += 1
    return end


def _cells(line: str) -> list[str]:
    body = line.strip().removeprefix("|")
    body = body.removesuffix("|") if not body.endswith("\\|") else body
    return [inline(_BREAK.sub(" ", cell)) for cell in re.split(r"(?<!\\)\|", body)]


def _flush(lines: list[str]) -> Iterator[Piece]:
    listed = bool(lines and _ITEM.match(lines[0]))
    text = clean(_BREAK.sub("\n", inline("\n".join(line.rstrip() for line in lines))))
    lines.clear()
    if text:
        yield Piece(
            "list" if listed or is_list_item(text) else "paragraph", re.sub(r"(?<!\n)\n(?![-•○·①-⑳])", " ", text)
        )


def inline(text: str) -> str:
    """Markdown's inline marks taken off; the words stay."""
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = re.sub(r"\[\^([^\]]+)\]", "", text)
    for _ in range(3):
        text = _EMPHASIS.sub(r"\2", text)
    return _ESCAPE.sub(r"\1", text)
