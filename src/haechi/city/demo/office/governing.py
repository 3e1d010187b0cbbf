"""The register's first entries, a committee with its members, and a basic plan on its way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from haechi.core.errors import NotFound
from haechi.core.manifest import Manifest
from haechi.core.store import Actor
from haechi.office.cases import Opening
from haechi.office.forms import open_questions
from haechi.office.forms.answers import UNKNOWN
from haechi.office.register import draft_of, rules_in_force

if TYPE_CHECKING:
    from haechi.city.office import Office

PUBLISHED = (11, 16, 39)
MEMBERS = ("staff.welfare", "staff.safety", "staff.library", "staff.tax", "staff.general")
PLAIN = {
    11: "시민이 시의 서비스와 민원을 물으면 문서에서 찾아 답하고, 모르면 사람에게 잇는 챗봇입니다.",
    16: "교통카드, 주차, 예약처럼 자주 찾는 것을 대화 안에서 바로 보여 주는 챗봇입니다.",
    39: "직원이 규정과 지침을 물으면 시의 문서에서 찾아 근거와 함께 답하는 챗봇입니다.",
}
SINCE = date(2026, 1, 1)
PLAN = {
    "from_year": "2027", "until_year": "2029", "vision": "시민이 믿고 쓰는 AI 행정을 만듭니다.",
    "goals": [{"code": "1", "title": "약자와 동행하는 AI"}, {"code": "2", "title": "안전을 지키는 AI"}],
    "tasks": [
        {"code": "1-1", "goal": "1", "title": "안부 확인 넓히기", "bureau": "복지실"},
        {"code": "2-1", "goal": "2", "title": "침수 예측 고도화", "bureau": "재난안전실"},
    ],
    "budget": [{"task": "1-1", "year": "2027", "won": "120000000"}, {"task": "2-1", "year": "2027", "won": ""}],
    "kpis": [{"task": "1-1", "name": "응답률", "unit": "%", "base": "", "target": "90", "year": "2029"}],
}  # fmt: skip


def demo(office: Office, people: Mapping[str, Actor]) -> None:
    """Each part once; what was cut off goes on where it stopped."""
    writer, publisher = people["ai.team"], people["ai.team2"]
    for manifest in office.telemetry.manifests():
        if manifest.number in PUBLISHED:
            _publish(office, manifest, writer, publisher)
    _committee(office, people)
    _plan(office, writer)


def _publish(office: Office, manifest: Manifest, writer: Actor, publisher: Actor) -> None:
    try:
        office.register.one(writer, manifest.number)
        return
    except NotFound:
        pass
    cases, number = office.cases, manifest.number
    opening = Opening(
        f"{manifest.name.ko} 등록부 항목", bureau=writer.bureau, service=number, key=f"demo:register:{number}"
    )
    case = cases.open(writer, "register_entry", opening)
    if case["state"] == "draft":
        form, answers = cases.policy.form("register_entry"), draft_of(manifest) | {"summary_ko": PLAIN[number]}
        stage = rules_in_force().stage_of[answers["status"]]
        answers |= {
            q.id: UNKNOWN if q.may_be_unknown else "해당 없음" for q in open_questions(form, answers, stage=stage)
        }
        version = cases.filings.get(writer, case["id"], "register_entry")["version"]
        cases.filings.save(writer, case["id"], "register_entry", answers, base=version)
        case = cases.act(writer, case["id"], "submit")
    if case["state"] == "review":
        cases.act(publisher, case["id"], "publish")


def _committee(office: Office, people: Mapping[str, Actor]) -> None:
    team, known = people["ai.team"], office.committee.overview(people["ai.team"], SINCE)
    if not known["acting"]:
        office.committee.let_act(team, "ai_committee", SINCE, "서울특별시 인공지능 기본조례 제8조")
    seated = {row["subject"] for row in known["members"]["ai_committee"]}
    for number, login in enumerate(MEMBERS):
        if people[login].subject not in seated:
            office.committee.seat(team, "ai_committee", people[login].subject, from_on=SINCE, chair=number == 0)


def _plan(office: Office, writer: Actor) -> None:
    case = office.cases.open(
        writer, "basic_plan", Opening("인공지능 기본계획(2027~2029)", bureau=writer.bureau, key="demo:plan")
    )
    if case["state"] == "draft":
        version = office.cases.filings.get(writer, case["id"], "plan")["version"]
        if version == 0:
            office.cases.filings.save(writer, case["id"], "plan", PLAN, base=0)
        office.cases.act(writer, case["id"], "review")
