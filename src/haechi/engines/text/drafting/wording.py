"""From note style to sentences and back, by rules that are certain; where they are not, the plan's words stay."""

from __future__ import annotations

import re

from haechi.engines.text.drafting.form import Vocabulary
from haechi.engines.text.drafting.plan import Korean

_TAIL = re.compile(r"^(?P<body>.*?)(?P<tail>(?:\s*\((?:[^()]|\([^()]*\))*\))+)$", re.DOTALL)
_NOUNS = frozenset({"NNG", "NNP", "NNB", "NR", "SL", "SH", "SN", "XSN", "XR"})
_PARTICLES = frozenset({"JKB", "JKO", "JX"})
_JOINERS = re.compile(r"\s(?:및|또는)\s|,\s|·")
_ENDS = (
    ("하였음", "하였다"),
    ("되었음", "되었다"),
    ("있음", "있다"),
    ("없음", "없다"),
    ("했음", "했다"),
    ("됐음", "됐다"),
)
_SHORT_ENDS = (("함", "한다"), ("됨", "된다"))
_TO_NOTES = (
    *(("한다", "함"), ("된다", "됨"), ("있다", "있음"), ("없다", "없음"), ("이다", "임"), ("않는다", "않음")),
    *(("었다", "었음"), ("았다", "았음"), ("였다", "였음"), ("했다", "했음"), ("됐다", "됐음")),
)
_LONGEST_NOTE = 300
"""Characters; a longer line is no note, and its analysis would take long."""
_SHORT_YEAR = re.compile(r"(?<![가-힣\w])['’‘](\d{2})(?=\s*(?:\.|년|~))")
_DOTTED = re.compile(r"(?<!\d)((?:19|20)\d{2})\.\s*(\d{1,2})\.(?:\s*(\d{1,2})\.)?(?!\d)")
_WON = re.compile(r"(?P<n>\d[\d,]*(?:\.\d+)?)(?P<unit>백만|천만|천|억|만)\s?원")
_JOINED_WON = re.compile(r"(?<=[만억조천])원(?![가-힣]{0,1}(?:서|칙|인))")


def with_particle(word: str, after_consonant: str, after_vowel: str) -> str:
    """`word` with the particle that fits its last sound; brackets and quotation marks are not heard."""
    bare = re.sub(r"[^0-9A-Za-z가-힣]+$", "", re.sub(r"\([^()]*\)$", "", word.strip()))
    last = bare[-1:]
    if "가" <= last <= "힣":
        closed = (ord(last) - ord("가")) % 28 != 0
    elif last.isdigit():
        closed = last in "013678"
    else:
        closed = last.lower() in "lmnr"
    return word + (after_consonant if closed else after_vowel)


def to_sentence(note: str, vocabulary: Vocabulary, korean: Korean) -> tuple[str, bool]:
    """(sentence, certain). "전시관 운영(연 3회)" → "전시관을 운영한다(연 3회)." When no rule is certain: (note, False)."""
    note = note.strip()
    if len(note) > _LONGEST_NOTE:
        return note, False
    if note.endswith(("다.", "요.", "까?")):
        return note, True
    found = _TAIL.match(note)
    body, tail = (found["body"].rstrip(), found["tail"].strip()) if found else (note, "")
    said = _verbal(body.rstrip("."), vocabulary, korean)
    return (f"{said}{tail}.", True) if said else (note, False)


def _verbal(body: str, vocabulary: Vocabulary, korean: Korean) -> str:
    if body.endswith("다"):
        return body
    for end, full in _ENDS:
        if body.endswith(end):
            return body[: -len(end)] + full
    morphemes = list(korean.morphemes(body))
    if len(morphemes) < 2:
        return ""
    last = body.rsplit(None, 1)[-1]
    for end, full in _SHORT_ENDS:
        if body.endswith(end) and len(last) > 2 and morphemes[-1].tag == "ETN":
            return body[: -len(end)] + full
    return _from_noun(body, last, vocabulary, korean)


