"""Proposals from a bot's own documents: a greeting, example questions, test questions. People edit and accept them.

Nothing is invented: a question names a heading, and what is expected is a figure that stands in a sentence under it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from haechi.engines.knowledge.answer.quantities import find_quantities

_NUMBERING = re.compile(
    r"^\s*(?:제\d+(?:조|장|절|항)(?:의\d+)?|[0-9０-９]{1,2}(?:[.)]|\s)|[가-하IVXⅠ-Ⅻ][.)]|[①-⑳□■○●◦ㅇ▶▷※*·\-–#])+\s*"
)
_SENTENCE = re.compile(r"[^.!?。\n]+(?:[.!?。]|$)")
_YEAR = re.compile(r"^(?:19|20)\d{2}년도?\s+")
_KIND = re.compile(r"\s+(?:안내|안내문|공고|공고문|편람|매뉴얼|지침|내부 지침|안내서|수수료표|요금표)$")
_ASKS = re.compile(r"(?:나요|까요|가요|는지요|을까|인가)$")
_TELLS = re.compile(r"(?:어요|아요|해요|워요|와요|여요|예요|에요|니다)$")
_MONEY = re.compile(r"(?:금액|요금|수수료|사용료|비용|지원금|가격|과태료|급여|수당|여비|숙박비|회비|보증금)$")
_TIME = re.compile(r"(?:기한|기간|시간|마감)$")
_DULL = frozenset(
    {
        *(
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
        ),
        *("별표", "안내", "문의", "담당", "시행일", "준용", "경과조치", "추진 배경", "기대 효과", "적용례"),
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
    titles = [_short(paper.title) for paper in papers]
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
        if not _speaks(head) or head in seen or head == _plain(paper.title):
            continue
        seen.add(head)
        yield Proposal(_asked(_subject(head, paper.title)), _figure(piece.text, head), paper.document_id)


def _headings(paper: Paper) -> Iterator[str]:
    for piece in paper.pieces:
        head = _plain(piece.heading_path[-1]) if piece.heading_path else ""
        if _speaks(head) and head != _plain(paper.title):
            yield head


def _plain(heading: str) -> str:
    bracketed = re.fullmatch(r"제\d+조(?:의\d+)?\s*\((.+)\)", heading.strip())
    text = bracketed[1] if bracketed else _NUMBERING.sub("", heading)
    return text.strip(" ()[]<>「」『』·:.")


def _short(title: str) -> str:
    """'2026년 청년 월세 지원 공고' → '청년 월세 지원'."""
    plain = _YEAR.sub("", _plain(title))
    return _KIND.sub("", plain) or plain


def _speaks(head: str) -> bool:
    return 2 <= len(head) <= _LONGEST and head not in _DULL and bool(re.search(r"[가-힣A-Za-z]{2}", head))


def _subject(head: str, title: str) -> str:
    """The heading, with the document's name before it where it does not say of itself what it is about."""
    short = _short(title)
    if _ASKS.search(head) or _TELLS.search(head) or len(head.split()) > 3:
        return head
    shared = [word for word in head.split() if len(word) > 1 and word in short]
    if len(shared) > 1:
        return head
    names, words = short.split(), head.split()
    return " ".join(names[:-1] + words if names and words[0] == names[-1] else names + words)


def _figure(text: str, head: str) -> str:
    """The one figure of a sentence that names the heading's matter, where the heading asks for one; else ''."""
    wanted = {"money"} if _MONEY.search(head) else {"count", "time"} if _TIME.search(head) else set()
    matter = head.split()[-1]
    for sentence in _SENTENCE.findall(text):
        if not wanted or _plain(sentence) == head or matter[-2:] not in sentence:
            continue
        figures = [one for one in find_quantities(sentence) if one.kind != "article"]
        if len(figures) == 1 and figures[0].kind in wanted:
            return figures[0].text.strip()
    return ""


def _asked(subject: str) -> str:
    subject = subject.rstrip("?？ ")
    if _ASKS.search(subject):
        return f"{subject}?"
    if _TELLS.search(subject):
        return f"{subject}. 어떻게 해야 하나요?"
    topic = "은" if _has_final(subject) else "는"
    if re.search(r"[가-힣][과와] ", subject):
        return f"{subject}에 대해 알려 주세요."
    for ending, question in (
        (_MONEY, "얼마인가요?"), (re.compile("기한$"), "언제까지인가요?"), (_TIME, "어떻게 되나요?"),
        (re.compile("대상$"), "누구인가요?"), (re.compile("(?:서류|조건|종류|구분)$"), "무엇인가요?"),
        (re.compile("(?:장소|곳|창구)$"), "어디인가요?"),
    ):  # fmt: skip
        if ending.search(subject):
            return f"{subject}{topic} {question}"
    return f"{subject}에 대해 알려 주세요."


def _has_final(word: str) -> bool:
    code = ord(word[-1]) - 0xAC00
    return 0 <= code < 11172 and code % 28 > 0
