"""A citizen talks to the bots of the city: on the page, with the keyboard, without scripts, on another site, with a person."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from tests.house import House, Visitor, csrf_of, faults_of, sideways

from haechi.city.answers import Written
from haechi.core import clock
from haechi.core.identity import actor_of
from haechi.core.store import Actor

Open = Callable[..., Visitor]
BOT = "seoul_talk"
ANSWER = "도시 텃밭은 3월 첫 주에 누리집에서 신청합니다."
PLAN = "# 천문관 관측회 안내\n\n## 운영\n천문관 관측회는 매월 둘째 토요일 저녁 8시에 엽니다.\n"


def actor(house: House, login: str) -> Actor:
    user = house.installation.accounts.find(login)
    assert user is not None
    return actor_of(user)


@pytest.fixture(scope="module")
def garden(house: House) -> str:
    """A published FAQ about gardens; its id."""
    desk, today = house.installation.answer_desk, clock.today()
    content = {
        "question": "도시 텃밭은 언제 신청하나요?",
        "answer": ANSWER,
        "links": [["신청하기", "https://www.example.go.kr/"]],
    }
    written = Written(content, "김해솔", today, today + timedelta(days=60))
    made = desk.create(
        actor(house, "kim"), "faq", BOT, "재무국", written, ("주말농장 분양 언제 해요", "텃밭 신청 기간")
    )
    desk.submit(actor(house, "kim"), made, 1)
    desk.publish(actor(house, "head"), made, 1)
    return made


def say(visitor: Visitor, text: str) -> str:
    """Typed and sent with Enter; what came back, once it is settled."""
    page = visitor.page
    before = page.locator("article[data-kept]").count()
    page.fill("#said", text)
    page.press("#said", "Enter")
    page.wait_for_function("n => document.querySelectorAll('article[data-kept]').length > n", arg=before)
    return str(page.locator("article[data-kept]").last.inner_text())


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_a_citizen_learns_before_use_that_an_ai_answers_and_may_choose_a_person_first(
    visitor: Open, width: int
) -> None:
    guest = visitor(width=width)
    guest.go("/chat")
    assert "인공지능(AI)" in guest.page.locator(".ai-notice").inner_text()
    assert guest.page.locator(".start button[name=wants_person]").is_visible()
    assert guest.page.locator("#chatbox button[name=wants_person]").is_visible()
    assert sideways(guest.page) == 0
    assert faults_of(guest.page) == []


@pytest.mark.usefixtures("garden")
@pytest.mark.browser
def test_a_written_answer_names_its_bureau_and_its_last_day_and_is_heard(visitor: Open) -> None:
    guest = visitor(width=360)
    guest.go(f"/chat/{BOT}")
    told = say(guest, "텃밭 신청 기간이 언제예요")
    assert ANSWER in told
    assert "담당 부서가 쓴 답변" in told
    assert "재무국 김해솔" in told
    assert ANSWER in guest.page.locator("#say").inner_text()
    assert guest.page.locator("article a[href='https://www.example.go.kr/']").count() == 1
    assert "?c=" in guest.page.url
    assert faults_of(guest.page) == []
    assert sideways(guest.page) == 0
    guest.page.reload()
    assert ANSWER in guest.page.locator("#turns").inner_text()
    guest.page.get_by_role("button", name="도움이 됐어요").click()
    guest.page.wait_for_selector(".turn__thanks")


@pytest.mark.browser
def test_a_cited_answer_opens_its_passage_with_the_keyboard(house: House, visitor: Open) -> None:
    house.put("kim", "천문관 관측회 안내.md", PLAN)
    guest = visitor()
    guest.go(f"/chat/{BOT}")
    told = say(guest, "천문관 관측회는 몇 시에 여나요?")
    if "이 중에 없음" in told:  # the bot was not sure which of its own matters was meant, and asked first
        guest.page.get_by_role("button", name="이 중에 없음").click()
        guest.page.wait_for_selector("article a.cite")
        told = guest.page.locator("article[data-kept]").last.inner_text()
    assert "저녁 8시" in told
    assert "AI가 만든 답변" in told
    guest.page.locator("article a.cite").first.focus()
    guest.page.keyboard.press("Enter")
    guest.page.wait_for_selector("#source[open] mark")
    assert "저녁 8시" in guest.page.locator("#source mark").inner_text()
    assert faults_of(guest.page) == []
    guest.page.keyboard.press("Escape")
    assert guest.page.evaluate("document.activeElement.className").startswith("cite")


@pytest.mark.browser
def test_danger_is_shown_above_everything_with_a_number_to_call(visitor: Open) -> None:
    guest = visitor(width=360)
    guest.go("/chat")
    say(guest, "집에 불이 났어요 사람이 안에 있어요")
    call = guest.page.locator("#sos a[href='tel:119']")
    assert call.is_visible()
    top = guest.page.locator("#sos").bounding_box()
    head = guest.page.locator("h1").bounding_box()
    assert top is not None
    assert head is not None
    assert top["y"] < head["y"] or guest.page.evaluate("scrollY") > 0
    assert faults_of(guest.page) == []


@pytest.mark.browser
def test_a_bot_that_is_not_built_or_switched_off_names_the_office_to_ask(house: House, visitor: Open) -> None:
    bots = house.installation.bots
    unbuilt = next(one for one in bots.all(actor(house, "citizen")) if not one.built)
    guest = visitor()
    guest.go(f"/chat/{unbuilt.id}")
    told = guest.page.locator("#not-here").inner_text()
    assert "구현 전" in told
    assert unbuilt.office in told
    bots.switch(actor(house, "head"), BOT, False, "답변을 고치고 있습니다.")
    try:
        guest.go(f"/chat/{BOT}")
        told = guest.page.locator("#not-here").inner_text()
        assert "멈춰 있습니다" in told
        assert "답변을 고치고 있습니다." in told
        assert faults_of(guest.page) == []
    finally:
        bots.switch(actor(house, "head"), BOT, True, "")


def test_citizens_cannot_open_a_bot_of_the_staff(house: House) -> None:
    staff_bots = [one for one in house.installation.bots.all(actor(house, "kim")) if one.audience == "staff"]
    with house.client("citizen") as citizen:
        assert citizen.get(f"/chat/{staff_bots[0].id}").status_code == 404
    with house.client("kim") as officer:
        assert officer.get(f"/chat/{staff_bots[0].id}").status_code == 200


@pytest.mark.usefixtures("garden")
@pytest.mark.browser
def test_the_page_in_english(visitor: Open) -> None:
    guest = visitor()
    guest.go(f"/chat/{BOT}?lang=en")
    assert guest.page.locator("html").get_attribute("lang") == "en"
    assert "artificial intelligence" in guest.page.locator(".ai-notice").inner_text()
    assert "Written by the bureau" in say(guest, "텃밭 신청 기간이 언제예요")
    assert faults_of(guest.page) == []


# --- without scripts -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("garden")
def test_without_scripts_the_same_forms_hold_the_whole_conversation(house: House) -> None:
    with house.client() as guest:
        page = guest.get(f"/chat/{BOT}").text
        sent = {"csrf": csrf_of(page), "bot": BOT, "conversation_id": "", "text": "텃밭 신청 기간이 언제예요"}
        answer = guest.post("/chat", data=sent)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"/chat/{BOT}?c=")
        assert ANSWER in guest.get(answer.headers["location"]).text
        empty = guest.post("/chat", data={**sent, "text": ""})
    assert empty.status_code == 422
    assert "비어" in empty.text


@pytest.mark.usefixtures("garden")
def test_nobody_reads_the_conversation_of_another(house: House) -> None:
    with house.client() as guest:
        sent = {"csrf": csrf_of(guest.get("/chat").text), "bot": BOT, "text": "텃밭 신청 기간이 언제예요"}
        address = guest.post("/chat", data=sent).headers["location"].partition("#")[0]
    conversation = address.partition("?c=")[2]
    with house.client() as stranger:
        assert stranger.get(address).status_code == 404
        assert stranger.get(f"/chat/c/{conversation}/turns").status_code == 404


# --- on another site -------------------------------------------------------------------------------------------------


@contextmanager
def another_site(html: str) -> Iterator[int]:
    """A page of somebody else on a port of its own; the port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = html.encode()
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


