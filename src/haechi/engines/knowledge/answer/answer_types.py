"""Does a sentence hold the kind of answer that a question asks for?"""

from __future__ import annotations

import re

from haechi.engines.knowledge.answer.quantities import Quantity, find_quantities
from haechi.engines.knowledge.answer.question import AskedFor, Question

_SPAN_UNITS = frozenset({"일", "개월", "년", "주", "시간", "분", "영업일", "근무일", "학기", "초"})
_ASKED_UNIT = re.compile(
    r"몇\s?(명|인|사람|팀|마리|그루|과목|강좌|필지|분|개|곳|대|회|번|건|가지|층|호|급|세|살|군데|종|점|배|가구|세대|미터|부|석|면|차례|권|장|톤|동|일|개월|달|년|주|시간)"
)
_SAME_UNIT = {
    "인": "명",
    "사람": "명",
    "분": "명",
    "살": "세",
    "번": "회",
    "차례": "회",
    "가지": "개",
    "군데": "곳",
    "세대": "가구",
    "달": "개월",
}
_LIKE_UNITS = {
    "대": frozenset({"대", "면"}),
    "면": frozenset({"대", "면"}),
    "곳": frozenset({"곳", "개"}),
    "개": frozenset({"개", "곳"}),
    "석": frozenset({"석", "개"}),
    "미터": frozenset({"m", "km"}),
    "킬로": frozenset({"km", "kg"}),
    "리터": frozenset({"L"}),
    "건": frozenset({"건", "개", "회"}),
}
_DIMENSIONS = (
    (re.compile(r"면적|넓이|얼마나\s?넓"), frozenset({"㎡", "㎞", "km"})),
    (re.compile(r"길이|높이|너비|폭|깊이|거리|얼마나\s?(?:길|높|깊|먼|멀)"), frozenset({"m", "km", "cm", "mm", "층"})),
    (re.compile(r"무게"), frozenset({"kg", "g", "톤"})),
    (re.compile(r"정원|인원|얼마나\s?많은\s?사람"), frozenset({"명", "팀", "가구"})),
    (re.compile(r"나이|연령"), frozenset({"세"})),
    (re.compile(r"횟수|얼마나\s?자주"), frozenset({"회"})),
)
_UNIT_OF_COLUMN = re.compile(
    r"\((?:단위\s*[:：]\s*)?(천\s?원|백만\s?원|만\s?원|원|명|㎡|%|건|개|일|분|시간|대|회|면|석|팀)\)\s*[:：]\s*(\d[\d,.]*)(?=\s*(?:\||$))"
)
_WORDS: dict[AskedFor, re.Pattern[str]] = {
    "amount": re.compile(r"무료|면제|전액|무상|유료"),
    "when": re.compile(
        r"매월|매년|매주|매일|요일|연중|수시|상시|상반기|하반기|분기|공휴일|당일|즉시|말일|설날|추석|전날|하루\s?전|일\s?전|이내|주\s?전"
    ),
    "clock": re.compile(r"24시간|정오|자정|상시|일몰|일출"),
    "duration": re.compile(r"당일|즉시|이내|하루|한\s?달|반나절"),
    "where": re.compile(
        r"[가-힣A-Za-z0-9]+(?:청|센터|회관|도서관|체육관|사무소|사업소|보건소|주민센터|본부|공단|공사|은행|학교|병원|광장|공원|주차장|청사|별관|과|실|국|팀|"
        r"홈페이지|누리집|사이트|창구|[0-9]층|역|로\s?\d+|길\s?\d+|동)|정부24|온라인|인터넷|앱|관할|주소지|방문|우편"
    ),
    "who": re.compile(
        r"시장|구청장|국장|과장|팀장|위원장|부시장|주무관|담당|위원|공무원|[가-힣]{2,}(?:과|팀|국|실|장|자|인|청|회)(?:이|가|은|는|에서|께서|$|\s)"
    ),
    "documents": re.compile(
        r"[가-힣]+(?:서|증|등본|초본|사본|통장|도면|명부|계획서|확인서|증명서|신분증|사진|대장|표|원본)(?:[^가-힣]|[를을와과및의로]|$)"
    ),
    "how": re.compile(
        r"신청|방문|접수|제출|온라인|우편|누리집|홈페이지|통하여|통해|거쳐|신고|예약|납부|절차|등록|작성|승인|심사|발급"
    ),
    "whether": re.compile(
        r"가능|불가|수\s?있|수\s?없|제외|금지|하여야|해야|아니|허용|제한|대상|포함|면제|무료|않|못|해당|받는|지원합|지원한|감면|인정"
    ),
    "why": re.compile(r"위해|위하여|때문|목적|따라|으로\s?인|취지|배경|하고자|도모|기여|방지"),
}


