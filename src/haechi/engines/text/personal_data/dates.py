"""Dates of birth: a date is personal only where words say that somebody was born on it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache

from haechi.engines.text.personal_data.numbers import MACHINE_READABLE, Span, before, has_any
from haechi.engines.text.personal_data.rules import Kind, Rules

_MONTHS = "(?i:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
_Y, _M, _D = r"(?:(?:18|19|20)[0-9]{2}|['’]?[0-9]{2})", r"(?:1[0-2]|0?[1-9])", r"(?:3[01]|[12][0-9]|0?[1-9])"
_CALENDAR = r"(?:\(?(?:음력|양력|음|양)\)? ?)?"
_WORD = "[영공일이삼사오육륙유칠팔구십시백천]"
DATE = (
    rf"(?:{_Y} ?년[ \n]{{0,2}}{_CALENDAR}{_M} ?월 ?{_D} ?일"
    rf"|{_Y} ?[-./] ?{_M} ?[-./] ?{_D}(?:\.(?![0-9])|T[0-9:.]{{5,12}}Z?)?"
    rf"|(?:[0-9] ){{3}}[0-9] ?[-./] ?(?:[0-9] ){{1,2}}?[0-9] ?[-./] ?(?:[0-9] ?){{1,2}}\.?"
    rf"|{_D}(?:st|nd|rd|th)?[ -](?:{_MONTHS})\.?,?[ -]{_Y}|{_D} {_M}월 ?/ ?(?:{_MONTHS}) {_Y}|(?:{_MONTHS})\.? {_D}(?:st|nd|rd|th)?,? {_Y}"
    rf"|{_M}/{_D}/(?:18|19|20)[0-9]{{2}}|{_D}[./]{_M}[./](?:18|19|20)[0-9]{{2}}"
    rf"|{_WORD}{{2,8}} ?년 ?{_CALENDAR}{_WORD}{{1,2}} ?월 ?{_WORD}{{0,3}} ?일"
    rf"|(?:19|20)?[0-9*]{{2}}[-./년] ?[0-9*]{{1,2}}[-./월] ?[0-9*]{{1,2}}일?)"
)
"""A day as people write it, on a shadow text; its parts may be hidden by stars."""
_DATE = re.compile(rf"(?<![0-9A-Za-z.,/-]){DATE}(?![0-9])(?![-./][0-9])")
_RUN = re.compile(r"(?<![0-9A-Za-z.,-])(?:(?:19|20)[0-9]{2}|[0-9]{2})[01][0-9][0-3][0-9](?![0-9])(?![-.,][0-9])")
_ANY_DAY = re.compile(
    rf"(?<![0-9A-Za-z.,/-])(?:{DATE}|(?:19|20)[0-9]{{2}}[01][0-9][0-3][0-9])(?![0-9])(?![-./:][0-9])(?! ?[0-9]{{2}}:)|(?<=,)(?:(?:19|20)[0-9]{{2}}[01][0-9][0-3][0-9]|(?:19|20)[0-9]{{2}}-[01][0-9]-[0-3][0-9])(?=,|\n|$)"
)
_SINCE = re.compile(
    r" ?(?:\([^)\n]{1,6}\) ?)?(?:[가-힣]{1,8}에 (?=태어났))?(?:생(?!산|성|활|긴|겨|기|명|일|방|태|각|중)|출생(?! ?(?:자|아|률|등록|인구|신고|통계|축하))"
    r"|(?:날 ?)?에? ?태어(?:났|나셨|난 (?!아이|사람|자|분|출생|아동|영아))|에 ?출생(?:했|하))"
)
_MONTH_ONLY = re.compile(
    r"(?<![0-9A-Za-z.,-])(?:(?:19|20)[0-9]{2}|[0-9]{2})년 ?(?:[0-9]{1,2}월 ?)?생(?!산|성|활|긴|겨|기|명|일|방|태|각|중)"
)
_EARLIEST = 1890
_GROWN, _OF_AGE = 14, 18
_IN_ROW = re.compile(r"(?<![가-힣])[가-힣]{2,4} ?[/|,] ?$")
_IN_BRACKETS = re.compile(r"(?<![가-힣])[가-힣]{2,4} ?(?:씨|님)? ?\((?:[남여][,/ ] ?)?$")
_AFTER_SEX = re.compile(r"(?<![가-힣])(?:남|여)(?:성|자)? ?[,/] ?$")
_BESIDE_RELATIVE = re.compile(r"(?:^|[ \n])(?:부|모|배우자|자녀|자|본인) (?:[가-힣] ?){2,4}(?:\([^()\n]{1,8}\))? ?$")
_BESIDE_NAME = re.compile(r"(?<![가-힣])[가-힣]{2,4}(?: ?씨| ?님)?(?:,? | ?\((?:[음양]력? ?|[^()\n]{1,12}[,/] ?)?)$")
_LUNAR = re.compile(r"(?:음력|양력|\([음양]\)) ?\S{0,3}$")
_NAMED_ASIDE = re.compile(r"\((?:[가-힣]{2,4})[,/] ?$")
_SEX = re.compile(r"[ ,/]{1,2}(?:남|여)(?:성|자)?(?![가-힣])")


def is_birth(value: str) -> bool:
    """Whether a run of digits or a date names a day somebody can have been born on; hidden parts are believed."""
    digits = re.sub("[^0-9*]", "", value)
    if "*" in value:
        return sum(sign.isdigit() for sign in digits) >= 2
    if len(digits) not in (6, 8) or not re.fullmatch("[0-9 ]+", value):
        return True
    return _day(digits) is not None


def _day(digits: str) -> date | None:
    years = (int(digits[:4]),) if len(digits) == 8 else (1900 + int(digits[:2]), 2000 + int(digits[:2]))
    for year in years:
        try:
            found = date(year, int(digits[-4:-2]), int(digits[-2:]))
        except ValueError:
            continue
        if found.year >= _EARLIEST:
            return found
    return None


def find_births(text: str, rules: Rules) -> Iterator[Span]:
    """(kind, start, end) of dates with "생", "출생", "태어났" behind them, or in brackets behind a person's name."""
    kind = rules.kinds["birthdate"]
    if not kind.active:
        return
    yield from _months(text, kind)
    for match in MACHINE_READABLE.finditer(text):
        yield kind.name, *match.span("born")
    for pattern in (_DATE, _RUN):
        for match in pattern.finditer(text):
            if not is_birth(match[0]):
                continue
            since = _SINCE.match(text, match.end())
            if since and not has_any(text[since.end() : since.end() + 5], kind.words("except_behind")):
                yield kind.name, match.start(), match.end()
                continue
            front = before(text, match.start(), 14)
            if (
                pattern is _RUN
                and _IN_ROW.search(front)
                and text[match.end() : match.end() + 2].strip()[:1] in tuple("/|,")
            ):
                yield kind.name, match.start(), match.end()
                continue
            lunar = _LUNAR.search(front + match[0][:3]) is not None
            if _AFTER_SEX.search(front) or _of_old(match[0], front, rules, lunar=lunar):
                yield kind.name, match.start(), match.end()
                continue
            named = _IN_BRACKETS.search(front)
            if named and not has_any(named[0], kind.words("except_before")) and _of_a_person(text, match, front):
                yield kind.name, match.start(), match.end()


