"""People come to one door: they are told which bot and why, whom to call, and whom to ask where nobody answers yet."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from haechi.core.contract import Readiness, Request, ServiceCity, no_engines
from haechi.core.errors import InvalidInput, Unavailable
from haechi.services.s16_all_in_one_chatbot.pipeline import SERVICE, AllInOne, build, measure

STAFF = frozenset({"public", "staff"})


def ask(city, text, *, tags=frozenset({"public"}), **payload):
    return build(city).handle(Request(SERVICE, {"text": text, **payload}, tags=tags))


def test_a_citizen_reads_which_bot_answers_and_why_and_can_press_another(city):
    outcome = ask(city, "집 앞에 불법주차한 차 신고하려고요")
    assert outcome.result["bot"] == "seoul_talk"
    assert "서울톡" in outcome.result["why"]
    assert outcome.result["state"] == "answers"
    assert outcome.needs_person is False
    assert outcome.evidence[0].ref == "card:seoul_talk"
    assert all(set(other) == {"id", "name"} for other in outcome.result["others"])


def test_danger_is_told_the_number_and_nothing_else(city):
    outcome = ask(city, "할머니가 쓰러져서 숨을 안 쉬어요", previous="seoul_talk")
    assert outcome.result["emergency"] is True
    assert outcome.result["phone"] == "119"
    assert outcome.result["others"] == []
    assert outcome.needs_person is True


def test_a_bot_that_is_not_built_says_so_and_names_the_office(city):
    outcome = ask(city, "수도요금 자동납부 신청하려고요")
    assert outcome.result["bot"] == "waterworks"
    assert outcome.result["state"] == "not_built"
    assert "준비 중" in outcome.result["message"]
    assert "120" in outcome.result["message"]
    assert outcome.needs_person is True


def test_a_bot_that_hangs_is_passed_within_a_second(dialogue):
    never = threading.Event()
    service = AllInOne(
        ServiceCity({"dialogue": "시험"}, lambda _: dialogue),
        {"seoul_talk": lambda: never.wait(20) and Readiness.ready()},
    )
    start = time.perf_counter()
    outcome = service.handle(Request(SERVICE, {"text": "집 앞 불법주차 신고하려고요"}))
    assert time.perf_counter() - start < 1.5
    assert (outcome.result["state"], outcome.needs_person) == ("silent", True)
    never.set()


def test_a_bot_that_was_switched_off_is_not_offered_as_working(dialogue):
    off = replace(dialogue, cards=[replace(card, on=False) for card in dialogue.cards])
    outcome = ask(ServiceCity({"dialogue": "시험"}, lambda _: off), "집 앞 불법주차 신고하려고요")
    assert outcome.result["state"] == "off"
    assert "멈춰" in outcome.result["message"]


def test_staff_bots_are_for_staff_alone(city):
    assert ask(city, "관외출장 여비 정산 기한이 며칠이죠", tags=STAFF).result["bot"] == "staff_manual"
    as_citizen = ask(city, "관외출장 여비 정산 기한이 며칠이죠", previous="staff_manual")
    assert "staff" not in str(as_citizen.as_dict())
    assert "주무관" not in str(as_citizen.as_dict())


def test_what_nobody_here_handles_goes_to_people(city):
    outcome = ask(city, "파이썬 코드 짜줘")
    assert outcome.result["bot"] == "out_of_scope"
    assert outcome.needs_person is True
    assert "120" in outcome.result["message"]


def test_a_door_that_broke_still_names_120_and_119(dialogue):
    class Broken(type(dialogue)):
        def route(self, *_: object, **__: object):
            raise Unavailable("멈췄습니다.", next_step="기다리세요.")

    broken = Broken(dialogue.router, dialogue.cards)
    outcome = ask(ServiceCity({"dialogue": "시험"}, lambda _: broken), "수도요금")
    assert outcome.made_by_ai is False
    assert "119" in outcome.result["message"]
    assert outcome.needs_person is True


@pytest.mark.parametrize(
    "payload", [{}, {"text": " "}, {"text": "가" * 4001}, {"text": 3}, {"text": "수도", "previous": 1}]
)
def test_what_cannot_be_read_is_refused_with_the_next_step(city, payload):
    with pytest.raises(InvalidInput) as refused:
        build(city).handle(Request(SERVICE, payload))
    assert refused.value.next_step


def test_readiness_says_when_letters_alone_decide_and_what_to_install(dialogue, city):
    build(city).warm_up()
    assert build(city).check().state == "ready"
    letters = ServiceCity({"dialogue": "시험"}, lambda _: replace(dialogue, lexical_only=True))
    assert "글자만으로" in build(letters).check().sentence
    assert build(ServiceCity({"dialogue": "시험"}, no_engines)).check().state == "missing"


def test_kpis_come_from_outcomes_and_are_unknown_without_any(city):
    outcomes = [ask(city, "파이썬 코드 짜줘"), ask(city, "수도요금 조회"), ask(city, "집 앞 불법주차 신고하려고요")]
    readings = {reading.kpi: reading for reading in measure(outcomes)}
    assert readings["unknown_share"].value == pytest.approx(1 / 3)
    assert readings["not_built_share"].value == pytest.approx(1 / 3)
    assert readings["asked_share"].value == 0
    assert readings["routing_p95"].value == max(outcome.elapsed for outcome in outcomes)
    assert all(reading.value is None and reading.why for reading in measure([]))


def test_nothing_of_an_utterance_stays_in_the_service(city):
    service = build(city)
    secret = "제 주민번호는 공일공 둘둘 수도요금"
    outcome = service.handle(Request(SERVICE, {"text": secret}))
    assert secret not in str(vars(service))
    assert secret not in str(outcome.as_dict())
