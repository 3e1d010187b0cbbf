"""경보, in a browser: from what a service proposes to the verdict, with the refusals on the way; a drill; a shift's end."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import yaml
from lxml import etree
from tests.house import House, faults_of, sideways
from tests.office.alerts import ANSWERS, Receiver, proposed

from haechi.city.demo.office.alerts import WORDS, demo
from haechi.core.roles import actor_of
from haechi.office.alerts.message import read_xml, schema_faults

CHOSEN = ("category", "urgency", "severity", "certainty", "response", "sinks")


@pytest.fixture
def receiver(house: House) -> Any:
    """A webhook on this machine, written into the house's file of sinks."""
    made = Receiver()
    file = house.installation.settings.home / "alert_sinks.yaml"
    told = {"sender": "alerts.haechi.example", "webhook": {"urls": [f"{made.url}/hook"], "exercise": True}}
    file.write_text(yaml.safe_dump(told), encoding="utf-8")
    yield made
    file.unlink()
    made.close()


def fill(page: Any, **changed: str) -> None:
    """The words of the alert, as an operator types and ticks them."""
    for id, value in {**ANSWERS, "sinks": ["webhook", "siren"], **changed}.items():
        if id in CHOSEN:
            for one in [value] if isinstance(value, str) else value:
                page.check(f"#a-{id}-{one}")
        elif id != "circles":
            page.fill(f"#a-{id}", value)
    page.keyboard.press("Tab")
    page.wait_for_selector("text=모두 답했습니다.")


def press(page: Any, name: str, note: str = "", said: str = "처리했습니다.") -> None:
    """Take a step of the alert's page, and be told `said` on the page that follows."""
    if note:
        page.locator("summary", has_text=re.compile(f"^{name}$")).click()
        page.locator("details[open] textarea").fill(note)
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()
    assert said in page.inner_text("main")


def test_a_proposal_becomes_an_alert_and_gets_its_verdict(visitor: Any, house: House, receiver: Receiver) -> None:
    title = "소월길 인파 밀집"
    case = house.installation.office.carriage.carry(proposed(title, bureau="재난안전실"))
    first, second = visitor(), visitor()
    first.sign_in("oper")
    second.sign_in("oper2")
    page, other = first.page, second.page
    first.go("/reviews")
    assert faults_of(page) == []
    page.get_by_role("link", name=title).first.click()
    page.get_by_role("button", name="내가 보기(15분)").click()
    page.wait_for_selector("text=15분 동안 맡았습니다.")
    second.go(page.url.split("?")[0].removeprefix(house.address))
    assert "진가온 님이 보고 있음" in other.inner_text("main")
    page.get_by_role("button", name="받아들이고 경보 쓰기").click()
    page.wait_for_selector("text=정했습니다.")
    address = f"/alerts/desk/{case['id']}"
    assert address in page.url
    press(page, "승인 요청", said="답하지 않은 문항")
    page.get_by_role("link", name="문안 쓰기").click()
    fill(page)
    first.go(address)
    press(page, "승인 요청")
    press(page, "승인", said="다른 관제원이 승인해야 합니다.")
    second.go(address)
    press(other, "승인")
    press(other, "발령", said="발령 중")

    reader = visitor(width=390)
    reader.go("/alerts")
    assert ANSWERS["headline_ko"] in reader.page.inner_text("main")
    assert sideways(reader.page) == 0
    assert faults_of(reader.page) == []
    _wait_for(receiver, 1)
    sent = read_xml(receiver.got[0][2])
    with house.client() as client:
        _feed_is_sound(house, client, sent.identifier)
        assert ANSWERS["headline_en"] in client.get("/alerts?lang=en").text
    second.go(address)
    told = other.inner_text("main")
    assert "사이렌: 설정이 없습니다. missing:" in told.replace("\n", " ")
    assert faults_of(other) == []

    press(other, "갱신 작성", said="갱신 작성 중")
    other.get_by_role("link", name="문안 쓰기").click()
    other.fill("#a-headline_ko", "소월길이 풀리고 있습니다.")
    with other.expect_response(lambda answer: "/forms/" in answer.url):
        other.keyboard.press("Tab")
    second.go(address)
    press(other, "갱신 승인 요청")
    press(other, "갱신 승인·발령", said="다른 관제원이 승인해야 합니다.")
    first.go(address)
    press(page, "갱신 승인·발령")
    press(page, "해제 요청", "인파가 흩어졌습니다.")
    second.go(address)
    press(other, "해제 승인·발령", said="해제됨")
    reader.go(f"/alerts/{sent.identifier}")
    assert "새 경보로 바뀌었습니다" in reader.page.inner_text("main")
    _wait_for(receiver, 3)
    kinds = [(one.kind, len(one.references)) for one in (read_xml(body) for _, _, body in receiver.got)]
    assert kinds == [("Alert", 0), ("Update", 1), ("Cancel", 2)]
    press(other, "정탐", "1㎡에 5명이 넘는 것을 현장에서 보았습니다.", said="판정 끝")
    report = page.request.get(f"{house.address}{address}/report.pdf")
    assert report.body().startswith(b"%PDF")
    assert "1㎡에 5명이 넘는 것을" in page.request.get(f"{house.address}{address}/report.html").text()


