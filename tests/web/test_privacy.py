"""접속 기록 점검, in a browser: a log comes in, a suspicion is explained, judged and closed; raw lines only by two."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.city.test_privacy import log_of
from tests.house import House, faults_of, sideways

from haechi.city.privacy.facts import take_facts
from haechi.core.store import SYSTEM


def _facts(house: House) -> None:
    store, home = house.installation.worker_store, house.installation.settings.home
    staff = "account,login,bureau\njung45,jung,복지실\npark2,,복지실\nchoi3,,복지실\n"
    cases = "case,subject\nK-x,x\n" + "".join(
        f"{line.split(',')[6]},{line.split(',')[3]}\n"
        for line in log_of("jung45").decode().splitlines()[1:]
        if line.split(",")[6]
    )
    for table, text in {"staff": staff, "cases": cases, "watch": "account,subject\n,900101-STAR\n"}.items():
        take_facts(store, home, SYSTEM, table, text)


def _press(visitor: Any, name: str, note: str = "", step: str = "") -> None:
    if note:
        visitor.page.fill(f"#n-{step}", note)
    visitor.page.get_by_role("button", name=name, exact=True).click()


def _name(visitor: Any, part: str, label: str, who: str) -> None:
    visitor.page.get_by_text(f"{label} 지정하기").click()
    value = visitor.page.locator(f"#p-{part} option", has_text=who).get_attribute("value")
    visitor.page.select_option(f"#p-{part}", value)
    visitor.page.locator("form", has=visitor.page.locator(f"#p-{part}")).get_by_role("button", name="지정").click()
    visitor.page.wait_for_selector("text=지정했습니다.")


def test_from_a_log_file_to_the_privacy_officers_closing(visitor: Any, house: House, tmp_path: Path) -> None:
    _facts(house)
    file = tmp_path / "복지.csv"
    file.write_bytes(log_of("jung45"))
    cpo = visitor()
    cpo.sign_in("ai")
    cpo.go("/privacy")
    page = cpo.page
    assert "기록이 없는 것은 이상이 없다는 뜻이 아닙니다." in page.inner_text("main")
    page.fill("#source", "복지시스템")
    page.set_input_files("#file", str(file))
    page.get_by_role("button", name="받아서 살피기").click()
    page.wait_for_selector("text=연 건 1")
    assert faults_of(page) == []
    page.get_by_role("button", name="위변조 확인").click()
    page.wait_for_selector("text=사슬이 온전합니다.")
    page.get_by_role("link", name=re.compile("^오남용-")).first.click()
    page.wait_for_url(re.compile("/cases/"))
    address = page.url.removeprefix(house.address).split("?")[0]

    handler = visitor(width=390)
    handler.sign_in("jung")
    assert handler.go(address).status == 404, "a suspicion does not exist for whom it is about"
    handler.go("/privacy")
    assert "jung45" not in handler.page.inner_text("main")

    _press(cpo, "소명 요청", "6월 15일의 조회를 소명하세요.", "ask")
    page.wait_for_selector("text=관리자가 정해지지 않았습니다.")
    _name(cpo, "manager", "부서 관리자", "박나린")
    _name(cpo, "cpo", "개인정보 보호책임자", "하늘찬")
    _press(cpo, "소명 요청", "6월 15일의 조회를 소명하세요.", "ask")
    page.wait_for_selector("text=처리했습니다.")

    handler.go("/privacy")
    assert sideways(handler.page) == 0
    handler.page.get_by_role("link", name=re.compile("^오남용-")).click()
    handler.page.get_by_role("link", name=re.compile("쓰기")).click()
    handler.page.check("#a-kind-mistake")
    handler.page.fill("#a-why", "이름이 같은 민원인으로 알고 눌렀습니다.")
    handler.page.keyboard.press("Tab")
    handler.page.wait_for_selector("text=모두 답했습니다.")
    handler.go(address)
    _press(handler, "소명 제출")
    handler.page.wait_for_selector("text=처리했습니다.")
    assert handler.page.get_by_role("button", name="관리자 판단").count() == 0

    manager = visitor()
    manager.sign_in("owner")
    manager.go(f"{address}/forms/privacy_judgement")
    manager.page.check("#a-verdict-careless")
    manager.page.fill("#a-checked", "업무 대장에 없습니다.")
    manager.page.fill("#a-opinion", "주의를 줍니다.")
    manager.page.keyboard.press("Tab")
    manager.page.wait_for_selector("text=모두 답했습니다.")
    manager.go(address)
    _press(manager, "관리자 판단")
    manager.page.wait_for_selector("text=처리했습니다.")

    _lookup(visitor, cpo)

    cpo.go(address)
    _press(cpo, "정당으로 종결", "실수이며 되풀이되지 않았습니다.", "find_justified")
    page.wait_for_selector("text=끝난 건입니다.")
    with house.client("ai") as client:
        for format, magic in {"pdf": b"%PDF", "docx": b"PK", "hwpx": b"PK"}.items():
            assert client.get(f"/privacy/reports/2026-06.{format}").content.startswith(magic)
        assert "정당" in client.get("/privacy/reports/2026-06.html").text
    with house.client("jung") as client:
        assert client.get("/privacy/reports/2026-06.pdf").status_code == 403


def _lookup(visitor: Any, cpo: Any) -> None:
    page = cpo.page
    cpo.go("/cases/new?flow=privacy_lookup")
    page.fill("#title", "소명과 견주기")
    page.get_by_role("button", name="시작하기").click()
    page.get_by_role("link", name=re.compile("쓰기")).click()
    for id, value in {"account": "jung45", "from": "2026-06-15", "to": "2026-06-15", "purpose": "소명 확인"}.items():
        page.fill(f"#a-{id}", value)
    page.keyboard.press("Tab")
    page.wait_for_selector("text=모두 답했습니다.")
    address = page.url.split("/forms/")[0].removeprefix(cpo.house.address)
    id = address.rsplit("/", 1)[1]
    cpo.go(address)
    _press(cpo, "승인 요청")
    page.wait_for_selector("text=처리했습니다.")
    assert page.get_by_role("button", name="조회 승인").count() == 0, "a second person approves"
    assert cpo.go(f"/privacy/lookups/{id}").status == 403
    other = visitor()
    other.sign_in("ai2")
    other.go(address)
    _press(other, "조회 승인", "소명 확인에 필요합니다.", "approve")
    other.page.wait_for_selector("text=처리했습니다.")
    assert other.go(f"/privacy/lookups/{id}").status == 403, "only who asked"
    cpo.go(f"/privacy/lookups/{id}")
    assert page.inner_text("main").count("900101-STAR") == 2
    assert faults_of(page) == []
    other.go("/privacy")
    assert "하늘찬" in other.page.inner_text("section[aria-labelledby=looks]")
