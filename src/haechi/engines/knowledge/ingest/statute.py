"""The structure of Korean statutes: 편 장 절 관 · 조 항 호 목 · 부칙, and the dates in force.

Numbering follows 법제처 「법령 입안·심사 기준」: 조 "제5조의2", 항 ①, 호 "1.", 목 "가.".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

CIRCLED = {char: number for number, char in enumerate("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳", start=1)}
CIRCLED |= {chr(0x3251 + offset): 21 + offset for offset in range(15)}

DIVISION = re.compile(r"^제\s*(\d+)\s*(편|장|절|관)(?:의\s*(\d+))?(?=\s|$|[(<【])")
ARTICLE = re.compile(r"^제\s*(\d+)\s*조(?:의\s*(\d+))?\s*(?=[(\[【<]|삭제|$)")
ARTICLE_TITLE = re.compile(r"^제\s*\d+\s*조(?:의\s*\d+)?\s*\([^()]*(?:\([^()]*\)[^()]*)*\)")
ADDENDA = re.compile(r"^부\s*칙(?=\s|$|[<(〈[])")
ITEM = re.compile(r"^(\d{1,2})(?:의(\d+))?\.\s")
SUBITEM = re.compile(r"^([가나다라마바사아자차카타파하])\.\s")
_CLAUSE_MARK = re.compile(r"(?:^|(?<![및는과와,·\s])\s+)([" + "".join(CIRCLED) + "])")

DIVISION_RANK = {"편": 1, "장": 2, "절": 3, "관": 4}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a statute we stand. "" is: not inside that level."""

    addenda: bool = False
    article: str = ""
    clause: str = ""
    item: str = ""
    subitem: str = ""

    @property
    def label(self) -> str:
        """ "제5조제2항제3호가목", with "부칙 " before it in the addenda."""
        inner = self.article + self.clause + self.item + self.subitem
        if self.addenda:
            return f"부칙 {inner}".strip()
        return inner if self.article else ""

    @property
    def root(self) -> str:
        """The article alone: "제5조"."""
        return replace(self, clause="", item="", subitem="").label

    def step(self, text: str) -> Place:
        """The place of a paragraph that begins with `text`'s numbering, after this place."""
        if ADDENDA.match(text):
            return Place(addenda=True)
        if found := ARTICLE.match(text):
            after = self.__class__(self.addenda, _numbered(found[1], "조", found[2]))
            rest = text[found.end() :]
            title = ARTICLE_TITLE.match(text)
            rest = text[title.end() :].lstrip() if title else rest
            return after.step(rest) if rest[:1] in CIRCLED else after
        if not self.article and not self.addenda:
            return self
        if text[:1] in CIRCLED:
            return replace(self, clause=f"제{CIRCLED[text[0]]}항", item="", subitem="")
        if not self.article:
            return self
        if found := ITEM.match(text):
            return replace(self, item=_numbered(found[1], "호", found[2]), subitem="")
        if self.item and (found := SUBITEM.match(text)):
            return replace(self, subitem=f"{found[1]}목")
        return self


def _numbered(number: str, unit: str, branch: str | None) -> str:
    return f"제{int(number)}{unit}" + (f"의{int(branch)}" if branch else "")


def is_statute(texts: Iterable[str]) -> bool:
    """Two article heads at the start of paragraphs make a statute (a contract or a manual that quotes one does not)."""
    return sum(bool(ARTICLE_TITLE.match(text)) for text in texts) >= 2


def clauses(text: str) -> list[str]:
    """A paragraph cut before each ①②③ that counts on from the one before; a reference ("제2조 ① 및 ③") is not cut.

    Joined again, nothing but blanks is lost.
    """
    cuts, expected = [0], 1
    for mark in _CLAUSE_MARK.finditer(text):
        number = CIRCLED[mark[1]]
        if mark.start() == 0:
            expected = number + 1
        elif number == expected:
            cuts.append(mark.start(1))
            expected += 1
    return [part for start, end in pairwise([*cuts, len(text)]) if (part := text[start:end].strip())]


_DATE = r"(\d{4})\s*(?:\.|-|/|년)\s*(\d{1,2})\s*(?:\.|-|/|월)\s*(\d{1,2})\s*(?:\.|일)?"
_IN_FORCE = (
    re.compile(rf"\[\s*시행\s*{_DATE}"),
    re.compile(rf"시행일(?:자)?\s*[:：]?\s*{_DATE}"),
    re.compile(rf"{_DATE}\s*(?:부터|자로)\s*(?:이를\s*)?(?:시행|적용)"),
    re.compile(rf"시행\s*[:：]?\s*{_DATE}"),
)
_KIND = r"(?:일부|전부|타법)?\s*(?:개정|제정)"
_REVISED = (
    re.compile(rf"(?:{_KIND}일?|신설|최종\s*수정일?)\s*[:：]?\s*{_DATE}"),
    re.compile(rf"{_DATE}\s*,?\s*{_KIND}"),
)


def dates(texts: Iterable[str]) -> dict[str, str]:
    """effective_from and revised_on as ISO dates, where the document states them; a later addendum wins."""
    found: dict[str, str] = {}
    by_rule: dict[int, list[date]] = {}
    revised: list[date] = []
    for text in texts:
        for rank, pattern in enumerate(_IN_FORCE):
            by_rule.setdefault(rank, []).extend(_all(pattern, text))
        revised += [day for pattern in _REVISED for day in _all(pattern, text)]
    for rank in sorted(by_rule):
        if by_rule[rank]:
            found["effective_from"] = max(by_rule[rank]).isoformat()
            break
    if revised:
        found["revised_on"] = max(revised).isoformat()
    return found


def _all(pattern: re.Pattern[str], text: str) -> list[date]:
    days: list[date] = []
    for year, month, day in pattern.findall(text):
        try:
            days.append(date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return days
