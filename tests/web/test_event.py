"""스마트라이프위크, in a browser: a plan that fits, a booth for one, a programme without clashes, a door that works offline."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.house import House, csrf_of, faults_of
from tests.office.test_event import FIRM

from haechi.core import clock
from haechi.core.identity import actor_of

HEAD = "종류,코드,속한 곳,이름,영문 이름,x(m),y(m),폭(m),깊이(m),면적(㎡),전력(kW)\n"
PLAN = HEAD + "전시장,C,,C홀,Hall C,0,0,60,40,,\n구역,Z,C,주제관,Themes,2,2,30,20,,\n부스,A1,Z,,,0,0,3,3,,2\n"
TALKS = "회의장,시작,끝,제목,영문 제목,언어,연사\nA실,{day} 10:00,{day} 11:00,도시와 AI,Cities,한국어,김연사(해치대학교)\n{more}"


def _press(page: Any, name: str, said: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector(f"text={said}")


def test_an_edition_from_its_plan_to_the_door(visitor: Any, house: House, tmp_path: Path) -> None:
    today, office = clock.today(), house.installation.office
    keeper = visitor()
    keeper.sign_in("ai")
    page = keeper.page
    keeper.go("/event-manage")
    assert faults_of(page) == []
    for field, text in (
        ("edition", "2026"),
        ("name_ko", "스마트라이프위크 2026"),
        ("begins_on", today.isoformat()),
        ("tickets", "10"),
    ):
        page.fill(f"#{field}", text)
    page.fill("#ends_on", (today + timedelta(days=2)).isoformat())
    page.check("input[name='shown']")
    _press(page, "저장", "저장했습니다.")
    assert faults_of(page) == []
    file = tmp_path / "plan.csv"
    for text, said in (
        (PLAN.replace("부스,A1,Z,,,0", "부스,A1,Z,,,29"), "‘Z’ 밖으로 나갑니다"),
        (PLAN, "저장했습니다."),
    ):
        file.write_text(text, encoding="utf-8")
        page.set_input_files("#file-plan", file)
        _press(page, "배치 올리기", said)
        assert len(office.editions.plan(_actor(house, "ai"), "2026")["spaces"]) == (0 if "밖으로" in said else 3)
    for more, said in (
        (f"B실,{today} 10:30,{today} 12:00,다른 것,,한국어,김연사(해치대학교)\n", "김연사 연사는 그 시각에"),
        (f"B실,{today} 11:00,{today} 12:00,다른 것,,한국어,김연사(해치대학교)\n", "저장했습니다."),
    ):
        file.write_text(TALKS.format(day=today, more=more), encoding="utf-8")
        page.set_input_files("#file-programme", file)
        _press(page, "프로그램 올리기", said)

    firm = visitor()
    firm.sign_in("citizen")
    firm.go("/event/2026")
    firm.page.fill("#t-exhibitor", "해치로봇")
    firm.page.get_by_role("button", name="전시 참가 신청").click()
    firm.page.wait_for_selector("text=참가 신청서 쓰기")
    case = firm.page.url.split("/cases/")[1]
    office.cases.filings.save(_actor(house, "citizen"), case, "exhibitor", FIRM, base=0)
    firm.go(f"/cases/{case}")
    _press(firm.page, "신청", "처리했습니다.")
    keeper.go(f"/cases/{case}")
    _press(page, "참가 결정", "처리했습니다.")
    keeper.go("/event-manage/2026")
    page.select_option(f"#b-{case}", "A1")
    _press(page, "배정", "저장했습니다.")
    assert page.locator(f"#b-{case}").count() == 0, "a booth that waits for its exhibitor's word is not free"
    firm.go(f"/cases/{case}")
    _press(firm.page, "참가 확정", "처리했습니다.")

    guest = visitor(width=390)
    guest.go("/event/2026")
    public = guest.page
    assert faults_of(public) == []
    assert "2,400㎡ 가운데 600㎡를 배정했고 1,800㎡는" in public.inner_text("main")
    assert public.locator("svg.plan .taken").count() == 1
    guest.go("/event/2026/online?search=돌봄 로봇")
    assert faults_of(public) == []
    public.get_by_role("link", name="해치로봇").click()
    public.wait_for_selector("text=돌봄 로봇을 만듭니다.")
    guest.go("/event/2026/register")
    public.fill("#name", "나시민")
    _press(public, "참가 등록", "등록되었습니다.")
    code = public.locator("code").inner_text()
    guest.go("/event/2026/survey")
    public.check("input[name='satisfied'][value='5']")
    public.check("input[name='again'][value='4']")
    _press(public, "보내기", "고맙습니다")

    keeper.go("/event-scan/2026")
    assert faults_of(page) == []
    page.context.set_offline(True)
    for _ in range(2):
        page.fill("#code", code)
        page.keyboard.press("Enter")
    page.wait_for_selector("text=보내지 못한 기록 2건")
    page.context.set_offline(False)
    page.wait_for_selector("text=모두 보냈습니다.")
    page.wait_for_selector("text=확인 나시민")
    page.wait_for_selector("text=이미 확인됨 나시민")
    counted = office.editions.figures(_actor(house, "ai"), "2026")
    assert (counted["visitors"], counted["companies"], counted["speakers"], counted["answers"]) == (1, 1, 1, 1)
    with house.client("ai") as client:
        assert client.get("/event-manage/2026/report.pdf").content.startswith(b"%PDF")
        assert "BEGIN:VEVENT" in client.get("/event/2026/programme.ics").text
        assert client.get("/event-manage/2026/plan.csv").text.lstrip("\ufeff").replace("\r\n", "\n").count("\n") == 4
        assert "해치로봇" in client.get("/event-manage/2026/exhibitors.csv").text
        form = {
            "edition": "2026",
            "name_ko": "둘",
            "begins_on": today.isoformat(),
            "ends_on": today.isoformat(),
            "shown": "yes",
        }
        form["csrf"] = csrf_of(client.get("/event-manage/2026").text)
        assert "이미 있습니다" in client.post("/event-manage", data=form).text
        assert "그사이 다른 사람이" in client.post("/event-manage", data={**form, "version": "99"}).text
        assert client.post("/event-manage", data={**form, "edition": "2026가을"}).status_code == 422
        assert office.editions.one(_actor(house, "ai"), "2026")["name_ko"] == "스마트라이프위크 2026"
        assert client.post("/event-manage", data={**form, "version": "0", "tickets": "10"}).status_code == 303
    with house.client("jung") as client:
        assert client.get("/event-manage/2026").status_code == 403


def _actor(house: House, login: str) -> Any:
    user = house.installation.accounts.find(login)
    assert user is not None
    return actor_of(user)
