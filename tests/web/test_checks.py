"""중간·연말 점검, in a browser: opened over all services, self-checked, verified by another, with an action and a report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.house import House, faults_of

from haechi.core import clock
from haechi.core.identity import actor_of

ANSWERS = {
    "progress": "계획대로 했습니다.",
    "reasons": "기록이 아직 없습니다.",
    "human_step": "kept",
    "incidents": "없음",
    "spent": "0",
    "next": "계속 운영",
}


def _press(page: Any, name: str, said: str = "처리했습니다.") -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector(f"text={said}")


def test_a_round_from_its_opening_to_the_report(visitor: Any, house: House) -> None:
    today = clock.today()
    team = visitor()
    team.sign_in("ai")
    page = team.page
    team.go("/checks")
    page.wait_for_selector("text=열린 점검이 없습니다.")
    assert faults_of(page) == []
    page.fill("#year", str(today.year - (today.month < 8)))
    page.fill("#due_on", (today - timedelta(days=1)).isoformat())
    page.get_by_role("button", name="점검 열기").click()
    page.wait_for_selector("#problem")
    page.fill("#year", str(today.year - (today.month < 8)))
    page.fill("#due_on", (today + timedelta(days=10)).isoformat())
    _press(page, "점검 열기", "점검을 열었습니다.")
    address = page.url.removeprefix(house.address).split("?")[0]
    page.wait_for_selector("text=서비스 45개")
    assert faults_of(page) == []
    case = page.locator("tr", has_text="서우리주무관").locator("a").get_attribute("href")
    user = house.installation.accounts.find("ai")
    assert user is not None
    actor, cases = actor_of(user), house.installation.office.cases
    team.go(case)
    _press(page, "자체 점검 제출", "답하지 않은 문항")
    cases.filings.save(actor, case.rsplit("/", 1)[1], "service_check", ANSWERS, base=0)
    team.go(case)
    _press(page, "자체 점검 제출")
    assert page.get_by_role("button", name="확인", exact=True).count() == 0, "nobody verifies their own check"

    second = visitor(width=390)
    second.sign_in("ai2")
    second.go(case)
    other = second.page
    other.fill("#n-verify", "감사기록과 견주었습니다.")
    _press(other, "확인")
    other.fill("#n-ask_action", "성과지표를 잴 기록을 남기기")
    _press(other, "조치 요구")
    team.go(case)
    _press(page, "조치 완료 보고", "조치")
    other.reload()
    task = cases.reading.one(actor, case.rsplit("/", 1)[1])["tasks"][0]
    cases.work.move_task(actor, task["id"], "reported", "기록을 남기게 했습니다.", version=task["version"])
    team.go(case)
    _press(page, "조치 완료 보고")
    cases.work.move_task(actor, task["id"], "done", "확인", version=task["version"] + 1)
    second.go(case)
    _press(other, "마감", "끝난 건입니다.")
    second.go(address)
    assert faults_of(other) == []
    other.wait_for_selector("td:has-text('마감')")
    with house.client("ai") as client:
        for format, mark in (("pdf", b"%PDF"), ("docx", b"PK"), ("hwpx", b"PK")):
            assert client.get(f"{address}/report.{format}").content.startswith(mark)
        assert "미상" in client.get(f"{address}/report.html").text
