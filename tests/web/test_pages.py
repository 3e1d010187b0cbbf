"""Every page as it is drawn: no fault for axe, nothing from outside, nothing wider than the window."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.house import House, Visitor, faults_of, sideways

pytestmark = pytest.mark.browser

PLAN = """# 도시 텃밭 안내

## 신청
도시 텃밭은 3월 2일부터 3월 13일까지 신청합니다.

| 구역 | 면적 | 분양료 |
|---|---|---|
| 가 | 10㎡ | 20,000원 |
| 나 | 15㎡ | 30,000원 |
"""
PUBLIC = (
    "/",
    "/login",
    "/ask",
    "/library",
    "/services",
    "/services/39",
    "/services/26",
    "/status",
    "/api",
    "/nowhere",
    "/admin",
)
STAFF = (
    "/", "/ask", "/library", "/library/new", "/freshness", "/freshness?state=confirmed", "/drafts", "/replies", "/feedback",
    "/feedback?state=all", "/me", "/me/messenger", "/admin",
)  # fmt: skip
ADMIN = (
    "/admin",
    "/admin/people",
    "/admin/keys",
    "/admin/folders",
    "/admin/audit",
    "/gateway",
    "/usage",
    "/usage?by=day&own=yes",
)
Open = Callable[..., Visitor]


def check(visitor: Visitor, paths: tuple[str, ...]) -> None:
    for path in paths:
        visitor.go(path)
        assert visitor.page.locator("h1").count() == 1, path
        assert sideways(visitor.page) == 0, path
        assert faults_of(visitor.page) == [], path
    # A page that is refused or missing says so in the console as well; anything else there is a fault.
    assert [line for line in visitor.troubles if "Failed to load resource" not in line] == []


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_for_everybody(visitor: Open, width: int) -> None:
    check(visitor(width=width), PUBLIC)


@pytest.mark.parametrize("width", [360, 2560])
def test_pages_for_staff_and_administrators(visitor: Open, width: int) -> None:
    officer = visitor(width=width)
    officer.sign_in("kim")
    check(officer, STAFF)
    administrator = visitor(width=width)
    administrator.sign_in("head")
    check(administrator, ADMIN)


def test_pages_in_english(visitor: Open) -> None:
    guest = visitor()
    guest.go("/?lang=en")
    assert guest.page.locator("html").get_attribute("lang") == "en"
    check(guest, ("/", "/ask", "/library", "/services", "/status", "/login"))
    guest.go("/services")
    assert guest.page.locator("h1").inner_text() == "AI services"


def test_a_document_its_passages_and_an_open_citation(house: House, visitor: Open) -> None:
    document = house.put("kim", "도시 텃밭 안내.md", PLAN)
    officer = visitor()
    officer.sign_in("kim")
    officer.go(f"/library/{document}")
    reading = officer.page.locator("#versions a.secondary").get_attribute("href")
    assert reading is not None
    check(officer, (f"/library/{document}", reading, f"/library/{document}/delete"))
    officer.go(reading)
    assert officer.page.locator("table tbody tr").count() == 2
    officer.go("/ask")
    officer.page.fill("#question", "도시 텃밭 가 구역의 분양료는 얼마인가요?")
    officer.page.keyboard.press("Enter")
    officer.page.wait_for_selector(".turn__acts")
    officer.page.locator("a.cite").first.click()
    officer.page.wait_for_selector("#side:not([hidden])")
    assert faults_of(officer.page) == []
    assert officer.troubles == []


def test_a_house_without_browser_files_says_which_command_brings_them(
    visitor: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from haechi.web import vendor, view

    monkeypatch.setattr(view.vendor, "missing", lambda: list(vendor.REQUIRED))
    guest = visitor(width=360)
    guest.go("/ask")
    assert vendor.INSTALL in guest.page.locator(".vendor-missing").inner_text()
    assert sideways(guest.page) == 0
    assert faults_of(guest.page) == []


def test_a_session_that_ended_is_not_pasted_into_the_page(house: House, visitor: Open) -> None:
    officer = visitor()
    officer.sign_in("jung")
    officer.go("/library")
    user: Any = house.installation.accounts.find("jung")
    house.installation.accounts.revoke_sessions(user.id)
    officer.page.fill("#search", "안내")
    officer.page.wait_for_function("document.querySelectorAll('header.site-header').length === 1")
    assert officer.page.locator("main main").count() == 0
