"""The small rules around an answer: which day is meant, which qualifier turns an item into another, how clearly one passage leads."""

from __future__ import annotations

from datetime import date

import pytest

from haechi.engines.knowledge.answer.qualifiers import contradicted, names_alone
from haechi.engines.knowledge.answer.reference_day import on_that_day, reference_day, without_the_day
from haechi.engines.knowledge.answer.standing import standing
from haechi.engines.knowledge.ports import Hit, Passage, Reader


@pytest.mark.parametrize(
    ("question", "day"),
    [
        ("2025년 8월 기준으로 위원회는 몇 명인가요?", date(2025, 8, 1)),
        ("2025년 8월 14일 현재 수수료는?", date(2025, 8, 14)),
        ("2025. 8. 14. 기준 수수료는?", date(2025, 8, 14)),
        ("2024년 당시 기본계획은 몇 년마다 세웠나요?", date(2024, 1, 1)),
        ("2024년 5월에는 몇 시까지 열었나요?", date(2024, 5, 1)),
    ],
)
def test_a_moment_that_is_named_is_the_day_whose_rules_count(question: str, day: date) -> None:
    found = reference_day(question)
    assert found is not None
    assert found.day == day
    assert str(day.year) not in found.rest
    assert on_that_day(question, Reader()).as_of == day


@pytest.mark.parametrize(
    "question",
    [
        "2025년 예산은 얼마인가요?",
        "2025년에는 언제 신청하나요?",
        "제2025호 고시는 무엇인가요?",
        "13월 기준으로 알려 주세요",
        "2025년 2월 31일 기준 요금은?",
        "지금 요금은 얼마인가요?",
    ],
)
def test_a_year_that_names_a_thing_or_no_day_at_all_changes_nothing(question: str) -> None:
    assert reference_day(question) is None
    assert on_that_day(question, Reader()) == Reader()


def test_a_day_that_the_reader_has_chosen_stays() -> None:
    chosen = Reader(as_of=date(2020, 1, 1))
    assert on_that_day("2025년 8월 기준으로 알려 주세요", chosen) is chosen


def passage(document: str, ordinal: int = 0, *, since: date | None = None) -> Passage:
    return Passage(f"{document}:{ordinal}", document, document, ordinal, "본문", document, valid_from=since)


def test_the_day_leaves_the_question_only_where_the_version_is_dated() -> None:
    question = "2025년 8월 기준으로 위원회는 몇 명인가요?"
    dated, undated = Hit(passage("가", since=date(2025, 1, 1)), 1.0), Hit(passage("나"), 1.0)
    assert without_the_day(question, [dated]) == "위원회는 몇 명인가요?"
    assert without_the_day(question, [undated]) == question
    assert without_the_day(question, []) == question


@pytest.mark.parametrize(
    ("question", "sentence", "wrong"),
    [
        ("침대는 매트리스만 버리면 얼마인가요?", "침대 매트리스 포함 15,000원", True),
        ("침대는 매트리스만 버리면 얼마인가요?", "침대 매트리스만 8,000원", False),
        ("매트리스까지 포함하면 얼마인가요?", "침대 매트리스 제외 7,000원", True),
        ("매트리스까지 포함하면 얼마인가요?", "침대 매트리스 포함 15,000원", False),
        ("매트리스는 얼마인가요?", "침대 매트리스 포함 15,000원", False),
    ],
)
def test_the_value_of_the_opposite_item_is_no_answer(question: str, sentence: str, wrong: bool) -> None:
    assert contradicted(question, sentence, sentence) is wrong


def test_buying_is_not_renting() -> None:
    renting = "공유재산을 대부하면 대부료를 낸다. 대부 기간은 5년이다."
    assert contradicted("공유재산을 살 때 값은 어떻게 내나요?", "대부료는 매년 낸다.", renting)
    assert not contradicted("공유재산을 빌릴 때 값은 어떻게 내나요?", "대부료는 매년 낸다.", renting)
    assert not contradicted("공유재산을 살 때와 빌릴 때 무엇이 다른가요?", "대부료는 매년 낸다.", renting)


def test_a_cell_that_names_the_item_alone_is_recognised() -> None:
    assert names_alone("매트리스만 버리면 얼마예요?", "매트리스만")
    assert not names_alone("매트리스만 버리면 얼마예요?", "매트리스 포함")


def hit(document: str, score: float, rank: int, *, ordinal: int = 0, stage: str = "whole") -> Hit:
    return Hit(passage(document, ordinal), score, {stage: (rank, score), "kiwi": (rank, score * 10)})


def test_a_lead_counts_other_documents_only_and_grows_with_the_distance() -> None:
    near = [hit("가", 0.90, 1), hit("나", 0.89, 2), hit("다", 0.60, 3)]
    far = [hit("가", 0.90, 1), hit("나", 0.65, 2), hit("다", 0.60, 3)]
    own = [hit("가", 0.90, 1), hit("가", 0.89, 2, ordinal=1), hit("나", 0.65, 3), hit("다", 0.60, 4)]
    assert 0 < standing(near[0], near)["vectors_lead"] < standing(far[0], far)["vectors_lead"]
    assert standing(own[0], own)["fused_lead"] > standing(near[0], near)["fused_lead"]
    assert standing(near[1], near)["vectors_lead"] < 0, "the second place leads nobody"


def test_places_are_told_by_stage_and_a_missing_stage_says_so() -> None:
    hits = [hit("가", 0.9, 1), hit("나", 0.8, 2), hit("다", 0.7, 3)]
    found = standing(hits[1], hits)
    assert found["vectors_first"] == pytest.approx(0.5 / 2)
    assert found["words_first"] == pytest.approx(0.5 / 2)
    assert found["no_vectors"] == 0.0
    lexical = [Hit(passage(name), 1.0 / rank, {"kiwi": (rank, 1.0)}) for rank, name in enumerate("가나다", 1)]
    assert standing(lexical[0], lexical)["no_vectors"] == 1.0
    assert all(-1 <= value <= 1 for value in found.values())
