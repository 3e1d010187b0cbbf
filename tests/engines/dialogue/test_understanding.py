"""Intents, scripts, scenarios, and what stays unanswered."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from haechi.core.errors import InvalidInput
from haechi.engines.dialogue import Memory, Ranker, load_script
from haechi.engines.dialogue.evaluation import evaluate_intents, read_utterances
from haechi.engines.dialogue.ports import BotCard, Scenario, ScenarioStep, Topic
from haechi.engines.dialogue.scenarios import faults
from haechi.engines.dialogue.unanswered import clusters

CARD = BotCard("b", "봇", "Bot", "citizen", "복지과", "")
TOPICS = [
    Topic(
        "bulky",
        "대형폐기물",
        ("냉장고 버리려면 어떻게 하나요", "소파 수거 신청", "가구 폐기 스티커"),
        "search",
        "환경과",
    ),
    Topic("passport", "여권", ("여권 만들고 싶어요", "여권 재발급 며칠 걸려요", "여권 사진 크기"), "search", "민원과"),
    Topic("bike", "따릉이", ("자전거 빌리는 값", "따릉이 이용권 가격", "따릉이 반납 어디에"), "search", "교통과"),
]


class Meanings:
    """An embedder of this test: sentences on the same matter lie in the same direction."""

    name, version, dimensions = "meanings", "1", 8
    _matters = (
        ("냉장고", "소파", "가구", "장롱", "폐기"),
        ("여권", "해외여행 증명"),
        ("따릉이", "자전거", "공유 두바퀴"),
    )

    def questions(self, texts: list[str]) -> np.ndarray:
        rows = np.full((len(texts), self.dimensions), 0.3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for at, words in enumerate(self._matters):
                row[at] += any(word in text for word in words)
            row[4 + sum(map(ord, text)) % 4] += 0.2
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    passages = questions


def test_spacing_particles_and_typos_do_not_matter() -> None:
    ranker = Ranker(TOPICS)
    for text, meant in (
        ("냉장고버리려면어떻게", "bulky"),
        ("따릉이를 반납은 어디에다가", "bike"),
        ("여권재발금 며칠걸려요", "passport"),
    ):
        assert ranker.understand(text).topics[0][0] == meant
    assert ranker.understand("화성 탐사선 발사 날짜").kind == "unknown"
    assert ranker.understand("   ").kind == "unknown"
    assert Ranker([]).understand("무엇이든").kind == "unknown"


def test_meaning_finds_words_that_nobody_wrote_down() -> None:
    ranker = Ranker(TOPICS)
    assert ranker.understand("해외여행 증명 필요").kind == "unknown"
    ranker.warm(Meanings())
    assert ranker.dense
    assert ranker.understand("해외여행 증명 필요").topics[0][0] == "passport"


def test_a_changed_faq_costs_only_what_changed_and_every_answer_comes_at_once() -> None:
    topics = [
        Topic(f"t{n}", f"제목 {n}", tuple(f"{n}번 창구 {k}호 서류 {chr(0xAC00 + n * 7 + k)}{chr(0xB098 + n)}" for k in range(4)), "search")
        for n in range(120)
    ]  # fmt: skip
    memory = Memory()
    Ranker(topics, memory)
    known = dict(memory._terms)
    ranker = Ranker([*topics[1:], Topic("new", "새 주제", ("도서관 좌석 예약",), "search")], memory)
    assert len(memory._terms) == len(known) + 2, "only the new sentences were taken apart"
    times = []
    for n in range(40):
        started = time.perf_counter()
        assert ranker.understand(topics[1 + n].utterances[0]).topics[0][0] == f"t{1 + n}"
        times.append(time.perf_counter() - started)
    assert sorted(times)[37] < 1.0
    assert ranker.understand("도서관 좌석 예약").topics[0][0] == "new"


def test_evaluation_reports_what_happened_and_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    ranker = Ranker(TOPICS)
    file = tmp_path / "f.jsonl"
    rows = [
        ("소파 수거 신청", "bulky"),
        ("여권 사진 크기", "여권"),
        ("따릉이 이용권 가격", "bike"),
        ("여권 만들고 싶어요", "따릉이"),
    ]
    file.write_text("\n".join(json.dumps({"text": text, "intent": intent}) for text, intent in rows), encoding="utf-8")
    report = evaluate_intents(ranker, read_utterances(file, TOPICS))
    assert (report["n"], report["top1"]) == (4, 0.75)
    assert report["ci95"][0] < 0.75 < report["ci95"][1]
    assert report["confused"] == [{"intent": "bike", "taken_for": "passport", "count": 1}]
    # bulky 1, passport 2·1/(1+2), bike 2·1/(2+1)
    assert report["macro_f1"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3, abs=1e-4)
    for line, said in (
        ('{"text": "글", "intent": "없는것"}', "없는것"),
        ("글", "JSON"),
        ('{"text": ""}', "text"),
        ('{"text": "글"}', "intent"),
    ):
        file.write_text('{"text": "소파", "intent": "bulky"}\n' + line, encoding="utf-8")
        with pytest.raises(InvalidInput, match="2번째 줄") as error:
            read_utterances(file, TOPICS)
        assert said in error.value.message


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("topics:\n  - {id: a, title: 가, utterances: [나], leads_to: nowhere}", 2, "nowhere"),
        ("topics:\n  - {id: a, title: 가, utterances: [나], leads_to: \"form:x\"}", 2, "form:x"),
        ("topics:\n  - {id: a, title: 가, utterances: []}", 2, "utterances"),
        ("topics:\n  - {id: a, title: 가, utterances: [나]}\n  - {id: a, title: 다, utterances: [라]}", 3, "두 번"),
        ("greeting: 안녕\ntopcs: []", 1, "topcs"),
        ("forms:\n  - id: f\n    title: 양식\n    action: act\n    fields:\n      - {id: x, label: 엑스, kind: colour}", 6, "colour"),
        ("forms:\n  - id: f\n    title: 양식\n    action: act\n    fields:\n      - {id: x, label: 엑스, kind: choice}", 6, "choices"),
        ("scenarios:\n  - id: s\n    title: 길\n    steps:\n      - {id: a, text: 가, options: [{label: 나, to: b}]}", 2, "unknown_target"),
        ("topics: [", 1, "bot.yaml"),
        ("greeting: 안녕\ngreeting: 또", 2, "두 번"),
    ],
)  # fmt: skip
def test_a_fault_in_a_script_is_told_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    source = tmp_path / "bot.yaml"
    source.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as error:
        load_script(source, CARD)
    assert f"bot.yaml {line}번째 줄" in error.value.message
    assert said in error.value.message


def test_dead_ends_and_loops_are_found_before_anybody_walks_them() -> None:
    walk = Scenario("s", "길", (
        ScenarioStep("a", "가", (("다음", "b"), ("끝", "end"))),
        ScenarioStep("b", "나", (("돌아", "c"),)),
        ScenarioStep("c", "다", (("돌아", "b"),)),
        ScenarioStep("d", "라", (("끝", "end"),)),
        ScenarioStep("e", "", ()),
    ))  # fmt: skip
    found = {(fault.kind, fault.step) for fault in faults(walk)}
    assert {("trap", "b"), ("trap", "c"), ("unreachable", "d"), ("unreachable", "e"), ("dead_end", "e")} == found
    assert faults(Scenario("s", "길", (ScenarioStep("a", "가", (("나", "b"),)), ScenarioStep("b", "나")))) == []


def test_questions_without_an_answer_are_put_together_by_matter_and_given_to_a_bureau() -> None:
    asked = [
        "반려견 등록은 어디서 하나요", "소파 수거 신청 언제 되나요", "강아지 등록 어디서 해요", "반려견 등록 어디에서 하나요",
        "소파 수거 신청 언제부터 되나요", "반려견 등록하려면 어디로 가나요", "달 여행 표",
    ]  # fmt: skip
    found = clusters(asked, topics=TOPICS)
    assert found == clusters(asked, topics=TOPICS)
    assert {0, 3, 5} <= set(found[0].members)
    sofas = next(one for one in found if 1 in one.members)
    assert (sofas.members, sofas.bureau) == ((1, 4), "환경과")
    assert sorted(at for one in found for at in one.members) == list(range(len(asked)))
    assert clusters([]) == []
