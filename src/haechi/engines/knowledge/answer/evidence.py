"""Scores every sentence of the retrieved passages as an answer to the question, and explains the score."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import pairwise

from haechi.engines.knowledge.answer.answer_types import needs_figure, type_present
from haechi.engines.knowledge.answer.morphology import squeezed, word_set
from haechi.engines.knowledge.answer.qualifiers import contradicted
from haechi.engines.knowledge.answer.quantities import Quantity, find_quantities, same_quantity
from haechi.engines.knowledge.answer.question import ATTRIBUTES, Question, Term
from haechi.engines.knowledge.answer.sentences import Sentence, items_after, split
from haechi.engines.knowledge.answer.standing import share
from haechi.engines.knowledge.ports import Hit, Passage

_ATTRIBUTE = {word: words for words in ATTRIBUTES.values() for word in words}
# Weights of a place where a word may stand: in the sentence itself, in the line that introduces it, and so on outwards.
_HEAD, _TITLE, _NEXT, _PASSAGE = 0.85, 0.75, 0.55, 0.4
_BY_SEARCH = 0.5
_CONTRADICTED = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence as an answer. score: comparable within one question only. rank: of its passage, from 1.

    direct: share of the question's word weight inside the sentence; covered: with head, title, headings and neighbours.
    typed: type_present of the sentence. found: for every term the degree (0..1) to which the evidence holds it.
    contradicted: it speaks of the opposite item (qualifiers.py).
    """

    hit: Hit
    rank: int
    sentence: Sentence
    score: float
    direct: float
    covered: float
    typed: float
    found: Mapping[str, float]
    contradicted: bool = False

    @property
    def passage(self) -> Passage:
        """The passage that the sentence stands in."""
        """The whole passage that the sentence stands in: what is cited, and what access was granted for."""
        return self.hit.passage


def held(term: Term, text: str) -> float:
    """0..1: how surely the text holds the word: the morpheme, its letters inside a compound, or a word of its group."""
    if not text:
        return 0.0
    if term.tag == "SN":
        return _holds_number(term.form, text)
    words = word_set(text)
    if term.form in words:
        return 1.0
    letters = squeezed(text)
    if len(term.form) >= 2 and term.noun and squeezed(term.form) in letters:
        return 1.0
    if any(other in letters for other in _ATTRIBUTE.get(term.form, ()) if len(other) > 1):
        return 0.8
    if any(other in words or (len(other) > 1 and other in letters) for other in _synonyms().get(term.form, ())):
        return 0.8
    if any(word in words or (len(word) > 2 and word in letters) for word in term.related):
        return 0.7
    return _alike(term.form, letters) if len(term.form) >= 3 and term.noun else 0.0


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, frozenset[str]]:
    """word → the other words of its groups in synonyms.toml."""
    text = resources.files("haechi.engines.knowledge.answer").joinpath("synonyms.toml").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for group in tomllib.loads(text)["groups"]:
        found.setdefault(group[0], set()).update(group[1:])
    return {word: frozenset(others) for word, others in found.items()}


def _holds_number(digits: str, text: str) -> float:
    wanted = find_quantities(digits)
    if not wanted:
        return 0.0
    there = find_quantities(text)
    if any(same_quantity(wanted[0], one) or digits == one.value for one in there):
        return 1.0
    return 0.9 if _within_a_range(float(wanted[0].value), there) else 0.0


def _within_a_range(value: float, quantities: Sequence[Quantity]) -> bool:
    """2 lies in "1개월 이상 3개월 미만": two neighbouring bounds of one unit that hold the value between them."""
    return any(
        low.bound in ("이상", "초과", "부터")
        and high.bound in ("미만", "이하", "이내", "까지")
        and (low.kind, low.unit) == (high.kind, high.unit) == ("count", low.unit)
        and float(low.value) <= value
        and (value < float(high.value) or (value == float(high.value) and high.bound != "미만"))
        for low, high in pairwise(quantities)
    )


def _alike(form: str, letters: str) -> float:
    pairs = {form[i : i + 2] for i in range(len(form) - 1)}
    share = sum(pair in letters for pair in pairs) / len(pairs)
    return 0.5 if share >= 0.66 else 0.0


