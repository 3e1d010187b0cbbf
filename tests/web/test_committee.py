"""위원회와 기본계획, in a browser: written, tabled, voted on by those who may, adopted; and every refusal on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.house import House, faults_of
from tests.office.test_committee import ITEM, MEETING, PLAN

from haechi.core import clock
from haechi.core.identity import actor_of
from haechi.core.store import Actor


def _actor(house: House, login: str) -> Actor:
    user = house.installation.accounts.find(login)
    assert user is not None
    return actor_of(user)


def _press(page: Any, name: str, said: str = "처리했습니다.") -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector(f"text={said}")


def test_a_plan_goes_before_the_committee_and_is_adopted(visitor: Any, house: House) -> None:
    office, team = house.installation.office, _actor(house, "ai")
    held_on = (clock.today() + timedelta(days=14)).isoformat()
    secretary = visitor()
    secretary.sign_in("ai")
    page = secretary.page
    secretary.go("/committee")
    page.wait_for_selector("text=정해져 있지 않습니다")
    assert faults_of(page) == []
    page.locator("summary", has_text="심의 기구 정하기").click()
    page.fill("#act-why", "기본조례 제8조")
    _press(page, "심의 기구 정하기", "심의 기구를 정했습니다.")
    for name, relation in (("정보슬", ""), ("김해솔", ""), ("문여울", "디지털도시국")):
        page.locator("summary", has_text="위원 위촉하기").first.click()
        value = page.locator("#who-ai_committee option", has_text=name).get_attribute("value")
        page.select_option("#who-ai_committee", value)
        page.fill("#rel-ai_committee", relation)
        page.locator("section", has=page.locator("#who-ai_committee")).get_by_role(
            "button", name="위원 위촉하기"
        ).click()
        page.wait_for_selector("text=위촉했습니다.")

    secretary.go("/plans")
    assert faults_of(page) == []
    page.get_by_role("link", name="기본계획 쓰기").click()
    page.fill("#title", "제2차 인공지능 기본계획")
    page.get_by_role("button", name="시작하기").click()
    page.wait_for_selector("text=할 일")
    plan = page.url.rsplit("/", 1)[-1]
    office.cases.filings.save(team, plan, "plan", {**PLAN, "kpis": [{**PLAN["kpis"][0], "task": "없음"}]}, base=0)  # type: ignore[index]
    secretary.go(f"/cases/{plan}")
    _press(page, "검토 마침", "성과지표의 과제 코드 없음이(가) 위에 없습니다.")
    office.cases.filings.save(team, plan, "plan", {"kpis": PLAN["kpis"]}, base=1)
    _press(page, "검토 마침")
    _press(page, "위원회에 올리기")
    assert page.get_by_role("button", name="확정", exact=True).count() == 0, "only a resolution adopts"
    secretary.go(f"/plans/{plan}")
    assert faults_of(page) == []
    page.get_by_role("button", name="위원회 안건으로 올리기").click()
    page.wait_for_selector("text=안건서 쓰기")
    item = page.url.rsplit("/", 1)[-1]
    office.cases.filings.save(team, item, "committee_item", ITEM, base=0)
    page.reload()
    _press(page, "제출")

    secretary.go("/committee")
    page.fill("#meeting-title", "제1차 회의")
    page.get_by_role("button", name="회의 준비하기").click()
    page.wait_for_selector("text=의사일정에 안건이 없습니다")
    meeting = page.url.rsplit("/", 1)[-1]
    office.cases.filings.save(team, meeting, "committee_meeting", {**MEETING, "held_on": held_on}, base=0)
    secretary.go(f"/cases/{meeting}")
    _press(page, "소집", "안건이 없습니다.")
    secretary.go(f"/committee/meetings/{meeting}")
    _press(page, "의사일정에 올리기", "의사일정에 올렸습니다.")
    secretary.go(f"/cases/{meeting}")
    _press(page, "소집")
    secretary.go(f"/cases/{item}")
    _press(page, "상정")
    secretary.go(f"/cases/{meeting}")
    _press(page, "개의", "성원이 되지 않았습니다.")
    secretary.go(f"/committee/meetings/{meeting}")
    for name in ("정보슬", "문여울"):
        page.get_by_role("button", name=f"{name} 출석").click()
        page.wait_for_selector("text=출석을 적었습니다.")
    secretary.go(f"/cases/{meeting}")
    _press(page, "개의")
    secretary.go(f"/cases/{item}")
    _press(page, "표결 시작", "성원이 되지 않았습니다.")
    secretary.go(f"/committee/meetings/{meeting}")
    page.get_by_role("button", name="김해솔 출석").click()
    page.wait_for_selector("text=출석을 적었습니다.")
    secretary.go(f"/cases/{item}")
    _press(page, "표결 시작")

    kept_out = visitor()
    kept_out.sign_in("oper2")
    kept_out.go(f"/committee/meetings/{meeting}")
    assert "심의" not in kept_out.page.inner_text("#main article, #main section:first-of-type")
    for login, choice in (("jung", "찬성"), ("kim", "찬성")):
        member = visitor(width=360)
        member.sign_in(login)
        member.go(f"/committee/meetings/{meeting}")
        assert faults_of(member.page) == []
        member.page.check(f"input[value='{choice}']")
        member.page.keyboard.press("Tab")
        _press(member.page, "표결하기", "표결하셨습니다.")
        assert member.page.get_by_role("button", name="표결하기").count() == 0, "one vote each"
    secretary.go(f"/cases/{item}")
    _press(page, "표결 끝")
    _press(page, "부결 선포", "표결과 다르게 선포할 수 없습니다.")
    _press(page, "원안 의결 선포")
    secretary.go(f"/plans/{plan}")
    page.wait_for_selector("text=확정")
    page.fill("#year", "2028")
    _press(page, "시행계획 쓰기", "시행계획을 시작했습니다.")
    secretary.go("/plans")
    year = clock.today().replace(year=clock.today().year + 3)
    page.wait_for_selector(f"text=3년이 되는 {year.year}")
    with house.client("ai") as client:
        assert client.get(f"/plans/{plan}/paper.pdf").content.startswith(b"%PDF")
