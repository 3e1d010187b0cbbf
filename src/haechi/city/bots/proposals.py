"""Proposals from a bot's own documents: a greeting, example questions, test questions. People edit and accept them.

Nothing is invented: a question names a heading, and what is expected is a figure that stands in a sentence under it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from haechi.engines.knowledge.answer.quantities import find_quantities

_NUMBERING = re.compile(
    r"^\s*(?:제\d+(?:조|장|절|항)(?:의\d+)?|[0-9０-９]+[.)\-]?|[가-힣IVXⅠ-Ⅻ][.)]|[①-⑳□■○●◦ㅇ▶▷※*·\-–#])+\s*"
)
_SENTENCE = re.compile(r"[^.!?。\n]+(?:[.!?。]|$)")
_DULL = frozenset(
    {
        "목적",
        "정의",
        "총칙",
        "부칙",
        "기타",
        "개요",
        "목차",
        "붙임",
        "참고",
        "보칙",
        "머리말",
        "일반사항",
        "주의사항",
        "별표",
        "안내",
    }
)
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage as proposals see it."""

    heading_path: tuple[str, ...]
    text: str
    article: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """One document with its passages in reading order."""

    document_id: str
    title: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question that the documents should answer. expected: a figure that stands in the text, or ''."""

    question: str
    expected: str
    document_id: str


def questions(papers: Sequence[Paper], limit: int) -> list[Proposal]:
    """At most `limit`, spread over the documents: first one of each, then the second of each, …"""
    each = [list(_of(paper)) for paper in papers]
    found: dict[str, Proposal] = {}
    for turn in range(max((len(one) for one in each), default=0)):
        for one in each:
            if turn < len(one):
                found.setdefault(one[turn].question, one[turn])
    return list(found.values())[:limit]


def topics(papers: Sequence[Paper], limit: int = 4) -> list[str]:
    """What the documents are about, in their own words: titles, or the headings of a single one."""
    titles = [_plain(paper.title) for paper in papers]
    if len(titles) > 1:
        return list(dict.fromkeys(title for title in titles if title))[:limit]
    headings = [head for paper in papers for head in _headings(paper)]
    return list(dict.fromkeys([*headings, *titles]))[:limit]


def greeting(name: str, bureau: str, papers: Sequence[Paper]) -> str:
    """Two sentences: who speaks, and on what it answers."""
    about = ", ".join(topics(papers, 3))
    first = f"안녕하세요. {bureau}의 '{name}'입니다."
    second = (
        f" {about}에 대해 문서에 있는 것만 근거와 함께 답합니다."
        if about
        else " 담긴 문서에 있는 것만 근거와 함께 답합니다."
    )
    return first + second


def _of(paper: Paper) -> Iterator[Proposal]:
    seen: set[str] = set()
    for piece in paper.pieces:
        head = _plain(piece.heading_path[-1]) if piece.heading_path else ""
        if not _speaks(head) or head in seen:
            continue
        seen.add(head)
        figure = _figure(piece.text, head)
        subject = head if _names_itself(head, paper.title) else f"{_plain(paper.title)} {head}"
        yield Proposal(_asked(subject, figure), figure, paper.document_id)


def _headings(paper: Paper) -> Iterator[str]:
    for piece in paper.pieces:
        head = _plain(piece.heading_path[-1]) if piece.heading_path else ""
        if _speaks(head):
            yield head


def _plain(heading: str) -> str:
    text = _NUMBERING.sub("", heading).strip(" ()[]<>「」『』·:.")
    bracketed = re.fullmatch(r"제\d+조(?:의\d+)?\((.+)\)", heading.strip())
    return (bracketed[1] if bracketed else text).strip()


def _speaks(head: str) -> bool:
    return 2 <= len(head) <= _LONGEST and head not in _DULL and bool(re.search(r"[가-힣A-Za-z]{2}", head))


def _names_itself(head: str, title: str) -> bool:
    """Whether the heading says what it is about without the title beside it."""
    return len(head.split()) > 2 or any(len(word) > 1 and word in title for word in head.split()) or len(head) > 12


def _figure(text: str, head: str) -> str:
    """The one figure of the first sentence under the heading that has just one; '' where there is none."""
    for sentence in _SENTENCE.findall(text):
        if _plain(sentence) == head:
            continue
        figures = list(dict.fromkeys(one.text.strip() for one in find_quantities(sentence) if one.text.strip()))
        if len(figures) == 1 and re.search(r"[가-힣%]", figures[0]):
            return figures[0]
    return ""


def _asked(subject: str, figure: str) -> str:
    subject = subject.rstrip("?？ ")
    if subject.endswith(("나요", "까요", "가요", "까", "요")):
        return f"{subject}?"
    topic = "은" if _has_final(subject) else "는"
    if figure.endswith("원"):
        return f"{subject}{topic} 얼마인가요?"
    if figure and re.search(r"(?:일|개월|년|시간|분|주)$", figure):
        return f"{subject}{topic} 어떻게 되나요?"
    return f"{subject}에 대해 알려 주세요."


def _has_final(word: str) -> bool:
    code = ord(word[-1]) - 0xAC00
    return 0 <= code < 11172 and code % 28 > 0
