"""반출 전 점검, in a browser: an officer pastes a text and drops a file; both are held back, and nothing personal is shown."""

from __future__ import annotations

from typing import Any


def test_what_is_about_to_leave_is_looked_through(visitor: Any) -> None:
    officer = visitor()
    officer.sign_in("kim")
    page = officer.page
    officer.go("/privacy/outbound")
    page.get_by_role("button", name="살펴보기").click()
    page.wait_for_selector("text=살펴볼 것이 없습니다.")
    page.fill("#text", "신청인 연락처 010-3591-7734")
    page.get_by_role("button", name="살펴보기").click()
    page.wait_for_selector("text=내보내지 않습니다")
    assert "7734" not in page.inner_text("main")
    people = "성명,연락처\n김도현,010-4829-1734\n".encode()
    page.set_input_files("#file", {"name": "명단.csv", "mimeType": "text/csv", "buffer": people})
    page.get_by_role("button", name="살펴보기").click()
    page.wait_for_selector("text=명단.csv")
    assert "1734" not in page.inner_text("main")
    page.fill("#text", "문의: 교통행정과 02-2133-2300")
    page.get_by_role("button", name="살펴보기").click()
    page.wait_for_selector("text=개인정보로 보이는 것이 없습니다.")
