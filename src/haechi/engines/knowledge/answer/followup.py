"""Follow-up questions made whole from the turns before, without a model.

"그럼 재산세는?" after "자동차세는 언제까지 내나요?" → "재산세는 언제까지 내나요?"; "거기 전화번호는?" → "<곳> 전화번호는?".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from haechi.engines.knowledge.answer.morphology import Morpheme, analyse, with_josa
from haechi.engines.knowledge.answer.question import ATTRIBUTES, is_generic, understand
from haechi.engines.knowledge.ports import Turn

_LEAD = re.compile(
    r"^\s*(?:아\s*,?\s*)?(?:그럼|그러면|그렇다면|그리고|그런데|근데|또|혹시|그래서|아니|아\b|네|예|음)[\s,.]+"
)
_DEMONSTRATIVE = re.compile(
    r"(?<![가-힣])(?:(?P<that>그건|그거는|그것은|이건|이거는|이것은|그게|그거|그것|이거|이것|저건)"
    r"|(?P<there>거기는|거기서|거기에|거기로|거기|그곳은|그곳에|그곳|여기는|여기|그쪽)"
    r"|(?P<of>그\s?(?:사업|제도|조례|서비스|시설|프로그램|세금|요금|기관|부서|센터|행사|규정|법|지원금|수당|사용료|이용료|수수료|서류|기간|허가|신청|공간|대회|축제|교육|강좌)))(?P<josa>은|는|이|가|을|를|도|의|에|로|으로|에서)?(?![가-힣])"
)
_ATTRIBUTE_WORDS = frozenset(word for words in ATTRIBUTES.values() for word in words)
_DAY = frozenset(
    [
        "평일",
        "주말",
        "휴일",
        "공휴일",
        "토요일",
        "일요일",
        "월요일",
        "화요일",
        "수요일",
        "목요일",
        "금요일",
        "주간",
        "야간",
        "오전",
        "오후",
        "여름",
        "겨울",
        "성수기",
        "비수기",
        "상반기",
        "하반기",
    ]
)
_WHO = frozenset(
    [
        "어른",
        "성인",
        "어린이",
        "청소년",
        "아동",
        "노인",
        "어르신",
        "경로",
        "단체",
        "개인",
        "학생",
        "대학생",
        "군인",
        "장애인",
        "유공자",
        "외국인",
        "시민",
        "주민",
        "관외",
        "관내",
        "법인",
        "사업자",
        "임산부",
        "다자녀",
        "아이",
        "유아",
        "영유아",
    ]
)
# What one asks of a thing, but not the thing itself: a question of these words alone needs its topic from before.
_ASPECTS = frozenset(
    [
        "연임",
        "감면",
        "취소",
        "환불",
        "소득",
        "기준",
        "신청",
        "접수",
        "예약",
        "연장",
        "변경",
        "해지",
        "납부",
        "할인",
        "환급",
        "계산",
        "절차",
        "자격",
        "준비",
        "면제",
        "발급",
        "재발급",
        "갱신",
        "온라인",
        "방문",
        "대리",
        "본인",
        "카드",
        "현금",
        "분할",
        "분납",
        "증명",
        "처리",
        "결과",
        "이의신청",
        "반납",
        "횟수",
        "한도",
        "순서",
        "종류",
        "차이",
        "예외",
        "주의",
        "벌칙",
        "보증금",
    ]
)
_ASIDE = _ASPECTS | _ATTRIBUTE_WORDS
_QUESTION_WORDS = frozenset(
    [
        "얼마",
        "언제",
        "어디",
        "누구",
        "무엇",
        "뭐",
        "몇",
        "며칠",
        "거",
        "것",
        "수",
        "때",
        "때문",
        "데",
        "거기",
        "그",
        "이",
        "저",
        "여기",
        "그거",
        "이거",
    ]
)
_NOUN_PARTS = frozenset({"NNG", "NNP", "SL", "SN", "XPN", "XSN", "NR", "SH", "XR", "NNB", "MM"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A run of nouns at text[start:end]; kind: attribute, day, who, figure or topic."""

    text: str
    start: int
    end: int
    kind: str


def resolve(question: str, history: Sequence[Turn]) -> str:
    """The question as it would be asked alone. Unchanged where it stands by itself or nothing came before."""
    before = ""
    for turn in history:
        before = _resolve_one(turn.question, before)
    return _resolve_one(question, before)


def _resolve_one(question: str, before: str) -> str:
    text = question.strip()
    if not before:
        return text
    bare = re.sub(r"(?<=[은는도에이])요(?=\s*\??$)", "", _LEAD.sub("", text))
    topic = topic_of(before)
    pointed = _point(bare, topic)
    if pointed is not None:
        return pointed
    phrases = phrases_of(bare)
    led, short = _LEAD.match(text) is not None, len(bare) <= 22
    if not phrases:
        return f"{topic} {bare}" if topic and _asks_only(bare) else text
    kinds = {phrase.kind for phrase in phrases}
    if kinds == {"attribute"}:
        return f"{topic} {bare}" if topic else text
    if short and _only_names(bare, phrases) and (led or _ends_as_topic(bare)):
        return _exchange(before, phrases)
    if led and "topic" not in kinds:
        return f"{topic} {bare}" if topic else text
    return text


