"""A checker reads a sentence beside its source and finds what was changed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from haechi.engines.knowledge.answer import check
from haechi.engines.knowledge.answer.grounding import best_quote

SOURCE = """장애인 차량과 국가유공자 차량은 주차 요금의 80%를 감면합니다. 경형자동차는 50%를 감면합니다.
신청은 2025년 3월 1일부터 3월 31일까지 강남구청에서 받으며, 방문 신청은 할 수 없습니다.
만 19세 이상 39세 이하 1인가구에 월 20만 원을 지급합니다. 다만, 주택 소유자는 제외합니다."""


@pytest.mark.parametrize(
    "sentence",
    [
        "장애인 차량은 주차 요금의 80%를 감면합니다.",
        "경형자동차의 감면율은 50퍼센트입니다.",
        "신청은 2025. 3. 1.부터 3. 31.까지 강남구청에서 받습니다.",
        "월 200,000원을 지급합니다.",
        "방문 신청은 할 수 없습니다.",
        "주택 소유자는 제외합니다.",
    ],
)
def test_what_the_source_says_is_supported(sentence):
    verdict = check(sentence, SOURCE)
    assert verdict.supported, verdict.reasons


@pytest.mark.parametrize(
    "sentence",
    [
        "장애인 차량은 주차 요금의 50%를 감면합니다.",
        "경형자동차는 80%를 감면합니다.",
        "신청은 2025년 3월 2일부터 3월 31일까지 강남구청에서 받습니다.",
        "신청은 2024년 3월 1일부터 강남구청에서 받습니다.",
        "신청은 2025년 3월 1일부터 서초구청에서 받습니다.",
        "방문 신청은 할 수 있습니다.",
        "주택 소유자는 포함합니다.",
        "만 19세 이하 1인가구에 월 20만 원을 지급합니다.",
        "월 30만 원을 지급합니다.",
        "경형자동차는 50%를 감면하지 않습니다.",
        "자세한 내용은 https://evil.example 에서 볼 수 있습니다.",
        "대중교통 이용자에게는 마일리지를 적립해 드립니다.",
    ],
)
def test_what_the_source_does_not_say_is_not(sentence):
    verdict = check(sentence, SOURCE)
    assert not verdict.supported
    assert verdict.reasons


def test_the_quote_is_the_sentence_of_the_source():
    assert best_quote("경형차는 절반인 50%를 감면", SOURCE) == "경형자동차는 50%를 감면합니다."


def test_exchanged_numbers_dates_names_and_negations_are_found():
    path = Path(__file__).parents[4] / "bench" / "grounding.py"
    spec = importlib.util.spec_from_file_location("bench_grounding", path)
    bench = importlib.util.module_from_spec(spec)
    sys.modules["bench_grounding"] = bench
    spec.loader.exec_module(bench)
    found = bench.cases(120, seed=7)
    result = bench.measure(found, lambda sentence, passage: check(sentence, passage).supported)
    assert result["balanced_accuracy"] >= 0.85
    assert {"number", "date", "name", "negation"} <= result["by_kind"].keys()