def find_births_beside(text: str, rules: Rules, people: Sequence[Span]) -> Iterator[Span]:
    """(kind, start, end) of days long past on one line with somebody's own number: a row of a list; and of those right beside one."""
    kind = rules.kinds["birthdate"]
    if not kind.active or not people:
        return
    breaks = [match.start() for match in re.finditer("\n", text)]
    lines = {bisect_left(breaks, start) for _, start, _ in people}
    last, year_now = None, date.today().year
    for match in _ANY_DAY.finditer(text):
        if not is_birth(match[0]) or bisect_left(breaks, match.start()) not in lines:
            continue
        year = re.search("(?:18|19|20)[0-9]{2}", match[0])
        if year is None or has_any(
            before(text, match.start(), 14), (*kind.words("except_before"), *kind.words("other_days"))
        ):
            continue
        follows = last is not None and not text[last : match.start()].strip(" ,;|/\t")
        if year_now - int(year[0]) >= (2 if follows else _OF_AGE):
            yield kind.name, match.start(), match.end()
            last = match.end()


def _months(text: str, kind: Kind) -> Iterator[Span]:
    """ "2019년 3월생"; a year alone ("60년생") only where somebody's own is meant."""
    for match in _MONTH_ONLY.finditer(text):
        if has_any(text[match.end() : match.end() + 8], kind.words("except_behind")):
            continue
        if "월" in match[0] or has_any(before(text, match.start(), 12), kind.words("own")):
            yield kind.name, match.start(), match.end()


def _of_old(value: str, front: str, rules: Rules, *, lunar: bool) -> bool:
    """A day long past right behind a person's name, or by the moon: nobody's appointment, nobody's signature."""
    year = re.match("(?:18|19|20)[0-9]{2}|['’]?[0-9]{2}(?=[-./년 ]|[0-9]{4}$)", value)
    if year is None or has_any(front, rules.kinds["birthdate"].words("except_before")):
        return False
    said, today = int(year[0].strip("'’")), date.today().year
    passed = today - said if said > 99 else (today - 2000 - said) % 100
    if lunar:
        return passed >= _GROWN
    if passed >= _GROWN and _BESIDE_NAME.search(front):
        return _surnames(rules).search(front) is not None
    if passed >= _GROWN and _BESIDE_RELATIVE.search(front):
        return True
    return passed >= 2 and _NAMED_ASIDE.search(front) is not None


@lru_cache(maxsize=8)
def _surnames(rules: Rules) -> re.Pattern[str]:
    """The last words in front, where they begin like a name."""
    kind = rules.kinds["name"]
    surname = "|".join(kind.words("surnames"))
    words, wide = f"(?:{surname})[{''.join(kind.words('given'))}]{{2}}", f"(?:{surname})[가-힣]{{2}}"
    return re.compile(
        rf"(?<![가-힣]){words}(?: ?씨| ?님)?(?:,? | ?\()[^가-힣]{{0,12}}$|(?<![가-힣]){wide}(?: ?씨| ?님)? ?\([^()\n]{{0,14}}$"
    )


def _of_a_person(text: str, match: re.Match[str], front: str) -> bool:
    """A date in brackets is a birth date when a sex stands beside it or it is more than ten years back."""
    if _SEX.match(text, match.end()) or re.search("[남여][,/ ] ?$", front):
        return True
    year = re.match("(?:18|19|20)[0-9]{2}", match[0])
    return (
        year is not None and int(year[0]) <= date.today().year - 14 and text[match.end() : match.end() + 1] in ")生생,"
    )
