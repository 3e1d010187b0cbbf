"""The staff bot beyond asking: a reply to a citizen, an old document, the messenger, as an officer does it in the browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.house import House, Visitor, faults_of

from haechi.city.freshness import look_over
from haechi.core import clock
from haechi.core.identity import actor_of
from haechi.core.store import SYSTEM

pytestmark = pytest.mark.browser
Open = Callable[..., Visitor]
ORCHARD = """# 2019년 공공 과수원 안내

## 이용료
공공 과수원 이용료는 한 사람에 4,700원입니다. 수확 체험은 9월 14일부터 합니다.
"""


def test_an_officer_answers_a_letter_from_public_documents(house: House, visitor: Open) -> None:
    house.put("kim", "공공 과수원 안내.md", ORCHARD)
    officer = visitor()
    officer.sign_in("kim")
    officer.go("/drafts")
    officer.page.click("main a[href='/replies']")
    officer.page.fill("#letter", "안녕하세요. 공공 과수원 이용료는 얼마인가요? 우주 정거장 견학도 되나요?")
    officer.page.focus("#receipt")
    officer.page.keyboard.press("Enter")
    officer.page.wait_for_url("**/drafts/*")
    paper = officer.page.locator(".paper").inner_text()
    assert "4,700원" in paper
    assert "답을 찾지 못하였습니다" in paper
    assert faults_of(officer.page) == []
    assert officer.page.locator(".figure-list").inner_text().count("4,700원") >= 1
    with officer.page.expect_download() as started:
        officer.page.click("a[href$='file.hwpx']")
    assert started.value.suggested_filename.startswith("민원회신_초안_")


def test_an_old_document_is_told_beside_the_answer_until_its_bureau_has_looked(house: House, visitor: Open) -> None:
    house.put("kim", "공공 과수원 옛 안내.md", ORCHARD.replace("과수원", "양봉장"))
    with house.installation.worker_store.transaction(SYSTEM) as tx:
        look_over(tx, clock.today())
    officer = visitor()
    officer.sign_in("kim")

    def asked() -> str:
        officer.go("/ask")
        officer.page.fill("#question", "공공 양봉장 이용료는 얼마인가요?")
        officer.page.keyboard.press("Enter")
        officer.page.wait_for_selector(".turn__acts")
        return str(officer.page.locator(".turn__sources").inner_text())

    assert "오래된 문서일 수 있습니다" in asked()
    officer.go("/freshness")
    notice = officer.page.locator("li.request", has_text="양봉장")
    notice.locator("summary").click()
    notice.locator("textarea").fill("올해 고시와 견주어 같음")
    notice.locator("button[type=submit]").click()
    officer.page.wait_for_url("**/freshness?state=confirmed*")
    assert "올해 고시와 견주어 같음" in officer.page.locator("main").inner_text()
    assert faults_of(officer.page) == []
    assert "오래된 문서" not in asked()


def test_the_messenger_server_asks_for_an_officer_who_has_linked_their_account(house: House, visitor: Open) -> None:
    house.put("kim", "공공 과수원 새 안내.md", ORCHARD.replace("과수원", "온실"))
    head = next(user for user in house.installation.accounts.users() if user.login == "head")
    _, key = house.installation.keys.create(
        "service:39", ["public"], ["messenger"], "업무 메신저", clock.now() + timedelta(days=30), actor_of(head)
    )
    officer = visitor()
    officer.sign_in("kim")
    officer.go("/me/messenger")
    officer.page.click("main form[action='/me/messenger'] button")
    code = officer.page.locator(".mono").inner_text()
    assert faults_of(officer.page) == []
    with house.client() as server:
        send = {"headers": {"Authorization": f"Bearer {key}"}}
        sent = {"user": "kim@chat", "text": "공공 온실 이용료는 얼마인가요?"}
        assert server.post("/api/v1/messenger", json=sent, **send).json()["linked"] is False
        assert server.post("/api/v1/messenger", json={**sent, "text": code}, **send).json()["linked"] is True
        reply = server.post("/api/v1/messenger", json=sent, **send).json()
        assert "4,700원" in reply["text"]
        assert server.post("/api/v1/ask", json={"question": "?"}, **send).status_code == 403, "the key asks for nobody"
        assert server.post("/api/v1/messenger", json=sent).status_code == 401
    officer.go("/me/messenger")
    assert "kim@chat" in officer.page.locator("main").inner_text()