def type_present(question: Question, text: str) -> float:
    """1.0: the sentence holds what is asked (an amount for 얼마, a date for 언제 …); 0.5: perhaps, or the question fixes no
    kind; 0.0: it does not."""
    asks = question.asks
    text = _UNIT_OF_COLUMN.sub(r": \2\1", text)  # "수수료(원): 8,000" says 8,000원
    if asks in ("what", "why"):
        pattern = _WORDS.get(asks)
        return 1.0 if pattern and pattern.search(text) else 0.5
    quantities = [quantity for quantity in find_quantities(text) if not _asked_already(question, quantity)]
    if _quantity_answers(question, asks, quantities):
        return 1.0
    pattern = _WORDS.get(asks)
    if pattern and _new_word(question, asks, pattern, text):
        return 1.0 if asks not in ("amount", "when") else 0.8
    if asks == "amount" and any(quantity.kind == "percent" for quantity in quantities):
        return 0.4
    return 0.0


def _new_word(question: Question, asks: AskedFor, pattern: re.Pattern[str], text: str) -> bool:
    """A place, person or paper that the question names itself ("시장의 이름은?" … "시장이 정하는 날") is no answer to it."""
    found = [match[0].strip() for match in pattern.finditer(text)]
    if asks not in ("where", "who", "documents"):
        return bool(found)
    asked = re.sub(r"\s", "", question.text)
    return any(re.sub(r"(?:이|가|은|는|을|를|에서|께서|와|과|및|의|로|\s)$", "", word) not in asked for word in found)


def _asked_already(question: Question, quantity: Quantity) -> bool:
    """A figure that the question itself brings is no answer to it."""
    return any(quantity.key == figure.key for figure in question.figures)


def _quantity_answers(question: Question, asks: AskedFor, quantities: list[Quantity]) -> bool:
    kinds = {quantity.kind for quantity in quantities}
    if asks == "amount":
        return "money" in kinds
    if asks == "when":
        return "date" in kinds
    if asks == "clock":
        return "time" in kinds
    if asks == "duration":
        return any(q.kind == "count" and q.unit in _SPAN_UNITS for q in quantities) or "date" in kinds
    if asks == "count":
        units = asked_units(question)
        return any(q.kind == "count" and (not units or q.unit in units) for q in quantities)
    return asks in kinds if asks in ("phone", "link", "percent", "article") else False


def asked_unit(question: Question) -> str:
    """The counter after 몇, normalised ("몇 사람" → "명"); "" where the question names none."""
    match = _ASKED_UNIT.search(question.text)
    return _SAME_UNIT.get(match[1], match[1]) if match else ""


def asked_units(question: Question) -> frozenset[str]:
    """The units in which an answer may stand: of the counter after 몇, of the places in a car park, or of the dimension that is asked
    (길이, 면적 …); empty where the question leaves it open."""
    unit = asked_unit(question)
    if unit:
        return _LIKE_UNITS.get(unit, frozenset({unit}))
    return next((units for pattern, units in _DIMENSIONS if pattern.search(question.text)), frozenset())


def needs_figure(question: Question) -> bool:
    """Whether only a figure (or a word that stands for one) can answer."""
    return question.asks in ("amount", "when", "clock", "duration", "count", "phone", "link", "percent", "article")
