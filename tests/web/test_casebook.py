"""우수사례집, in a browser: sent in, judged by two, chosen by one and published by another, read without an account."""

from __future__ import annotations

import re
from typing import Any

from tests.house import House, faults_of
from tests.office.test_casebook import ANSWERS, SCORES


def test_a_case_goes_from_its_author_into_the_book(visitor: Any, house: House) -> None:
    author = visitor()
    author.sign_in("kim")
    page = author.page
    author.go("/casebook")
    assert "실린 사례가 없습니다." in page.inner_text("main")
    page.get_by_role("link", name="내 사례 내기").click()
    page.fill("#title", "민원 답변 초안을 15분에")
    page.get_by_role("button", name="시작하기").click()
    page.get_by_role("link", name=re.compile("쓰기")).click()
    for id, value in ANSWERS.items():
        if id in ("measured", "round", "credit"):
            page.check(f"#a-{id}-{value}")
        else:
            page.fill(f"#a-{id}", value)
    page.fill("#a-output", "연락처는 010-2345-6789입니다.")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=모두 답했습니다.")
    address = page.url.split("/forms/")[0].removeprefix(house.address)
    author.go(address)
    page.get_by_role("button", name="제출", exact=True).click()
    page.wait_for_selector("text=개인정보로 보이는 것")
    author.go(f"{address}/forms/casebook")
    page.fill("#a-output", ANSWERS["output"])
    with page.expect_response(lambda answer: "/forms/" in answer.url):
        page.keyboard.press("Tab")
    author.go(address)
    page.get_by_role("button", name="제출", exact=True).click()
    page.wait_for_selector("text=처리했습니다.")

    team = visitor()
    team.sign_in("ai")
    team.go(address)
    desk = team.page
    desk.get_by_role("button", name="심사 시작").click()
    desk.wait_for_selector("text=심사위원이 0명입니다.")
    for name in ("정보슬", "박나린"):
        desk.get_by_text("심사위원 지정하기").click()
        value = desk.locator("#p-judge option", has_text=name).get_attribute("value")
        desk.select_option("#p-judge", value)
        desk.get_by_role("button", name="지정", exact=True).click()
        desk.wait_for_selector("text=지정했습니다.")
    desk.get_by_role("button", name="심사 시작").click()
    desk.wait_for_selector("text=처리했습니다.")
    for login in ("jung", "owner"):
        judge = visitor()
        judge.sign_in(login)
        judge.go(f"{address}/forms/casebook_judgement")
        for id, value in SCORES.items():
            judge.page.fill(f"#a-{id}", value)
        judge.page.keyboard.press("Tab")
        judge.page.wait_for_selector("text=모두 답했습니다.")
        judge.go(address)
        judge.page.get_by_role("button", name="심사표 제출").click()
        judge.page.wait_for_selector("text=처리했습니다.")
    team.go(address)
    desk.fill("#n-choose", "다른 부서가 따라 할 수 있습니다.")
    desk.get_by_role("button", name="선정", exact=True).click()
    desk.wait_for_selector("text=처리했습니다.")
    assert desk.get_by_role("button", name="사례집에 싣기").count() == 0, "another person publishes"
    second = visitor()
    second.sign_in("ai2")
    second.go(address)
    second.page.get_by_role("button", name="사례집에 싣기").click()
    second.page.wait_for_selector("text=끝난 건입니다.")

    reader = visitor(width=360)
    reader.go("/casebook")
    assert faults_of(reader.page) == []
    reader.page.get_by_role("link", name="민원 답변 초안을 15분에").click()
    reader.page.wait_for_selector("text=한 달에 500분 줄었습니다.")
    assert faults_of(reader.page) == []
    with house.client() as client:
        book = client.get("/casebook/book.pdf")
        assert book.content.startswith(b"%PDF")
        assert "40분 → 15분" in client.get("/casebook/book.html").text
