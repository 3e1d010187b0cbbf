"""Passages cut into sentences and list items, each an exact substring, with the line that introduces it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_END = re.compile(r"(?<=[가-힣\)\]」’”\"'])[.!?。](?=\s+|$)|(?<=다)\.(?=[가-힣])")
_BULLET = re.compile(
    r"^\s*(?:[-–—*•·ㆍ○◦●□■◇▪▶☞※ㅇo]\s+|[-–•·ㆍ○◦●□■◇▪▶☞※ㅇ](?=\S)|\d{1,2}[.)]\s+|[가-하][.)]\s+|[①-⑳]|\(\d{1,2}\)\s*|\|)"
)
_STATUTE = re.compile(r"^\s*(?:제\s?\d+\s?조|#{1,6}\s|\[별표|부칙)")
_KEY = re.compile(r"^\s*[가-힣A-Za-z ·()/]{1,18}\s?[:：]")
_HEAD = re.compile(
    r"(?:다음(?:의)?\s*(?:각\s*[호목항]|과\s*같|어느\s*하나|사항|표)|각\s*호의|아래와\s*같|[:：]\s*$|다음과\s*같습니다|다음\s*(?:서류|순서|절차|단계|방법))"
)
_AMENDED = re.compile(r"^(?:[<\[](?:개정|신설|전문개정|제목개정|본조신설|종전|시행)[^>\]]*[>\]]\s*)+$")
_CLAUSE = re.compile(r"(?=[①-⑳])|(?<=[.\s])(?=\d{1,2}\.\s+[가-힣「])")


@dataclass(frozen=True, slots=True)
class Sentence:
    """text == passage text[start:end]. head: the sentence or line that introduces this list item ("" when none).

    item: it is an item of a list. is_head: it introduces the items that follow. order: position in the passage from 0.
    """

    text: str
    start: int
    end: int
    order: int
    head: str = ""
    item: bool = False
    is_head: bool = False


@lru_cache(maxsize=4096)
def split(text: str) -> tuple[Sentence, ...]:
    """The sentences of a passage, in order; blank lines and pure markup leave none."""
    found: list[Sentence] = []
    head, head_depth = "", -1
    for start, end in _spans(text):
        piece = text[start:end]
        item = bool(_BULLET.match(piece))
        is_head = bool(_HEAD.search(piece)) and len(piece) < 220
        depth = len(piece) - len(piece.lstrip())
        goes_on = bool(found) and found[-1].head != "" and "\n" not in text[found[-1].end : start]
        if not item and not is_head and head and not goes_on and not _KEY.match(piece):
            head = ""
        found.append(Sentence(piece, start, end, len(found), head if not is_head else "", item, is_head))
        if is_head and (not item or depth >= head_depth):
            head, head_depth = piece, depth
    return tuple(found)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for start, end in _paragraph_lines(text):
        at = start
        cuts = {match.end() for match in _END.finditer(text, start, end)}
        cuts |= {match.start() for match in _CLAUSE.finditer(text, start, end) if match.start() > start}
        for cut in [*sorted(cuts), end]:
            yield from _trimmed(text, at, cut)
            at = cut


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    body = piece.strip()
    if re.search(r"[0-9A-Za-z가-힣]", body) and not _AMENDED.match(body):
        yield start + left, start + left + len(body)


def _paragraph_lines(text: str) -> Iterator[tuple[int, int]]:
    """Lines, with the hard wraps of print put together again: a long line without an end runs on into the next."""
    start, end = -1, -1
    for match in re.finditer(r"[^\n]+", text):
        line = match[0]
        if start >= 0 and end + 1 == match.start() and _runs_on(text[start:end], line):
            end = match.end()
            continue
        if start >= 0:
            yield start, end
        start, end = match.span()
    if start >= 0:
        yield start, end


def _runs_on(before: str, line: str) -> bool:
    last = before.rsplit("\n", 1)[-1]
    if len(last) < 30 or re.search(r"([.!?:;。]|[다요음함임됨])\s*$", last):
        return False
    return not (_BULLET.match(line) or _STATUTE.match(line) or _KEY.match(line) or "\t" in line or "|" in line)


def items_after(sentences: tuple[Sentence, ...], head: Sentence, limit: int = 12) -> tuple[Sentence, ...]:
    """The list items that `head` introduces, with the sentences that go on in an item's line (item False)."""
    return tuple(s for s in sentences[head.order + 1 : head.order + 1 + limit] if s.head == head.text)


def clean(text: str) -> str:
    """A sentence as it is shown: one line, without its bullet or markup. Numbers and words stay as they are."""
    flat = re.sub(r"\s+", " ", text).strip()
    flat = re.sub(r"\*\*(.+?)\*\*", r"\1", flat)
    flat = re.sub(r"^#{1,6}\s*", "", flat)
    return re.sub(r"^(?:[-–—*•·ㆍ○◦●□■◇▪▶☞※ㅇ]\s*|o\s+)+", "", flat)


def key_and_value(text: str) -> tuple[str, str] | None:
    """("이용시간", "09:00~18:00") of a line "이용시간: 09:00~18:00"; None for any other sentence."""
    match = re.match(r"^\(?(?P<key>[가-힣A-Za-z][가-힣A-Za-z0-9 ·/]{0,16}?)\)?\s*[:：]\s*(?P<value>\S.*)$", clean(text))
    return (match["key"].strip(), match["value"].strip()) if match else None