EMBEDDING = """<!doctype html><html lang="ko"><title>복지 누리집</title><h1>복지 누리집</h1>
<script src="{address}/widget.js" data-bot="{bot}" defer></script></html>"""


@contextmanager
def allowing(house: House, origins: str) -> Iterator[None]:
    """The house with these sites allowed to embed it."""
    before = house.installation.settings
    house.installation.settings = replace(before, widget_origins=origins)
    try:
        yield
    finally:
        house.installation.settings = before


@pytest.mark.browser
@pytest.mark.usefixtures("garden")
def test_another_site_that_is_on_the_list_shows_the_bot_and_the_talk_goes_on(house: House, chromium: Any) -> None:
    # 'localhost' and '127.0.0.1' are two sites to a browser: the frame gets no cookies, as on a real site of others.
    with another_site(EMBEDDING.format(address=house.address, bot=BOT)) as port:
        home = f"http://localhost:{port}"
        with allowing(house, f"https://www.example.go.kr {home}"):
            context = chromium.new_context(viewport={"width": 1000, "height": 800}, reduced_motion="reduce")
            page = context.new_page()
            page.goto(home)
            page.get_by_role("button", name="챗봇").click()
            frame = page.frame_locator("iframe")
            frame.locator("#chatbox[data-ready]").wait_for()
            for text in ("텃밭 신청 기간이 언제예요", "주말농장 분양 언제 해요"):
                frame.locator("#said").fill(text)
                frame.locator("#said").press("Enter")
                frame.locator("article[data-kept] h2", has_text=text).wait_for()
            assert frame.locator("article[data-kept]").count() == 2
            assert ANSWER in frame.locator("article[data-kept]").last.inner_text()
            assert frame.locator("article a[href^='https://www.example']").first.get_attribute("target") == "_blank"
            assert [cookie["name"] for cookie in context.cookies()] == []
            inner = next(one for one in page.frames if "/widget" in one.url)
            assert faults_of(inner) == []
            context.close()


