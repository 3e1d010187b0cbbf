"""Postal addresses down to the building or the flat: by road name (도로명), by lot (지번), by block and flat (동·호), in English.

Looked for from their number backwards: "로 152", "동 12-3", "104동 703호" are few, so the time stays linear.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from haechi.engines.text.personal_data.numbers import Span, has_any, last
from haechi.engines.text.personal_data.rules import Kind, Rules

_REACH = 48
_FRONT = 24
_BESIDE = 16
_LONGEST, _NEAREST = 80, 24
"""Letters of the longest span that is looked at, and how many of them: enough for a line, bounded for a file."""
_UNITS = (
    r"(?:년|월|일[^대원]|원|명|개|건|%|％|번째|인|시간|분|억|만|천|회|차|세|km|㎞|m|미터|호선|번 |번출|킬로|조|항|톤|면|호기|급|차선|"
    r"등급|점|배|단계|주|kg)"
)
_NUMBER = re.compile(
    r"(?P<mark>대로|로|길|[0-9]가|[가-힣0-9][동리읍면])(?: ?[0-9]{1,4} ?(?:번?|[가-하])길)? ?(?:지하 ?|산 ?)?[0-9][0-9*]{0,4}(?: ?- ?[0-9*]{1,4})?"
    rf"(?: ?번지)?(?![0-9]|[,.][0-9]|길|번길|[동층호](?! ?[가-힣]{{0,3}}[0-9]))(?! ?{_UNITS})(?! ?층[^ ,])"
)
_FLAT = re.compile(
    r"(?<![0-9A-Za-z.,-])(?:제?[0-9*]{1,4}|[A-Za-z가나다라마바사])동 ?(?:제?[0-9*]{1,2}층 ?)?제?(?:지하|B)?[0-9*]{2,5}호"
)
_PROVINCE = "(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주|충청[남북]|전라[남북]|경상[남북])(?:특별자치시|특별자치도|특별시|광역시|시|도)?"
_LEAD = re.compile(
    rf"(?:\(?(?:우편번호|우)? ?[0-9]{{5}}\)? ?)?(?<![가-힣])(?:(?P<province>{_PROVINCE}) ?)?(?:(?P<city>[가-힣]{{1,4}}시) ?)?(?:(?P<district>[가-힣]{{1,4}}[구군]) ?)?"
    r"(?:[가-힣0-9]{1,6}[읍면동리] ?){0,2}[가-힣A-Za-z·]{1,10}(?:[0-9]{1,3}[가-힣]{0,3})?$"
)
_HOUSE = (
    r"(?:아파트|빌라|빌딩|타워|오피스텔|맨션|자이|푸르지오|래미안|힐스테이트|더샵|아이파크|이편한세상|주공|연립|하우스|캐슬|파크|"
    r"빌|빌리지|팰리스|하이츠|타운|마을|단지|원룸|고시원|기숙사|상가|다세대|다가구|주택|APT|apt)"
)
_COMPLEX = re.compile(
    rf"(?:\(?(?:우편번호|우)? ?[0-9]{{5}}\)? ?)?(?<![가-힣])(?:{_PROVINCE} ?)?(?:[가-힣]{{1,4}}시 ?)?(?:[가-힣]{{1,4}}[구군] ?)?"
    rf"(?:[가-힣0-9]{{1,6}}[읍면동리] ?(?:[0-9]{{1,4}}(?:-[0-9]{{1,4}})?(?: ?번지)?,? ?)?){{0,2}}[가-힣A-Za-z0-9·]{{1,12}}(?:{_HOUSE})?(?: ?[0-9]{{1,2}}(?:단지|차))?[ ,]{{0,2}}$"
)
_REST = re.compile(
    r"(?: ?\([^()\n]{1,24}\))?"
    rf"(?:[ ,]{{0,2}}\(?[가-힣0-9A-Za-z·]{{1,12}}{_HOUSE}(?: ?[0-9]{{1,2}}(?:단지|차))?\)?)?"
    r"(?:[ ,]{1,2}[가-힣A-Za-z0-9]{2,10}(?=[ ,]{1,2}(?:제?[0-9*]{1,4}동|[0-9]{1,2}층|(?:지하|B)?[0-9*]{2,4}호)))?"
    r"(?P<unit>(?:[ ,]{0,3}(?:제?[0-9*]{1,4}|[A-Za-z가나다라마바사])동(?= ?[0-9제*지B]))?(?:[ ,]{0,3}(?:제 ?)?(?:지하 ?|B)?[0-9*]{1,3}층)?"
    r"(?:(?:[ ,]{0,3}|<br ?/?>)(?:제|지층 ?)?(?:지하 ?|B)?(?:[0-9*]{1,5}|[0-9](?: [0-9]){1,4} ?)호(?![선기]))?(?:[ ,]{0,3}(?:반지하|옥탑방?|지층))?)"
    rf"(?: ?\((?!\d{{2,4}}[-)])[가-힣0-9A-Za-z·, ]{{1,24}}(?:동|가|리|{_HOUSE})(?:[ ,][^()\n]{{1,20}})?\))?"
)
_ENGLISH_PART = r"[A-Z][A-Za-z0-9'-]{0,24}-(?:do|si|gu|gun|eup|myeon|dong|ri|ro|gil|daero|ga)"
_ENGLISH = re.compile(
    rf"(?:#[0-9A-Z-]{{1,6}},? ?|(?:Apt|APT|Room|Rm|Unit|No)\.? ?[0-9A-Z-]{{1,6}},? ?|[0-9]{{1,5}}-(?:dong|ho),? ?){{0,3}}(?:[0-9]{{1,5}}(?:-[0-9]{{1,4}})?,? ?)"
    rf"{_ENGLISH_PART}(?:[ ,]{{1,2}}(?:[0-9]{{1,3}}(?:beon|[a-d]|ga|na|da)?-gil|{_ENGLISH_PART}|(?:Seoul|Busan|Daegu|Incheon|Gwangju|Daejeon|Ulsan|Sejong|Jeju|Gyeonggi)(?:-si|-do)?|(?:South )?Korea|[0-9]{{5}})){{0,7}}"
)
_SAID_VALUE = re.compile(
    r"(?:는|은|가|이)?[ ]{0,3}[:=|-]?[ ]{0,3}(?P<value>[가-힣0-9(\[][가-힣0-9A-Za-z ,()\[\]*#·-]{5,70})"
)
_SAID_END = re.compile(
    r"입니다|이에요|예요|이고|인데|이며|이라|에 |에서 |으로 |로 이|,? ?(?:전화|연락처|휴대|핸드폰|생년|성명|이름|차량|01[016789])|  "
)
_SAID_MARK = re.compile(r"(?:로|길|동|리|가|읍|면)(?:[0-9]|산[0-9])")
_INSTITUTION = re.compile(
    r"[ ,(]{0,2}[가-힣]{0,6}(?:구청|시청|군청|도청|주민센터|보건소|도서관|경찰서|소방서|세무서|우체국|복지관)"
)
_BREAK = re.compile(r"(?:시|도|구|군|읍|면|동)[ ]*$")


def find_addresses(text: str, rules: Rules, people: Sequence[Span] = ()) -> Iterator[Span]:
    """(kind, start, end) in a shadow text. people: what was found of somebody; a place written right beside it is theirs."""
    kind = rules.kinds["address"]
    if not kind.active:
        return
    for match in _NUMBER.finditer(text):
        line, begin = _in_front(text, match.end("mark"))
        lead = _LEAD.search(line)
        if lead is None or not lead[0].strip():
            continue
        rest = _REST.match(text, match.end())
        end = rest.end() if rest else match.end()
        unit = bool(rest and rest["unit"])
        start = begin + lead.start()
        placed = bool(lead["province"] or lead["city"] or lead["district"] or unit) or _beside(text, start, end, people)
        if _personal(text, start, end, kind, placed=placed, flat=unit):
            yield kind.name, start, _trimmed(text, end)
    for match in _FLAT.finditer(text):
        line, begin = _in_front(text, match.start())
        lead = _COMPLEX.search(line)
        start = begin + lead.start() if lead else match.start()
        start += len(text[start : match.end()]) - len(text[start : match.end()].lstrip())
        if _personal(text, start, match.end(), kind, placed=True, flat=True):
            yield kind.name, start, match.end()
    yield from _said(text, kind)
    for match in _ENGLISH.finditer(text):
        if not has_any(text[max(0, match.start() - _FRONT) : match.start()], kind.words("office_cues")):
            yield kind.name, match.start(), match.end()


def _beside(text: str, start: int, end: int, people: Sequence[Span]) -> bool:
    """Whether somebody's own data stands on the same line, a few words away. people: in the order of the text."""
    at = bisect_left(people, start - _BESIDE - _LONGEST, key=lambda span: span[1])
    for _, since, to in people[at : at + _NEAREST]:
        if (to <= start <= to + _BESIDE or end <= since <= end + _BESIDE) and "\n" not in text[
            min(end, to) : max(start, since)
        ]:
            return True
    return False


