"""Numbers, amounts, dates, times and telephone numbers in Korean text, each with one normal form.

"300만 원", "3백만원", "삼백만원" and "3,000,000원" are the same money; "2025. 3. 1.", "'25.3.1" and "2025년 3월 1일" the same
day. Everything here is rules: no model, no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

QuantityKind = Literal["money", "date", "time", "phone", "percent", "count", "article", "link", "number"]

_DIGIT = {"영": 0, "공": 0, "일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "륙": 6, "칠": 7, "팔": 8, "구": 9}
_SMALL = {"십": 10, "백": 100, "천": 1000}
_LARGE = {"만": 10_000, "억": 100_000_000, "조": 1_000_000_000_000}
_NATIVE = {
    **{"한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10},
    **{"하나": 1, "둘": 2, "셋": 3, "넷": 4, "스무": 20, "스물": 20},
}
_UNIT_ALIAS = {
    **{"인": "명", "사람": "명", "분의": "명", "살": "세", "달": "개월", "개월간": "개월", "번": "회", "차례": "회"},
    **{
        "제곱미터": "㎡",
        "m2": "㎡",
        "m²": "㎡",
        "평방미터": "㎡",
        "미터": "m",
        "킬로미터": "km",
        "킬로그램": "kg",
        "리터": "L",
        "ℓ": "L",
    },
    **{
        "개소": "곳",
        "군데": "곳",
        "주일": "주",
        "주간": "주",
        "년간": "년",
        "일간": "일",
        "세대": "가구",
        "가지": "개",
        "종류": "개",
    },
}
_UNITS = (
    "영업일|근무일|주일|주간|개월간|개월|년간|일간|시간|학기|학년|학점|가구|세대|개소|군데|차례|가지|종류|제곱미터|평방미터|킬로미터|킬로그램|"
    "미터|리터|사람|번째|등급|차로|종목|과목|강좌|학급|병상|그루|마리|필지|부스|팀|컷|면|석|명|인|세|살|년|월|달|주|일|시|분|초|회|번|건|개|대|동|호|층|권|부|장|매|쪽|배|점|급|종|차|곳|톤|"
    "㎡|m²|m2|㎞|km|cm|mm|kg|ℓ|kWh|kW|MB|GB|m|g|L"
)
_LINK = re.compile(r"https?://[^\s)\]}>'\"」』,]+|www\.[\w./?=&%-]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(
    r"(?<![\d-])(?:\(?0\d{1,2}\)?[-.)\s~]{1,2}\d{3,4}[-.]\d{4}|1[568]\d{2}-\d{4}|\d{3,4}-\d{4})(?![\d-])"
    r"|(?:국번\s*없이|☎|다산콜(?:센터)?\s*\(?|콜센터\s*\(?)\s*(1\d{2,3})(?!\d)"
)
_YEAR = r"(?:(?P<y{n}>(?:19|20)\d{{2}})|['’‘`](?P<s{n}>\d{{2}}))"
_DATE_YMD = re.compile(_YEAR.format(n=1) + r"\s*[.년/-]\s*(?P<m>\d{1,2})\s*[.월/-]\s*(?P<d>\d{1,2})(?:\s*일|\.)?(?!\d)")
_DATE_YM = re.compile(_YEAR.format(n=1) + r"(?:\s*년\s*|\s*\.\s*)(?P<m>\d{1,2})(?:\s*월|\.(?!\d))")
_DATE_Y = re.compile(r"(?<!\d)(?:(?P<y1>(?:19|20)\d{2})\s*(?:년도?|학년도)|['’‘`](?P<s1>\d{2})\s*년)(?!\s*간)")
_DATE_MD = re.compile(r"(?<![\d.])(?P<m>\d{1,2})\s*월\s*(?P<d>\d{1,2})\s*일")
_DATE_MD_DOT = re.compile(r"(?<![\d.])(?P<m>1[0-2]|[1-9])\.\s?(?P<d>3[01]|[12]\d|[1-9])\.(?!\s?\d)")
_DATE_M = re.compile(r"(?<![\d.개])(?P<m>1[0-2]|0?[1-9])\s*월(?!\s*\d)")
_TIME = re.compile(
    r"(?P<half>오전|오후|새벽|아침|저녁|밤|낮)?\s*(?<!\d)(?P<h>[01]?\d|2[0-4])\s*(?:시(?!\s*간|설|민|청|장|군)\s*(?:(?P<m>[0-5]?\d)\s*분|(?P<ban>반))?"
    r"|:(?P<mm>[0-5]\d)(?!\d))"
)
# Possessive inside: a long run of digits, commas and blanks is read in one way only, so a hostile line costs linear time.
_AMOUNT = r"(?:\d[\d,]*+(?:\.\d++)?+\s?+(?:[십백천]?[만억조]|[십백천])?+\s?+)+"
_SINO = r"[일이삼사오육륙칠팔구십백천만억조]*[십백천만억조][일이삼사오육륙칠팔구십백천만억조]*"
_MONEY = re.compile(
    rf"(?<![\d.])(?P<n>{_AMOUNT}|(?<![가-힣]){_SINO}\s?)(?:여\s?)?(?P<won>원|달러)(?![가-힣]*(?:서|고|칙|인|본|금\s?동))"
)
_PERCENT = re.compile(r"(?P<n>\d[\d,]*(?:\.\d+)?)\s*(?:%|퍼센트|프로(?![그젝])|％)")
_FRACTION = re.compile(r"(?P<b>\d+)\s*분의\s*(?P<a>\d+)|(?<![\d/])(?P<a2>\d)/(?P<b2>\d{1,2})(?![\d/])")
_ARTICLE = re.compile(
    r"제\s?(?P<jo>\d+)\s?조(?:\s?의\s?(?P<ui>\d+))?(?:\s?제?\s?(?P<hang>\d+)\s?항)?(?:\s?제?\s?(?P<ho>\d+)\s?호)?"
)
_COUNT = re.compile(rf"(?<![\d.])(?P<n>{_AMOUNT})\s?(?P<u>{_UNITS})(?![a-zA-Z])")
_SINO_COUNT = re.compile(
    rf"(?<![가-힣])(?P<n>{_SINO})\s?(?P<u>명|인|세|년|개월|일|회|건|개|대|시간|분|가구)(?=[^가-힣]|[이가은는을를의에로까부만]|$)"
)
_NATIVE_COUNT = re.compile(
    r"(?<![가-힣])(?P<n>다섯|여섯|일곱|여덟|아홉|스무|열|한|두|세|네)\s?(?P<u>명|사람|번|개|달|시간|살|가지|대|곳|차례|가구|군데)(?=[^가-힣]|[이가은는을를의에로까부만씩]|$)"
)
_DAYS = {
    "이틀": 2,
    "사흘": 3,
    "나흘": 4,
    "닷새": 5,
    "엿새": 6,
    "이레": 7,
    "여드레": 8,
    "아흐레": 9,
    "열흘": 10,
    "보름": 15,
}
_DAY_WORD = re.compile(rf"(?<![가-힣])(?:{'|'.join(_DAYS)})(?=[^가-힣]|[이가은는을를의에로까부만씩간]|동안|전|안|뒤|$)")
_NUMBER = re.compile(r"(?<![\d.A-Za-z-])\d[\d,]*(?:\.\d+)?")
_BOUND = re.compile(
    r"\s*(?:\([^)]{0,20}\)\s*)?(?:을|를|에|이|의|은|는)?\s*(이상|이하|미만|초과|이내|이전|이후|넘는|넘지|넘으면|안에|부터|까지|내에|내(?![가-힣])|전까지)"
)
_BOUND_SAME = {
    "넘는": "초과",
    "넘으면": "초과",
    "넘지": "이하",
    "안에": "이내",
    "내에": "이내",
    "내": "이내",
    "전까지": "이전",
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity as it stands at text[start:end].

    value: the normal form ("3000000", "2025-03-01", "--03-01", "09:00", "02-2133-2910"); unit: "원", "명", "%", or "".
    bound: 이상, 이하, 미만, 초과, 이내, 부터, 까지 … written right after it, or "".
    """

    kind: QuantityKind
    value: str
    unit: str
    text: str
    start: int
    end: int
    bound: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What two quantities are compared by."""
        return (self.value, self.unit)


def parse_number(text: str) -> float | None:
    """ "1억 2000만" → 120000000.0, "삼백만" → 3000000.0, "111만 9,000" → 1119000.0; None when it is no number."""
    total = section = 0.0
    digits = ""
    seen = False
    for char in text.replace(",", "").replace(" ", ""):
        if char.isdigit() or char == ".":
            digits += char
            seen = True
        elif char in _DIGIT:
            digits += str(_DIGIT[char])
            seen = True
        elif char in _SMALL:
            section += (_as_float(digits) if digits else 1.0) * _SMALL[char]
            digits, seen = "", True
        elif char in _LARGE:
            section += _as_float(digits) if digits else 0.0
            total += (section or 1.0) * _LARGE[char]
            section, digits, seen = 0.0, "", True
        else:
            return None
    return total + section + (_as_float(digits) if digits else 0.0) if seen else None


def _as_float(digits: str) -> float:
    try:
        return float(digits)
    except ValueError:
        return 0.0


def _plain(value: float) -> str:
    if abs(value) >= 1e18 or value != int(value):
        return f"{value:.6g}"
    return str(int(value))


def _year(match: re.Match[str]) -> str:
    groups = match.groupdict()
    if groups.get("y1"):
        return str(groups["y1"])
    short = int(groups["s1"])
    return str(2000 + short if short < 70 else 1900 + short)


def _date(match: re.Match[str]) -> tuple[str, str] | None:
    groups = match.groupdict()
    year = _year(match) if ("y1" in groups and (groups["y1"] or groups["s1"])) else ""
    month, day = groups.get("m"), groups.get("d")
    if (month and not 1 <= int(month) <= 12) or (day and not 1 <= int(day) <= 31):
        return None
    tail = "".join(f"-{int(part):02d}" for part in (month, day) if part)
    return (f"{year}{tail}" if year else f"-{tail}", "")


def _time(match: re.Match[str]) -> tuple[str, str] | None:
    hour = int(match["h"])
    minute = int(match["m"] or match["mm"] or (30 if match["ban"] else 0))
    if match["half"] in ("오후", "저녁", "밤") and hour < 12:
        hour += 12
    return (f"{hour:02d}:{minute:02d}", "")


def _phone(match: re.Match[str]) -> tuple[str, str]:
    groups = re.findall(r"\d+", match[0])
    return ("-".join(groups), "")


def _money(match: re.Match[str]) -> tuple[str, str] | None:
    value = parse_number(match["n"])
    return None if value is None else (_plain(value), match["won"])


def _percent(match: re.Match[str]) -> tuple[str, str] | None:
    value = parse_number(match["n"])
    return None if value is None else (_plain(value), "%")


def _fraction(match: re.Match[str]) -> tuple[str, str]:
    return (f"{int(match['a'] or match['a2'])}/{int(match['b'] or match['b2'])}", "")


def _count(match: re.Match[str]) -> tuple[str, str] | None:
    value = _NATIVE.get(match["n"]) if match["n"] in _NATIVE else parse_number(match["n"])
    unit = match["u"]
    return None if value is None else (_plain(float(value)), _UNIT_ALIAS.get(unit, unit))


def _article(match: re.Match[str]) -> tuple[str, str]:
    value = f"제{match['jo']}조"
    value += f"의{match['ui']}" if match["ui"] else ""
    value += f"제{match['hang']}항" if match["hang"] else ""
    return (value + (f"제{match['ho']}호" if match["ho"] else ""), "")


def _number(match: re.Match[str]) -> tuple[str, str] | None:
    value = parse_number(match[0])
    return None if value is None else (_plain(value), "")


# Order matters: an earlier rule takes its characters away from the later ones.
_RULES = (
    ("link", _LINK, lambda m: (m[0].rstrip(".").lower(), "")),
    ("phone", _PHONE, _phone),
    ("article", _ARTICLE, _article),
    ("date", _DATE_YMD, _date),
    ("date", _DATE_YM, _date),
    ("date", _DATE_Y, _date),
    ("date", _DATE_MD, _date),
    ("money", _MONEY, _money),
    ("percent", _PERCENT, _percent),
    ("percent", _FRACTION, _fraction),
    ("date", _DATE_MD_DOT, _date),
    ("date", _DATE_M, _date),
    ("time", _TIME, _time),
    ("count", _COUNT, _count),
    ("count", _SINO_COUNT, _count),
    ("count", _NATIVE_COUNT, _count),
    ("count", _DAY_WORD, lambda m: (str(_DAYS[m[0]]), "일")),
    ("number", _NUMBER, _number),
)


def _found(text: str) -> Iterator[Quantity]:
    free = text
    for kind, pattern, normal in _RULES:
        for match in pattern.finditer(free):
            form = normal(match)
            if form is None:
                continue
            start, end = match.span()
            lead = len(match[0]) - len(match[0].lstrip())
            bound = _BOUND.match(text, end)
            word = bound[1] if bound else ""
            piece = text[start + lead : end].rstrip()
            yield Quantity(
                kind, form[0], form[1], piece, start + lead, start + lead + len(piece), _BOUND_SAME.get(word, word)
            )
            free = free[:start] + "\x00" * (end - start) + free[end:]


@lru_cache(maxsize=8192)
def find_quantities(text: str) -> tuple[Quantity, ...]:
    """Every quantity of the text, in order of appearance, none overlapping another."""
    return tuple(sorted(_found(text), key=lambda quantity: quantity.start))


def same_quantity(one: Quantity, other: Quantity) -> bool:
    """Equal values; a date without its year equals any year's same day, a bare number equals the same number with a unit."""
    if one.kind == "date" and other.kind == "date":
        return _dates_agree(one.value, other.value)
    if one.kind == "phone" and other.kind == "phone":
        return one.value.endswith(other.value) or other.value.endswith(one.value)
    if one.kind == "article" and other.kind == "article":
        return one.value.startswith(other.value) or other.value.startswith(one.value)
    if one.value != other.value:
        return False
    return one.unit == other.unit or "number" in (one.kind, other.kind)


def _dates_agree(one: str, other: str) -> bool:
    if one == other:
        return True
    if one.startswith("--") != other.startswith("--"):
        bare, full = (one, other) if one.startswith("--") else (other, one)
        return full[4:].startswith(bare[1:]) if len(full) > 4 else False
    return one.startswith(f"{other}-") or other.startswith(f"{one}-")


def normalise_quantities(text: str) -> str:
    """The text with every quantity in its normal form and no spaces, for comparing answers."""
    out, at = [], 0
    for quantity in find_quantities(text):
        out.append(text[at : quantity.start])
        out.append(f"⟨{quantity.value}{quantity.unit}⟩")
        at = quantity.end
    out.append(text[at:])
    return re.sub(r"\s+", "", "".join(out)).lower()
