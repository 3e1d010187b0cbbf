"""A case from whoever opens it to the last step, with the refusals that must happen on the way."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from docx import Document
from tests.office.people import person

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import SYSTEM, Actor, Store
from haechi.office.cases import Cases, Opening, look_over, verify
from haechi.office.cases.filings import Differs

ANSWERS = {"what": "안내가 사실과 달랐습니다.", "kind": "wrong", "wish": "바로잡아 주세요."}


@pytest.fixture
def cases(store: Store) -> Cases:
    return Cases(store)


@pytest.fixture
def citizen(owner_store: Store) -> Actor:
    return person(owner_store, "김시민", "citizen")


@pytest.fixture
def officer(owner_store: Store) -> Actor:
    return person(owner_store, "박주무관", "staff", bureau="디지털정책과")


def _opened(cases: Cases, citizen: Actor) -> str:
    case = cases.open(citizen, "objection", Opening("챗봇이 틀린 기한을 알려 주었습니다", bureau="디지털정책과"))
    cases.filings.save(citizen, case["id"], "objection", ANSWERS, base=0)
    return str(case["id"])


def test_an_objection_is_heard_and_answered(cases: Cases, citizen: Actor, officer: Actor) -> None:
    case_id = _opened(cases, citizen)
    case = cases.act(citizen, case_id, "submit", version=0)
    assert (case["state"], case["number"]) == ("received", f"이의-{clock.today().year}-0001")
    assert case["due_at"] > clock.now() + timedelta(days=14)
    cases.act(officer, case_id, "take")
    with pytest.raises(InvalidInput, match="이유와 바로잡은 내용"):
        cases.act(officer, case_id, "accept")
    cases.act(officer, case_id, "accept", note="기한을 고쳐 안내했습니다.")
    seen = cases.reading.one(citizen, case_id)
    assert seen["state"].final
    assert seen["case"]["closed_at"] is not None
    assert [step["act"] for step in seen["steps"]] == ["opened", "submit", "take", "accept"]
    assert seen["people"] == [], "whose case it is does not see who works on it"
    assert not seen["offered"]
    (letter,) = seen["letters"]
    _, docx = cases.reading.letter(citizen, case_id, letter["id"], "docx")
    document = Document(io.BytesIO(docx))
    told = [paragraph.text for paragraph in document.paragraphs]
    assert "기한을 고쳐 안내했습니다." in told
    assert "결과가 사실과 다르다" in [cell.text for row in document.tables[-1].rows for cell in row.cells]


def test_a_form_that_is_not_complete_is_not_filed_and_nothing_is_lost(cases: Cases, citizen: Actor) -> None:
    case_id = str(cases.open(citizen, "objection", Opening("이의"))["id"])
    cases.filings.save(citizen, case_id, "objection", {"what": "…", "kind": "data"}, base=0)
    with pytest.raises(InvalidInput, match="어떤 정보가 어떻게 쓰였는지"):
        cases.act(citizen, case_id, "submit")
    assert cases.filings.get(citizen, case_id, "objection")["answers"] == {"what": "…", "kind": "data"}


def test_wrong_order_and_wrong_person_are_refused(cases: Cases, citizen: Actor, officer: Actor) -> None:
    case_id = _opened(cases, citizen)
    with pytest.raises(Conflict, match="작성 중"):
        cases.act(officer, case_id, "accept", note="…")
    cases.act(citizen, case_id, "submit")
    with pytest.raises(Forbidden, match="검토 시작"):
        cases.act(citizen, case_id, "take")


def test_a_stranger_does_not_learn_that_a_case_is_there(cases: Cases, citizen: Actor, owner_store: Store) -> None:
    case_id = _opened(cases, citizen)
    other = person(owner_store, "이직원", "staff", bureau="도로과")
    with pytest.raises(NotFound):
        cases.reading.one(other, case_id)
    assert cases.reading.listed(other) == ([], False)


def test_whoever_steps_back_sees_nothing_any_more(cases: Cases, citizen: Actor, officer: Actor) -> None:
    case_id = _opened(cases, citizen)
    cases.act(citizen, case_id, "submit")
    cases.people.recuse(officer, case_id, officer.subject, "회피", "신청인의 가족입니다.")
    with pytest.raises(NotFound):
        cases.act(officer, case_id, "take")
    assert cases.reading.listed(officer) == ([], False)


def test_two_write_at_once_and_the_second_sees_the_difference(cases: Cases, citizen: Actor, owner_store: Store) -> None:
    case_id = str(cases.open(citizen, "objection", Opening("이의"))["id"])
    helper = person(owner_store, "김가족", "citizen")
    with owner_store.transaction(SYSTEM) as tx:
        cases.people.put(tx, {"id": case_id}, "claimant", helper.subject, helper.name, party=True)
    first, _ = cases.filings.save(citizen, case_id, "objection", {"what": "하나", "wish": "가"}, base=0)
    merged, _ = cases.filings.save(helper, case_id, "objection", {"kind": "wrong"}, base=0)
    assert merged["answers"] == {"what": "하나", "wish": "가", "kind": "wrong"}
    with pytest.raises(Differs) as told:
        cases.filings.save(helper, case_id, "objection", {"what": "둘", "wish": "가"}, base=0)
    (difference,) = told.value.differences
    assert (difference["question"], difference["theirs"], difference["mine"], difference["by"]) == (
        "what", "하나", "둘", "김시민",
    )  # fmt: skip
    assert cases.filings.get(citizen, case_id, "objection")["answers"]["what"] == "하나"
    cases.filings.save(helper, case_id, "objection", {"what": "둘"}, base=merged["version"])
    assert first["version"] == 1


def test_two_take_the_same_case_and_the_second_is_told(
    cases: Cases, citizen: Actor, officer: Actor, owner_store: Store
) -> None:
    case_id = _opened(cases, citizen)
    seen = cases.act(citizen, case_id, "submit")["version"]
    colleague = person(owner_store, "최주무관", "staff", bureau="디지털정책과")
    cases.act(officer, case_id, "take", version=seen, key="once")
    assert cases.act(officer, case_id, "take", version=seen, key="once")["state"] == "looking"
    with pytest.raises(Conflict, match="그사이"):
        cases.act(colleague, case_id, "take", version=seen)


def test_a_missed_deadline_is_passed_up_once(
    cases: Cases, citizen: Actor, officer: Actor, owner_store: Store, worker_store: Store
) -> None:
    team = person(owner_store, "한팀장", "staff", "ai_team", bureau="AI행정팀")
    case_id = _opened(cases, citizen)
    cases.act(citizen, case_id, "submit")
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("update case_deadlines set due_at = now() - interval '1 hour'")
    assert look_over(worker_store, cases.policy)["case_overdue"] == 1
    assert look_over(worker_store, cases.policy)["case_overdue"] == 0
    late = [notice for notice in cases.reading.inbox(team) if notice["kind"] == "case_overdue"]
    assert len(late) == 1
    assert "기한이 지났습니다" in late[0]["text_ko"]
    assert cases.reading.one(officer, case_id)["deadlines"][0]["escalated_at"] is not None


def test_a_history_that_was_changed_shows_it(cases: Cases, citizen: Actor, owner_store: Store) -> None:
    _opened(cases, citizen)
    with owner_store.transaction(SYSTEM) as tx:
        assert verify(tx).ok
        tx.run("update case_steps set note = '다른 말' where act = 'opened'")
        assert verify(tx).why == "건의 이력이 감사기록과 다릅니다."