def rarity(terms: Sequence[Term], hits: Sequence[Hit]) -> dict[str, float]:
    """How telling each word is, 0.7..1.6, from the number of retrieved passages that hold it."""
    total = max(1, len(hits))
    texts = [f"{hit.passage.title} {hit.passage.text}" for hit in hits]
    found = {term.form: sum(held(term, text) >= 0.8 for text in texts) for term in terms}
    top = math.log(1 + total)
    return {form: 0.7 + 0.9 * math.log((1 + total) / (1 + count)) / top for form, count in found.items()}


def context_of(passage: Passage) -> str:
    """Title, headings and article: what the whole passage is about."""
    return " ".join(
        (passage.title, *passage.heading_path, passage.article, passage.table.caption if passage.table else "")
    )


def candidates(question: Question, hits: Sequence[Hit], *, depth: int = 8) -> list[Candidate]:
    """All sentences of the first `depth` hits, best first."""
    weights = rarity(question.terms, hits)
    found = [
        _candidate(question, weights, hit, rank, sentence, share(hit, hits))
        for rank, hit in enumerate(hits[:depth], 1)
        for sentence in split(hit.passage.text)
        if not _is_heading(hit.passage, sentence) and not sentence.text.rstrip().endswith("?")
    ]
    return sorted(found, key=lambda one: (-one.score, one.rank, one.sentence.order))


def question_before(parts: Sequence[Sentence], sentence: Sentence) -> str:
    """The question of a list of questions and answers under which the sentence stands, or ""."""
    for one in reversed(parts[max(0, sentence.order - 4) : sentence.order]):
        if one.text.rstrip().endswith("?"):
            return one.text
    return ""


def _is_heading(passage: Passage, sentence: Sentence) -> bool:
    letters = squeezed(sentence.text)
    return letters == squeezed(passage.title) or any(letters == squeezed(heading) for heading in passage.heading_path)


def _candidate(
    question: Question, weights: Mapping[str, float], hit: Hit, rank: int, sentence: Sentence, standing: float
) -> Candidate:
    passage = hit.passage
    parts = split(passage.text)
    said = sentence.text
    if sentence.is_head:
        said = " ".join((said, *(item.text for item in items_after(parts, sentence))))
    near = " ".join(one.text for one in parts[max(0, sentence.order - 1) : sentence.order + 2] if one is not sentence)
    context = context_of(passage)
    places = (
        (1.0, said),
        (_HEAD, f"{sentence.head} {question_before(parts, sentence)}".strip()),
        (_TITLE, context),
        (_NEXT, near),
        (_PASSAGE, passage.text),
    )
    found, direct, covered = _held_by(question.terms, weights, places)
    typed = type_present(question, said)
    score = _score(question, direct, covered, typed, rank, sentence)
    # Where the citizen's words are not the document's, the search, which knows meanings, says which passage is meant.
    score += _BY_SEARCH * standing * (1.0 - covered)
    against = contradicted(question.text, said, f"{context} {passage.text}")
    score -= _CONTRADICTED * against
    return Candidate(hit, rank, sentence, score, direct, covered, typed, found, against)


def _held_by(
    terms: Sequence[Term], weights: Mapping[str, float], places: Sequence[tuple[float, str]]
) -> tuple[dict[str, float], float, float]:
    """(per term the degree, share of the weight in the first place, share in any place) for places as (factor, text)."""
    found: dict[str, float] = {}
    direct = covered = whole = 0.0
    for term in terms:
        weight = term.weight * weights[term.form]
        degrees = [factor * held(term, text) for factor, text in places]
        found[term.form] = max(degrees)
        direct += weight * degrees[0]
        covered += weight * found[term.form]
        whole += weight
    return found, direct / (whole or 1.0), covered / (whole or 1.0)


def _score(question: Question, direct: float, covered: float, typed: float, rank: int, sentence: Sentence) -> float:
    short = 0.08 if len(sentence.text) < 8 else 0.0
    head = 0.05 if sentence.is_head else 0.0
    # The asked kind of figure counts only as far as the sentence is about the question: any sentence may hold an amount.
    kind = (0.6 if needs_figure(question) else 0.4) * covered
    return 0.3 * direct + 0.7 * covered + kind * typed + 0.15 / rank - short + head