def _from_noun(body: str, last: str, vocabulary: Vocabulary, korean: Korean) -> str:
    """Sentences that end in a noun of action: its object gets a particle unless something joins in doubt."""
    head = body[: len(body) - len(last)].rstrip()
    if not head:
        return ""
    kinds = vocabulary.endings
    before = korean.morphemes(head)[-1]
    if before.tag in _PARTICLES and last in kinds["transitive"] | kinds["intransitive"]:
        return f"{body}한다"
    if last in kinds["copula"] and before.tag in _NOUNS:
        return f"{body}이다"
    manner = ""
    while (word := head.rsplit(None, 1)[-1]) in kinds["manner"] and " " in head:
        head, manner = head[: -len(word)].rstrip(), f"{word} {manner}"
    if not _one_object(head, vocabulary, korean):
        return ""
    if last in kinds["adjective"] and not manner:
        return f"{with_particle(head, '이', '가')} {last}하다"
    if last in kinds["transitive"]:
        return f"{with_particle(head, '을', '를')} {manner}{last}한다"
    return ""


def _one_object(head: str, vocabulary: Vocabulary, korean: Korean) -> bool:
    """Whether `head` ends in a noun phrase that the verb takes whole: no second action is joined on ("수립 및 서비스 …"),
    and it is not cut off by a comma, an arrow or a colon."""
    if re.search(r"[:：→/※]|^['’‘\d]", head) or head.endswith((",", "·")):
        return False
    kinds = vocabulary.endings
    actions = kinds["transitive"] | kinds["intransitive"] | kinds["joined"]
    for joiner in _JOINERS.finditer(head):
        left = re.sub(r"\([^()]*\)$", "", head[: joiner.start()].rstrip()).rsplit(None, 1)
        if left and any(left[-1].endswith(action) for action in actions):
            return False
    end = re.sub(r"\s*\([^()]*\)$", "", head)
    tags = [morpheme.tag for morpheme in korean.morphemes(end)]
    if "JKO" in tags and not {"EC", "ETM", "ETN"} & set(tags[len(tags) - tags[::-1].index("JKO") :]):
        return False  # an object without a verb of its own: another would make two
    return bool(tags) and (tags[-1] in _NOUNS or end.endswith(("」", "'", "’", '"', "”")))


def to_note(sentence: str, korean: Korean) -> str:
    """A sentence in the note style of reports: "확인한다." → "확인함". Other endings stay as they are."""
    body = sentence.strip()
    if not body.endswith("다."):
        return body
    bare = body[:-1]
    for end, note in _TO_NOTES:
        if bare.endswith(end):
            return bare[: -len(end)] + note
    return _vowel_stem_note(bare, korean) or body


def _vowel_stem_note(bare: str, korean: Korean) -> str:
    """ "알린다" → "알림" where the stem ends in a vowel; "연다" (열다) and the like are left alone."""
    last = korean.morphemes(bare)[-2:]
    code = ord(bare[-2]) - ord("가")
    if len(last) < 2 or last[1].form != "ᆫ다" or not 0 <= code < 11172 or code % 28 != 4:
        return ""
    if last[0].form[-1:] != chr(ord(bare[-2]) - 4):
        return ""
    return bare[:-2] + chr(ord(bare[-2]) - 4 + 16)


def public_form(text: str) -> str:
    """Years, dates and won as official writing has them: "'25.5." → "2025. 5.", "14백만원" → "1,400만 원"."""
    text = _SHORT_YEAR.sub(lambda match: f"20{match[1]}", text)
    text = _DOTTED.sub(lambda match: f"{match[1]}. {int(match[2])}." + (f" {int(match[3])}." if match[3] else ""), text)
    text = _WON.sub(_won, text)
    return _JOINED_WON.sub(" 원", text)


def _won(match: re.Match[str]) -> str:
    """Millions and thousands of won in 억·만; what does not come out even stays as it is."""
    if match["unit"] not in ("백만", "천") or "." in match["n"]:
        return match[0]
    value = int(match["n"].replace(",", "")) * {"백만": 1_000_000, "천": 1_000}[match["unit"]]
    if value < 10_000 or value % 10_000:
        return f"{value:,}원"
    large, small = divmod(value // 10_000, 10_000)
    parts = [f"{large:,}억"] if large else []
    parts += [f"{small:,}만"] if small else []
    return f"{' '.join(parts)} 원"
