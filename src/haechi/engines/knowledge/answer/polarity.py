"""What a sentence affirms and what it denies, and pairs of words that may not be exchanged."""

from __future__ import annotations

import re
from functools import lru_cache

from haechi.engines.knowledge.answer.morphology import Morpheme, analyse

# Words of which one excludes the other in the same place of a sentence.
OPPOSITES: tuple[tuple[str, str], ...] = (
    ("이상", "이하"), ("이상", "미만"), ("초과", "이하"), ("초과", "미만"), ("이상", "초과"), ("이하", "미만"), ("이내", "이상"), ("이내", "초과"),
    ("포함", "제외"), ("허용", "금지"), ("허가", "금지"), ("유료", "무료"), ("면제", "부과"), ("감면", "가산"), ("이전", "이후"), ("증가", "감소"),
    ("확대", "축소"), ("상승", "하락"), ("최대", "최소"), ("최고", "최저"), ("상한", "하한"), ("찬성", "반대"), ("승인", "거부"), ("승인", "반려"),
    ("의무", "선택"), ("필수", "선택"), ("개방", "폐쇄"), ("시작", "종료"), ("오전", "오후"), ("내국인", "외국인"), ("상반기", "하반기"), ("평일", "주말"),
    ("평일", "휴일"), ("평일", "공휴일"), ("남성", "여성"), ("국내", "국외"), ("공개", "비공개"), ("유상", "무상"), ("전액", "일부"), ("입장", "퇴장"),
    ("설치", "철거"), ("지급", "환수"), ("연장", "단축"), ("인상", "인하"), ("적용", "배제"), ("신규", "갱신"), ("매월", "매년"), ("매일", "매주"),
    ("방문", "온라인"), ("실내", "실외"), ("임대", "매매"), ("공무원", "민간인"), ("월요일", "화요일"), ("토요일", "일요일"), ("전부", "일부"), ("먼저", "나중"),
)  # fmt: skip
_STRONG_NEGATIVE = {
    "불가": "가능",
    "불가능": "가능",
    "금지": "허용",
    "불허": "허용",
    "불필요": "필요",
    "미포함": "포함",
    "비공개": "공개",
    "미지급": "지급",
    "부적합": "적합",
}
_PREDICATE = frozenset({"VV", "VA", "XSV", "XSA", "VX", "VCP"})
_SKIP = frozenset({"하", "되", "이", "있", "시키", "주", "받"})


@lru_cache(maxsize=8192)
def claims(text: str) -> frozenset[tuple[str, bool]]:
    """(stem, denied) for every predicate: "신청할 수 없다" → ("신청", True); "가능하다" → ("가능", False)."""
    morphemes = analyse(text)
    found: set[tuple[str, bool]] = set()
    for at in range(len(morphemes)):
        stem = _stem(morphemes, at)
        if stem:
            denied = _denied(morphemes, at)
            if stem in _STRONG_NEGATIVE:
                stem, denied = _STRONG_NEGATIVE[stem], not denied
            found.add((stem, denied))
    return frozenset(found)


def _stem(morphemes: tuple[Morpheme, ...], at: int) -> str:
    """The stem of the predicate that starts here: noun + 하/되, verb, adjective, or a telling noun; "" otherwise."""
    here = morphemes[at]
    after = morphemes[at + 1].tag if at + 1 < len(morphemes) else ""
    if here.tag in ("NNG", "XR"):
        if here.form == "불" and after == "NNG":
            return ""
        closes = after in ("XSV", "XSA", "VCP", "VCN", "") or here.form in _STRONG_NEGATIVE
        return here.form if closes else ""
    if here.tag in ("VV", "VA") and here.form not in _SKIP and here.form != "없":
        return here.form
    if (here.tag in ("VA", "VV") or here.tag == "VX") and here.form in ("있", "없"):
        return "있"
    return ""


def _denied(morphemes: tuple[Morpheme, ...], at: int) -> bool:
    here = morphemes[at]
    before = morphemes[at - 1] if at else None
    negative = here.form == "없" or bool(before and before.tag == "MAG" and before.form in ("안", "못"))
    negative ^= bool(before and before.tag == "XPN" and before.form in ("불", "비", "미", "부"))
    for morpheme in morphemes[at + 1 : at + 7]:
        if morpheme.tag in ("EF", "SF", "SP") or (morpheme.tag in _PREDICATE and morpheme.tag in ("VV",)):
            break
        if morpheme.form in ("않", "못하", "말", "없") or morpheme.tag == "VCN":
            negative = not negative
        if morpheme.tag == "EC" and morpheme.form in ("고", "며", "면", "지만", "으나", "나"):
            break
    return negative


def opposite_words(sentence: str, source: str) -> tuple[str, str] | None:
    """(word of the sentence, word of the source) when one of a pair was exchanged for the other."""
    for one, other in OPPOSITES:
        for mine, theirs in ((one, other), (other, one)):
            if _has(sentence, mine) and not _has(source, mine) and _has(source, theirs) and not _has(sentence, theirs):
                return mine, theirs
    return None


def _has(text: str, word: str) -> bool:
    return re.search(rf"(?<![비미불]){word}", text) is not None


def denial_differs(sentence: str, source: str) -> str:
    """The stem that the sentence denies and the source affirms (or the other way round); "" when none."""
    theirs: dict[str, set[bool]] = {}
    for stem, denied in claims(source):
        theirs.setdefault(stem, set()).add(denied)
    mine: dict[str, set[bool]] = {}
    for stem, denied in claims(sentence):
        mine.setdefault(stem, set()).add(denied)
    for stem, flags in mine.items():
        if stem in theirs and not flags <= theirs[stem]:
            return stem
    return ""


_DENIED_END = re.compile(r"(?:아니(?:다|하|한|오|라|었|므)|아닙|아닌|않|없|못하|못한|불가)[가-힣]{0,6}[\s.!?\"'”’)]*$")


def denied_at_end(text: str) -> bool:
    """Whether the sentence's last word denies: "… 아닙니다.", "… 받을 수 없다"."""
    return _DENIED_END.search(text.strip()) is not None
