"""An ethics check under way and an impact level that was decided, both for the staff chatbot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from haechi.core.store import Actor
from haechi.office.cases import Opening

if TYPE_CHECKING:
    from haechi.city.office import Office

SERVICE = 39
CHECK = {
    "service": SERVICE, "plan_good": "yes", "plan_fair": "partly", "plan_open": "yes", "plan_answer": "yes", "plan_safe": "yes",
    "plan_fair_plan": "화면낭독기를 쓰는 직원과 함께 써 보고 막히는 곳을 고칩니다.", "plan_fair_due": "2099-12-31",
}  # fmt: skip
MINUTES = "착수 회의에서 목적, 고지, 담당자, 멈춤 절차를 정했습니다. (시연용으로 지은 글)"
IMPACT = {
    "service": SERVICE, "role": "inform", "subject": "things", "rights": "comfort", "reversible": "easily", "duration": "short",
    "reach": "100k", "vulnerable": "no", "escape": "yes", "personal": "plain", "linked": "no", "opaque": "yes", "learning": "no",
    "measured": "below", "high_impact": "no", "high_impact_by": "인공지능행정과 하늘찬", "high_impact_on": "2026-01-30",
    "high_impact_basis": "직원에게 문서를 알리는 데 그치고 사람에 대한 결정에 쓰이지 않습니다. (시연용으로 지은 판단)",
    "m_human": "done", "m_objection": "planned", "m_notice": "done", "m_groups": "no", "m_peer": "planned", "m_stop": "done",
    "m_consulted": "no", "m_logs": "done",
}  # fmt: skip


def demo(office: Office, people: Mapping[str, Actor]) -> None:
    """Open both once; a scene that was cut off goes on where it stopped."""
    owner, team = people["owner.39"], people["ai.team"]
    _check(office, owner, team)
    _impact(office, owner, team)


def _check(office: Office, owner: Actor, team: Actor) -> None:
    cases = office.cases
    opening = Opening("직원용 업무 챗봇 윤리 점검", bureau=owner.bureau, service=SERVICE, key="demo:ethics")
    case = cases.open(owner, "ethics_check", opening)
    if case["state"] != "plan":
        return
    if not cases.filings.get(owner, case["id"], "ethics_plan")["answers"]:
        cases.filings.save(owner, case["id"], "ethics_plan", CHECK, base=0)
        for question, answer in CHECK.items():
            if answer == "yes":
                cases.work.add_evidence(
                    owner, case["id"], name="착수회의록.txt", media_type="text/plain", content=MINUTES.encode(),
                    question=question,
                )  # fmt: skip
    cases.people.name(team, case["id"], "reviewer", team.subject)
    cases.act(owner, case["id"], "file_plan")


def _impact(office: Office, owner: Actor, team: Actor) -> None:
    cases = office.cases
    opening = Opening("직원용 업무 챗봇 영향평가", bureau=owner.bureau, service=SERVICE, key="demo:impact")
    case = cases.open(owner, "impact_assessment", opening)
    id = case["id"]
    if case["state"] == "draft":
        if not cases.filings.get(owner, id, "impact_assessment")["answers"]:
            cases.filings.save(owner, id, "impact_assessment", IMPACT, base=0)
            cases.people.name(team, id, "decider", team.subject)
        case = cases.act(owner, id, "submit")
    if case["state"] == "scored":
        if not cases.filings.get(team, id, "impact_decision")["answers"]:
            decision = {"level": "2", "why": "직원 모두가 쓰고 틀린 답이 처분으로 이어질 수 있어 한 등급 올립니다."}
            cases.filings.save(team, id, "impact_decision", decision, base=0)
        cases.act(team, id, "decide")
