"""What a Korean question asks for: its kind of answer, its content words, its figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from haechi.engines.knowledge.answer.morphology import NOUN_TAGS, Morpheme, analyse, content_words
from haechi.engines.knowledge.answer.quantities import Quantity, find_quantities
from haechi.engines.knowledge.retrieval import Lexicon, default_lexicon

AskedFor = Literal[
    "amount",
    "when",
    "duration",
    "clock",
    "where",
    "phone",
    "link",
    "who",
    "count",
    "percent",
    "article",
    "documents",
    "how",
    "whether",
    "why",
    "what",
]

# First match decides. Source: the forms that citizens' questions take in the welfare training questions.
_PATTERNS: tuple[tuple[AskedFor, str], ...] = (
    ("phone", r"전화번호|연락처|몇\s?번으로|어디(?:로|에|다가?)\s*(?:전화|문의|연락)|대표\s?번호|팩스|내선"),
    ("link", r"(?:사이트|홈페이지|누리집|인터넷|웹)\s*(?:의\s*)?주소|이메일|메일\s*주소|URL"),
    ("article", r"몇\s?조|어느\s?조|몇\s?항|어떤\s?조항|어느\s?조항|근거\s?(?:조항|규정|법령|조례)"),
    (
        "percent",
        r"몇\s?(?:%|퍼센트|프로|분의)|[가-힣]율[은는이가]?\s*(?:얼마|몇)|(?:비율|감면율|할인율|이율|금리|이자율|요율|세율|지원율|부담률|보조율|가산율|배분율)[은는이가]?\s*(?:얼마|몇|어떻게|어느)",
    ),
    (
        "clock",
        r"몇\s?시(?!간)|(?:운영|이용|개방|영업|근무|관람|접수|업무|점심|상담|개관|폐관|휴게)\s?시간|문을?\s?(?:여|닫)",
    ),
    (
        "duration",
        r"얼마나\s?(?:오래|걸리)|얼마\s?(?:만에|동안|안에|뒤에|후에)|며칠|몇\s?(?:일|개월|달|년|주|시간|분)(?:\s?(?:동안|간|이내|안|전|까지|이나|걸|인가|이에|이야|입니|간격)|\s*\?|$)|(?:기간|기한)[은는이가]?\s*(?:얼마|몇|어떻게)",
    ),
    (
        "count",
        r"몇\s?(?:명|인|사람|팀|마리|그루|과목|강좌|필지|분이|개|곳|대|회|번|건|가지|층|호|급|세|살|군데|종|점|㎡|배|평|가구|세대|리터|킬로|미터|부|석|면|차례|권|장|톤|동)|(?:정원|인원|면적|넓이|길이|높이|너비|폭|깊이|무게|거리|용량|횟수|대수|나이|연령)[은는이가]?\s*(?:얼마|몇|어떻게|\?|$)|몇\s?살|얼마나\s?(?:많은|넓|길|높|깊|먼|멀|자주)",
    ),
    (
        "when",
        r"언제|며칟날|(?:무슨|어느|어떤)\s?요일|몇\s?월|몇\s?년도?(?:에|부터|까지|인가)|(?:날짜|일자|일시|마감일?|시행일|신청\s?기간|접수\s?기간|납기|납부\s?기간|모집\s?기간|기한)[은는이가을를]?|무슨\s?요일|휴(?:관|무|장)일",
    ),
    (
        "amount",
        r"얼마|몇\s?원|(?:요금|수수료|금액|비용|가격|과태료|사용료|이용료|임대료|관람료|입장료|지원금|수당|예산|사업비|보조금|한도액?|벌금|보증금|연체료|가산금|세액)[은는이가을를]?\s*(?:어떻게|알려|궁금|어느|\?|$)",
    ),
    ("where", r"어디|어느\s?(?:곳|부서|과|기관|장소|건물|동|역|국|센터|지점)|장소|위치|주소[는가]|몇\s?층"),
    ("who", r"누가|누구|누굴|(?:성함|성명|(?:사람|분|장|자|원|인)의?\s?이름)[은이]|담당자|책임자|위원장은|어느\s?분"),
    ("documents", r"(?:서류|구비|준비물|제출물|지참|준비해야|첨부)"),
    ("why", r"왜|이유|까닭|때문에?\s?(?:인가|인지)"),
    (
        "whether",
        r"가능한가|가능합|가능할까|가능해|가능한지|되나요|됩니까|되나|될까|돼\?|돼요|할\s?수\s?있|받을\s?수\s?있|있나요|있습니까|있나|있을까|인가요\?|입니까|해야\s?하나|한가요|없나요|없습니까|야\s?하나|맞나|맞습|아닌가|하나요\?|합니까\?|받나요|내나요|납니까",
    ),
    ("how", r"어떻게|방법|절차|어떤\s?(?:절차|방법|방식|순서)|하려면|받으려면|신청하고"),
)
_OPEN = frozenset({"what", "whether", "why", "how"})
_ASKING = re.compile(
    r"\?|[까]\s*[.]?\s*$|나요|인가요|는지|은지|언제|어디|누구|누가|무엇|뭐|무슨|얼마|몇|며칠|어떻게|어떤|어느|왜|알려|궁금|설명|말해|방법|절차|"
    r"기준|대상$|[은는]\s*$|안내해|찾아\s?줘|[가-힣]\s*주세요\s*[.]?\s*$"
)
_ENGLISH_FRAME = frozenset(
    re.findall(
        r"\w+",
        "a an the is are was were be been do does did can could may might must should will would have has had i you we they it"
        " my your our their its this that these those of in on at to for from by with about as and or if not when where who whom"
        " whose what which why how there here please tell me",
    )
)
"""Words that build an English question and ask for nothing by themselves."""

_GENERIC = frozenset(
    [
        "알리",
        "알",
        "알려주",
        "궁금",
        "궁금하",
        "하",
        "되",
        "있",
        "없",
        "받",
        "싶",
        "수",
        "것",
        "어떻",
        "어떠",
        "어떤",
        "무엇",
        "뭐",
        "언제",
        "어디",
        "누구",
        "누가",
        "얼마",
        "몇",
        "왜",
        "경우",
        "때",
        "위하",
        "대하",
        "관하",
        "따르",
        "주",
        "보",
        "가",
        "오",
        "말",
        "말씀",
        "알아보",
        "자세히",
        "정도",
        "관련",
        "질문",
        "답",
        "문의",
        "정보",
        "내용",
        "설명",
        "어느",
        "무슨",
        "며칠",
        "그",
        "이",
        "저",
        "우리",
        "저희",
        "나",
        "제",
        "좀",
        "혹시",
        "하려",
        "필요",
        "해당",
        "가능",
        "원하",
        "이용",
        "지원",
        "신청",
        "방법",
        "사항",
        "부탁",
        "드리",
        "여쭙",
        "여쭈",
        "모르",
        "맞",
        "같",
        "다음",
        "통하",
        "의하",
        "안내",
        "어떠하",
        "어떻하",
        "이거",
        "그거",
        "거기",
        "여기",
        "지금",
        "현재",
        "요즘",
        "진행",
        "이루어지",
        "위",
        "중",
        "등",
        "후",
        "전",
        "간",
        "번",
        "및",
        "또는",
        "그리고",
        "만약",
        "만일",
        "만",
    ]
)
# Words that say which attribute is asked, in groups that documents use for one another.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "fee": (
        "요금",
        "수수료",
        "이용료",
        "사용료",
        "비용",
        "가격",
        "관람료",
        "입장료",
        "금액",
        "회비",
        "수강료",
        "참가비",
        "대관료",
        "임대료",
        "점용료",
        "부담금",
    ),
    "penalty": ("과태료", "벌금", "범칙금", "가산금", "연체료", "연체", "과징금", "이행강제금", "벌칙"),
    "support": ("지원금", "지원액", "수당", "보조금", "급여", "장려금", "지급액", "지원금액", "지원내용", "바우처"),
    "deadline": ("기한", "마감", "마감일", "접수기간", "신청기간", "기간", "납기", "까지", "납부기간"),
    "hours": ("시간", "운영시간", "이용시간", "개방시간", "영업시간", "근무시간", "관람시간", "개관", "폐관"),
    "closed": ("휴관일", "휴무일", "휴관", "휴무", "휴장", "쉬", "휴일"),
    "place": ("장소", "위치", "주소", "소재지", "곳", "오시는"),
    "phone": ("전화", "전화번호", "연락처", "문의", "문의처", "번호", "콜센터"),
    "papers": ("서류", "구비서류", "제출서류", "첨부서류", "준비물", "증빙", "신청서", "지참"),
    "target": ("대상", "대상자", "자격", "요건", "조건", "신청자격", "지원대상"),
    "person": ("담당자", "담당", "책임자", "부서", "담당부서", "소관", "주관"),
    "budget": ("예산", "사업비", "예산액", "총사업비"),
    "start": ("시행일", "시행", "개시", "시작", "개장", "개관일", "착공", "개통"),
    "seats": ("정원", "인원", "모집인원", "수용인원", "규모"),
    "purpose": ("목적", "취지", "이유", "배경"),
}
_COMPOUND = frozenset({"NNG", "NNP", "XPN", "XSN", "XR", "SL"})
_COMPOUND_WEIGHT = 0.45
_ATTRIBUTE_OF = {word: name for name, words in ATTRIBUTES.items() for word in words}


@dataclass(frozen=True, slots=True)
class Term:
    """One content word of the question. weight: how much its absence matters (nouns and names more than verbs).

    related: the administrative words of the life situations that the question tells with this word ("윗집", "시끄럽" →
    층간소음 …), from policy/lexicon.
    """

    form: str
    tag: str
    weight: float
    start: int
    related: frozenset[str] = frozenset()

    @property
    def noun(self) -> bool:
        """Nouns, names and foreign words, rather than verbs and numbers."""
        """Whether Kiwi tagged it as a noun or name: its absence from a passage counts against an answer."""
        return self.tag in NOUN_TAGS


@dataclass(frozen=True, slots=True)
class Question:
    """A question taken apart. figures: its quantities. attributes: keys of ATTRIBUTES that it names."""

    text: str
    asks: AskedFor
    terms: tuple[Term, ...]
    figures: tuple[Quantity, ...]
    attributes: frozenset[str]

    @property
    def told(self) -> bool:
        """A situation told ("월급을 못 받았어요") rather than a question asked: no asking word, no question mark."""
        return self.asks in _OPEN and not _ASKING.search(self.text)

    @property
    def nouns(self) -> tuple[Term, ...]:
        """The terms that name things."""
        """Its nouns and names, in the order of the question; empty for a question of verbs alone."""
        return tuple(term for term in self.terms if term.noun)


@lru_cache(maxsize=2048)
def understand(text: str) -> Question:
    """The question's parts. Pure: same text, same parts."""
    last = asking_part(text)
    asks = _asked_for(last) or _asked_for(text) or "what"
    terms = _terms(text)
    if asks in _OPEN:  # an item whose price is asked is not to be replaced by a word of its situation
        terms = _with_situations(terms, text)
    attributes = frozenset(_ATTRIBUTE_OF[word] for word in _attribute_words(text) if word in _ATTRIBUTE_OF)
    return Question(text, asks, terms, find_quantities(text), attributes)


