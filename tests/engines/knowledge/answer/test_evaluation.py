"""An officer measures the answers on the district's own questions and gets honest figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from haechi.core.errors import InvalidInput
from haechi.engines.knowledge.answer import OpenedFolder, evaluate_answers
from haechi.engines.knowledge.answer.evaluation import answer_matches, summary_lines
from haechi.engines.knowledge.ports import Citation, Delta, Done, Grounding, Retrieval

HERE = Path(__file__).parent


class SaysOneThing:
    """Answers everything with the same passage: what a measure must not reward."""

    def __init__(self, index) -> None:
        self._passage = index.search("주차 요금", _reader())[0].passage

    def answer(self, _question, _reader, _history=()):
        yield Retrieval((), 0.0)
        yield Delta("주차 요금은 1,200원입니다. [1]")
        yield Citation(1, 1, self._passage, self._passage.text)
        yield Grounding(1)
        yield Done(True, "주차 요금은 1,200원입니다. [1]", "test", 1.0)


def _reader():
    from haechi.engines.knowledge.ports import Reader

    return Reader()


def test_the_districts_questions_reach_the_targets(hanbit):
    result = evaluate_answers(HERE / "documents", HERE / "questions.jsonl", lambda _folder: OpenedFolder(hanbit))
    assert result["n"] == 30
    assert result["abstention_f1"] >= 0.85
    assert result["citation_precision"] >= 0.95
    low, high = (result["intervals"]["abstention_f1"][edge] for edge in ("low", "high"))
    assert low <= result["abstention_f1"] <= high
    assert result["ms_p95"] <= 2000
    assert len(list(summary_lines(result))) == 4


def test_an_answerer_that_always_answers_scores_nothing(hanbit):
    result = evaluate_answers(
        HERE / "documents", HERE / "questions.jsonl", lambda _folder: OpenedFolder(hanbit), make_answerer=SaysOneThing
    )
    assert result["abstention_f1"] == 0.0
    assert result["citation_precision"] < 0.5
    assert result["answer_match"] < 0.2


def test_a_broken_line_is_named(tmp_path, hanbit):
    questions = tmp_path / "q.jsonl"
    questions.write_text('{"question": "가?", "document": null}\n{"answer": "x"}\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match="2번째"):
        evaluate_answers(tmp_path, questions, lambda _folder: OpenedFolder(hanbit))


def test_expected_answers_match_whatever_their_notation():
    assert answer_matches("30만 원", "수수료는 300,000원입니다.")
    assert answer_matches("2025년 3월 1일", "2025. 3. 1.부터 받습니다.")
    assert not answer_matches("30만 원", "수수료는 3만 원입니다.")
    assert not answer_matches("주차관리과", "교통정책과가 맡습니다.")
