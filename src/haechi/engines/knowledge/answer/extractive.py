"""The built-in answerer: no language model, the documents' own sentences composed and each cited."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from haechi.engines.knowledge.answer import abstention, wording
from haechi.engines.knowledge.answer.conflicts import conflicting, dated, day_of
from haechi.engines.knowledge.answer.evidence import Candidate, candidates, rarity
from haechi.engines.knowledge.answer.followup import resolve
from haechi.engines.knowledge.answer.grounding import check
from haechi.engines.knowledge.answer.question import Question, understand
from haechi.engines.knowledge.answer.reference_day import on_that_day, without_the_day
from haechi.engines.knowledge.answer.sentences import Sentence, items_after, split
from haechi.engines.knowledge.answer.tables import cell_answer
from haechi.engines.knowledge.answer.wording import Contact
from haechi.engines.knowledge.ports import (
    AnswerEvent,
    Citation,
    Delta,
    Done,
    Grounding,
    Hit,
    Passage,
    PassageIndex,
    Reader,
    Retrieval,
    Turn,
)
from haechi.engines.models.guard import addressed

ContactFor = Callable[[str, Sequence[Hit]], Contact | None]
_MOST_SENTENCES = 3
_HOLLOW = 0.6
"""Share of a question's nouns (by weight) from which on a passage that lacks them answers nothing, however far it leads the
others; in bench/calibrate_abstention.py 10 of 188 such questions had their answer there."""
CONSIDERED = 30
"""Hits that are looked at: the later ones only show by how much the first ones stand out."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One sentence of an answer before it is sent: its words and the passage and exact quote it rests on."""

    text: str
    passage: Passage
    quote: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What the evidence allows to be said. confidence: 0..1, the calibrated probability that it answers."""

    pieces: tuple[Piece, ...]
    confidence: float
    answered: bool
    reason: str = ""
    conflict: bool = False
    """The first two pieces disagree."""


class ExtractiveAnswerer:
    """Implements `Answerer` over any `PassageIndex`. Holds no state between questions: share it among threads."""

    def __init__(self, index: PassageIndex, *, contact_for: ContactFor | None = None, limit: int = 10) -> None:
        self._index = index
        self._contact_for = contact_for
        self._limit = limit

    def answer(self, question: str, reader: Reader, history: Sequence[Turn] = ()) -> Iterator[AnswerEvent]:
        """Retrieval, then per sentence a Delta and its Citations, Grounding, Done."""
        start = time.perf_counter()
        whole = resolve(question, history)
        hits = tuple(self._index.search(whole, on_that_day(whole, reader), limit=CONSIDERED))
        yield Retrieval(hits[: self._limit], _since(start))
        yield from self.answer_from(whole, hits, start)

    def answer_from(
        self,
        question: str,
        hits: Sequence[Hit],
        start: float,
        *,
        note: str = "",
        withdrawn: tuple[tuple[str, str], ...] = (),
    ) -> Iterator[AnswerEvent]:
        """The events after Retrieval, for a question that stands by itself.

        start: time.perf_counter() when the question came. note: joins Done's reason (why a model's answer is not shown);
        withdrawn: the model's sentences that were not shown.
        """
        drafted = draft(question, hits)
        if not drafted.answered:
            yield from self._unknown(question, hits, drafted, start, note, withdrawn)
            return
        written: list[str] = []
        markers: dict[str, int] = {}
        citations: list[Citation] = []
        for number, piece in enumerate(drafted.pieces, 1):
            marker = markers.setdefault(piece.passage.id, len(markers) + 1)
            gap = "" if number == 1 else "\n" if "\n" in piece.text + written[-1] else " "
            written.append(f"{gap}{piece.text} [{marker}]")
            citations.append(Citation(number, marker, piece.passage, piece.quote))
            yield Delta(written[-1])
            yield citations[-1]
        pairs = ((citations[0], citations[1]),) if drafted.conflict else ()
        yield Grounding(len(citations), withdrawn, pairs)
        reason = _join(note, drafted.reason)
        yield Done(True, "".join(written), "built-in", drafted.confidence, reason, elapsed_ms=_since(start))

    def _unknown(
        self,
        question: str,
        hits: Sequence[Hit],
        drafted: Draft,
        start: float,
        note: str,
        withdrawn: tuple[tuple[str, str], ...],
    ) -> Iterator[AnswerEvent]:
        contact = self._contact_for(question, hits) if self._contact_for else None
        text = wording.unknown(contact)
        yield Grounding(0, (*withdrawn, *((piece.text, drafted.reason) for piece in drafted.pieces)))
        yield Delta(text)
        reason = _join(note, drafted.reason)
        yield Done(False, text, "built-in", drafted.confidence, reason, elapsed_ms=_since(start))


def draft(question_text: str, hits: Sequence[Hit]) -> Draft:
    """The answer that the hits allow; pure."""
    question = understand(without_the_day(question_text, hits))
    ranked = candidates(question, hits)
    judged = abstention.judge(question, ranked, hits) if ranked else None
    while judged is not None and _order_to_a_machine(judged.best.sentence.text):
        ranked = [one for one in ranked if one is not judged.best]
        judged = abstention.judge(question, ranked, hits) if ranked else None
    if judged is None:
        return Draft((), 0.0, False, "찾은 문서가 없습니다.")
    best, values, sure = judged.best, judged.values, judged.probability
    ranked = [best, *(one for one in ranked if one is not best)]
    if _no_row_named(best, ranked) and values["missing_near"] > 0.2:
        return Draft((), min(sure, 0.2), False, "표에 질문한 항목의 행이 없습니다.")
    if values["missing_share"] > _HOLLOW and not (question.told and values["related_held"]):
        return Draft((), min(sure, 0.2), False, _why_unknown(values))
    if best.contradicted:
        return Draft((), min(sure, 0.2), False, "문서는 질문과 다른 경우만 다룹니다.")
    weights = rarity(question.terms, hits)
    other = conflicting(question, best, ranked)
    if other is not None:
        sure = max(sure, _sure_without(question, best, other, ranked, hits))
    pieces = _both(question, best, other, weights) if other is not None else tuple(_pieces(question, ranked, weights))
    if sure < abstention.threshold(question) or not pieces:
        return Draft(pieces, sure, False, _why_unknown(values))
    return Draft(pieces, sure, True, "자료마다 내용이 다릅니다." if other is not None else "", other is not None)


def _sure_without(
    question: Question, best: Candidate, other: Candidate, ranked: Sequence[Candidate], hits: Sequence[Hit]
) -> float:
    """How sure the answer were without the rival's document: both speak of what is asked, so neither makes the other doubtful."""
    rival = other.passage.document_id
    left = [one for one in ranked if one.passage.document_id != rival]
    values = abstention.features(question, best, left, [hit for hit in hits if hit.passage.document_id != rival])
    return abstention.probability(question, values)


