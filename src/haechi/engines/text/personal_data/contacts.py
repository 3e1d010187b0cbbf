"""E-mail addresses and vehicle plates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from haechi.engines.text.personal_data.numbers import Span, before, has_any
from haechi.engines.text.personal_data.rules import Kind, Rules

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])([A-Za-z0-9._%+*-]{1,64}(?: \. [A-Za-z0-9]{1,20}){0,2}|(?<![가-힣])[가-힣]{1,10}(?=@[A-Za-z])) ?(?:@|%40|[(\[{](?:at|골뱅이)[)\]}]| at |골뱅이) ?"
    r"((?:[A-Za-z0-9*-]{1,63} ?(?:\. ?|[(\[{](?:dot|점)[)\]}]| dot |닷|점) ?){1,4}[A-Za-z]{2,10})(?![A-Za-z0-9])"
)
_REGIONS = "서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주"
_USES = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배하허호"
_PLATE = re.compile(
    rf"(?<![0-9.,제])((?:{_REGIONS}) ?)?[0-9]{{2,3}}( ?)([{_USES}])( ?)-?(?:[0-9]{{4}}|[0-9](?: [0-9]){{3}})(?![0-9,.]?[0-9])(?! ?(?:[년원억만천명건개㎡m%％세호]|정거장|정류장|번))"
)
_REGION_PLATE = re.compile(
    rf"(?<![가-힣])(?:{_REGIONS}) ?(?:[가-힣]{{2,3}} ?)?(?:[0-9]{{1,2}} ?)?[{_USES}] ?[0-9]{{4}}(?![0-9,.]?[0-9])(?! ?(?:[년원억만천명건개㎡m%％세호]|정거장|정류장|번))"
)
"""Motorcycles (서울 은평 나 5910) and old plates (서울 47 바 5910)."""
_DIPLOMATS = re.compile(r"(?:외교|영사|준외|준영|국기|협정|대표) ?[0-9]{3} ?- ?[0-9]{3}(?![0-9-])")
_HIDDEN_PLATE = re.compile(rf"(?<![0-9.,제])[0-9*]{{2,3}} ?[{_USES}*] ?[0-9*]{{4}}(?![0-9])")
_TRIAL_PLATE = re.compile(r"(?<![가-힣])임 ?[0-9]{4,6}(?![0-9])")
# These also stand between two numbers in prose (30조 5000, 20부 3000): they need the plate written in one piece.
_WORDLIKE = frozenset("조부도호수우주구로고")


def find_contacts(text: str, rules: Rules) -> Iterator[Span]:
    """(kind, start, end) in a shadow text."""
    if rules.kinds["email"].active:
        yield from _emails(text, rules.kinds["email"])
    if rules.kinds["vehicle"].active:
        yield from _plates(text, rules.kinds["vehicle"])


def _emails(text: str, kind: Kind) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        domain = match[2].replace(" ", "").lower()
        of_office = any(domain == end or domain.endswith("." + end) for end in kind.words("office_domains"))
        if not (of_office and match[1].lower() in kind.words("office_names")) and domain[:3] != "*" * 3:
            yield kind.name, match.start(), match.end()


def _plates(text: str, kind: Kind) -> Iterator[Span]:
    for match in _PLATE.finditer(text):
        loose = match[2] or match[4]
        if (
            not (match[3] in _WORDLIKE and loose)
            or match[1]
            or has_any(before(text, match.start()), kind.words("cues"))
            or text[match.end() : match.end() + 12].lstrip(" (").startswith(kind.words("models"))
        ):
            yield kind.name, match.start(), match.end()
    for pattern in (_REGION_PLATE, _DIPLOMATS):
        for match in pattern.finditer(text):
            yield kind.name, match.start(), match.end()
    cued = kind.words("cues")
    for pattern in (_HIDDEN_PLATE, _TRIAL_PLATE):
        for match in pattern.finditer(text):
            around = before(text, match.start()) + text[match.end() : match.end() + 12]
            if pattern is _HIDDEN_PLATE and "*" not in match[0]:
                continue
            if has_any(around, cued) and sum(sign.isdigit() for sign in match[0]) >= 3:
                yield kind.name, match.start(), match.end()
