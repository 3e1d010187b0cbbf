"""Personal numbers: shape, then date and check digit, then the words before it.

Every pattern is a fixed sequence of bounded pieces: the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from haechi.engines.text.personal_data import check_digits
from haechi.engines.text.personal_data.rules import Kind, Rules

Span = tuple[str, int, int]
_J = r"[ ]{0,2}[-.·_/~*]?[ ]{0,2}"
_CUE_REACH = 24
_BEFORE = r"(?<![0-9A-Za-z])(?<![0-9][-.])"
_AFTER = r"(?![0-9])(?![-.][0-9])"
_RESIDENT = re.compile(
    rf"(?<![0-9])(?<![0-9][-.])([0-9]{{2}}[01][0-9][0-3][0-9])(?:{_J}([0-9] ?[0-9]{{6}})| ?- ?[0-9](?: ?[0-9]){{6}}){_AFTER}"
)
# Partly hidden already: what is left still tells the day of birth, the last digits, the bank.
_HIDDEN_RESIDENT = re.compile(
    r"(?<![0-9])[0-9]{2}[01][0-9][0-3][0-9] ?- ?[0-9][*xX●○]{6}|(?<![0-9])[0-9]{2}[01][0-9][0-3][0-9] ?- ?[*xX●○]{7}"
)
_LISTED_RESIDENT = re.compile(r"(?<![0-9-])[0-9]{2}[01][0-9][0-3][0-9]-[1-8][0-9]{6}(?![0-9-])")
_HIDDEN_MOBILE = re.compile(
    r"(?<![0-9])01[016789] ?[-. )]? ?(?:[0-9*●○]{3,4}|[xX]{3,4}) ?[-. ]? ?(?:[0-9*●○]{4}|[xX]{4})(?![0-9*])"
)
_HIDDEN_CARD = re.compile(
    r"(?<![0-9])[0-9]{4}(?:[- ]?(?:[0-9*●○]{4}|[xX]{4}|[0-9]{2}[xX]{2})){2}[- ]?[0-9*●○]{3,4}(?![0-9*])"
)
_BROKEN = r"(?:[ ]{0,2}[-.·_/~*,]?[ ]{0,2}|-[ ]?\n[ ]{0,4})"
_MOBILE = re.compile(
    rf"(?<![0-9])(?:\+?82{_J}\(?0?\)?{_J}|\(?0)1[016789]\)?{_BROKEN}[0-9]{{3,4}}{_BROKEN}[0-9]{{4}}{_AFTER}"
)
# Torn apart by a scanner: 0 1 0-2719-4830.
_TORN_MOBILE = re.compile(r"(?<![0-9])0 ?1 ?0(?:[ ]{0,2}[-.]?[ ]{0,2}[0-9]){8}(?![0-9])(?! [0-9] )")
_LANDLINE = re.compile(
    rf"{_BEFORE}(?:\+?82{_J}\(?0?\)?|\(?0)(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|50[2-8]?)\)?{_J}[0-9]{{3,4}}{_J}[0-9]{{4}}{_AFTER}"
)
_CARD = re.compile(
    rf"{_BEFORE}(?:[3-69][0-9]{{3}}(?:{_J}[0-9]{{4}}){{3}}|3[47][0-9]{{2}}{_J}[0-9]{{6}}{_J}[0-9]{{5}}){_AFTER}"
)
_REGIONS = "서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주|대구|인천|광주|대전|울산|세종|경기남부|경기북부"
_LICENCE = re.compile(
    rf"{_BEFORE}(?:(?:1[1-9]|2[0-8]){_J}|(?:{_REGIONS}) ?(?:(?:1[1-9]|2[0-8]){_J})?)[0-9]{{2}}{_J}[0-9]{{6}}{_J}[0-9]{{2}}{_AFTER}"
)
_PASSPORT_NEW = re.compile(r"(?<![0-9A-Za-z])[MSRODGmsrodg][0-9]{3}[A-Za-z][0-9]{4}(?![0-9A-Za-z])")
_PASSPORT_OLD = re.compile(r"(?<![0-9A-Za-z])(?:[A-Za-z] ?[0-9]{8}|[A-Za-z]{2} ?[0-9]{7})(?![0-9A-Za-z])")
_NATION = re.compile(r"(?<![A-Z])[A-Z]{3}[ ,|/\t]{1,3}$|[0-9]{6} ?- ?[0-9]{7}[ ,|/\t]{1,3}$")
MACHINE_READABLE = re.compile(
    r"(?<![0-9A-Z<])(?P<number>[A-Z0-9]{7,9})<{0,2}[0-9][A-Z<]{3}(?P<born>[0-9]{6})[0-9][MFX<][0-9]{6}"
)
"""The second line at the foot of a passport (ICAO Doc 9303)."""
_BUSINESS = re.compile(rf"{_BEFORE}[0-9]{{3}}{_J}[0-9]{{2}}{_J}[0-9]{{5}}{_AFTER}")
_CORPORATE = re.compile(rf"(?<![0-9])[0-9]{{6}}{_J}[0-9]{{7}}{_AFTER}")
_ACCOUNT = re.compile(
    rf"{_BEFORE}[0-9]{{2,6}}(?:[ ]{{0,2}}[-.][ ]{{0,2}}[0-9]{{1,8}}|[ ][0-9]{{2,8}}){{1,4}}{_AFTER}|{_BEFORE}[0-9]{{10,16}}{_AFTER}"
)
_BUREAU = re.compile(
    r"(?<=[가-힣]{2})(?:과|팀|(?<!사무)실|국|처|소|원|청|부|보험|학교|서비스)(?:의|은|는|에)?(?=[ (:,)/|]|$)"
)
_DIGITS = re.compile("[^0-9]")
_ON_A_FORM = 160
FEWEST_SHOWN = 6
"""Digits that must be left of a partly hidden mobile number: (010-XXXX-XXXX) is an example of how to write one."""
_FEWEST = 7
"""Digits of the shortest number below, a passport's: a text with fewer has none."""


