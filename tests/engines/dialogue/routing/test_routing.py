"""People knock at one door: citizens, staff, somebody in danger, somebody at the wrong house."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.core.contract import Readiness
from haechi.core.errors import InvalidInput, MissingPart, Unavailable
from haechi.engines.dialogue.ports import DialogueState
from haechi.engines.dialogue.routing import Router, hand_over, standing
from haechi.engines.dialogue.routing.evaluation import Labelled, f1, read_labelled, report, run
from haechi.engines.dialogue.routing.features import LONGEST, features, plain
from haechi.engines.dialogue.routing.fitting import read_training, regress

STAFF = {"staff_manual", "staff_drafting", "ai_support"}


@pytest.mark.parametrize(
    ("said", "bot"),
    [
        ("수도요금이 너무 많이 나왔어요", "waterworks"),
        ("슈도요굼이 넘 마니 나와써요", "waterworks"),
        ("전세보증금을 못 받고 있어요", "building_housing"),
        ("오픈API 인증키 발급해 주세요", "data_hub"),
        ("경복궁 야간개장 언제 해요", "tourism"),
        ("청년월세 지원 신청하려고요", "youth"),
        ("서울런 가입 자격이 되나요", "learning"),
        ("2호선에 지갑을 두고 내렸어요", "subway"),
        ("공사장 비산먼지가 심해요", "construction_safety"),
        ("냉장고 버리려면 대형폐기물 스티커 사야 하나요", "seoul_talk"),
        ("파이썬 코드 짜줘", "out_of_scope"),
        ("부산 지하철 막차 몇 시", "out_of_scope"),
    ],
)
def test_a_citizen_reaches_the_bot_whose_matter_it_is(router, citizens, said, bot):
    decision = router.route(said, citizens)
    assert decision.bot == bot
    assert 0 < decision.confidence <= 1
    assert decision.why.endswith(("다.", "요."))


@pytest.mark.parametrize(
    "said",
    [
        "아버지가 쓰러져서 숨을 안 쉬어요",
        "훈련 아니에요 진짜로 복도에 연기가 차고 있어요",
        "방금 약을 한통 다 먹었어요",
        "집에 불이 났어요!!",
        "사람이 한강에 빠졌어요",
        "작년 아니고 지금 사람이 쓰러졌어요",
        "my father is not breathing",
        "着火了",
    ],
)
def test_danger_goes_to_119_at_once_whatever_was_talked_of_before(router, citizens, said):
    decision = router.route(said, citizens, "waterworks")
    assert decision.emergency
    assert decision.bot == "emergency_119"
    assert not decision.ask


@pytest.mark.parametrize(
    "said",
    [
        "소방점검 관련해서 문의드려요",
        "119 몇 번이에요",
        "작년에 불이 났던 집인데 화재증명원 발급받고 싶어요",
        "심폐소생술 교육 신청",
        "만약 불이 나면 어떻게 대피해야 하나요",
        "불꽃축제 언제 해요",
        "영화에서 건물이 무너지는 장면 제목이 뭐예요",
        "배고파 죽겠다",
        "배우 연기가 어색했어요",
    ],
)
def test_what_only_sounds_like_danger_is_not_sent_to_119(router, citizens, said):
    assert not router.route(said, citizens).emergency


def test_danger_is_noticed_even_where_the_card_of_119_is_not_shown(router, citizens):
    without = [card for card in citizens if not card.emergency]
    assert router.route("사람이 쓰러져서 숨을 안 쉬어요", without).emergency


@pytest.mark.parametrize(
    "said",
    [
        "관외출장 여비 정산 기한이 며칠이죠",
        "보도자료 초안 써 줘",
        "챗지피티 구독료 지원 신청",
        "서우리주무관(초안) 연결해 줘",
    ],
)
def test_a_citizen_never_gets_a_staff_bot_and_staff_do(router, cards, said):
    as_citizen = router.route(said, cards, "staff_manual", audience="citizen")
    assert not {as_citizen.bot, *as_citizen.others} & STAFF
    assert router.route(said, cards, audience="staff").bot in STAFF


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from([None, "staff_manual", "ai_support", "waterworks", "nobody"]))
def test_no_text_and_no_claimed_past_leads_a_citizen_to_a_staff_bot(router, cards, said, before):
    decision = router.route(said, cards, before, audience="citizen")
    assert not {decision.bot, *decision.others} & STAFF
    assert "주무관" not in decision.why


def test_a_short_question_stays_with_the_bot_that_was_talking(router, citizens):
    assert router.route("그럼 얼마예요?", citizens, "waterworks").bot == "waterworks"
    assert router.route("그럼 얼마예요?", citizens, "subway").bot == "subway"
    changed = router.route("그건 됐고 2호선 막차 시간 알려주세요 강남역이요", citizens, "waterworks")
    assert changed.bot == "subway"


def test_two_bots_that_sound_alike_are_asked_about(router, citizens):
    asked = [
        router.route(said, citizens)
        for said in ("지원금 신청 언제까지예요", "요금이 이상해요", "위치가 어디예요", "신청 자격이요")
    ]
    assert any(one.ask and one.others for one in asked)
    assert not router.route("2호선에 지갑을 두고 내렸어요", citizens).ask


def test_a_bot_named_is_a_bot_called(router, citizens):
    assert router.route("아리수 챗봇 연결해 줘", citizens).bot == "waterworks"


def test_without_the_embedder_it_goes_on_and_says_so(folder, citizens):
    class Gone:
        name, version, dimensions = "multilingual-e5-small", "1", 384

        def passages(self, _texts):
            raise Unavailable("임베딩이 멈췄습니다.", next_step="기다리세요.")

        questions = passages

    decision = Router.open(folder, Gone()).route("수도요금 자동납부 신청", citizens)
    assert decision.lexical_only
    assert decision.bot == "waterworks"


def test_nothing_is_too_long_to_be_read():
    story = (
        "안녕하세요 " + "저는 이 동네에 삼십 년 살았고 자식은 셋입니다 " * 200 + " 수도요금을 자동납부로 바꾸고 싶어요"
    )
    assert len(plain(story)) <= LONGEST + 1


def test_a_slip_of_the_finger_keeps_most_of_the_features():
    right, slipped = (set(features(word)[0].tolist()) for word in ("청년수당신청", "청년수땅신청"))
    assert len(right & slipped) / len(right) > 0.4
    assert features("…")[0].size == 0


def test_the_frozen_model_was_fitted_on_these_training_utterances(folder, router):
    written = read_training(folder / "training")
    digest = hashlib.sha256("\n".join(f"{one.bot}\t{one.text}" for one in written).encode()).hexdigest()[:12]
    assert router.version.endswith(digest), "python bench/fit_routing.py"
    held_out = {
        row.text
        for name in ("utterances_2.jsonl", "utterances_3.jsonl")
        for row in read_labelled(folder / "tests" / name)
    }
    assert not held_out & {one.text for one in written}


def test_a_missing_model_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(MissingPart) as missing:
        Router.open(tmp_path)
    assert "fit_routing" in missing.value.install


def test_a_bot_that_is_not_there_is_told_within_a_second_with_the_office(cards):
    talk = next(card for card in cards if card.id == "seoul_talk")
    assert standing(talk).answers
    assert standing(talk, lambda: Readiness.degraded("느림", "답함")).answers
    assert "120" in standing(replace(talk, built=False)).sentence
    assert standing(replace(talk, on=False)).state == "off"
    assert standing(talk, lambda: Readiness.missing("없음", "./haechi up")).state == "stopped"
    never = threading.Event()

    def hangs() -> Readiness:
        never.wait(20)
        return Readiness.ready()

    start = time.perf_counter()
    assert standing(talk, hangs).state == "silent"
    assert time.perf_counter() - start < 1.5
    never.set()
    assert standing(talk, lambda: 1 / 0).state == "silent"


def test_a_conversation_takes_its_place_along_but_nothing_across_audiences(cards):
    by_id = {card.id: card for card in cards}
    state = DialogueState("seoul_talk", "form:pothole", "size", {"place": "시청 앞", "size": "large"})
    moved = hand_over(state, by_id["seoul_talk"], by_id["construction_safety"], "공사장 먼지요")
    assert (moved.bot, moved.values, moved.pending_text, moved.asking) == (
        "construction_safety",
        {"place": "시청 앞"},
        "공사장 먼지요",
        "",
    )
    left_staff = hand_over(
        replace(state, bot="staff_manual"), by_id["staff_manual"], by_id["seoul_talk"], "비공개 문서"
    )
    assert left_staff == DialogueState("seoul_talk")


def test_the_report_counts_what_is_right_and_what_leaked(router, cards, tmp_path):
    rows = [
        Labelled("수도요금 조회", "waterworks"),
        Labelled("수도요금 조회", "subway", also=("waterworks",)),
        Labelled("수도요금 조회", "tourism"),
        Labelled("사람이 쓰러져 숨을 안 쉬어요", "emergency_119"),
        Labelled("파이썬 코드 짜줘", "out_of_scope"),
        Labelled("보도자료 초안 써 줘", "staff_drafting", "staff"),
    ]
    done = run(router, cards, rows)
    found = report(done, cards)
    assert (found["n"], found["top1"], found["staff_leaks"]) == (6, round(5 / 6, 4), 0)
    assert (found["emergency_recall"], found["out_of_scope_f1"]) == (1.0, 1.0)
    assert found["by_bot"]["waterworks"]["precision"] == 0.5
    assert f1(done, "subway") == 1.0
    assert [row["bot"] for row in found["wrong"]] == ["tourism"]
    path = tmp_path / "u.jsonl"
    path.write_text(json.dumps({"text": "a", "bot": "b", "audience": "everyone"}), encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        read_labelled(path)
    assert "1줄" in refused.value.message


def test_letters_alone_do_well_on_what_was_put_aside(router, cards, folder):
    """A floor far below the figure of the trial, so that a broken model is noticed in seconds."""
    found = report(run(router, cards, read_labelled(folder / "tests" / "utterances.jsonl")), cards)
    assert found["top1"] >= 0.8
    assert found["emergency_recall"] >= 0.98
    assert found["staff_leaks"] == 0
    assert found["p95_ms"] < 60


def test_regression_finds_what_separates_two_kinds_of_rows():
    rows = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], np.float32)
    weights, bias = regress(lambda w: rows @ w, lambda g: rows.T @ g, 2, np.array([0, 0, 1, 1]), 2, strength=1e-4)
    assert (rows @ weights + bias).argmax(axis=1).tolist() == [0, 0, 1, 1]
