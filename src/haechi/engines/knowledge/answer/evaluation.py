"""Measures answers against anyone's questions: abstention F1, citation precision, answer match, times.

Every figure carries a 95 % interval (bootstrap over questions, percentile method, 2,000 resamples, seeded).
"""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from haechi.core.errors import InvalidInput
from haechi.engines.knowledge.answer.extractive import ExtractiveAnswerer
from haechi.engines.knowledge.answer.grounding import check
from haechi.engines.knowledge.answer.morphology import squeezed, word_set
from haechi.engines.knowledge.answer.quantities import find_quantities, normalise_quantities, same_quantity
from haechi.engines.knowledge.ports import Answerer, Citation, Delta, Done, PassageIndex, Reader

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class OpenedFolder:
    """A folder of documents, indexed. filenames: document id → file name, as the questions name documents; an id that is
    not there is taken for the file name itself."""

    index: PassageIndex
    filenames: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """One line of the questions file. document: None when the documents do not say."""

    question: str
    answer: str
    document: str | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one question. citations, right_citations: counts. milliseconds: of the whole answer."""

    asked: AskedQuestion
    answered: bool
    text: str
    reason: str
    confidence: float
    citations: int
    right_citations: int
    matched: bool
    milliseconds: float


def evaluate_answers(
    documents: Path,
    questions: Path,
    open_folder: Callable[[Path], OpenedFolder],
    *,
    make_answerer: Callable[[PassageIndex], Answerer] = ExtractiveAnswerer,
    reader: Reader | None = None,
    progress: Callable[[int, int], None] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Asks every question of the file and returns the figures, JSON-ready.

    abstention_f1: F1 of the class "the documents do not say" (document null ⇔ Done.answered is False).
    citation_precision: right citations ÷ all citations of answered questions. A citation is right when its passage belongs to
      the named document; or, elsewhere, when its exact quote supports the sentence that it stands at (grounding.check) and
      contains the expected answer. A citation given to a question that the documents do not answer is wrong.
    answer_match: share of the answerable questions whose answer text contains the expected answer (see `answer_matches`);
      a 모름 counts as a miss.
    Each is {"value", "low", "high", "n"} under "intervals" and its value at the top. Raises InvalidInput naming the line.
    """
    asked = read_questions(questions)
    started = time.perf_counter()
    opened = open_folder(documents)
    ready = time.perf_counter() - started
    answerer = make_answerer(opened.index)
    judged = []
    for number, one in enumerate(asked, 1):
        judged.append(judge(answerer, one, opened.filenames, reader or Reader()))
        if progress is not None:
            progress(number, len(asked))
    return {**figures(judged, seed), "prepare_s": round(ready, 2), "questions": [_row(one) for one in judged]}