def is_generic(form: str) -> bool:
    """Words that hardly tell one question from another (신청, 방법, 알려 주다 …)."""
    return form in _GENERIC


def asking_part(text: str) -> str:
    """The last sentence or clause: there the asking word stands."""
    parts = [part for part in re.split(r"(?<=[.!?])\s+|,\s", text.strip()) if part.strip()]
    return parts[-1] if parts else text


def _asked_for(text: str) -> AskedFor | None:
    for asked, pattern in _PATTERNS:
        if re.search(pattern, text):
            return asked
    return None


def _attribute_words(text: str) -> set[str]:
    nouns = [m for m in analyse(text) if m.tag in NOUN_TAGS or m.tag in ("VV", "NNB")]
    words = {m.form for m in nouns}
    words |= {a.form + b.form for a, b in pairwise(nouns) if a.end == b.start}
    return words


def _terms(text: str) -> tuple[Term, ...]:
    best: dict[str, Term] = {}
    for morpheme in analyse(text):
        weight = _weight(morpheme)
        form = morpheme.form.lower()
        if weight > 0 and (form not in best or best[form].weight < weight):
            best[form] = Term(form, morpheme.tag, weight, morpheme.start)
    for term in _compounds(text):
        best.setdefault(term.form, term)
    return tuple(sorted(best.values(), key=lambda term: term.start))


