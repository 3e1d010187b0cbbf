"""The ethics check at five moments and the impact assessment: unanswered is not passed, and no score decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.office.people import person
from tests.office.planted import NOW, desk, planted_platform, save, verdicts

from haechi.city.trust import Platform
from haechi.core import clock
from haechi.core.errors import Forbidden, InvalidInput
from haechi.core.store import Actor, Store
from haechi.office.cases import Cases, Opening, Policy


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


@pytest.fixture
def platform(worker_store: Store, tmp_path: Path) -> Platform:
    return planted_platform(worker_store, tmp_path)


@pytest.fixture
def cases(platform: Platform, store: Store) -> Cases:
    return desk(platform, store)


@pytest.fixture
def owner(owner_store: Store) -> Actor:
    return person(owner_store, "박나린", "service_owner", bureau="복지실")


@pytest.fixture
def assessor(owner_store: Store) -> Actor:
    return person(owner_store, "하늘찬", "ai_team", bureau="디지털도시국")


PRINCIPLES = ("good", "fair", "open", "answer", "safe")


def checked(cases: Cases, owner: Actor, case_id: str, moment: str, **changed: Any) -> None:
    """The moment's five questions kept, each with a document, but what is changed."""
    told: dict[str, Any] = {f"{moment}_{one}": "yes" for one in PRINCIPLES} | changed
    for one in PRINCIPLES:
        if told[f"{moment}_{one}"] == "yes":
            cases.work.add_evidence(owner, case_id, name="증거.txt", media_type="text/plain", content=b"x", question=f"{moment}_{one}")  # fmt: skip
    save(cases, owner, case_id, f"ethics_{moment}", told)


def test_five_moments_unanswered_is_not_passed(cases: Cases, owner: Actor, assessor: Actor, platform: Platform) -> None:
    case_id = str(cases.open(owner, "ethics_check", Opening("심은 서비스", bureau="복지실"))["id"])
    cases.people.name(assessor, case_id, "reviewer", assessor.subject)
    with pytest.raises(InvalidInput, match="답하지 않은 문항이 5개"):
        cases.act(owner, case_id, "file_plan")
    save(cases, owner, case_id, "ethics_plan", {"service": "77", **{f"plan_{one}": "yes" for one in PRINCIPLES}})
    with pytest.raises(InvalidInput, match="답하지 않은 문항이 5개"):
        cases.act(owner, case_id, "file_plan")  # a yes without evidence
    due = (clock.today() + timedelta(days=20)).isoformat()
    gap = {"plan_fair": "partly", "plan_fair_plan": "당사자 의견을 듣는다.", "plan_fair_due": due}
    checked(cases, owner, case_id, "plan", **gap)
    cases.act(owner, case_id, "file_plan")
    with pytest.raises(Forbidden):
        cases.act(owner, case_id, "confirm_plan", note="스스로")
    cases.act(assessor, case_id, "confirm_plan", note="회의록을 보았다.")
    seen = cases.reading.one(owner, case_id)
    assert [(t["text"], t["source"]) for t in seen["tasks"]] == [("기획: 당사자 의견을 듣는다.", "plan_fair")]
    assert seen["case"]["facts"]["ethics"]["plan"] | {"on": ""} == {"kept": 4, "gaps": 1, "asked": 5, "on": ""}
    checked(cases, owner, case_id, "data")
    with clock.frozen(NOW + timedelta(days=25)), pytest.raises(InvalidInput, match="할 일 1개가 기한을 넘겼습니다"):
        cases.act(owner, case_id, "file_data")
    for hours, moment in enumerate(("data", "development", "operation"), 1):
        with clock.frozen(NOW + timedelta(hours=hours)):
            checked(cases, owner, case_id, moment)
            cases.act(owner, case_id, f"file_{moment}")
            cases.act(assessor, case_id, f"confirm_{moment}", note="증거를 열어 보았다.")
    seen = cases.reading.one(owner, case_id)
    assert seen["case"]["facts"]["next_check_on"] == (clock.today() + timedelta(days=365)).isoformat()
    assert [d["deadline"] for d in seen["deadlines"] if d["met_at"] is None] == ["next_check"]
    assert verdicts(platform)["ethics_on_record"] == "pass"
    cases.act(owner, case_id, "retire", note="다음 사업으로 옮긴다.")
    checked(cases, owner, case_id, "retirement")
    cases.act(owner, case_id, "file_retirement")
    cases.act(assessor, case_id, "confirm_retirement", note="삭제 기록을 보았다.")
    assert cases.reading.one(owner, case_id)["case"]["state"] == "closed"