@pytest.mark.browser
def test_a_site_that_is_not_on_the_list_gets_an_empty_frame_and_the_way_around(house: House, chromium: Any) -> None:
    with (
        another_site(EMBEDDING.format(address=house.address, bot=BOT)) as port,
        allowing(house, "https://www.example.go.kr"),
    ):
        context = chromium.new_context()
        page = context.new_page()
        page.clock.install()
        page.goto(f"http://localhost:{port}")
        page.get_by_role("button", name="챗봇").click()
        page.wait_for_timeout(500)
        assert [one.url for one in page.frames if one.url.startswith(house.address)] == []
        page.clock.fast_forward(9000)
        link = page.get_by_role("link", name="새 창에서")
        link.wait_for()
        assert link.get_attribute("href") == f"{house.address}/chat/{BOT}?lang=ko"
        context.close()


def test_only_named_origins_stand_in_the_policy_of_the_frame_and_none_by_default(house: House) -> None:
    with house.client() as guest:
        assert "frame-ancestors 'none'" in guest.get("/widget").headers["content-security-policy"]
        with allowing(house, "https://www.example.go.kr not-an-origin http://localhost:9000"):
            answer = guest.get(f"/widget/{BOT}")
        wanted = "frame-ancestors 'self' https://www.example.go.kr http://localhost:9000;"
        assert wanted in answer.headers["content-security-policy"]
        assert "x-frame-options" not in answer.headers
        assert guest.get("/chat").headers["x-frame-options"] == "DENY"
        assert guest.get("/widget.js").headers["cross-origin-resource-policy"] == "cross-origin"


# --- a form, a person ------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_complaint_is_filed_with_the_keyboard_from_place_to_confirmation(visitor: Open) -> None:
    guest = visitor(width=360)
    guest.context.grant_permissions(["geolocation"])
    guest.context.set_geolocation({"latitude": 37.5663, "longitude": 126.9779})
    page = guest.page
    guest.go(f"/chat/{BOT}")
    told = say(guest, "도로에 구멍이 크게 났어요 신고할게요")
    if "도로 파임" in told and "1 /" not in told:  # asked which of two kinds was meant
        page.locator(".choices button", has_text="도로 파임").click()
    page.wait_for_selector("[data-field]")
    assert "1 /" in page.locator("[data-field]").inner_text()
    assert page.evaluate("document.activeElement.closest('[data-field]') !== null")
    page.wait_for_selector("[data-field=place]")
    page.click("[data-here]")
    page.wait_for_function("() => document.querySelector('[data-field=place] input[name=lat]').value !== ''")
    assert faults_of(page) == []
    assert sideways(page) == 0
    page.focus("[data-field=place] button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_function("() => !document.querySelector('[data-field=place]')")
    assert page.locator("[data-field], .choices").count() == 1


@pytest.mark.browser
def test_an_agent_s_words_arrive_while_the_citizen_looks_on(house: House, visitor: Open) -> None:
    accounts, desk = house.installation.accounts, house.installation.desk
    if accounts.find("counsel") is None:
        accounts.create(
            "counsel", "한상담", password="해치는-여섯-시에-일어난다", roles=("call_taker",), bureau="디지털도시국"
        )
    agent = actor(house, "counsel")
    guest = visitor(width=360)
    page = guest.page
    guest.go(f"/chat/{BOT}")
    page.click("#chatbox button[name=wants_person]")
    page.wait_for_selector(".handed")
    assert "상담사에게 넘겼습니다" in page.locator(".handed").inner_text()
    assert faults_of(page) == []
    conversation = page.url.partition("?c=")[2]
    page.wait_for_timeout(500)  # until the page listens: what follows must arrive by itself
    waiting = [one for one in desk.views.tickets(agent) if str(one["conversation_id"]) == conversation]
    desk.take(agent, waiting[0]["id"])
    started = time.monotonic()
    desk.reply(agent, waiting[0]["id"], "안녕하세요, 무엇을 도와드릴까요?")
    page.wait_for_selector(".turn--agent >> text=무엇을 도와드릴까요")
    assert time.monotonic() - started < 5
    assert "한상담" in page.locator(".turn--agent").last.inner_text()
    page.wait_for_function("() => document.getElementById('say').innerText.includes('무엇을 도와드릴까요')")
    say(guest, "보도블록이 빠졌어요")
    assert page.locator("article.turn--citizen").count() == 1
    assert faults_of(page) == []
    desk.close(agent, waiting[0]["id"], result="answered")
    page.wait_for_selector("form[data-after=rating]")
    assert faults_of(page) == []
    page.check("#score-5")
    page.click("form[data-after=rating] button")
    page.wait_for_selector("article .turn__thanks")
    with house.installation.worker_store.transaction() as tx:
        assert tx.value("select rating from tickets where conversation_id = :id", id=conversation) == 5
