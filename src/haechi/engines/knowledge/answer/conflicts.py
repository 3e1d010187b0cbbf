"""Two readable sources that disagree on the same quantity: both are shown, with their dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from haechi.engines.knowledge.answer.evidence import Candidate
from haechi.engines.knowledge.answer.morphology import NOUN_TAGS, analyse
from haechi.engines.knowledge.answer.quantities import Quantity, find_quantities, same_quantity
from haechi.engines.knowledge.answer.question import Question
from haechi.engines.knowledge.ports import Passage

_FIGURE_KINDS = frozenset({"money", "date", "time", "percent", "count", "phone"})
_EDITION = re.compile(r"(?:19|20)\d{2}\s*(?:년도?|학년도)?|제?\d+차|개정|수정|변경|신구|구판|현행|\d+")


def conflicting(question: Question, best: Candidate, ranked: Sequence[Candidate]) -> Candidate | None:
    """The best sentence of another document that speaks of the same thing and gives another figure for it; None when none.

    Same thing: it covers every word of the question that `best` covers, its nouns are `best`'s, and so is its title but for
    years and edition words. A figure that the question itself brings decides nothing.
    """
    mine = _figures(question, best)
    if not mine or best.typed < 0.8:
        return None
    for other in ranked:
        if other.passage.document_id == best.passage.document_id or other.typed < 0.8 or other.score < 0.8 * best.score:
            continue
        if _same_thing(question, best, other) and _differ(mine, _figures(question, other)):
            return other
    return None


def dated(passage: Passage) -> str:
    """ "2025. 7. 1. 시행", the year in the title, or "시행일 미상"."""
    if passage.valid_from is not None:
        day = passage.valid_from
        return f"{day.year}. {day.month}. {day.day}. 시행"
    year = re.search(r"(?:19|20)\d{2}(?=\s*(?:년|학년|\.|-|_|\b))", passage.title)
    return f"{year[0]}년 자료" if year else "시행일 미상"


def day_of(passage: Passage) -> date:
    """For ordering: the day in force, else New Year of the title's year, else the earliest day."""
    year = re.search(r"(?:19|20)\d{2}", passage.title)
    return passage.valid_from or (date(int(year[0]), 1, 1) if year else date.min)


def _figures(question: Question, candidate: Candidate) -> list[Quantity]:
    return [
        one
        for one in find_quantities(candidate.sentence.text)
        if one.kind in _FIGURE_KINDS and not any(same_quantity(one, asked) for asked in question.figures)
    ]


def _differ(mine: Sequence[Quantity], theirs: Sequence[Quantity]) -> bool:
    """Same kinds and units on both sides, and neither side's figures stand on the other."""
    pairs = [(a, b) for a in mine for b in theirs if (a.kind, a.unit) == (b.kind, b.unit)]
    return bool(pairs) and not any(same_quantity(a, b) for a, b in pairs)


def _same_thing(question: Question, best: Candidate, other: Candidate) -> bool:
    named = [term.form for term in question.terms if term.noun and term.weight >= 0.5]
    if any(best.found[form] >= 0.7 > other.found[form] for form in named):
        return False
    sentences = _alike(_nouns(best.sentence.text), _nouns(other.sentence.text))
    titles = _alike(_nouns(_EDITION.sub(" ", best.passage.title)), _nouns(_EDITION.sub(" ", other.passage.title)))
    return sentences >= 0.5 and (titles >= 0.5 or sentences >= 0.8)


def _nouns(text: str) -> frozenset[str]:
    return frozenset(m.form for m in analyse(text) if m.tag in NOUN_TAGS and len(m.form) > 1)


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0