LOW = {
    "service": "77", "role": "inform", "subject": "things", "rights": "none", "reversible": "easily", "duration": "short",
    "reach": "1k", "vulnerable": "no", "escape": "yes", "personal": "none", "linked": "no", "opaque": "yes", "learning": "no",
    "measured": "yes", **{f"m_{one}": "no" for one in ("human", "objection", "notice", "groups", "peer", "stop", "consulted", "logs")},
    "high_impact": "no", "high_impact_by": "디지털정책과 마루한", "high_impact_on": "2026-11-01", "high_impact_basis": "내부 안내다.",
}  # fmt: skip


def test_the_score_proposes_and_a_person_decides(
    cases: Cases, owner: Actor, assessor: Actor, platform: Platform
) -> None:
    case_id = str(cases.open(owner, "impact_assessment", Opening("심은 서비스", bureau="복지실"))["id"])
    cases.people.name(assessor, case_id, "decider", assessor.subject)
    blank = {key: value for key, value in LOW.items() if key != "rights"}
    save(cases, owner, case_id, "impact_assessment", blank)
    filing = cases.filings.get(owner, case_id, "impact_assessment")
    assert cases.filings.assessment(filing, "plan").level is None, "an open question: no level"
    with pytest.raises(InvalidInput, match="닿는 권리와 이익"):
        cases.act(owner, case_id, "submit")
    save(cases, owner, case_id, "impact_assessment", {"rights": "life", "role": "decide", "reversible": "__unknown__", "high_impact_by": ""})  # fmt: skip
    with pytest.raises(InvalidInput, match="판단한 사람의 소속과 이름"):
        cases.act(owner, case_id, "submit")
    save(cases, owner, case_id, "impact_assessment", {"high_impact_by": "디지털정책과 마루한"})
    cases.act(owner, case_id, "submit")
    impact = cases.reading.one(owner, case_id)["case"]["facts"]["impact"]
    assert impact["level"] == "2"
    assert {d["question"] for d in impact["drivers"]} == {"rights", "role", "reversible", "reach"}
    assert next(d for d in impact["drivers"] if d["question"] == "reversible")["unknown"]
    assert impact["high_impact"]["answer"] == "no", "recorded as it was answered, whatever the score"
    save(cases, assessor, case_id, "impact_decision", {"level": "1", "why": "가볍다."})
    with pytest.raises(InvalidInput, match="2등급보다 낮게 정할 수 없습니다"):
        cases.act(assessor, case_id, "decide")
    save(cases, assessor, case_id, "impact_decision", {"level": "3", "why": "생명에 닿는다."})
    cases.act(assessor, case_id, "decide")
    seen = cases.reading.one(owner, case_id)
    assert len(seen["tasks"]) == len(seen["case"]["facts"]["impact"]["duties"]) == 6
    assert [letter["name"] for letter in seen["letters"]] == ["AI 영향 등급 결정 통보"]
    assert verdicts(platform)["impact_on_record"] == "pass"
    with pytest.raises(InvalidInput, match="끝나지 않은 의무가 6개"):
        cases.act(assessor, case_id, "close", note="됐다.")


def test_an_empty_form_is_not_low_risk_and_the_worst_is_the_highest() -> None:
    from haechi.office.forms import assess

    form = Policy.in_force().form("impact_assessment")
    assert assess(form, {}, stage="plan").level is None
    worst = {q.id: max(q.options, key=lambda o: o.weight).value for q in form.questions if q.area == "risk"}
    told = {**LOW, **worst, "vulnerable_how": "살폈다"}
    found = assess(form, told, stage="plan")
    assert (found.level and found.level.id, found.share) == ("4", 1.0)
    relieved = assess(form, {**told, **{f"m_{k}": "done" for k in ("human", "objection", "notice", "groups", "peer", "stop", "consulted", "logs")}}, stage="plan")  # fmt: skip
    assert relieved.share == pytest.approx(0.85), "measures lower the score, they do not erase it"


def test_the_demonstration_is_played_once(cases: Cases, owner_store: Store) -> None:
    from types import SimpleNamespace

    from haechi.city.demo.office.trust import demo

    people = {
        "owner.39": person(owner_store, "박나린", "service_owner", bureau="행정국"),
        "ai.team": person(owner_store, "하늘찬", "ai_team", bureau="디지털도시국"),
    }
    office: Any = SimpleNamespace(cases=cases)
    demo(office, people)
    demo(office, people)
    held, _ = cases.reading.listed(people["ai.team"], service=39)
    assert {case["flow"]: case["state"] for case in held} == {
        "ethics_check": "plan_review",
        "impact_assessment": "decided",
    }
    impact = cases.reading.one(people["ai.team"], next(c["id"] for c in held if c["flow"] == "impact_assessment"))
    assert impact["case"]["facts"]["impact"]["level"] == "1"
    assert len(impact["tasks"]) == 3