def _with_situations(terms: tuple[Term, ...], text: str) -> tuple[Term, ...]:
    """Each word with what its situations mean; a word belongs to a situation that is not told without it."""
    lexicon = default_lexicon()
    words = list(content_words(text))
    means = {match.situation.said: match.situation.means for match in lexicon.matches(words)}
    if not means:
        return terms
    return tuple(replace(term, related=_told_with(term.form, words, means, lexicon)) for term in terms)


def _told_with(form: str, words: list[str], means: Mapping[str, tuple[str, ...]], lexicon: Lexicon) -> frozenset[str]:
    left = {match.situation.said for match in lexicon.matches([word for word in words if word != form], limit=50)}
    return frozenset(
        word for said, others in means.items() if said not in left for word in others if word not in _GENERIC
    )


def _compounds(text: str) -> Iterator[Term]:
    """Words of several nouns written together: "소체육관" is no "대체육관", though both hold 체육관."""
    run: list[Morpheme] = []
    for morpheme in (*analyse(text), None):
        if morpheme is not None and morpheme.tag in _COMPOUND and (not run or run[-1].end == morpheme.start):
            run.append(morpheme)
            continue
        if len(run) > 1 and any(part.form not in _GENERIC for part in run):
            yield Term(text[run[0].start : run[-1].end].lower(), "NNG", _COMPOUND_WEIGHT, run[0].start)
        run = [morpheme] if morpheme is not None and morpheme.tag in _COMPOUND else []


def _weight(morpheme: Morpheme) -> float:
    form, tag = morpheme.form, morpheme.tag
    if tag == "SL" and form.lower() in _ENGLISH_FRAME:
        return 0.0
    if tag not in NOUN_TAGS and tag not in ("SN", "VV", "VA", "MAG"):
        return 0.0
    if form in _GENERIC:
        return 0.15 if tag in NOUN_TAGS else 0.0
    if tag in ("NNP", "SL", "SN"):
        return 1.2
    if tag in NOUN_TAGS:
        return 1.0 if len(form) > 1 else 0.5
    return 0.35 if tag in ("VV", "VA") else 0.1
