"""Policy of a day, and the way from impact assessment and ethics check to the draft certificate, in the browser."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.house import House, csrf_of, faults_of, sideways

from haechi.city.seeding import seed
from haechi.core.identity import User
from haechi.core.roles import actor_of
from haechi.core.store import Actor

SERVICE = 11
IMPACT = {
    "service": SERVICE, "role": "inform", "subject": "persons", "rights": "comfort", "reversible": "easily", "duration": "short",
    "reach": "more", "vulnerable": "some", "vulnerable_how": "고령자와 함께 써 보았다.", "escape": "yes", "personal": "plain",
    "linked": "no", "opaque": "yes", "learning": "no", "measured": "below", "high_impact": "no",
    "high_impact_by": "디지털정책과 마루한", "high_impact_on": "2026-01-30", "high_impact_basis": "안내에 그친다.",
    **{f"m_{one}": "done" for one in ("human", "objection", "notice", "groups", "peer", "stop", "consulted", "logs")},
}  # fmt: skip


def actor(house: House, login: str) -> Actor:
    with house.installation.worker_store.transaction() as tx:
        row = tx.one("select id::text as id, name, roles, bureau from users where login = :login", login=login)
    assert row is not None
    return actor_of(User(row["id"], login, row["name"], "", tuple(row["roles"]), row["bureau"]))


@pytest.fixture(scope="module")
def seeded(house: House) -> House:
    seed(house.installation)
    return house


def begin(person: Any, flow: str, title: str) -> str:
    """Open a case; its address."""
    person.go(f"/cases/new?flow={flow}")
    person.page.fill("#title", title)
    person.page.click("main form button[type=submit]")
    person.page.wait_for_url("**/cases/*-*")
    return str(person.page.url).removeprefix(person.house.address)


def bring(person: Any, case: str, form: str, answers: dict[str, Any], folder: Path) -> None:
    """Answers from a file, through the page of the form."""
    path = folder / "answers.json"
    path.write_text(json.dumps({"form": form, "version": 1, "answers": answers}), encoding="utf-8")
    person.go(f"{case}/forms/{form}")
    person.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    person.page.set_input_files("#away-file", str(path))
    person.page.click("form[action$='/import'] button")
    person.page.wait_for_load_state()


def step(person: Any, case: str, name: str, told: str, note: str = "") -> None:
    """Take a step, and read what the page says then."""
    person.go(case)
    form = person.page.locator("form.step").filter(has=person.page.get_by_role("button", name=name, exact=True))
    if note:
        form.locator("textarea").fill(note)
    form.get_by_role("button", name=name, exact=True).click()
    person.page.wait_for_selector(f"text={told}", timeout=60_000)


def prove(house: House, case: str, questions: list[str]) -> None:
    """A document beside each question."""
    for question in questions:
        house.installation.office.cases.work.add_evidence(
            actor(house, "owner"), case.split("/")[-1], name=f"{question}.txt", media_type="text/plain", content=b"x",
            question=question,
        )  # fmt: skip


def name(person: Any, case: str, part: str, who: str) -> None:
    """Give somebody a part, by the page of the case."""
    person.go(case)
    person.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    options = person.page.locator(f"#p-{part} option").all_inner_texts()
    assert not any("복지실" in option for option in options), "nobody of the owner's bureau can be named"
    person.page.select_option(f"#p-{part}", label=next(option for option in options if who in option))
    person.page.locator(f"form:has(#p-{part}) button").click()
    person.page.wait_for_load_state()


def test_from_impact_and_ethics_to_the_draft_certificate(seeded: House, visitor: Any, tmp_path: Path) -> None:
    owner, team = visitor(), visitor()
    owner.sign_in("owner")
    team.sign_in("ai")
    # What takes seconds runs meanwhile; the certification finds it done within the hour.
    ahead = threading.Thread(target=seeded.installation.office.platform.gather, args=(SERVICE,))
    ahead.start()
    impact(owner, team, tmp_path)
    ethics(seeded, owner, team, tmp_path)
    ahead.join()
    certificate(seeded, owner, team, tmp_path)


def impact(owner: Any, team: Any, folder: Path) -> None:
    case = begin(owner, "impact_assessment", "서울톡 영향평가")
    step(owner, case, "제출", "답하지 않은 문항")
    bring(owner, case, "impact_assessment", IMPACT, folder)
    step(owner, case, "제출", "결정 대기")
    name(team, case, "decider", "하늘찬")
    team.go(f"{case}/forms/impact_decision")
    team.page.check("#a-level-2")
    team.page.fill("#a-why", "많은 사람이 쓴다.")
    team.page.keyboard.press("Tab")
    team.page.wait_for_selector("text=모두 답했습니다.")
    step(team, case, "등급 결정", "AI 영향 등급 결정 통보")
    assert "결과의 근거를 보여 주고 이의제기 길을 연다" in team.page.inner_text("main")


def ethics(house: House, owner: Any, team: Any, folder: Path) -> None:
    case = begin(owner, "ethics_check", "서울톡 윤리 점검")
    name(team, case, "reviewer", "하늘찬")
    step(owner, case, "기획 점검 제출", "답하지 않은 문항이 5개")
    for moment, ko in (
        ("plan", "기획"),
        ("data", "데이터"),
        ("development", "개발"),
        ("operation", "운영"),
        ("retirement", "종료"),
    ):
        if moment == "retirement":
            step(owner, case, "종료 점검 시작", "종료 점검 중", "새 사업으로 옮깁니다.")
        questions = [f"{moment}_{one}" for one in ("good", "fair", "open", "answer", "safe")]
        more = {"service": SERVICE} if moment == "plan" else {}
        answers = {**dict.fromkeys(questions, "yes"), **more}
        if moment != "plan":
            cases, id = house.installation.office.cases, case.split("/")[-1]
            cases.filings.save(actor(house, "owner"), id, f"ethics_{moment}", answers, base=0)
        else:
            bring(owner, case, "ethics_plan", answers, folder)
            step(owner, case, "기획 점검 제출", "답하지 않은 문항이 5개")  # a yes without evidence
        prove(house, case, questions)
        if moment in ("data", "development", "operation"):
            pass_by(house, case, moment)
            continue
        step(owner, case, f"{ko} 점검 제출", "점검 확인 대기")
        step(team, case, f"{ko} 점검 확인", "처리했습니다.", "증거를 열어 보았습니다.")
    assert "모든 점검을 마침" in team.page.inner_text("main")


def pass_by(house: House, case: str, moment: str) -> None:
    """The moments in the middle, without a browser: they are like the first."""
    cases, id = house.installation.office.cases, case.split("/")[-1]
    cases.act(actor(house, "owner"), id, f"file_{moment}")
    cases.act(actor(house, "ai"), id, f"confirm_{moment}", note="증거를 열어 보았습니다.")


def certificate(house: House, owner: Any, team: Any, folder: Path) -> None:
    case = begin(owner, "trust_cert", "서울톡 신뢰성 인증")
    scope = {"service": 998, "includes": "질문과 답", "excludes": "없음", "users": "시민"}
    bring(owner, case, "trust_scope", scope, folder)
    step(owner, case, "신청", "998번 서비스가 없습니다")
    bring(owner, case, "trust_scope", {"service": SERVICE}, folder)
    step(owner, case, "신청", "처리했습니다.")
    refuse_own(house, case)
    name(team, case, "assessor", "하늘찬")
    step(team, case, "범위 확정", "증거 준비 중", "답변 기능만 봅니다.")
    assert "공격 시험: 뚫린 공격" in team.page.inner_text("main")
    step(owner, case, "증거 제출", "답하지 않은 문항이 15개")
    answers = {
        f"cat_{n:02}{more}": value
        for n in range(1, 16)
        for more, value in (("", "met"), ("_how", "증거를 붙였습니다."))
    }
    gap = {"cat_07": "gap", "cat_07_how": None, "cat_07_gap": "집단별 자료를 보탭니다.", "cat_07_due": "2099-01-31"}
    bring(owner, case, "trust_evidence", answers | gap, folder)
    owner.go(case)
    owner.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    owner.page.set_input_files(
        "#ev-file", files=[{"name": "시험계획.txt", "mimeType": "text/plain", "buffer": b"plan"}]
    )
    owner.page.select_option("#ev-question", "cat_03")
    owner.page.locator("form:has(#ev-file) button").click()
    owner.page.wait_for_selector("text=시험계획.txt")
    prove(house, case, [f"cat_{n:02}" for n in range(1, 16) if n != 3])
    step(owner, case, "증거 제출", "시험 마침")
    step(team, case, "평가 보고서", "신뢰성 평가 보고서(초안)")
    judged = {
        f"{one}{more}": value
        for one in ("proportion", "basis", "acceptable")
        for more, value in (("", "yes"), ("_why", "검토했습니다."))
    }
    bring(team, case, "trust_judgement", judged, folder)
    step(team, case, "준비도 확인서 발급(초안)", "보완이 끝나지 않은 요구사항이 1개")
    step(team, case, "보완 요구", "보완 중", "자료를 보태세요.")
    bring(owner, case, "trust_evidence", {"cat_07": "met", "cat_07_how": "보탰습니다."}, folder)
    step(owner, case, "증거 제출", "시험 마침")
    step(team, case, "준비도 확인서 발급(초안)", "신뢰성 준비도 확인서(초안)")
    paper = team.page.request.get(house.address + team.page.locator("a[href$='.pdf']").last.get_attribute("href"))
    assert paper.body()[:5] == b"%PDF-"
    team.go(f"/trust/{SERVICE}")
    assert "1. 위험관리" in team.page.inner_text("main")
    assert "결정된 영향 등급: 영향-" in team.page.inner_text("main")
    assert faults_of(team.page) == []


def refuse_own(house: House, case: str) -> None:
    """The owner is not offered as assessor; and is refused when sent all the same."""
    with house.client("ai") as client:
        sent = {"csrf": csrf_of(client.get(case).text), "part": "assessor", "person": actor(house, "owner").subject}
        told = client.post(f"{case}/people", data=sent)
        assert told.status_code == 409
        assert "제척" in told.text


def test_what_applied_on_that_day_is_public(house: House, visitor: Any) -> None:
    reader = visitor(width=390)
    reader.go("/policy?on=2025-09-29&against=2025-09-28")
    page = reader.page
    changed = page.inner_text("section[aria-labelledby=changed]")
    assert "새로 적용된 것 4개" in changed
    assert "적용이 끝난 것 4개" in changed
    assert "제7조" in changed
    assert faults_of(page) == []
    assert sideways(page) == 0
    reader.go("/policy?on=2026-01-22&generative=yes&high_impact=no")
    shown = page.inner_text("section[aria-labelledby=applies]")
    assert "제31조제2항" in shown
    assert "제34조제1항제4호" not in shown
    with house.client() as client:
        assert client.get("/policy?on=yesterday").status_code == 422
        day = {"on": "2026-01-22", "generative": "yes"}
        told = client.get("/policy.json", params=day).json()
        table = client.get("/policy.csv", params=day).text.splitlines()
        assert len(table) == 1 + len(told["requirements"])
        assert {one["applies"] for one in told["requirements"]} == {"yes", "unknown"}
        assert client.get("/trust").status_code in (303, 401, 403)


def test_the_trust_page_says_what_was_not_measured(seeded: House, visitor: Any) -> None:
    team = visitor(width=390)
    team.sign_in("ai2")
    team.go("/trust/2")
    told = team.page.inner_text("main")
    assert "답하지 않은 것은 통과가 아닙니다" in told
    assert "한 시간 안에 돌린 적이 없습니다." in told or "아직 만들어지지 않은 서비스입니다." in told
    assert faults_of(team.page) == []
    assert sideways(team.page) == 0
    team.go("/trust")
    assert "서울톡" in team.page.inner_text("main")
    assert sideways(team.page) == 0
    with seeded.client("kim") as client:
        refused = client.post("/trust/2/run", data={"csrf": csrf_of(client.get("/trust/2").text)})
        assert refused.status_code == 403
        assert client.get("/trust/998").status_code == 404
        assert client.get("/trust/2/sbom.json").json()["bomFormat"] == "CycloneDX"