def _no_row_named(best: Candidate, ranked: Sequence[Candidate]) -> bool:
    """Rows of one table fit the question equally well: it names none of them ("화물차" asked, 승용차 and 승합차 listed)."""
    if best.passage.table is None:
        return False
    same = [one for one in ranked if one.passage.id == best.passage.id and one.found == best.found]
    return len(same) >= 2


def _why_unknown(values: dict[str, float]) -> str:
    if values["missing_year"]:
        return "질문한 연도가 근거 문서에 없습니다."
    if values["missing_share"] > 0.3:
        return "질문의 핵심 낱말이 근거 문서에 없습니다."
    if values["type_needed_absent"]:
        return "질문한 값(금액·날짜·수 등)이 근거 문장에 없습니다."
    return "근거가 약합니다."


def _pieces(question: Question, ranked: Sequence[Candidate], weights: dict[str, float]) -> Iterator[Piece]:
    chosen: list[Candidate] = []
    for candidate in ranked:
        if len(chosen) >= _MOST_SENTENCES:
            break
        if (not chosen or _adds(chosen, candidate)) and not _order_to_a_machine(candidate.sentence.text):
            chosen.append(candidate)
    framed: set[str] = set()
    for candidate in sorted(chosen, key=lambda one: (one.passage.ordinal, one.sentence.order)):
        piece = _piece(question, candidate, weights)
        if piece is None:
            continue
        frame = "" if candidate.passage.document_id in framed else wording.source_frame(candidate.passage)
        text = frame + piece.text
        if check(text, piece.quote, context=context_words(candidate.passage)).supported:
            framed.add(candidate.passage.document_id)
            yield Piece(text, piece.passage, piece.quote)