def find_numbers(text: str, rules: Rules) -> Iterator[Span]:
    """(kind, start, end) of every number in a shadow text; spans of different kinds may overlap."""
    if sum(map(text.count, "0123456789")) < _FEWEST:
        return
    for name, detect in _DETECTORS:
        if name in rules.kinds and rules.kinds[name].active:
            yield from detect(text, rules.kinds[name])


def before(text: str, at: int, reach: int = _CUE_REACH) -> str:
    """The words in front, of the same line."""
    return text[max(0, at - reach) : at].rpartition("\n")[2]


def has_any(text: str, words: tuple[str, ...]) -> bool:
    """Whether one of the words stands in the text."""
    return any(word in text for word in words)


def last(text: str, words: tuple[str, ...]) -> int:
    """Where the last of these words begins in the text; -1 where none stands there."""
    return max((text.rfind(word) for word in words), default=-1)


def _digits(text: str) -> str:
    return _DIGITS.sub("", text)


def _registration(text: str, kind: Kind, sexes: str, fits: Callable[[str], bool]) -> Iterator[Span]:
    listed = _LISTED_RESIDENT.search(text) is not None
    earliest, latest = (int(year) for year in kind.words("born"))
    for match in _RESIDENT.finditer(text):
        number = _digits(match[0])
        born = check_digits.birth_of(number)
        if number[6] not in sexes or born is None or not earliest <= born.year <= latest:
            continue
        front = before(text, match.start())
        if has_any(front, kind.words("except_after")):
            continue
        # A list of such numbers vouches for one that was typed without the dash.
        parted = match.end() - match.start() > 13 or listed
        random = born >= check_digits.NO_CHECK_DIGIT_FROM
        # Since 2020-10-05 anybody's number may have been given anew without a check digit: the parted shape with a real
        # day is enough. A bare run of 13 digits needs its check digit, or the words before it.
        known = fits(number) or has_any(front, kind.words("cues"))
        company = not known and not random and "11" <= number[:2] <= "29" and check_digits.company_digit_fits(number)
        if known or (parted and not company):
            yield kind.name, match.start(), match.end()


def _residents(text: str, kind: Kind) -> Iterator[Span]:
    yield from _registration(text, kind, "012349", check_digits.resident_digit_fits)
    for match in _HIDDEN_RESIDENT.finditer(text):
        yield kind.name, match.start(), match.end()


def _foreigners(text: str, kind: Kind) -> Iterator[Span]:
    return _registration(text, kind, "5678", check_digits.foreigner_digit_fits)


def _phones(text: str, kind: Kind) -> Iterator[Span]:
    for pattern in (_MOBILE, _HIDDEN_MOBILE) if "*" in text or "●" in text or "○" in text else (_MOBILE,):
        for match in pattern.finditer(text):
            digits = _digits(match[0])
            if digits[-8:].strip("0") and len(digits) >= FEWEST_SHOWN:
                yield kind.name, match.start(), match.end()
    for match in _TORN_MOBILE.finditer(text):
        if set(_digits(match[0])[3:]) - set("01"):
            yield kind.name, match.start(), match.end()
    for match in _LANDLINE.finditer(text):
        if not _of_an_office(text, match, kind):
            yield kind.name, match.start(), match.end()


