"""교육, in a browser: planned, the waiting list, attendance, the test, a certificate that anybody checks, its revocation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.house import House, faults_of

from haechi.core import clock

BANK = (
    "개인정보를 AI에 넣어도 되나요?\n- 된다\n* 안 된다\n- 급하면 된다\n\n답은 누가 확인하나요?\n* 사람\n- AI\n- 아무도"
)


def _local(moment: datetime) -> str:
    return moment.astimezone(clock.SEOUL).strftime("%Y-%m-%dT%H:%M")


def _answer(page: Any, right: bool) -> None:
    for field in page.locator("fieldset.question").all():
        for label in ("안 된다", "사람") if right else ("급하면 된다", "아무도"):
            found = field.get_by_label(label, exact=True)
            if found.count():
                found.check()
    page.get_by_role("button", name="제출").click()


def test_from_the_plan_of_a_course_to_its_certificate(visitor: Any, house: House) -> None:
    teacher = visitor()
    teacher.sign_in("ai")
    teacher.go("/learning/manage")
    desk = teacher.page
    assert "3회 가운데 3회를 더 잡아야 합니다." in desk.inner_text("main")
    desk.get_by_text("과정 만들기").click()
    desk.fill("#title", "안전한 AI 쓰기")
    desk.fill("#minutes", "120")
    desk.fill("#asked", "2")
    desk.fill("#bank", "정답 표시가 없는 문항\n- 가\n- 나")
    desk.get_by_role("button", name="과정 저장").click()
    desk.wait_for_selector("text=문항을 읽을 수 없습니다")
    desk.fill("#bank", BANK)
    desk.get_by_role("button", name="과정 저장").click()
    desk.wait_for_selector("text=저장했습니다.")
    now = clock.now()
    desk.get_by_text("일정 만들기").click()
    desk.select_option("#course", label="안전한 AI 쓰기")
    desk.fill("#seats", "1")
    for field, at in (("enrol_from", -60), ("enrol_until", 5), ("starts_at", 5), ("ends_at", 120)):
        desk.fill(f"#{field}", _local(now + timedelta(minutes=at)))
    desk.get_by_role("button", name="일정 저장").click()
    desk.wait_for_selector("text=저장했습니다.")

    first, second = visitor(), visitor(width=390)
    first.sign_in("jung")
    second.sign_in("kim")
    first.go("/learning")
    first.page.get_by_role("button", name="신청: 안전한 AI 쓰기", exact=True).click()
    first.page.wait_for_selector("text=신청이 확정되었습니다.")
    second.go("/learning")
    assert faults_of(second.page) == []
    second.page.get_by_role("button", name="대기 신청: 안전한 AI 쓰기").click()
    second.page.wait_for_selector("text=정원이 차서 대기로")
    first.page.get_by_role("button", name="신청 취소: 안전한 AI 쓰기").click()
    first.page.wait_for_selector("text=신청을 취소했습니다.")
    second.go("/office")
    assert "빈자리가 나서" in second.page.inner_text("main")

    desk.get_by_role("link", name="안전한 AI 쓰기").click()
    desk.get_by_role("button", name="출석 확인: 김해솔").click()
    desk.wait_for_selector("text=출석을 적었습니다.")
    learner = second.page
    second.go("/learning")
    learner.get_by_role("button", name="평가 보기").click()
    _answer(learner, right=False)
    learner.wait_for_selector("text=합격하지 못했습니다")
    second.go("/learning")
    learner.get_by_role("button", name="평가 보기").click()
    _answer(learner, right=True)
    learner.wait_for_selector("text=합격했습니다")
    second.go("/learning")
    assert "이수했습니다." in learner.inner_text("main")
    code = str(learner.get_by_role("link", name="확인", exact=True).get_attribute("href")).rsplit("/", 1)[-1]
    with house.client("kim") as client:
        assert client.get(f"/learning/certificates/{code}.pdf").content.startswith(b"%PDF")
        assert client.get("/learning/manage").status_code == 403
    with house.client("jung") as client:
        assert client.get(f"/learning/certificates/{code}.pdf").status_code == 404

    stranger = visitor(width=390)
    stranger.go("/certificates")
    stranger.page.fill("#code", code.lower())
    stranger.page.get_by_role("button", name="확인").click()
    stranger.page.wait_for_selector("text=유효한 수료증입니다.")
    told = stranger.page.inner_text("main")
    assert "김○솔" in told
    assert "김해솔" not in told
    assert faults_of(stranger.page) == []
    teacher.go("/learning/manage")
    desk.locator("summary", has_text="수료증 취소").click()
    desk.fill("#code", code)
    desk.fill("#why", "대리 수강")
    desk.get_by_role("button", name="수료증 취소").click()
    desk.wait_for_selector("text=취소된 수료증입니다.")
    stranger.go(f"/certificates/{code}")
    assert "취소된 수료증입니다." in stranger.page.inner_text("main")
    second.go("/learning/duty")
    assert "재무국" in learner.inner_text("main")
    assert "보여 드릴 사람이 없습니다." in learner.inner_text("main"), "names are not for everybody"
    teacher.go("/learning/duty")
    assert "김해솔" in desk.inner_text("main")
    assert faults_of(desk) == []
