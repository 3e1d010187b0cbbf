"""An officer writes an answer in the browser, a colleague publishes it; a scenario is drawn step by step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.house import House, Visitor, csrf_of, faults_of, sideways

from haechi.city.answers import Line, Written
from haechi.core import clock
from haechi.core.errors import Conflict
from haechi.core.identity import actor_of
from haechi.core.store import Actor
from haechi.engines.dialogue.ports import Said

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
    asked = "도시 텃밭은 어떻게 분양받나요?"
    address = write(kim, asked, "매년 3월 공고를 보고 누리집에서 신청합니다.")
    checked(kim, "a draft")
    kim.page.click("#next button.primary")
    kim.page.wait_for_selector("#next .banner")
    assert "다른 직원" in kim.page.locator("#next .banner").inner_text()
    day = clock.today()
    assert asked not in {one.question for one in house.installation.answers.in_force(BOT, day)}

    head = visitor(width=360)
    head.sign_in("head")
    head.go(address)
    checked(head, "awaiting review, on a telephone")
    head.page.click("#next form[action$=publish] button")
    head.page.wait_for_url(lambda url: "notice=saved" in url)
    said = [one for one in house.installation.answers.in_force(BOT, day) if one.question == asked]
    assert [one.answer for one in said] == ["매년 3월 공고를 보고 누리집에서 신청합니다."]
    assert set(said[0].paraphrases) == {"텃밭 어떻게 빌려요", "주말농장 하고 싶어요"}
    after = said[0].valid_until + timedelta(days=1)
    assert asked not in {one.question for one in house.installation.answers.in_force(BOT, after)}

    kim.go("/answers?standing=live")
    assert asked in kim.page.locator("table").inner_text()
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
    page.wait_for_function("() => !document.getElementById('findings').innerText.includes('없는 곳')")
    assert "막다른 곳" in page.locator("#findings").inner_text()
    checked(kim, "the step editor")
    page.click("button[value=save]")
    page.wait_for_url(lambda url: "notice=saved" in url)
    kept = house.installation.answers.one(actor_named(house, "kim"), page.url.split("/")[-1].split("?")[0])
    assert kept["content"]["steps"][0]["options"] == [["같은 시", "같은 시"]]
    checked(kim, "a kept scenario")
    page.set_viewport_size({"width": 360, "height": 800})
    checked(kim, "a kept scenario on a telephone")


def actor_named(house: House, login: str) -> Actor:
    user = house.installation.accounts.find(login)
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


# --- stories, played through the real engine -------------------------------------------------------------------------

STORY_BOT = "seoul_talk"


def drafted(house: House, question: str, answer: str, phrases: tuple[str, ...] = ()) -> str:
    """A draft by Kim, sent for review; its id."""
    desk, today, kim = house.installation.answer_desk, clock.today(), actor_named(house, "kim")
    written = Written(
        {"question": question, "answer": answer, "links": []}, "김해솔", today, today + timedelta(days=90)
    )
    made = desk.create(kim, "faq", STORY_BOT, "재무국", written, phrases)
    desk.submit(kim, made, 1)
    return made


def test_a_draft_is_tried_with_the_stories_before_it_is_published_and_a_failure_must_be_known(house: House) -> None:
    installation = house.installation
    kim, head = actor_named(house, "kim"), actor_named(house, "head")
    stories, desk = installation.stories, installation.answer_desk
    made = drafted(
        house, "옥상 정원 개방 시간은 언제인가요?", "옥상 정원은 오전 9시에 엽니다.", ("옥상 정원 몇 시에 열어요",)
    )
    story = stories.add(
        kim, STORY_BOT, "재무국", "옥상 정원",
        [Line("옥상 정원 몇 시에 열어요", "text", "오전 9시"), Line("옥상 정원 개방 시간은 언제인가요?", "faq", made),
         Line("옥상 정원 몇 시에 열어요", "not_text", "오후 3시")],
    )  # fmt: skip
    try:
        with pytest.raises(Conflict, match="돌려 보지 않았습니다"):
            desk.publish(head, made, 1)
        unpublished = stories.run(kim, STORY_BOT)
        assert [line["passed"] for line in unpublished["results"][0]["lines"]][:2] == [False, False]
        tried = stories.run(kim, STORY_BOT, (made, 1))
        assert (tried["passed"], tried["failed"]) == (3, 0), tried["results"]
        desk.publish(head, made, 1)
        assert stories.run(kim, STORY_BOT)["failed"] == 0

        today = clock.today()
        content = {
            "question": "옥상 정원 개방 시간은 언제인가요?",
            "answer": "옥상 정원은 오후 3시에 엽니다.",
            "links": [],
        }
        written = Written(content, "김해솔", today, today + timedelta(days=90), "시간 바꿈")
        desk.revise(kim, made, 1, written)
        desk.submit(kim, made, 2)
        assert stories.run(kim, STORY_BOT, (made, 2))["failed"] == 2
        with pytest.raises(Conflict, match="2줄이 기대와 다릅니다"):
            desk.publish(head, made, 2)
        desk.publish(head, made, 2, "시간이 바뀌었고 이야기는 다음 주에 고침", despite=True)
        assert installation.answers.one(kim, made)["versions"][0]["decision_note"].startswith("시간이 바뀌었고")
        kept = [run for run in stories.runs(kim, STORY_BOT) if run["candidate"] == made]
        assert [(run["candidate_number"], run["failed"]) for run in kept] == [(2, 2), (1, 0)]
    finally:
        stories.remove(kim, story)


def test_a_story_walks_through_a_scenario_by_its_buttons_and_files_nothing(house: House) -> None:
    installation, kim, today = house.installation, actor_named(house, "kim"), clock.today()
    content = {
        "title": "야외 도서관 이용 안내",
        "steps": [
            {"id": "start", "text": "어느 야외 도서관인가요?", "options": [["광장", "plaza"], ["상담사", "person"]]},
            {"id": "plaza", "text": "광장 도서관은 주말에만 엽니다.", "options": [["끝", "end"]]},
        ],
    }
    written = Written(content, "김해솔", today, today + timedelta(days=90))
    made = installation.answer_desk.create(
        kim, "scenario", STORY_BOT, "재무국", written, ("야외 도서관 어떻게 이용해요",)
    )
    story = installation.stories.add(
        kim, STORY_BOT, "재무국", "야외 도서관",
        [Line("야외 도서관 어떻게 이용해요", "scenario", made), Line("광장", "text", "주말에만"), Line("끝", "state", "closed")],
    )  # fmt: skip
    with installation.worker_store.transaction() as tx:
        before = tx.value("select count(*) from turns") + tx.value("select count(*) from tickets")
    try:
        tried = installation.stories.run(kim, STORY_BOT, (made, 1))
        assert tried["failed"] == 0, tried["results"]
    finally:
        installation.stories.remove(kim, story)
    with installation.worker_store.transaction() as tx:
        assert tx.value("select count(*) from turns") + tx.value("select count(*) from tickets") == before


def test_an_answer_that_ends_is_not_said_from_the_next_day_on_from_no_cache(house: House) -> None:
    installation = house.installation
    made = drafted(house, "눈썰매장은 며칠까지 하나요?", "눈썰매장은 이달까지 합니다.", ("눈썰매장 언제까지 해요",))
    installation.answer_desk.publish(actor_named(house, "head"), made, 1)
    guest, said = Actor("guest:sled", "손님"), Said(text="눈썰매장 언제까지 해요")

    def told() -> str:
        events = installation.conversing.turn(guest, said, bot=STORY_BOT)
        return " ".join(str(event.get("text", "")) for event in events)

    assert "이달까지 합니다" in told()
    last = installation.answers.in_force(STORY_BOT, clock.today())
    end = next(entry.valid_until for entry in last if entry.id == made)
    with clock.frozen(datetime(end.year, end.month, end.day, 3, tzinfo=UTC)):
        assert "이달까지 합니다" in told()
    with clock.frozen(datetime(end.year, end.month, end.day, 3, tzinfo=UTC) + timedelta(days=1)):
        assert "이달까지 합니다" not in told()


def test_what_the_bot_could_not_answer_becomes_a_wording_with_one_click(house: House) -> None:
    installation, kim = house.installation, actor_named(house, "kim")
    made = drafted(house, "자전거 등록증은 어디서 받나요?", "재무국 민원실에서 받습니다.")
    installation.answer_desk.publish(actor_named(house, "head"), made, 1)
    bureau = installation.bots.get(STORY_BOT).bureau
    question = "자전거 등록증 받는 곳 알려 주세요"
    with installation.worker_store.transaction() as tx:
        tx.run(
            "insert into unanswered (id, bot, audience, text, at, reason) values (:id, :bot, 'citizen', :text, :now, 'x')",
            {"id": clock.new_id(), "bot": STORY_BOT, "text": question, "now": clock.now()},
        )
    boss = actor_named(house, "head")
    found = next(one for one in installation.worklist.unanswered(boss, bureau) if one["text"] == question)
    assert [near["id"] for near in found["nearest"]] == [made]
    with house.client("head") as head:
        page = head.get(f"/answers/unanswered?bureau={bureau}").text
        sent = {"csrf": csrf_of(page), "answer_id": made}
        assert head.post(f"/answers/unanswered/{found['id']}/add", data=sent).status_code == 303
    entry = next(one for one in installation.answers.in_force(STORY_BOT, clock.today()) if one.id == made)
    assert question in entry.paraphrases
    assert [one for one in installation.worklist.unanswered(boss, bureau) if one["text"] == question] == []
    assert installation.answers.one(kim, made)["phrases"][0]["source"] == "unanswered"


def test_a_sentence_is_rehearsed_with_a_draft_and_nothing_is_kept(house: House) -> None:
    made = drafted(
        house, "반딧불이 체험은 언제 하나요?", "반딧불이 체험은 유월 첫 주에 합니다.", ("반딧불이 언제 볼 수 있어요",)
    )
    with house.installation.worker_store.transaction() as tx:
        before = tx.value("select count(*) from turns")
    with house.client("kim") as kim:
        page = kim.get(f"/answers/{made}", params={"say": "반딧불이 언제 볼 수 있어요"}).text
    drawn = page.partition('id="turn-rehearsal"')[2]
    assert "유월 첫 주" in drawn
    assert "담당 부서가 쓴 답변" in drawn
    with house.installation.worker_store.transaction() as tx:
        assert tx.value("select count(*) from turns") == before
    assert house.installation.answers.one(actor_named(house, "kim"), made)["standing"] == "none"
