"""Which slots of a question its evidence fills: what is asked of a thing (요금, 정원 …), what is done to it (신청하다 …), its
figures, and whether the asked kind of answer stands beside them in one clause or table cell.

A question that the documents almost answer names everything but one slot, so every slot counts by itself here; a share of
all words would hide it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from haechi.engines.knowledge.answer.answer_types import needs_figure, type_present
from haechi.engines.knowledge.answer.evidence import Candidate, context_of, held, question_before
from haechi.engines.knowledge.answer.morphology import NOUN_TAGS, Morpheme, analyse
from haechi.engines.knowledge.answer.quantities import Quantity, find_quantities, same_quantity
from haechi.engines.knowledge.answer.question import Question, Term, asking_part
from haechi.engines.knowledge.answer.sentences import items_after, split
from haechi.engines.knowledge.ports import Hit

_ASKING = frozenset(
    [
        "얼마",
        "몇",
        "언제",
        "어디",
        "누구",
        "누가",
        "무엇",
        "뭐",
        "무어",
        "어떻게",
        "어떻",
        "어떤",
        "어느",
        "무슨",
        "며칠",
        "왜",
        "어떠하",
        "뭣",
        "얼마나",
        "어떡하",
    ]
)
_LIGHT_NOUNS = frozenset(
    [
        "것",
        "거",
        "수",
        "때",
        "경우",
        "등",
        "중",
        "데",
        "분",
        "줄",
        "뿐",
        "점",
        "채",
        "번",
        "정도",
        "안",
        "전",
        "후",
        "뒤",
        "사람",
        "곳",
        "누",
        "무엇",
    ]
)
_LIGHT_VERBS = frozenset(
    [
        "하",
        "되",
        "있",
        "없",
        "이",
        "받",
        "주",
        "알",
        "알리",
        "보",
        "가",
        "오",
        "싶",
        "나",
        "들",
        "내",
        "궁금",
        "나오",
        "말하",
        "드리",
        "해주",
        "걸리",
        "않",
        "못하",
        "어떻",
        "어떠하",
    ]
)
_CLAUSE = re.compile(r"[,，;|]\s|(?<=[고며]),?\s|(?<=[다요음함]\.)\s|\n")
_HERE = 0.8
_OPEN_LOW, _OPEN_HIGH = frozenset({"이상", "초과", "부터", "이후"}), frozenset({"이하", "미만", "이내", "까지", "이전"})


@dataclass(frozen=True, slots=True)
class Asked:
    """attribute: the noun whose value is asked; act: what is done. None where the question has none."""

    attribute: Term | None
    act: Term | None


@lru_cache(maxsize=2048)
def asked_slots(text: str) -> Asked:
    """The attribute is the noun before the asking word (or after 어떤, 무슨, 어느); the act the last verb that says something."""
    part = asking_part(text)
    offset = text.rfind(part)
    morphemes = analyse(part)
    at = next((i for i, one in enumerate(morphemes) if one.form in _ASKING), None)
    nouns = [i for i, one in enumerate(morphemes) if one.tag in NOUN_TAGS and one.form not in _LIGHT_NOUNS | _ASKING]
    before = [i for i in nouns if at is None or i < at]
    after = [i for i in nouns if at is not None and i > at and morphemes[at].form in ("어떤", "무슨", "어느")]
    chosen = after[0] if after else before[-1] if before else None
    attribute = None if chosen is None else _whole(morphemes, chosen, offset)
    return Asked(attribute, _act(morphemes, offset))


def _act(morphemes: Sequence[Morpheme], offset: int) -> Term | None:
    for i in range(len(morphemes) - 1, -1, -1):
        one = morphemes[i]
        if one.tag == "XSV" and i and morphemes[i - 1].tag in NOUN_TAGS and morphemes[i - 1].form not in _ASKING:
            return _term(morphemes[i - 1], offset)
        if one.tag in ("VV", "VA") and one.form not in _LIGHT_VERBS | _ASKING:
            return _term(one, offset)
    return None


def _whole(morphemes: Sequence[Morpheme], last: int, offset: int) -> Term:
    """The noun, or the compound that it ends where it says too little by itself (위원+장)."""
    first = last
    while len(morphemes[last].form) == 1 and first and morphemes[first - 1].end == morphemes[first].start:
        if morphemes[first - 1].tag not in NOUN_TAGS | {"XPN", "XSN"}:
            break
        first -= 1
    form = "".join(one.form for one in morphemes[first : last + 1]).lower()
    return Term(form, morphemes[last].tag, 1.0, offset + morphemes[first].start)


def _term(morpheme: Morpheme, offset: int) -> Term:
    return Term(morpheme.form.lower(), morpheme.tag, 1.0, offset + morpheme.start)


def filled(
    question: Question, one: Candidate, ranked: Sequence[Candidate], hits: Sequence[Hit], weights: Mapping[str, float]
) -> dict[str, float]:
    """Features of the candidate `one`, each within -1..1. *_here: the sentence and the line that introduces it; *_near: with
    the heading. 1 (filled) where the question has no such slot, with *_none to tell."""
    said, lead = spoken(one)
    context = context_of(one.passage)
    here, near = (said, lead), (said, lead, " ".join(one.passage.heading_path[-1:]))
    whole = (said, lead, context)
    slots = asked_slots(question.text)
    figure = needs_figure(question)
    clause = _clause(question, one, said, lead, weights)
    verbs = [term for term in question.terms if term.tag in ("VV", "VA")]
    return {
        "attribute_here": _degree(slots.attribute, here),
        "attribute_near": _degree(slots.attribute, near),
        "attribute_none": float(slots.attribute is None),
        "act_here": _degree(slots.act, here),
        "act_near": _degree(slots.act, near),
        "act_none": float(slots.act is None),
        **_unmet(question, whole, hits, weights),
        "verbs_missing": sum(_degree(t, whole) < 0.5 for t in verbs) / len(verbs) if verbs else 0.0,
        "verbs_none": float(not verbs),
        "figure_away": float(_figure_away(question, whole)),
        "clause": clause,
        "needs_figure": float(figure),
        "figure_clause": clause * figure,
        "figure_typed": one.typed if figure else 0.5,
        "covered_typed": one.covered * one.typed,
        "act_open": _degree(slots.act, near) * (not figure),
        "row": float(one.passage.table is not None),
        "item": float(one.sentence.item),
        "leads": float(one.sentence.is_head),
        "long": min(1.0, len(said) / 200),
        "contradicted": float(one.contradicted),
        **_among(one, ranked),
    }


def spoken(one: Candidate) -> tuple[str, str]:
    """The sentence with the items that it introduces, and what introduces it."""
    parts = split(one.passage.text)
    said = one.sentence.text
    if one.sentence.is_head:
        said = " ".join((said, *(item.text for item in items_after(parts, one.sentence))))
    return said, f"{one.sentence.head} {question_before(parts, one.sentence)}".strip()


def _unmet(
    question: Question, texts: Sequence[str], hits: Sequence[Hit], weights: Mapping[str, float]
) -> dict[str, float]:
    """The nouns that the texts lack: lost where no hit has them either, away where another passage does."""
    nouns = [term for term in question.nouns if term.weight >= 0.4]
    total = sum(term.weight * weights[term.form] for term in nouns) or 1.0
    around = [f"{hit.passage.title} {hit.passage.text}" for hit in hits[:10]]
    lost, away = [], []
    for term in nouns:
        if _degree(term, texts) < 0.5:
            (away if _degree(term, around) >= 0.5 else lost).append(term.weight * weights[term.form])
    return {
        "lost_share": min(1.0, sum(lost) / total),
        "lost_heaviest": min(1.0, max(lost, default=0.0) / 2.0),
        "away_share": min(1.0, sum(away) / total),
        "away_heaviest": min(1.0, max(away, default=0.0) / 2.0),
    }


def _among(one: Candidate, ranked: Sequence[Candidate]) -> dict[str, float]:
    """How the candidate stands beside the others."""
    others = [other for other in ranked[:20] if other is not one]
    same = any(other.passage.id == one.passage.id and other.found == one.found for other in others)
    return {
        "below_top": min(1.0, max(0.0, ranked[0].score - one.score)),
        "of_top_passage": float(one.passage.id == ranked[0].passage.id),
        "direct_lead": max((other.direct for other in others), default=0.0) - one.direct,
        "covered_lead": max((other.covered for other in others), default=0.0) - one.covered,
        "same_row": float(same and one.passage.table is not None),
        "same_found": float(same),
        "typed_elsewhere": max((other.covered for other in ranked[:12] if other.typed >= _HERE), default=0.0),
    }


def _degree(term: Term | None, texts: Sequence[str]) -> float:
    return 1.0 if term is None else max((held(term, text) for text in texts), default=0.0)


def _clause(question: Question, one: Candidate, text: str, lead: str, weights: Mapping[str, float]) -> float:
    """The best share of the question's words within one clause, or one cell with the row's name, that has the asked kind
    of answer; the heading counts half. 0 when no clause has it."""
    pieces = [piece for piece in _CLAUSE.split(text) if piece.strip()]
    first = pieces[0] if "|" in text and pieces else ""
    whole = sum(term.weight * weights[term.form] for term in question.terms) or 1.0
    top = 0.0
    for piece in pieces:
        if type_present(question, piece) < (_HERE if needs_figure(question) else 0.4):
            continue
        said, around = (first, piece, lead), (context_of(one.passage),)
        share = sum(
            t.weight * weights[t.form] * max(_degree(t, said), 0.5 * _degree(t, around)) for t in question.terms
        )
        top = max(top, share / whole)
    return top


def _figure_away(question: Question, texts: Sequence[str]) -> bool:
    """A figure of the question that neither stands in the texts nor lies within a bound that they give."""
    there = [quantity for text in texts for quantity in find_quantities(text)]
    return any(
        not any(same_quantity(one, other) or one.value == other.value or _within(one, other) for other in there)
        for one in question.figures
        if one.kind != "date"
    )


def _within(asked: Quantity, bound: Quantity) -> bool:
    if asked.kind != "count" or (bound.kind, bound.unit) != ("count", asked.unit):
        return False
    low = bound.bound in _OPEN_LOW and float(asked.value) >= float(bound.value)
    high = bound.bound in _OPEN_HIGH and float(asked.value) <= float(bound.value)
    return low or high