def _of_an_office(text: str, match: re.Match[str], kind: Kind) -> bool:
    plain = re.sub(r"[^0-9]+", "-", match[0]).strip("-")
    if plain.startswith(kind.words("public_prefixes")):
        return True
    front = before(text, match.start(), 40)
    personal = last(front, kind.words("personal_cues"))
    office = last(front, kind.words("office_cues"))
    office = max([office, *(found.start() for found in _BUREAU.finditer(front))])
    if has_any(text[match.end() : match.end() + 8], ("(자택", "(집", "(본인", " 자택")):
        return False
    if personal < 0 and has_any(text[match.end() : match.end() + 12], kind.words("office_after")):
        return True
    if match[0].lstrip("(").startswith("050"):  # relayed to somebody's own telephone
        return False
    if office > personal and _MOBILE.search(front[office:]):
        office = -1
    if personal < 0 and office < 0:
        if has_any(text[match.end() : match.end() + 16].partition("\n")[0], kind.words("personal_after")):
            return False
        # On a form that holds somebody's registration number the telephone is theirs.
        listed = has_any(front[-_CUE_REACH:], kind.words("listed_cues"))
        return listed and _RESIDENT.search(text, max(0, match.start() - _ON_A_FORM), match.start()) is None
    return office > personal


def _cards(text: str, kind: Kind) -> Iterator[Span]:
    for match in _HIDDEN_CARD.finditer(text):
        if sum(match[0].count(sign) for sign in "*●○xX") >= 2:
            yield kind.name, match.start(), match.end()
    for match in _CARD.finditer(text):
        front = before(text, match.start())
        if has_any(front, kind.words("except_after")):
            continue
        around = front + text[match.end() : match.end() + 6]
        issued = front.rstrip(" :(").endswith(kind.words("issuers"))
        if issued or check_digits.luhn_fits(_digits(match[0])) or has_any(around, kind.words("cues")):
            yield kind.name, match.start(), match.end()


def _licences(text: str, kind: Kind) -> Iterator[Span]:
    for match in _LICENCE.finditer(text):
        parted = len(match[0]) > len(_digits(match[0])) + 1
        if parted or has_any(before(text, match.start()), kind.words("cues")):
            yield kind.name, match.start(), match.end()


def _passports(text: str, kind: Kind) -> Iterator[Span]:
    for match in _PASSPORT_NEW.finditer(text):
        yield kind.name, match.start(), match.end()
    for match in _PASSPORT_OLD.finditer(text):
        front = before(text, match.start())
        if _NATION.search(front) or has_any(front + text[match.end() : match.end() + 8], kind.words("cues")):
            yield kind.name, match.start(), match.end()
    for match in MACHINE_READABLE.finditer(text):
        yield kind.name, *match.span("number")


def _companies(text: str, kind: Kind) -> Iterator[Span]:
    for match in _CORPORATE.finditer(text):
        if not _digits(match[0]).strip("0"):
            continue
        front, digits = before(text, match.start()), _digits(match[0])
        born = check_digits.birth_of(digits) is not None
        if born and (check_digits.resident_digit_fits(digits) or check_digits.foreigner_digit_fits(digits)):
            born = not has_any(front, kind.words("cues"))
        else:
            born = born and not has_any(front, kind.words("company_cues"))
        named = has_any(text[match.end() : match.end() + 14], kind.words("company_cues"))
        if (
            has_any(front, kind.words("cues"))
            or (named and match[0][6:-7].strip() == "-")
            or (
                match[0][6:-7].strip() == "-"
                and not born
                and check_digits.company_digit_fits(digits)
                and not has_any(front, kind.words("except_after"))
            )
        ):
            yield kind.name, match.start(), match.end()


def _businesses(text: str, kind: Kind) -> Iterator[Span]:
    for match in _BUSINESS.finditer(text):
        parted = len(re.findall("[-. ]+", match[0])) == 2
        cued = has_any(before(text, match.start()), kind.words("cues"))
        if cued or (parted and check_digits.business_digit_fits(_digits(match[0]))):
            yield kind.name, match.start(), match.end()


def _accounts(text: str, kind: Kind) -> Iterator[Span]:
    shapes = set(kind.words("shapes"))
    for match in _ACCOUNT.finditer(text):
        if not 10 <= len(_digits(match[0])) <= 16:
            continue
        if _LANDLINE.fullmatch(match[0]) or _MOBILE.fullmatch(match[0]):
            continue
        front = before(text, match.start())
        cue, other = last(front, kind.words("cues")), last(front, kind.words("except_after"))
        if front.rstrip(" :(").endswith(kind.words("banks")):
            cue = len(front)
        shape = "-".join(str(len(part)) for part in re.split(r" *- *", match[0]))
        if cue > other or (other < 0 and shape in shapes):
            yield kind.name, match.start(), match.end()


_DETECTORS: tuple[tuple[str, Callable[[str, Kind], Iterator[Span]]], ...] = (
    ("resident", _residents),
    ("foreigner", _foreigners),
    ("card", _cards),
    ("licence", _licences),
    ("passport", _passports),
    ("phone", _phones),
    ("account", _accounts),
    ("business", _businesses),
    ("corporate", _companies),
)
