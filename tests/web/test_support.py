"""이용료 지원, in a browser: the round's money, who is refused and why, the draw, payment by a second person, claw-back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.house import PASSWORD, House, csrf_of, faults_of

from haechi.core import clock
from haechi.core.identity import actor_of
from haechi.office.learning import Course, Courses, Session
from haechi.office.support import follow

TITLE = "시험 회차"


def _actor(house: House, login: str) -> Any:
    return actor_of(house.installation.accounts.sign_in(login, PASSWORD).user)


def _train(house: House, *logins: str) -> None:
    """Four hours of the duty, through what people use."""
    courses, team, now = Courses(house.installation.store), _actor(house, "ai"), clock.now()
    course = courses.add_course(team, Course("의무 과정", "duty", 240))
    soon = now + timedelta(seconds=5)
    session = courses.add_session(
        team, course, Session(now - timedelta(hours=1), soon, soon, soon + timedelta(hours=4), 50)
    )
    for login in logins:
        courses.enrol(_actor(house, login), session)
    for row in courses.roster(team, session):
        courses.check_in(team, row["id"])


def _fill(page: Any, **answers: str) -> None:
    for id, value in answers.items():
        if id in ("service", "pledge"):
            page.check(f"#a-{id}-{value}")
        else:
            page.fill(f"#a-{id}", value)
    with page.expect_response(lambda answer: "/forms/" in answer.url):
        page.keyboard.press("Tab")


def _submit(person: Any, address: str, expected: str) -> None:
    person.go(address)
    person.page.get_by_role("button", name="신청", exact=True).click()
    person.page.wait_for_selector(f"text={expected}")


def _plan(desk: Any, *, seats: str, budget: str) -> None:
    now = clock.now().astimezone(clock.SEOUL)
    told = {
        "title": TITLE, "number": "1", "fund": "추경", "seats_main": seats, "seats_branch": "130", "budget_won": budget,
        "cap_won": "90000", "opens_at": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
        "closes_at": (now + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M"),
        "starts_on": (now + timedelta(days=2)).strftime("%Y-%m-%d"),
    }  # fmt: skip
    for field, value in told.items():
        desk.fill(f"#{field}", value)
    desk.get_by_role("button", name="회차 저장").click()


def test_from_a_round_s_money_to_the_claw_back(visitor: Any, house: House) -> None:
    team = visitor()
    team.sign_in("ai")
    team.go("/support/manage")
    desk = team.page
    desk.locator("summary", has_text="회차 만들기").click()
    _plan(desk, seats="1700", budget="153000000")
    desk.wait_for_selector("text=1,700명을 넘습니다")
    _plan(desk, seats="1000", budget="101000000")
    desk.wait_for_selector("text=8명이 모자랍니다.")
    round_address = desk.url.split("?")[0].removeprefix(house.address)
    desk.get_by_role("button", name="신청 받기 시작").click()
    desk.wait_for_selector("text=그래도 여는 이유를 적으세요")
    desk.fill("#accept", "평균 신청액이 한도보다 적습니다.")
    desk.get_by_role("button", name="신청 받기 시작").click()
    desk.wait_for_selector("text=신청을 받기 시작했습니다.")
    desk.get_by_role("button", name="추첨하기").click()
    desk.wait_for_selector("text=아직 신청을 받는 중이라")

    who = visitor(width=390)
    who.sign_in("owner")
    who.go("/support")
    page = who.page
    assert faults_of(page) == []
    page.get_by_role("button", name=f"신청하기: {TITLE}").click()
    page.wait_for_selector("#a-task")
    address = page.url.split("/forms/")[0].removeprefix(house.address)
    _fill(
        page,
        service="other",
        service_other="새 서비스 https://new.example",
        ask_won="90001",
        task="회의록 초안",
        pledge="false",
        signed="박나린",
    )
    page.wait_for_selector("text=모두 답했습니다.")
    _submit(who, address, "한도 90,000원을 넘습니다")
    who.go(f"{address}/forms/fee_support")
    _fill(page, ask_won="90000")
    _submit(who, address, "의무이수를 마쳐야")
    _train(house, "owner")
    _submit(who, address, "보안서약에 동의하고")
    who.go(f"{address}/forms/fee_support")
    _fill(page, pledge="true")
    _submit(who, address, "처리했습니다.")
    who.go("/support")
    assert "보안 확인을 기다리는 중" in page.inner_text("main")
    assert page.get_by_role("button", name=f"신청하기: {TITLE}").count() == 0
    with house.client("owner") as client:
        sent = {"csrf": csrf_of(client.get("/support").text)}
        twice = client.post(f"{round_address}/application", data=sent)
        assert (twice.status_code, "이미 신청했습니다" in twice.text) == (409, True)

    with clock.frozen(clock.now() + timedelta(minutes=11)):
        team.go(round_address)
        desk.get_by_role("button", name="추첨하기").click()
        desk.wait_for_selector("text=보안 확인을 기다리는")
        team.go(address)
        desk.fill("#n-clear_service", "약관과 저장 위치를 확인했습니다.")
        desk.get_by_role("button", name="보안 확인").click()
        desk.wait_for_selector("text=처리했습니다.")
        team.go(round_address)
        desk.get_by_role("button", name="추첨하기").click()
        desk.wait_for_selector("text=추첨했습니다.")
        assert faults_of(desk) == []
        late = visitor()
        late.sign_in("jung")
        late.go("/support")
        assert "추첨 끝" in late.page.inner_text("main")
        assert late.page.get_by_role("button", name=f"신청하기: {TITLE}").count() == 0
    with house.client("ai") as client:
        sent = {"csrf": csrf_of(client.get("/support").text)}
        assert "이미 추첨한 회차입니다." in client.post(f"{round_address}/draw", data=sent).text
    office = house.installation.office
    while follow(house.installation.worker_store, office.by_itself):
        pass
    who.go("/support")
    assert "추첨 순서 1번" in page.inner_text("main")
    desk.fill("#batch", "지급-시험-1")
    desk.get_by_role("button", name="지급 파일 만들기").click()
    desk.wait_for_selector("text=추첨한 사람은 지급할 수 없습니다.")
    payer = visitor()
    payer.sign_in("ai2")
    payer.go(round_address)
    for _ in range(2):
        payer.page.fill("#batch", "지급-시험-1")
        payer.page.get_by_role("button", name="지급 파일 만들기").click()
        payer.page.wait_for_selector("text=지급 파일을 만들었습니다.")
    with house.client("ai2") as client:
        assert "합계,,,1명,,90000" in client.get("/support/payments/지급-시험-1.csv").text
        assert client.get("/support/payments/지급-시험-1.xlsx").content.startswith(b"PK")
    with house.client("owner") as client:
        assert client.get("/support/payments/지급-시험-1.csv").status_code == 403
    while follow(house.installation.worker_store, office.by_itself):
        pass
    payer.go(address)
    payer.page.fill("#n-claw_back", "서약을 어겨 모두 돌려받습니다.")
    payer.page.get_by_role("button", name="환수 결정").click()
    payer.page.wait_for_selector("text=처리했습니다.")
    payer.page.fill("#n-confirm_return", "세외수입 입금을 확인했습니다.")
    payer.page.get_by_role("button", name="환수 확인").click()
    payer.page.wait_for_selector("text=끝난 건입니다.")
    payer.go(round_address)
    assert "환수 90,000원" in payer.page.inner_text("main").replace("\n", " ")
    who.go("/support")
    assert "환수 끝" in page.inner_text("main")
