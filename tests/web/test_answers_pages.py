"""An officer writes an answer in the browser, a colleague publishes it; a scenario is drawn step by step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.house import House, Visitor, csrf_of, faults_of, sideways

from haechi.core import clock

pytestmark = pytest.mark.browser
Open = Callable[..., Visitor]
BOT = "seoul_talk"


def checked(visitor: Visitor, what: str) -> None:
    assert sideways(visitor.page) == 0, what
    assert faults_of(visitor.page) == [], what


def write(visitor: Visitor, question: str, answer: str) -> str:
    """An FAQ as a draft, through the form; its address."""
    page = visitor.page
    visitor.go("/answers/new")
    page.select_option("#bot", BOT)
    page.fill("#question", question)
    page.fill("#answer", answer)
    page.fill("#phrases", "텃밭 어떻게 빌려요\n주말농장 하고 싶어요")
    page.click("main form button.primary")
    page.wait_for_url(lambda url: "/answers/new" not in url)
    return page.url.split("?")[0].removeprefix(visitor.house.address)


def test_one_writes_another_publishes_and_the_bot_may_say_it(house: House, visitor: Open) -> None:
    kim = visitor()
    kim.sign_in("kim")
    address = write(kim, "도시 텃밭은 어떻게 분양받나요?", "매년 3월 공고를 보고 누리집에서 신청합니다.")
    checked(kim, "a draft")
    kim.page.click("#next button.primary")
    kim.page.wait_for_selector("#next .banner")
    assert "다른 직원" in kim.page.locator("#next .banner").inner_text()
    day = clock.today()
    assert not [one for one in house.installation.answers.in_force(BOT, day) if "텃밭" in one.question]

    head = visitor(width=360)
    head.sign_in("head")
    head.go(address)
    checked(head, "awaiting review, on a telephone")
    head.page.click("#next form[action$=publish] button")
    head.page.wait_for_url(lambda url: "notice=saved" in url)
    said = [one for one in house.installation.answers.in_force(BOT, day) if "텃밭" in one.question]
    assert [one.answer for one in said] == ["매년 3월 공고를 보고 누리집에서 신청합니다."]
    assert set(said[0].paraphrases) == {"텃밭 어떻게 빌려요", "주말농장 하고 싶어요"}
    assert house.installation.answers.in_force(BOT, said[0].valid_until + timedelta(days=1)) == []

    kim.go("/answers?standing=live")
    assert "도시 텃밭은 어떻게 분양받나요?" in kim.page.locator("table").inner_text()
    checked(kim, "the list")
    kim.go(address)
    history = kim.page.locator("#history + ol").inner_text()
    assert "김해솔" in history
    assert "마루한" in history


def test_what_was_typed_stays_when_somebody_was_faster(house: House) -> None:
    with house.client("kim") as kim:
        form = kim.get("/answers/new").text
        today = clock.today()
        sent = {
            "csrf": csrf_of(form), "bot": BOT, "bureau": "재무국", "question": "지방세는 어디에 내나요?", "answer": "은행이나 누리집에서.",
            "owner": "김해솔", "valid_from": str(today), "valid_until": str(today + timedelta(days=90)),
        }  # fmt: skip
        address = kim.post("/answers/new", data=sent).headers["location"].split("?")[0]
        first = kim.post(address, data={**sent, "base": 1, "answer": "먼저 고친 글", "why": "고침"})
        assert first.status_code == 303
        late = kim.post(address, data={**sent, "base": 1, "answer": "나중에 고친 글", "why": "고침"})
    assert late.status_code == 409
    assert "나중에 고친 글" in late.text
    assert "그사이 다른 사람이" in late.text


def test_a_scenario_is_drawn_step_by_step_and_its_faults_are_shown(house: House, visitor: Open) -> None:
    kim = visitor()
    kim.sign_in("kim")
    page = kim.page
    kim.go("/answers/scenarios/new")
    page.select_option("#bot", BOT)
    page.fill("#title", "이사할 때 할 일")
    page.fill("#text-0", "어디로 이사하셨나요?")
    page.click("button[value=add-step]")
    page.wait_for_selector("#id-1")
    page.fill("#id-1", "같은 시")
    page.fill("#text-1", "14일 안에 전입신고를 하세요.")
    page.click("button[value=add-option-0]")
    page.wait_for_selector("#label-0-0")
    page.fill("#label-0-0", "같은 시")
    page.click("button[value=check].tertiary")
    page.wait_for_selector("#findings li")
    findings = page.locator("#findings").inner_text()
    assert "없는 곳" in findings
    assert "'같은 시' 단계로 오는 길이 없습니다." in findings
    page.select_option("#to-0-0", "같은 시")
    page.click("button[value=check].tertiary")
    page.wait_for_function("!document.getElementById('findings').innerText.includes('없는 곳')")
    assert "막다른 곳" in page.locator("#findings").inner_text()
    checked(kim, "the step editor")
    page.click("button[value=save]")
    page.wait_for_url(lambda url: "notice=saved" in url)
    kept = house.installation.answers.one(actor_of_kim(house), page.url.split("/")[-1].split("?")[0])
    assert kept["content"]["steps"][0]["options"] == [["같은 시", "같은 시"]]
    checked(kim, "a kept scenario")
    page.set_viewport_size({"width": 360, "height": 800})
    checked(kim, "a kept scenario on a telephone")


def actor_of_kim(house: House) -> object:
    from haechi.core.identity import actor_of

    user = house.installation.accounts.find("kim")
    assert user is not None
    return actor_of(user)


@pytest.mark.parametrize(("width", "language"), [(360, "en"), (1280, "ko")])
def test_the_pages_have_no_fault_in_either_language(visitor: Open, width: int, language: str) -> None:
    kim = visitor(width=width)
    kim.sign_in("kim")
    for path in ("/answers", "/answers/new", "/answers/scenarios/new", "/answers/stories", "/answers/unanswered"):
        kim.go(f"{path}?lang={language}")
        assert kim.page.locator("h1").count() == 1
        checked(kim, f"{path} {language}")


def test_citizens_find_no_desk_and_other_bureaux_only_read(house: House) -> None:
    with house.client() as guest:
        assert guest.get("/answers").status_code == 401
    with house.client("citizen") as citizen:
        assert citizen.get("/answers").status_code == 403
    with house.client("nam") as auditor:
        assert auditor.get("/answers").status_code == 200
        assert "/answers/new" not in auditor.get("/answers").text
