"""Articles: which 제○조 a question names, which articles a passage applies by 준용, and which passages those are."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ARTICLE = re.compile(
    r"(?:「(?P<law>[^」]{2,60})」\s*)?제?\s?(?P<article>\d{1,4})\s?조(?:\s?의\s?(?P<branch>\d{1,3}))?(?![가-힣]*[원명년])"
    r"(?:\s?제?\s?(?P<paragraph>\d{1,3})\s?항)?(?:\s?제?\s?(?P<item>\d{1,3})\s?호)?"
)
_APPLIED = re.compile(r"[^.\n]{0,200}준용[^.\n]{0,20}")
_RANGE = re.compile(r"제(\d{1,4})조\s*(?:부터|내지|~)\s*제(\d{1,4})조")
_OWN_NAME = re.compile(
    r"([가-힣·\s]{2,40}(?:법률|법|조례|규칙|시행령|시행규칙|규정|규약|지침))(?:\s|의|에|은|는|,|$|제)"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """One named article. law: its name as written, or "" (the law at hand). paragraph, item: 0 where not named."""

    article: str
    paragraph: int = 0
    item: int = 0
    law: str = ""

    @property
    def locator(self) -> str:
        """As passages write it: "제12조제2항제1호"."""
        parts = [self.article]
        if self.paragraph:
            parts.append(f"제{self.paragraph}항")
        if self.item:
            parts.append(f"제{self.item}호")
        return "".join(parts)


def references(text: str) -> list[Reference]:
    """The articles that a text names, in order, without repeats."""
    found = []
    for match in _ARTICLE.finditer(text):
        branch = f"의{match['branch']}" if match["branch"] else ""
        found.append(
            Reference(
                f"제{int(match['article'])}조{branch}",
                int(match["paragraph"] or 0),
                int(match["item"] or 0),
                match["law"] or "",
            )
        )
    return list(dict.fromkeys(found))


def applied(text: str) -> list[Reference]:
    """The articles of the same law that this text applies by 준용; ranges ("제3조부터 제5조까지") are spelled out."""
    found: list[Reference] = []
    for sentence in _APPLIED.findall(text):
        for first, last in _RANGE.findall(sentence):
            numbers = range(int(first), min(int(last), int(first) + 30) + 1)
            found.extend(Reference(f"제{number}조") for number in numbers)
        found.extend(reference for reference in references(sentence) if not reference.law)
    return list(dict.fromkeys(found))


def law_named(question: str) -> str:
    """The law or ordinance that the question names, squeezed, or ""."""
    quoted = re.search(r"「([^」]{2,60})」", question)
    named = quoted or _OWN_NAME.search(question)
    return re.sub(r"\s+", "", named[1]) if named else ""


def fit(reference: Reference, article: str, title: str, law: str) -> float:
    """How well a passage at `article` of the document `title` answers a named article: 0 none … 1 exactly this one."""
    if not article:
        return 0.0
    wanted = reference.law or law
    if wanted and not _same_law(re.sub(r"\s+", "", wanted), re.sub(r"\s+", "", title)):
        return 0.0
    parts = references(article)
    if not parts or parts[0].article != reference.article:
        return 0.0
    here = parts[0]
    if not reference.paragraph:
        return 1.0 if not here.paragraph else 0.9
    if here.paragraph == reference.paragraph:
        return 1.0 if reference.item in (0, here.item) else 0.9
    return 0.8 if not here.paragraph else 0.4


def _same_law(wanted: str, title: str) -> bool:
    return wanted in title or title in wanted or (wanted.endswith(title[-12:]) and len(title) > 3)
