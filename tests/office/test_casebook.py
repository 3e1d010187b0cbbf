"""Good practice from its author to the book, and what must not get into it."""

from __future__ import annotations

import pytest
from tests.office.people import person

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import Actor, Store
from haechi.office.casebook import Shelf, hooks, minutes_saved, paper
from haechi.office.cases import Cases, Hooks, Opening, Policy

ANSWERS = {
    "task": "민원 답변 초안을 씁니다.", "service": "서우리주무관", "before_minutes": "40", "after_minutes": "15", "times": "20",
    "measured": "timed", "round": "1", "prompt": "다음 민원에 공문체로 답하는 초안을 쓰세요.", "output": "귀하께서 문의하신…",
    "checked": "법 조항 번호를 법령정보에서 확인했습니다.", "caution": "민원인의 이름을 넣지 않습니다.", "credit": "bureau",
}  # fmt: skip
SCORES = {"useful": "5", "repeatable": "4", "safe": "4", "opinion": "따라 하기 쉽습니다."}


@pytest.fixture
def cases(store: Store) -> Cases:
    policy, register = Policy.in_force(), Hooks()
    hooks(register, policy)
    return Cases(store, policy, register)


@pytest.fixture
def author(owner_store: Store) -> Actor:
    return person(owner_store, "김해솔", "staff", bureau="재무국")


@pytest.fixture
def team(owner_store: Store) -> Actor:
    return person(owner_store, "하늘찬", "ai_team", bureau="디지털도시국")


def _sent(cases: Cases, author: Actor, **changed: str) -> str:
    case_id = str(cases.open(author, "casebook", Opening("민원 답변 초안을 15분에", bureau="재무국"))["id"])
    cases.filings.save(author, case_id, "casebook", {**ANSWERS, **changed}, base=0)
    cases.act(author, case_id, "submit")
    return case_id


def _judged(cases: Cases, case_id: str, team: Actor, judges: list[Actor]) -> None:
    for judge in judges:
        cases.people.name(team, case_id, "judge", judge.subject)
    cases.act(team, case_id, "begin")
    for judge in judges:
        cases.filings.save(judge, case_id, "casebook_judgement", SCORES, base=0)
        cases.act(judge, case_id, "judge")


def test_a_case_is_judged_chosen_and_read_by_anybody(
    cases: Cases, author: Actor, team: Actor, owner_store: Store, store: Store
) -> None:
    case_id = _sent(cases, author)
    with pytest.raises(InvalidInput, match="2명 이상"):
        cases.act(team, case_id, "begin")
    _judged(cases, case_id, team, [person(owner_store, f"심사{n}", bureau="복지실") for n in (1, 2)])
    cases.act(team, case_id, "choose", note="다른 부서가 따라 할 수 있습니다.")
    with pytest.raises(Forbidden, match="두 사람이"):
        cases.act(team, case_id, "publish")
    cases.act(person(owner_store, "한바다", "ai_team"), case_id, "publish")
    shelf, reader = Shelf(store), person(owner_store, "나시민", "citizen")
    (entry,) = shelf.entries(reader, words="민원 답변")
    assert (entry["credit"], entry["round"]) == ("재무국", f"{clock.today().year}-1")
    assert "김해솔" not in str(entry), "the author asked for the bureau only"
    assert minutes_saved(entry["content"]) == 500
    told = paper("해치시", "", [entry], clock.today())
    assert any("40분 → 15분" in str(part) for part in told.parts)
    shelf.take_back(team, entry["number"], "프롬프트가 바뀌었습니다.")
    with pytest.raises(NotFound):
        shelf.entry(reader, entry["number"])
    assert cases.reading.one(team, case_id)["steps"][-1]["act"] == "taken_back"


def test_personal_data_keeps_a_case_out_and_nothing_is_lost(cases: Cases, author: Actor) -> None:
    case_id = str(cases.open(author, "casebook", Opening("민원 답변", bureau="재무국"))["id"])
    cases.filings.save(
        author, case_id, "casebook", {**ANSWERS, "output": "연락처 010-2345-6789로 알려 드렸습니다."}, base=0
    )
    with pytest.raises(InvalidInput, match=r"받은 결과.*개인정보"):
        cases.act(author, case_id, "submit")
    assert "010-2345-6789" in cases.filings.get(author, case_id, "casebook")["answers"]["output"]


def test_nobody_judges_their_own_case_nor_sees_the_others_before_it_is_over(
    cases: Cases, author: Actor, team: Actor, owner_store: Store
) -> None:
    case_id = _sent(cases, author)
    with pytest.raises(Conflict, match="제척"):
        cases.people.name(team, case_id, "judge", author.subject)
    judges = [person(owner_store, f"심사{n}", bureau="복지실") for n in (1, 2)]
    _judged(cases, case_id, team, judges)
    seen = [f["author"] for f in cases.reading.one(judges[0], case_id)["filings"] if f["form"] == "casebook_judgement"]
    assert seen == [judges[0].subject]
    cases.act(team, case_id, "decline", note="비슷한 사례가 이미 실려 있습니다.")
    assert len([f for f in cases.reading.one(team, case_id)["filings"] if f["form"] == "casebook_judgement"]) == 2


def test_a_purged_case_leaves_what_was_published(
    cases: Cases, author: Actor, team: Actor, owner_store: Store, store: Store
) -> None:
    case_id = _sent(cases, author, credit="name", after_minutes="7.5")
    _judged(cases, case_id, team, [person(owner_store, f"심사{n}", bureau="복지실") for n in (1, 2)])
    cases.act(team, case_id, "choose", note="…")
    cases.act(person(owner_store, "한바다", "ai_team"), case_id, "publish")
    with owner_store.transaction() as tx:
        assert tx.value("select purge_after from cases where id = cast(:id as uuid)", id=case_id) > clock.today()
        tx.run("delete from cases where id = cast(:id as uuid)", {"id": case_id})
    (entry,) = Shelf(store).entries(author)
    assert (entry["credit"], minutes_saved(entry["content"])) == ("재무국 김해솔", 650)