def _said(text: str, kind: Kind) -> Iterator[Span]:
    """What follows the word 주소, however it is spaced: 주소 서울 시 노원 구 상계 로 48 길 29."""
    for word in kind.words("said_labels"):
        at = text.find(word)
        while at >= 0:
            match = _SAID_VALUE.match(text, at + len(word))
            front = text[max(0, at - _FRONT) : at].rpartition("\n")[2]
            if match and not has_any(front, kind.words("office_cues")):
                value = _SAID_END.split(match["value"])[0].rstrip(" ,-")
                start = match.start("value")
                plain = value.replace(" ", "")
                if len(value) >= 6 and _SAID_MARK.search(plain) and not has_any(value, kind.words("office_after")):
                    yield kind.name, start, start + len(value)
            at = text.find(word, at + len(word))


def _in_front(text: str, at: int) -> tuple[str, int]:
    """What stands before on the same line, and on the line before where an address breaks after a district; where it begins."""
    begin = max(0, at - _REACH)
    front = text[begin:at]
    cut = front.rfind("\n")
    if cut >= 0 and not (_BREAK.search(front[:cut]) and "\n" not in front[:cut].rpartition("\n")[2]):
        return front[cut + 1 :], begin + cut + 1
    earlier = front[:cut].rfind("\n") + 1 if cut >= 0 else 0
    return front[earlier:].replace("\n", " "), begin + earlier


def _trimmed(text: str, end: int) -> int:
    while text[end - 1] in " ,":
        end -= 1
    return end


def _personal(text: str, start: int, end: int, kind: Kind, *, placed: bool, flat: bool) -> bool:
    """Whether it is somebody's address: words of living there, or a place that no institution is named beside."""
    if has_any(text[start:end], kind.words("public_addresses")):
        return False
    front = text[max(0, start - _FRONT) : start].rpartition("\n")[2]
    after = text[end : end + 14].partition("\n")[0]
    places = tuple(word for word in kind.words("office_cues") if not (flat and word in kind.words("place_cues")))
    home, office = last(front, kind.words("home_cues")), last(front, places)
    said = has_any(after[:10], kind.words("home_after")) or home >= 0
    if not said and after.strip(" ,(").startswith(kind.words("place_after")):
        return False
    if not flat and _INSTITUTION.match(after):
        return False
    if not flat and home < 0 and has_any(after, kind.words("office_after")):
        return False
    if (said and office < 0) or (placed and office <= home):
        return True
    return flat and home >= 0
