"""Postal addresses down to the building number, by road name (도로명) or by lot (지번).

Looked for from their number backwards: "로 152", "동 12-3" are few, so the time stays linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from haechi.engines.text.personal_data.numbers import Span, has_any, last
from haechi.engines.text.personal_data.rules import Rules

_REACH = 44
_FRONT = 24
_NUMBER = re.compile(
    r"(?P<mark>대로|로|길|[0-9]가|[가-힣0-9][동리읍면])(?: ?[0-9]{1,4}(?:번?|[가-하])길)? ?(?:지하 ?|산 ?)?[0-9]{1,5}(?:-[0-9]{1,4})?"
    r"(?:번지)?(?![0-9]|[,.][0-9]|길|번길)(?! ?(?:년|월|일[^대원]|원|명|개|건|%|％|층[^ ]|번째|인|시간|분|억|만|천|회|차|세|km|㎞|m|미터|호선|번 |번출|킬로|조|항|톤|면|호기|급|차선|등급|점|배|단계|주|kg))"
)
_PROVINCE = "(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주|충청[남북]|전라[남북]|경상[남북])(?:특별자치시|특별자치도|특별시|광역시|시|도)?"
_LEAD = re.compile(
    rf"(?<![가-힣])(?:(?P<province>{_PROVINCE}) ?)?(?:(?P<city>[가-힣]{{1,4}}시) ?)?(?:(?P<district>[가-힣]{{1,4}}[구군]) ?)?"
    r"(?:[가-힣0-9]{1,6}[읍면동리] ?){0,2}[가-힣A-Za-z·]{1,10}(?:[0-9]{1,3}[가-힣]{0,3})?$"
)
_REST = re.compile(
    r"(?:[ ,]{0,2}\(?[가-힣0-9A-Za-z·]{1,12}(?:아파트|빌라|빌딩|타워|오피스텔|맨션|자이|푸르지오|래미안|힐스테이트|주공|연립|하우스|캐슬|파크|빌|단지|APT|apt)\)?)?"
    r"(?P<unit>(?:[ ,]{0,2}(?:제?[0-9]{1,4}|[A-Za-z가나다라마바사])동(?= ?[0-9제]))?(?:[ ,]{0,2}(?:지하|B)?[0-9]{1,3}층)?(?:[ ,]{0,2}제?(?:지하|B)?[0-9]{1,5}호)?)"
)


def find_addresses(text: str, rules: Rules) -> Iterator[Span]:
    """(kind, start, end) in a shadow text."""
    kind = rules.kinds["address"]
    if not kind.active:
        return
    for match in _NUMBER.finditer(text):
        begin = max(0, match.start() - _REACH)
        line = text[begin : match.end("mark")].rpartition("\n")[2]
        lead = _LEAD.search(line)
        if lead is None or not lead[0].strip():
            continue
        start = match.end("mark") - len(lead[0])
        rest = _REST.match(text, match.end())
        end = rest.end() if rest and (rest["unit"] or rest.end() > match.end()) else match.end()
        if has_any(text[start:end], kind.words("public_addresses")):
            continue
        front = text[max(0, start - _FRONT) : start].rpartition("\n")[2]
        after = text[end : end + 10]
        home, office = last(front, kind.words("home_cues")), last(front, kind.words("office_cues"))
        if after.strip().startswith(kind.words("place_after")):
            continue
        said = has_any(after, kind.words("home_after")) or home >= 0
        placed = bool(lead["province"] or lead["city"] or lead["district"] or (rest and rest["unit"]))
        if (said and office < 0) or (placed and office <= home):
            yield kind.name, start, end