def topic_of(question: str) -> str:
    """The noun phrase that a question is about: its topic phrases without attribute, day and question words."""
    phrases = phrases_of(question)
    topics = [phrase for phrase in phrases if phrase.kind == "topic"]
    if topics:
        first = topics[0]
        joined = [first.text]
        for phrase in topics[1:]:
            if re.fullmatch(r"\s*의?\s*", question[first.end : phrase.start]):
                joined.append(phrase.text)
                first = phrase
        return " ".join(joined)
    return ""


def phrases_of(text: str) -> list[Phrase]:
    """The noun phrases of the text: words written together are one word, neighbours of one kind one phrase."""
    found: list[Phrase] = []
    for word in _words(text):
        last = found[-1] if found else None
        if last and last.kind == word.kind == "topic" and not text[last.end : word.start].strip():
            found[-1] = Phrase(text[last.start : word.end], last.start, word.end, last.kind)
        else:
            found.append(word)
    return found


def _words(text: str) -> list[Phrase]:
    found: list[Phrase] = []
    run: list[Morpheme] = []
    for morpheme in (*analyse(text), None):
        noun = morpheme is not None and morpheme.tag in _NOUN_PARTS and not is_question_word(morpheme.form)
        if run and (morpheme is None or not noun or run[-1].end != morpheme.start):
            start, end = run[0].start, run[-1].end
            found.append(Phrase(text[start:end], start, end, _kind_of(run, text[start:end])))
            run = []
        if noun and morpheme is not None:
            run.append(morpheme)
    return found


def is_question_word(form: str) -> bool:
    """얼마, 언제, 어디, 누구 … are no topics."""
    return form in _QUESTION_WORDS


def _kind_of(run: Sequence[Morpheme], word: str) -> str:
    if run[0].tag in ("SN", "NNB", "NR") or word[0].isdigit():
        return "figure"
    if (
        word in _ATTRIBUTE_WORDS
        or word in _ASPECTS
        or all(part.form in _ASIDE or is_generic(part.form) for part in run)
    ):
        return "attribute"
    if word in _DAY:
        return "day"
    return "who" if word in _WHO else "topic"


def _point(question: str, topic: str) -> str | None:
    """The question with its demonstrative replaced by the topic; None when it has none."""
    match = _DEMONSTRATIVE.search(question)
    if match is None or not topic:
        return None
    word = match["that"] or match["there"] or match["of"]
    noun = re.sub(r"^그\s?", "", word)
    if match["of"] and (noun in _ASIDE) and noun not in topic:
        return question[: match.start()] + f"{topic} {noun}{match['josa'] or ''}" + question[match.end() :]
    josa = match["josa"] or ""
    if not josa and word[-1] in "는은서에로":
        josa = word[-1] if word[-1] != "서" else "에서"
    if word in ("그건", "이건", "저건", "그게"):
        josa = "은"
    return question[: match.start()] + _inflected(topic, josa) + question[match.end() :]


def _inflected(topic: str, josa: str) -> str:
    pairs = {
        "은": ("은", "는"),
        "는": ("은", "는"),
        "이": ("이", "가"),
        "가": ("이", "가"),
        "을": ("을", "를"),
        "를": ("을", "를"),
        "로": ("으로", "로"),
        "으로": ("으로", "로"),
    }
    if josa in pairs:
        return with_josa(topic, *pairs[josa])
    return topic + josa


def _asks_only(text: str) -> bool:
    asked = understand(text)
    return asked.asks != "what" or not asked.terms


def _ends_as_topic(text: str) -> bool:
    return bool(
        re.search(r"(?:은|는|도|이?라면|이?면|이?요|에는|에도|의 경우(?:는|에는)?|한테는|에게는)\s*요?\s*\??$", text)
    )


def _only_names(text: str, phrases: Sequence[Phrase]) -> bool:
    """Nothing but noun phrases with their particles: no question word and no verb of its own."""
    rest = text
    for phrase in reversed(phrases):
        rest = rest[: phrase.start] + rest[phrase.end :]
    return bool(
        re.fullmatch(
            r"[\s,.?!]*(?:(?:은|는|도|이|의|에|에는|에도|라면|이라면|면|이면|요|경우|한테는|에게는|이?랑|과|와|을|를)[\s,.?!]*)*",
            rest,
        )
    )


def _exchange(before: str, new: Sequence[Phrase]) -> str:
    """The earlier question with the phrase that the new one stands for exchanged; put in front where none fits."""
    result = before
    for phrase in new:
        rival = _rival(phrases_of(result), phrase)
        if rival is None:
            mark = "에는" if phrase.kind == "day" else ""
            result = f"{phrase.text}{mark} {result}"
        else:
            result = _replace(result, rival, phrase.text)
    return result


def _rival(old: Sequence[Phrase], new: Phrase) -> Phrase | None:
    def likeness(one: Phrase) -> float:
        score = 4.0 if one.kind == new.kind else 0.0
        score += 2.0 if one.text[-1] == new.text[-1] else 0.0
        return score + (0.5 if one is old[0] else 0.0)

    fitting = [
        one for one in old if one.kind == new.kind or (new.kind in ("topic", "who") and one.kind in ("topic", "who"))
    ]
    return max(fitting, key=likeness) if fitting else None


def _replace(text: str, old: Phrase, new: str) -> str:
    after = text[old.end :]
    match = re.match(r"(은|는|이|가|을|를|으로|로)(?![가-힣])", after)
    if match and match[1] in ("은", "는", "이", "가", "을", "를", "로", "으로"):
        return text[: old.start] + _inflected(new, match[1]) + after[match.end() :]
    return text[: old.start] + new + after