def read_questions(path: Path) -> list[AskedQuestion]:
    """The lines of a questions file (JSON Lines, UTF-8)."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found.append(AskedQuestion(row["question"], str(row.get("answer") or ""), row.get("document") or None))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"질문 파일 {number}번째 줄을 읽을 수 없습니다.",
                next_step='한 줄에 {"question": …, "answer": …, "document": …} 하나씩 적으세요.',
                record=path.name,
            ) from error
    if not found:
        raise InvalidInput(
            "질문 파일에 질문이 없습니다.", next_step="한 줄에 질문 하나씩 JSON으로 적으세요.", record=path.name
        )
    return found


def judge(answerer: Answerer, asked: AskedQuestion, filenames: Mapping[str, str], reader: Reader) -> Judged:
    """Ask one question and compare."""
    start = time.perf_counter()
    events = list(answerer.answer(asked.question, reader))
    elapsed = (time.perf_counter() - start) * 1000.0
    done = events[-1]
    if not isinstance(done, Done):
        raise TypeError("the last event of an answer must be Done")
    sentences = [event.text for event in events if isinstance(event, Delta)]
    citations = [event for event in events if isinstance(event, Citation)] if done.answered else []
    right = sum(citation_right(one, asked, filenames, sentences) for one in citations)
    matched = asked.document is not None and done.answered and answer_matches(asked.answer, done.text)
    return Judged(
        asked, done.answered, done.text, done.reason, done.confidence, len(citations), right, matched, elapsed
    )


def citation_right(
    citation: Citation, asked: AskedQuestion, filenames: Mapping[str, str], sentences: Sequence[str]
) -> bool:
    """See `evaluate_answers`."""
    if asked.document is None:
        return False
    identifier = citation.passage.document_id
    if _same_file(filenames.get(identifier, identifier), asked.document):
        return True
    sentence = sentences[citation.sentence - 1] if citation.sentence <= len(sentences) else ""
    context = " ".join((citation.passage.title, *citation.passage.heading_path, citation.passage.article))
    return (
        bool(asked.answer)
        and check(sentence, citation.quote, context=context).supported
        and answer_matches(asked.answer, citation.quote)
    )


def _same_file(one: str, other: str) -> bool:
    a, b = (unicodedata.normalize("NFC", name).replace("\\", "/") for name in (one, other))
    return a == b or PurePosixPath(a).name == PurePosixPath(b).name


def answer_matches(expected: str, text: str) -> bool:
    """The expected answer stands in the text: letter for letter after normalising numbers, dates, spaces and punctuation; or
    all of its quantities do and at least 80 % of its other content words (all words, for an answer of one or two)."""
    if not expected.strip():
        return True
    wanted, given = squeezed(normalise_quantities(expected)), squeezed(normalise_quantities(text))
    if squeezed(expected) in squeezed(text) or (wanted and wanted in given):
        return True
    quantities, there = find_quantities(expected), find_quantities(text)
    if not all(any(same_quantity(one, other) for other in there) for one in quantities):
        return False
    words = {word for word in word_set(expected) if not any(digit.isdigit() for digit in word)}
    words -= {word for quantity in quantities for word in word_set(quantity.text)}
    if not words:
        return bool(quantities)
    letters, known = squeezed(text), word_set(text)
    return sum(word in known or (len(word) > 1 and word in letters) for word in words) >= 0.8 * len(words)


def figures(judged: Sequence[Judged], seed: int = 0) -> dict[str, Any]:
    """The three figures with intervals, counts and times."""
    table = np.array(
        [
            (
                one.asked.document is None and not one.answered,
                one.asked.document is not None and not one.answered,
                one.asked.document is None and one.answered,
                one.right_citations,
                one.citations,
                one.matched,
                one.asked.document is not None,
            )
            for one in judged
        ],
        dtype=float,
    )
    measures = {"abstention_f1": _f1, "citation_precision": _precision, "answer_match": _match}
    sizes = {
        "abstention_f1": len(judged),
        "citation_precision": int(table[:, 4].sum()),
        "answer_match": int(table[:, 6].sum()),
    }
    intervals = {name: {**_interval(table, of, seed), "n": sizes[name]} for name, of in measures.items()}
    times = np.array([one.milliseconds for one in judged])
    return {
        **{name: interval["value"] for name, interval in intervals.items()},
        "intervals": intervals,
        "n": len(judged),
        "unanswerable": int((table[:, 0] + table[:, 2]).sum()),
        "abstained": int((table[:, 0] + table[:, 1]).sum()),
        "ms_p50": round(float(np.percentile(times, 50)), 1),
        "ms_p95": round(float(np.percentile(times, 95)), 1),
    }


def _f1(sums: np.ndarray) -> float:
    hit, lost, spoken = sums[0], sums[1], sums[2]
    return 2 * hit / (2 * hit + lost + spoken) if hit + lost + spoken else 1.0


def _precision(sums: np.ndarray) -> float:
    return sums[3] / sums[4] if sums[4] else float("nan")


def _match(sums: np.ndarray) -> float:
    return sums[5] / sums[6] if sums[6] else float("nan")


def _interval(table: np.ndarray, of: Callable[[np.ndarray], float], seed: int) -> dict[str, float | None]:
    draw = np.random.default_rng(seed)
    rows = draw.integers(0, len(table), size=(_RESAMPLES, len(table)))
    values = [value for sample in rows if not np.isnan(value := of(table[sample].sum(axis=0)))]
    low, high = np.percentile(values, (2.5, 97.5)) if values else (None, None)
    return {"value": _rounded(of(table.sum(axis=0))), "low": _rounded(low), "high": _rounded(high)}


def _rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 4)


def _row(one: Judged) -> dict[str, Any]:
    return {
        "question": one.asked.question,
        "expected": one.asked.answer,
        "document": one.asked.document,
        "answered": one.answered,
        "text": one.text,
        "reason": one.reason,
        "confidence": round(one.confidence, 4),
        "citations": one.citations,
        "right_citations": one.right_citations,
        "matched": one.matched,
        "ms": round(one.milliseconds, 1),
    }


def summary_lines(result: Mapping[str, Any]) -> Iterable[str]:
    """The figures as a terminal shows them."""
    names = {"abstention_f1": "모름 F1", "citation_precision": "인용 정밀도", "answer_match": "답 일치"}
    for key, korean in names.items():
        one = result["intervals"][key]
        if one["value"] is None:
            yield f"{korean} {key}: 잴 수 있는 질문이 없습니다(n=0)"
        else:
            yield f"{korean} {key}: {one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}] n={one['n']}"
    yield f"질문 {result['n']}개, 한 질문 p50 {result['ms_p50']} ms, p95 {result['ms_p95']} ms"
