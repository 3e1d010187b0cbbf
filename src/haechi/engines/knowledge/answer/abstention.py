"""Whether the evidence says the answer at all: a small logistic model over lexical evidence, never a raw cosine.

Coefficients, threshold and the data they come from stand in `calibration.toml`, and nowhere else.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from haechi.engines.knowledge.answer.answer_types import needs_figure, type_present
from haechi.engines.knowledge.answer.evidence import Candidate, context_of, held, rarity
from haechi.engines.knowledge.answer.quantities import Quantity, find_quantities, same_quantity
from haechi.engines.knowledge.answer.question import ATTRIBUTES, Question, Term
from haechi.engines.knowledge.answer.slots import filled
from haechi.engines.knowledge.answer.standing import standing
from haechi.engines.knowledge.ports import Hit

_PART_OF_YEAR = re.compile(r"상반기|하반기|[1-4]분기|[1-4]학기")


@dataclass(frozen=True, slots=True)
class Calibration:
    """One frozen model: probability = sigmoid(bias + Σ weight·feature); answered when it is ≥ threshold."""

    bias: float
    weights: Mapping[str, float]
    threshold: float


@lru_cache(maxsize=1)
def calibrations() -> Mapping[str, Calibration]:
    """The frozen models: "asked" for questions, "told" for situations told in a citizen's own words."""
    text = resources.files("haechi.engines.knowledge.answer").joinpath("calibration.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return {
        name: Calibration(table[name]["bias"], table[name]["weights"], table[name]["threshold"])
        for name in ("asked", "told")
    }


def features(question: Question, best: Candidate, ranked: Sequence[Candidate], hits: Sequence[Hit]) -> dict[str, float]:
    """The evidence for `best` as numbers, each within 0..1. missing_*: what the passage (…_near: the sentence, its head,
    title and headings) lacks of the question's nouns, by their weight."""
    passage = best.passage
    context = context_of(passage)
    everything = f"{context} {passage.text}"
    parts, near = (context, passage.text), (context, best.sentence.head, best.sentence.text)
    weights = rarity(question.terms, hits)
    nouns = {term: term.weight * weights[term.form] for term in question.nouns if term.weight >= 0.5}
    total = sum(nouns.values()) or 1.0
    missing = [weight for term, weight in nouns.items() if _held_in(term, parts) < 0.5]
    missing_near = [weight for term, weight in nouns.items() if _held_in(term, near) < 0.5]
    other = next((one for one in ranked if one.passage.document_id != passage.document_id), None)
    return {
        "covered": best.covered,
        "direct": best.direct,
        "missing_share": sum(missing) / total,
        "missing_heaviest": min(1.0, max(missing, default=0.0) / 2.0),
        "missing_near": sum(missing_near) / total,
        "missing_near_heaviest": min(1.0, max(missing_near, default=0.0) / 2.0),
        "missing_year": float(_missing_year(question, everything)),
        "missing_figure": float(_missing_figure(question, everything)),
        "typed": best.typed,
        "type_needed_absent": float(needs_figure(question) and best.typed < 0.5),
        "type_open": float(question.asks in ("what", "why", "how", "whether")),
        "attribute_absent": float(_attribute_absent(question, best)),
        "first_rank": 1.0 / best.rank,
        "margin": 0.0 if other is None else max(0.0, min(1.0, best.score - other.score)),
        "few_words": 1.0 / (1.0 + len(nouns)),
        "related_held": _related_held(question, everything),
        **standing(best.hit, hits),
        **filled(question, best, ranked, hits, weights),
    }


def _held_in(term: Term, texts: Sequence[str]) -> float:
    """Asked text by text, because each is analysed once for all questions."""
    return max(held(term, text) for text in texts)


def _related_held(question: Question, text: str) -> float:
    """Share of the words that tell a life situation for which the passage has an administrative word."""
    told = [term for term in question.terms if term.related]
    return sum(any(word in text for word in term.related) for term in told) / len(told) if told else 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """The candidate that most probably answers, its features, and that probability (0..1)."""

    best: Candidate
    values: dict[str, float]
    probability: float


CHOSEN_FROM = 8
"""Candidates that the model looks at: the answering sentence is among them in 95 of 100 questions, first only in 70."""


def judge(question: Question, ranked: Sequence[Candidate], hits: Sequence[Hit]) -> Judgement:
    """Choose among the first candidates; a situation told in a citizen's words keeps the first one. ranked: not empty."""
    looked_at = ranked[: 1 if question.told else CHOSEN_FROM]
    judged = []
    for candidate in looked_at:
        values = features(question, candidate, ranked, hits)
        judged.append(Judgement(candidate, values, probability(question, values)))
    return max(judged, key=lambda one: one.probability)


def model_of(question: Question) -> str:
    """Which of the models decides."""
    return "told" if question.told else "asked"


def probability(question: Question, values: Mapping[str, float]) -> float:
    """0..1 that the evidence answers the question."""
    model = calibrations()[model_of(question)]
    z = model.bias + sum(weight * values.get(name, 0.0) for name, weight in model.weights.items())
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, z))))


def threshold(question: Question) -> float:
    """The probability from which on the question is answered."""
    return calibrations()[model_of(question)].threshold


def _missing_year(question: Question, text: str) -> bool:
    years = [figure for figure in question.figures if figure.kind == "date" and not figure.value.startswith("-")]
    parts = _PART_OF_YEAR.findall(question.text)
    return any(not _present(year, text) for year in years) or any(part not in text for part in parts)


def _missing_figure(question: Question, text: str) -> bool:
    plain = [figure for figure in question.figures if figure.kind not in ("date", "number")]
    return any(not _present(figure, text) for figure in plain)


def _present(figure: Quantity, text: str) -> bool:
    return any(same_quantity(figure, one) for one in find_quantities(text))


def _attribute_absent(question: Question, best: Candidate) -> bool:
    """The question names an attribute (요금, 기한, 정원 …) of which neither the sentence nor its heading speaks."""
    if not question.attributes or (needs_figure(question) and type_present(question, best.sentence.text) >= 0.8):
        return False
    near = f"{best.sentence.head} {' '.join(best.passage.heading_path)} {best.sentence.text}"
    return not any(word in near for name in question.attributes for word in ATTRIBUTES[name])
