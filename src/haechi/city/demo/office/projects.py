"""Projects under review in the demonstration city: a pre-review with its sheets, a consulting round, a sitting, a trial. Fictional."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from haechi.core import clock
from haechi.core.store import Actor, Row
from haechi.office.cases import Opening
from haechi.office.pilots import Pilots
from haechi.office.rounds import Roster, Round, Rounds

if TYPE_CHECKING:
    from haechi.city.office import Office

REVIEWERS = ("staff.property", "staff.general", "staff.library", "staff.personnel")
PROJECT: dict[str, Any] = {
    "goal": "공원 산책로의 가로등에 단 카메라로 쓰러진 사람을 찾아 관제원에게 알립니다.",
    "users": "관제원과 공원 관리 직원",
    "starts_on": "2027-01-04",
    "ends_on": "2027-12-31",
    "measure": "알림 가운데 실제로 도움이 필요했던 비율, 알림까지 걸린 시간",
    "why_ai": "카메라 60대를 사람이 밤새 볼 수 없습니다.",
    "non_ai": "순찰을 늘리는 방안은 해마다 2억 원이 더 들고 밤 시간의 절반만 돌 수 있습니다.",
    "existing": "재난안전실의 지능형 CCTV를 함께 쓸 수 있는지 물었고, 카메라 규격이 달라 일부만 됩니다.",
    "lines": [
        {"item": "판독 장치", "unit_won": 8_000_000, "quantity": 4, "amount_won": 32_000_000},
        {"item": "설치와 시험", "unit_won": 6_000_000, "quantity": 1, "amount_won": 6_000_000},
    ],
    "total_won": 38_000_000,
    "ceiling_won": 40_000_000,
    "funding": "main",
    "yearly_won": 3_000_000,
    "sources": "공원 카메라 영상(저장하지 않음)",
    "personal": True,
    "personal_kinds": "얼굴이 보일 수 있는 영상. 저장하지 않고 알림의 정지 화면만 7일 보관",
    "personal_basis": "법적 근거와 영향평가 계획은 법무 검토 중",
    "model_kind": "open",
    "human_step": "관제원이 화면을 보고 출동을 정합니다.",
    "high_impact": "__unknown__",
    "high_impact_basis": "판단할 자료를 모으는 중입니다.",
    "high_impact_by": "복지정책과 담당",
    "high_impact_on": "2025-06-02",
}
SHEETS = (
    {"need": "4", "feasible": "4", "data": "2", "money": "4", "duty": "3", "advice": "조건부추진", "opinion": "영상 처리의 근거를 먼저 정해야 합니다."},
    {"need": "4", "feasible": "3", "data": "3", "money": "4", "duty": "4", "advice": "추진", "opinion": "규모가 작아 먼저 해 볼 만합니다."},
)  # fmt: skip
DEMANDS = (
    ("상담 기록을 주제별로 나누기", "staff.welfare", {"urgency": "5", "effect": "4", "readiness": "4", "spread": "3"}),
    ("장서 점검 사진 판독", "staff.library", {"urgency": "2", "effect": "3", "readiness": "5", "spread": "2"}),
    ("계약 서류 빠짐 찾기", "staff.property", {"urgency": "4", "effect": "4", "readiness": "3", "spread": "5"}),
)
DEMAND = {
    "problem": "사람이 하나씩 읽어 며칠이 걸립니다.", "wish": "어떤 방법이 맞는지 고르고 싶습니다.", "field": ["데이터", "모델"],
    "deadline": "2027-02-26", "data_ready": True,
}  # fmt: skip
ITEM = {
    "background": "상담 요약을 석 달 동안 시험했습니다.", "question": "요약에 개인정보가 남는지 무엇으로 확인하면 좋을까요?",
    "field": ["보안", "데이터"],
}  # fmt: skip
PLAN: dict[str, Any] = {
    "kind": "closed", "goal": "폐쇄망에서 문서 초안을 쓰는 시간이 주는지", "tool": "시의 공동 모델", "network": "내부망. 밖으로 나가는 것 없음",
    "people": 180, "instruments": ["diary", "survey", "raters"], "hypothesis": "초안 쓰는 시간이 20% 준다",
    "go_if": "시간 차이의 구간이 0보다 아래에만 있고 질이 떨어지지 않는다", "stop_if": "잘못된 내용이 그대로 나간 일이 두 건 생긴다",
    "privacy": "동의를 받고, 그만두면 모두 지운다", "survey": [{"question": "초안을 쓰기 쉽다"}, {"question": "결과를 믿을 수 있다"}],
}  # fmt: skip


def demo(office: Office, people: Mapping[str, Actor]) -> None:
    """Everything once; a scene that was cut off goes on where it stopped."""
    team, store = people["ai.team"], office.cases.store
    today = clock.today()
    rounds, roster = Rounds(store), Roster(store)
    span: dict[str, Any] = {"opens_on": today - timedelta(days=14), "closes_on": today + timedelta(days=30)}
    for new in (
        Round("시연-본예산", "pre_review", "본예산 사전검토(시연)", cap_won=500_000_000, **span),
        Round(
            "시연-컨설팅", "consulting", "컨설팅 수요조사(시연)", seats=2, due_on=today + timedelta(days=120), **span
        ),
        Round("시연-자문", "advice", "제1회 자문회의(시연)", seats=7, due_on=today, place="회의실", **span),
    ):
        if new.id not in {one["id"] for one in rounds.listed(team, new.kind)}:
            rounds.add(team, new)
    for kind in ("reviewer", "advisor", "consultant"):
        known = {one["subject"] for one in roster.listed(team, kind)}
        for login in REVIEWERS:
            if people[login].subject not in known:
                roster.add(
                    team, kind, people[login].subject, from_on=today, until_on=today + timedelta(days=730),
                    specialties=("데이터", "보안"),
                )  # fmt: skip
    _pre_review(office, people)
    _consulting(office, people)
    _advice(office, people)
    _trial(office, people)


def _begun(office: Office, who: Actor, flow: str, form: str, title: str, answers: Mapping[str, Any], key: str) -> Row:
    cases = office.cases
    case = cases.open(who, flow, Opening(title, bureau=who.bureau, key=f"demo:projects:{key}"))
    if case["state"] in ("draft", "demand"):
        base = cases.filings.get(who, case["id"], form)["version"]
        cases.filings.save(who, case["id"], form, answers, base=base)
        step = {"advice": "request"}.get(flow, "submit")
        case = cases.act(who, case["id"], step)
    return case


def _pre_review(office: Office, people: Mapping[str, Actor]) -> None:
    cases, owner = office.cases, people["staff.welfare"]
    case = _begun(office, owner, "pre_review", "pre_review", "공원 산책로 쓰러진 사람 알림", PROJECT, "pre_review")
    if case["state"] != "checked":
        return
    cases.act(people["ai.team"], case["id"], "assign")
    named = [
        one["subject"]
        for one in cases.reading.one(people["ai.team"], case["id"])["people"]
        if one["part"] == "reviewer"
    ]
    judges = [people[login] for login in REVIEWERS if people[login].subject in named]
    for judge, sheet in zip(judges, SHEETS, strict=False):
        cases.filings.save(judge, case["id"], "pre_review_score", sheet, base=0)
        cases.act(judge, case["id"], "score")


def _consulting(office: Office, people: Mapping[str, Actor]) -> None:
    cases, team = office.cases, people["ai.team"]
    for title, login, points in DEMANDS:
        case = _begun(office, people[login], "consulting", "consulting_demand", title, DEMAND, f"consulting:{login}")
        if case["state"] == "submitted":
            base = cases.filings.get(team, case["id"], "consulting_score")["version"]
            cases.filings.save(
                team, case["id"], "consulting_score", {**points, "ground": "수요조사서와 통화로 확인"}, base=base
            )
            cases.act(team, case["id"], "score")


def _advice(office: Office, people: Mapping[str, Actor]) -> None:
    cases, team = office.cases, people["ai.team"]
    case = _begun(
        office, people["staff.welfare"], "advice", "advice_request", "상담 요약의 개인정보 확인", ITEM, "advice"
    )
    if case["state"] != "requested":
        return
    cases.act(team, case["id"], "convene")
    for login, text in zip(
        REVIEWERS,
        ("표본을 두 사람이 읽어 견주세요.", "가린 뒤의 글도 다시 검사하세요.", "남은 종류를 달마다 공개하세요."),
        strict=False,
    ):
        opinion = {"opinion": text, "weight": "should"}
        cases.filings.save(people[login], case["id"], "advice_opinion", opinion, base=0)
        cases.act(people[login], case["id"], "opine")
    cases.act(team, case["id"], "gather")


def _trial(office: Office, people: Mapping[str, Actor]) -> None:
    today, lead = clock.today(), people["owner.39"]
    plan = {**PLAN, "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=91)).isoformat()}
    case = _begun(office, lead, "pilot", "pilot_plan", "폐쇄망 문서 초안 실증(180명, 3개월)", plan, "pilot")
    if case["state"] == "planned":
        office.cases.act(people["ai.team"], case["id"], "approve")
        asked = [people[login].subject for login in ("staff.welfare", "staff.tax", "staff.safety", "mayor.aide")]
        Pilots(office.cases.store).enrol(lead, case["id"], asked)
