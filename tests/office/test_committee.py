"""A plan on its way through the committee, and what a committee must refuse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from tests.office.people import person

from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import Actor, Store
from haechi.office import committee, plans
from haechi.office.cases import Cases, Hooks, Opening, Policy

DAY = date(2026, 11, 30)
MEETING = {"held_on": DAY.isoformat(), "time": "14:00", "place": "본관 회의실", "purpose": "기본계획을 심의합니다."}
ITEM = {
    "kind": "decide",
    "proposal": "기본계획(안)",
    "reason": "주기가 왔습니다.",
    "law": "기본조례 제6조",
    "ballot": "secret",
}
PLAN = {
    "from_year": 2027, "until_year": 2029, "vision": "시민이 믿는 AI 행정",
    "goals": [{"code": "1", "title": "돌봄"}, {"code": "2", "title": "안전"}],
    "tasks": [
        {"code": "1-1", "goal": "1", "title": "안부 확인", "bureau": "복지실"},
        {"code": "2-1", "goal": "2", "title": "침수 예측", "bureau": "재난안전실"},
    ],
    "budget": [{"task": "1-1", "year": 2027, "won": 372_000_000}, {"task": "2-1", "year": 2028, "won": None}],
    "kpis": [{"task": "1-1", "name": "응답률", "unit": "%", "base": "미상", "target": "90", "year": 2029}],
}  # fmt: skip


@dataclass
class House:
    cases: Cases
    committee: committee.Committee
    plans: plans.Plans
    team: Actor
    members: list[Actor]

    def meeting(self, *items: str) -> str:
        opened = self.cases.open(self.team, "committee_meeting", Opening("제3차 회의"))
        self.cases.filings.save(self.team, opened["id"], "committee_meeting", MEETING, base=0)
        for item in items:
            self.committee.put_on_agenda(self.team, opened["id"], item)
        return str(opened["id"])

    def item(self, *, parent: str | None = None, bureau: str = "디지털도시국", **changed: str) -> str:
        opened = self.cases.open(
            self.team, "committee_item", Opening("기본계획(안) 심의", bureau=bureau, parent=parent)
        )
        self.cases.filings.save(self.team, opened["id"], "committee_item", {**ITEM, **changed}, base=0)
        self.cases.act(self.team, opened["id"], "submit")
        return str(opened["id"])

    def tabled(self, item: str) -> str:
        meeting = self.meeting(item)
        self.cases.act(self.team, meeting, "convene")
        self.cases.act(self.team, item, "table")
        return meeting

    def begin(self, meeting: str, *present: Actor) -> None:
        for one in present:
            self.committee.attend(self.team, meeting, one.subject)
        self.cases.act(self.team, meeting, "begin")


@pytest.fixture
def house(store: Store, owner_store: Store) -> House:
    hooks, policy = Hooks(), Policy.in_force()
    cases = Cases(store, policy, hooks)
    committee.hang(hooks, lambda: cases)
    plans.hang(hooks)
    team = person(owner_store, "간사", "ai_team", bureau="디지털도시국")
    members = [person(owner_store, f"위원{n}", "staff", bureau=f"대학{n}") for n in range(1, 6)]
    made = House(cases, committee.Committee(store, cases), plans.Plans(store, cases), team, members)
    made.committee.let_act(team, "ai_committee", date(2026, 1, 1), "조례 제8조")
    for member in members:
        made.committee.seat(team, "ai_committee", member.subject, from_on=date(2026, 1, 1))
    return made


def _drafted(house: House) -> str:
    case = house.cases.open(house.team, "basic_plan", Opening("제2차 인공지능 기본계획"))
    house.cases.filings.save(house.team, case["id"], "plan", PLAN, base=0)
    house.cases.act(house.team, case["id"], "review")
    house.cases.act(house.team, case["id"], "table")
    return str(case["id"])


def test_a_plan_is_adopted_by_the_committee_alone_and_its_year_follows(house: House) -> None:
    plan = _drafted(house)
    with pytest.raises(Forbidden):
        house.cases.act(house.team, plan, "adopt")
    item = house.item(parent=plan)
    meeting = house.tabled(item)
    with pytest.raises(InvalidInput, match="성원이 되지 않았습니다"):
        house.begin(meeting, *house.members[:2])
    house.begin(meeting, house.members[2])
    house.cases.act(house.team, item, "open_vote")
    for member, choice in zip(house.members, ("찬성", "찬성", "기권"), strict=False):
        house.committee.vote(member, item, choice)
    with pytest.raises(Conflict, match="이미 표결"):
        house.committee.vote(house.members[0], item, "반대")
    with pytest.raises(Forbidden, match="출석한 위원만"):
        house.committee.vote(house.members[4], item, "찬성")
    house.cases.act(house.team, item, "count")
    with pytest.raises(Conflict, match="지금은 표결하지"):
        house.committee.vote(house.members[2], item, "찬성")
    with pytest.raises(InvalidInput, match="표결과 다르게"):
        house.cases.act(house.team, item, "reject")
    house.cases.act(house.team, item, "pass")
    house.cases.act(house.team, meeting, "close")
    seen = house.cases.reading.one(house.team, plan)
    assert seen["case"]["state"] == "adopted"
    minutes = house.cases.reading.one(house.team, meeting)["letters"]
    assert [letter["template"] for letter in minutes] == ["committee_convening", "committee_minutes"]
    facts = house.cases.reading.one(house.team, item)["case"]["facts"]
    assert (facts["yes"], facts["abstained"], facts["present"], facts["named"]) == (2, 1, 3, {}), (
        "a secret vote names nobody"
    )

    year = house.plans.begin_year(house.team, plan, 2027)
    assert house.plans.begin_year(house.team, plan, 2027)["id"] == year["id"]
    told = house.plans.one(house.team, year["id"])
    assert (told["totals"].won, told["totals"].unknown) == (372_000_000, 0)
    with pytest.raises(Conflict, match="2027년부터"):
        house.plans.begin_year(house.team, plan, 2031)
    house.cases.filings.save(
        house.team, year["id"], "plan", {"tasks": [*PLAN["tasks"], {"code": "9", "goal": "1", "title": "새것", "bureau": "x"}]},  # type: ignore[misc]
        base=1,
    )  # fmt: skip
    with pytest.raises(InvalidInput, match="기본계획에 없는 과제"):
        house.cases.act(house.team, year["id"], "review")


def test_a_member_who_is_related_sees_neither_the_item_nor_that_it_is_there(house: House) -> None:
    item = house.item(bureau="대학1", parties="(주)나눔, 대학2")
    meeting = house.tabled(item)
    house.begin(meeting, *house.members)
    house.cases.act(house.team, item, "open_vote")
    for kept_out in house.members[:2]:
        with pytest.raises(NotFound):
            house.committee.vote(kept_out, item, "찬성")
        assert house.committee.meeting(kept_out, meeting)["items"] == []
    (seen,) = house.committee.meeting(house.members[2], meeting)["items"]
    assert (seen["voters"], seen["may_vote"]) == (3, True)


def test_a_rejected_plan_goes_back_and_an_open_vote_names_those_who_voted(house: House) -> None:
    plan = _drafted(house)
    item = house.item(parent=plan, ballot="open")
    meeting = house.tabled(item)
    house.begin(meeting, *house.members[:3])
    house.cases.act(house.team, item, "open_vote")
    house.committee.vote(house.members[0], item, "반대")
    with pytest.raises(InvalidInput, match="과반수가 표결"):
        house.cases.act(house.team, item, "count")
    house.committee.vote(house.members[1], item, "반대")
    house.cases.act(house.team, item, "count")
    house.cases.act(house.team, item, "reject")
    assert house.cases.reading.one(house.team, plan)["case"]["state"] == "draft"
    facts = house.cases.reading.one(house.team, item)["case"]["facts"]
    assert facts["named"] == {"반대": ["위원1", "위원2"]}
    assert (facts["no"], facts["abstained"]) == (2, 1), "who was there and did not vote abstained"


def test_the_panel_takes_over_and_no_item_is_lost(house: House, owner_store: Store) -> None:
    item = house.item()
    house.committee.let_act(
        house.team, "smart_city_panel", date(2026, 11, 1), "조례 제9조에 따라 분과위원회가 대신합니다."
    )
    for n in range(3):
        who = person(owner_store, f"분과{n}", "staff", bureau=f"연구원{n}")
        house.committee.seat(house.team, "smart_city_panel", who.subject, from_on=date(2026, 11, 1))
    house.tabled(item)
    facts = house.cases.reading.one(house.team, item)["case"]["facts"]
    assert facts["body_id"] == "smart_city_panel"
    told = house.committee.overview(house.team, DAY)
    assert (told["acting"], len(told["members"]["ai_committee"]), len(told["members"]["smart_city_panel"])) == (
        "smart_city_panel",
        5,
        3,
    )
    assert house.committee.overview(house.team, date(2026, 10, 31))["acting"] == "ai_committee"


def test_the_sixteenth_member_a_third_term_and_a_body_past_its_day_are_refused(
    house: House, owner_store: Store
) -> None:
    for n in range(10):
        who = person(owner_store, f"새위원{n}", "staff", bureau=f"기관{n}")
        house.committee.seat(house.team, "ai_committee", who.subject, from_on=date(2026, 1, 1))
    late = person(owner_store, "열여섯째", "staff", bureau="기관")
    with pytest.raises(Conflict, match="15명까지"):
        house.committee.seat(house.team, "ai_committee", late.subject, from_on=date(2026, 6, 1))
    first = house.members[0].subject
    with pytest.raises(Conflict, match="임기 중"):
        house.committee.seat(house.team, "smart_city_panel", first, from_on=date(2026, 1, 1)) and house.committee.seat(
            house.team, "smart_city_panel", first, from_on=date(2027, 1, 1)
        )
    house.committee.seat(house.team, "smart_city_panel", first, from_on=date(2028, 1, 1))
    with pytest.raises(Conflict, match="한 차례만 연임"):
        house.committee.seat(house.team, "smart_city_panel", first, from_on=date(2030, 1, 1))
    with pytest.raises(Conflict, match="2027년 12월 31일까지"):
        house.committee.let_act(house.team, "ai_committee", date(2028, 1, 1), "이어서 합니다.")
    with pytest.raises(Forbidden):
        house.committee.seat(house.members[0], "ai_committee", late.subject, from_on=date(2026, 1, 1))


def test_when_the_next_plan_is_due_depends_on_the_rule_of_the_day(house: House) -> None:
    adopted = date(2025, 3, 2)
    assert plans.next_due("basic_plan", adopted, on=date(2025, 7, 13)).on == date(2030, 3, 2)
    due = plans.next_due("basic_plan", adopted, on=date(2025, 7, 14))
    assert (due.on, due.rule.value, "제9752호" in due.rule.law) == (date(2028, 3, 2), 3, True)
    assert plans.next_due("yearly_plan", date(2028, 2, 29), on=DAY).on == date(2029, 2, 28)
    assert house.plans.due(house.team, on=DAY) == {"basic_plan": None, "yearly_plan": None}


def test_a_plan_whose_parts_do_not_hang_together_says_where() -> None:
    broken = {**PLAN, "tasks": [*PLAN["tasks"], {"code": "1-1", "goal": "7", "title": "겹침", "bureau": "x"}],  # type: ignore[misc]
              "budget": [{"task": "8", "year": 2035, "won": 1}]}  # fmt: skip
    told = " ".join(ko for ko, _ in plans.faults(broken))
    assert all(words in told for words in ("과제 코드 1-1", "목표 코드 7", "과제 코드 8", "2035"))
    assert plans.faults(PLAN) == []
    changes = plans.compare(
        PLAN, {**PLAN, "vision": "새 비전", "budget": [{"task": "1-1", "year": 2027, "won": 400_000_000}]}
    )
    assert [(c.kind, c.table, c.key) for c in changes] == [
        ("changed", "head", ("vision",)), ("removed", "budget", ("2-1", "2028")), ("changed", "budget", ("1-1", "2027")),
    ]  # fmt: skip
