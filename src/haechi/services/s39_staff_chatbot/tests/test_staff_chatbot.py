"""A clerk asks; the answer is cited, or a person takes over."""

# ruff: noqa: ARG002 - fakes keep the signature of the port

import itertools
from collections.abc import Iterator
from datetime import timedelta

import pytest

from haechi.core import clock
from haechi.core.contract import EngineNotGranted, Request, ServiceCity, no_engines
from haechi.core.errors import InvalidInput, Unavailable
from haechi.engines.knowledge.ports import Citation, Delta, Done, Grounding, Retrieval
from haechi.services.s39_staff_chatbot.pipeline import build, measure

STAFF = frozenset({"public", "staff"})


def ask(city, question, **more):
    return build(city).handle(Request(39, {"question": question, **more.pop("payload", {})}, tags=STAFF, **more))


def test_a_clerk_gets_an_answer_that_rests_on_a_passage(city):
    outcome = ask(city, "공유재산 사용료를 연속 체납하면 어떻게 하나요?")
    assert outcome.result["answered"] is True
    assert "14일" in outcome.result["answer"]
    assert [(e.title, e.quote) for e in outcome.evidence] == [
        ("공유재산 편람", "사용료를 3회 연속 체납하면 14일 이상의 기간을 정하여 독촉한다.")
    ]
    assert outcome.needs_person is False
    assert "확인" in outcome.why_person
    assert outcome.result["ai_label"]


def test_what_no_document_says_goes_to_a_person(city):
    outcome = ask(city, "구내식당 점심값은 얼마인가요?")
    assert outcome.result["answered"] is False
    assert outcome.result["citations"] == []
    assert outcome.evidence == ()
    assert outcome.needs_person is True
    assert "읽을 수 있는 문서" in outcome.why_person


def test_another_bureaus_document_answers_only_that_bureau(city):
    request = {"question": "급여 전산 자료는 매달 언제 마감하나요?"}
    service = build(city)
    outsider = service.handle(Request(39, request, tags=STAFF))
    insider = service.handle(Request(39, request, tags=STAFF | {"bureau:인사과"}))
    assert "17일" not in str(outsider.as_dict())
    assert "17일" in insider.result["answer"]


def test_an_answer_without_a_citation_is_not_given():
    class Uncited:
        def answer(self, question, reader, history=()):
            yield Retrieval((), 0.0)
            yield Delta(question)
            yield Done(answered=True, text=question, model="loose", confidence=0.9)

    outcome = ask(ServiceCity({"knowledge": "시험"}, lambda _: Uncited()), "사용료는 얼마인가요?")
    assert outcome.result["answered"] is False
    assert outcome.needs_person is True


def test_conflicting_documents_need_a_person(knowledge):
    class Conflicting:
        def answer(self, question, reader, history=()):
            hit = knowledge.search("사용료 체납 독촉", reader)[0]
            citation = Citation(1, 1, hit.passage, hit.passage.text)
            yield Retrieval((hit,), 0.0)
            yield Delta(hit.passage.text)
            yield citation
            yield Grounding(1, conflicts=((citation, citation),))
            yield Done(answered=True, text=hit.passage.text, model="small", confidence=0.5)

    outcome = ask(ServiceCity({"knowledge": "시험"}, lambda _: Conflicting()), "사용료 체납은요?")
    assert outcome.result["answered"] is True
    assert outcome.needs_person is True
    assert "서로 다른" in outcome.why_person


def test_an_engine_that_fails_in_the_middle_hands_over():
    class Breaking:
        def answer(self, question, reader, history=()) -> Iterator:
            yield Retrieval((), 0.0)
            raise Unavailable("지식 엔진이 멈췄습니다.", next_step="잠시 뒤 다시 시도하세요.")

    outcome = ask(ServiceCity({"knowledge": "시험"}, lambda _: Breaking()), "당직은 언제인가요?")
    assert outcome.needs_person is True
    assert outcome.made_by_ai is False
    assert "멈췄습니다" in outcome.why_person


def test_past_the_deadline_it_stops_listening_and_hands_over():
    class Endless:
        def answer(self, question, reader, history=()):
            yield Retrieval((), 0.0)
            for _ in itertools.count():
                yield Delta("아직 ")

    city = ServiceCity({"knowledge": "시험"}, lambda _: Endless())
    outcome = ask(city, "당직은 언제인가요?", deadline=clock.now() - timedelta(seconds=1))
    assert outcome.result["answered"] is False
    assert "시간 안에" in outcome.why_person


@pytest.mark.parametrize("payload", [{}, {"question": " "}, {"question": "가" * 2001}, {"question": 3}])
def test_a_bad_question_is_refused_with_the_next_step(city, payload):
    with pytest.raises(InvalidInput) as refused:
        build(city).handle(Request(39, payload))
    assert refused.value.next_step


def test_a_broken_history_is_refused(city):
    with pytest.raises(InvalidInput):
        ask(city, "당직은요?", payload={"history": [{"question": "가"}]})


def test_readiness_says_what_to_install_and_an_ungranted_engine_is_an_error(city):
    assert build(city).check().state == "ready"
    missing = build(ServiceCity({"knowledge": "시험"}, no_engines)).check()
    assert (missing.state, missing.install) == ("missing", "./haechi up")
    with pytest.raises(EngineNotGranted) as refused:
        ServiceCity({}, no_engines).engine("knowledge")
    assert "service.toml" in refused.value.next_step


def test_kpis_come_from_outcomes_and_are_unknown_without_any(city):
    outcomes = [ask(city, "사용료를 연속 체납하면요?"), ask(city, "구내식당 점심값은?")]
    readings = {reading.kpi: reading for reading in measure(outcomes)}
    assert readings["answered_share"].value == 0.5
    assert readings["cited_share"].value == 1.0
    assert readings["answer_p95"].value == max(outcome.elapsed for outcome in outcomes)
    assert all(reading.value is None and reading.why for reading in measure([]))