def test_the_demonstration_opens_its_things_once(house: House) -> None:
    office = house.installation.office
    people = {}
    for login, name in (("oper", "operator"), ("oper2", "operator.night")):
        user = house.installation.accounts.find(login)
        assert user is not None
        people[name] = actor_of(user)
    demo(office, people)
    before = {kind: len(rows) for kind, rows in office.board.open_cases(people["operator"]).items()}
    demo(office, people)
    assert {kind: len(rows) for kind, rows in office.board.open_cases(people["operator"]).items()} == before
    told = {row["headline_ko"]: row["exercise"] for row in office.board.in_force(people["operator"])}
    assert told[WORDS["headline_ko"]] is False
    assert told["[훈련] " + WORDS["headline_ko"]] is True


def _wait_for(receiver: Receiver, n: int) -> None:
    for _ in range(100):
        if len(receiver.got) >= n:
            return
        time.sleep(0.1)
    raise AssertionError(f"only {len(receiver.got)} of {n} arrived")


def _feed_is_sound(house: House, client: Any, identifier: str) -> None:
    feed = client.get("/alerts/feed.xml")
    assert feed.headers["content-type"].startswith("application/atom+xml")
    space = {"a": "http://www.w3.org/2005/Atom"}
    links = [link.get("href") for link in etree.fromstring(feed.content).findall("a:entry/a:link", space)]
    assert f"{house.address}/alerts/{identifier}.xml" in links
    for link in links:
        document = client.get(link)
        assert document.headers["content-type"].startswith("application/cap+xml")
        assert schema_faults(document.content) == []


def test_a_drill_is_marked_everywhere_and_its_shift_hands_over(visitor: Any, house: House, receiver: Receiver) -> None:
    first, second = visitor(), visitor()
    first.sign_in("oper")
    page = first.page
    first.go("/alerts/desk")
    assert faults_of(page) == []
    page.fill("#title", "침수 훈련")
    page.get_by_label("훈련입니다").check()
    page.get_by_role("button", name="경보 쓰기").click()
    page.wait_for_selector(".watermarked .drill")
    address = page.url.removeprefix(house.address).split("?")[0]
    page.get_by_role("link", name="문안 쓰기").click()
    fill(page, event_ko="침수", headline_ko="지하차도에 물이 찹니다.")
    first.go(address)
    press(page, "승인 요청")
    second.sign_in("oper2")
    second.go(address)
    press(second.page, "승인")
    press(second.page, "발령", said="훈련에서는 사이렌을 울리지 않습니다.")
    _wait_for(receiver, 1)
    _, headers, body = receiver.got[0]
    assert (headers["x-haechi-exercise"], read_xml(body).status) == ("true", "Exercise")
    reader = visitor(width=390)
    reader.go("/alerts")
    card = reader.page.locator("article.watermarked", has_text="[훈련] 지하차도에 물이 찹니다.")
    assert "실제 상황이 아닙니다" in card.inner_text()
    assert "훈련" in page.request.get(f"{house.address}{address}/report.html").text()
    _shift_ends(first, second)
    stranger = visitor()
    stranger.sign_in("kim")
    for closed in ("/alerts/desk", "/alerts/desk/shifts"):
        assert stranger.page.request.get(house.address + closed).status == 403, closed


def _shift_ends(first: Any, second: Any) -> None:
    first.go("/alerts/desk/shifts")
    first.page.fill("#note", "지하차도를 계속 봐 주세요.")
    first.page.get_by_role("button", name="근무 넘기기").click()
    first.page.wait_for_selector("text=인계를 남겼습니다.")
    assert first.page.get_by_role("button", name="확인하고 이어받기").count() == 0
    second.go("/alerts/desk/shifts")
    assert faults_of(second.page) == []
    second.page.get_by_role("button", name="확인하고 이어받기").click()
    second.page.wait_for_selector("text=이어받았습니다.")