def _both(question: Question, best: Candidate, other: Candidate, weights: dict[str, float]) -> tuple[Piece, ...]:
    """Two sources that disagree, the newer one first, each with its date."""
    found: list[Piece] = []
    for candidate in sorted((best, other), key=lambda one: day_of(one.passage), reverse=True):
        piece = _piece(question, candidate, weights)
        if piece is None:
            return ()
        lead = "자료마다 다릅니다: " if not found else ""
        source = f"「{piece.passage.title}」({dated(piece.passage)})에는 "
        found.append(Piece(f"{lead}{source}{piece.text}", piece.passage, piece.quote))
    return tuple(found)


def context_words(passage: Passage) -> str:
    """What the passage is about, which a sentence may say though the passage's own text does not."""
    return " ".join(
        (passage.title, *passage.heading_path, passage.article, f"{passage.page}쪽" if passage.page else "")
    )


@lru_cache(maxsize=4096)
def _order_to_a_machine(sentence: str) -> bool:
    """A sentence that a document addresses to whatever answers is no answer to a person."""
    return addressed(sentence) == "refuse"


def _adds(chosen: Sequence[Candidate], candidate: Candidate) -> bool:
    """A further sentence is worth its place: same document, nearly as good, holding words or a figure not yet said."""
    best = chosen[0]
    if candidate.passage.document_id != best.passage.document_id or candidate.score < 0.8 * best.score:
        return False
    if any(_overlaps(candidate, one) for one in chosen):
        return False
    if best.passage.table is not None and candidate.passage.table is not None and candidate.direct < best.direct:
        return False  # another row of a table answers only as well as the first one names what is asked
    said = {form for one in chosen for form, degree in one.found.items() if degree >= 0.8}
    new = any(degree >= 0.8 and form not in said for form, degree in candidate.found.items())
    # A rival value ("중형 … 3,300원" beside "소형 … 2,200원") names less of what is asked than the first sentence does.
    rival = any(degree >= 0.8 and candidate.found.get(form, 0.0) < 0.8 for form, degree in best.found.items())
    return new or (not rival and candidate.typed >= 1.0 and candidate.score >= 0.9 * best.score)


def _overlaps(one: Candidate, other: Candidate) -> bool:
    a, b = _letters(one.sentence.text), _letters(other.sentence.text)
    return (
        a in b or b in a or one.sentence.head == other.sentence.text or other.sentence.head == one.sentence.text != ""
    )


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _piece(question: Question, candidate: Candidate, weights: dict[str, float]) -> Piece | None:
    passage, sentence = candidate.passage, candidate.sentence
    from_cells = cell_answer(question, passage, sentence.text, weights)
    if from_cells is not None:
        return Piece(from_cells.text, passage, from_cells.quote)
    if sentence.is_head:
        return _with_items(passage, sentence)
    if sentence.item and sentence.head and len(sentence.head) < 120:
        head = next(one for one in split(passage.text) if one.text == sentence.head)
        text = wording.listing(head.text, (sentence.text,))
        return Piece(text, passage, passage.text[head.start : sentence.end])
    return Piece(wording.statement(passage, sentence.text), passage, sentence.text)


def _with_items(passage: Passage, head: Sentence) -> Piece | None:
    items = items_after(split(passage.text), head)
    if not items:
        return Piece(wording.statement(passage, head.text), passage, head.text) if not head.text.endswith(":") else None
    text = wording.listing(head.text, _lines(items))
    return Piece(text, passage, passage.text[head.start : items[-1].end])


def _lines(items: Sequence[Sentence]) -> tuple[str, ...]:
    """One line an item, in the document's order; a sentence that goes on in an item's line stays with it."""
    lines: list[str] = []
    for item in items:
        if item.item or not lines:
            lines.append(item.text)
        else:
            lines[-1] += f" {item.text}"
    return tuple(lines)


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000.0
