"""An officer makes a bot in the browser, without code; screens fit a telephone, the keyboard and assistive tools."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.house import House, csrf_of, faults_of, sideways

from haechi.city.demo.documents import demo_documents

pytestmark = pytest.mark.timeout(240)

FEES = """# 대형폐기물 배출 안내

## 냉장고 수수료

냉장고의 배출 수수료는 8,000원이다.

## 소파 수수료

소파의 배출 수수료는 5,000원이다.

## 배출 기한

배출 신고를 한 날부터 7일 안에 내놓는다.
"""
BIKE = """# 공공자전거 이용 안내

## 일일권 요금

공공자전거 일일권 요금은 1,000원이다.

## 공공자전거 이용 시간

공공자전거는 한 번에 60분까지 이용한다.
"""
PAPERS = ("facility-booking", "youth-rent-notice", "civil-complaint-manual")
OWN = (
    "질문,기대 답,문서\n"
    "청년 월세는 한 달에 얼마까지 지원하나요?,20만원,\n"
    "여권을 다시 만들려면 며칠 걸리나요?,,민원 처리 편람\n"
    "체육관 예약을 취소하면 돈을 돌려받나요?,,공공시설 이용 안내\n"
    "화성 이주 지원금은 얼마인가요?,모름,\n"
)


def _post(client: Any, path: str, **data: Any) -> Any:
    page = client.get("/bots").text
    return client.post(path, data={"csrf": csrf_of(page), **data})


@pytest.fixture(scope="module")
def bot(house: House) -> str:
    """A published bot of the finance bureau, made through the API."""
    document = house.put("kim", "폐기물.md", FEES)
    with house.client("kim") as client:
        client.headers["x-csrf-token"] = csrf_of(client.get("/bots").text)
        made = client.post("/api/v1/bots", json={"name_ko": "폐기물 길잡이", "bureau": "재무국", "greeting": "안녕하세요.",
                                                 "examples": ["냉장고 수수료는 얼마인가요?"]})  # fmt: skip
        assert made.status_code == 201, made.text
        bot_id = made.json()["id"]
        assert client.post(f"/api/v1/bots/{bot_id}/documents", json={"documents": [document]}).status_code == 204
        asked = [{"question": "냉장고 수수료는 얼마인가요?", "answer": "8,000원", "document": "대형폐기물 배출 안내"},
                 {"question": "화성 이주 지원금은 얼마인가요?", "answer": "모름"}]  # fmt: skip
        assert client.post(f"/api/v1/bots/{bot_id}/questions", json={"questions": asked}).status_code == 204
        score = client.post(f"/api/v1/bots/{bot_id}/score", json={}).json()
        assert score["figures"]["right"] == {"count": 2, "n": 2, "value": 1.0, "low": 0.3424, "high": 1.0}
        assert client.post(f"/api/v1/bots/{bot_id}/publish", json={}).status_code == 409
        assert client.post(f"/api/v1/bots/{bot_id}/publish", json={"why": "시험"}).json() == {"number": 1}
    return str(bot_id)


def test_an_officer_makes_tests_and_publishes_a_bot_without_code(
    house: House, visitor: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [
        tmp_path / paper.filename for paper in demo_documents() if paper.id in PAPERS and paper.effective_to is None
    ]
    for paper in demo_documents():
        (tmp_path / paper.filename).write_bytes(paper.content)
    (tmp_path / "질문.csv").write_text(OWN, encoding="utf-8")
    officer = visitor()
    officer.sign_in("jung")
    started = time.monotonic()
    page = officer.page
    officer.go("/bots")
    page.click("text=나만의 챗봇 만들기")
    page.fill("#name_ko", "생활민원 길잡이")
    page.click("text=다음: 문서 담기")
    page.set_input_files("#files", files)
    page.click("text=올려서 담기")
    page.wait_for_selector(f"text={len(files)}건이 담겨 있습니다.")
    page.click("text=다음: 첫인사")
    assert "생활민원 길잡이" in page.input_value("#greeting")
    assert "청년 월세 지원 대상은 누구인가요?" in page.input_value("#examples")
    page.fill("#greeting", "생활민원을 안내하는 챗봇입니다.")
    page.click("text=저장하고 다음: 시험 질문")
    page.click("text=문서에서 질문 제안받기")
    boxes = page.locator('input[name="chosen"]')
    proposals = boxes.count()
    assert proposals >= 4
    for at in range(proposals):
        boxes.nth(at).check()
    page.click("text=고른 제안 받아들이기")
    page.set_input_files("#file", tmp_path / "질문.csv")
    page.click("text=파일의 질문 더하기")
    page.click(f"text={proposals + 4}개 질문으로 채점하기")
    page.wait_for_selector("text=채점 결과", timeout=90_000)
    assert page.locator(".bot-rows > li").count() == proposals + 4
    page.click("text=다음: 게시")
    if page.locator("#confirmed").count():
        page.check("#confirmed")
        page.fill("#why", "처음 열어 보고 다음 주에 질문을 더합니다.")
    page.click("button:has-text('게시하기')")
    page.wait_for_selector("text=번째 게시본이 쓰이고 있습니다.")
    seconds = time.monotonic() - started
    with capsys.disabled():
        print(f"\n나만의 챗봇: 이름에서 게시까지 {seconds:.1f}초(사람이 읽고 생각하는 시간 없이)")
    assert seconds < 180
    page.fill("#try", "청년 월세 지원은 한 달에 최대 얼마인가요?")
    page.click(".bot-search button")
    page.wait_for_selector("#tried .turn")
    assert "20만" in page.inner_text("#tried")
    scores = page.inner_text("section[aria-labelledby=h-sc]")
    with capsys.disabled():
        print("채점:", " ".join(scores.split()))
    assert officer.troubles == []
    with house.client() as citizen:
        card = next(one for one in citizen.get("/api/v1/bots").json() if one["name_ko"] == "생활민원 길잡이")
        assert (card["bureau"], card["on"], card["phone"]) == ("복지실", True, "02-000-1000")


@pytest.mark.parametrize("width", [360, 1280])
def test_every_screen_fits_and_axe_finds_nothing(bot: str, visitor: Callable[..., Any], width: int) -> None:
    officer = visitor(width=width)
    officer.sign_in("kim")
    for path in (
        "/bots",
        "/bots/new",
        *(f"/bots/{bot}{step}" for step in ("", "/documents", "/greeting", "/questions", "/score")),
    ):
        # English words are longer: they show on a telephone whether a screen is wide enough.
        for language in ("en", "ko") if width < 500 else ("ko",):
            officer.go(f"{path}?lang={language}")
            assert sideways(officer.page) == 0, (path, language)
        assert faults_of(officer.page) == [], path
    assert officer.troubles == []


def test_the_keyboard_alone_makes_a_bot_and_switches_it_off(bot: str, visitor: Callable[..., Any]) -> None:
    officer = visitor()
    officer.sign_in("kim")
    page = officer.page
    officer.go("/bots/new")
    page.focus("#name_ko")
    page.keyboard.type("자판으로 만든 챗봇")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/documents")
    assert page.locator("#grade").count() == 1, "the arrow chose the bot for staff"
    officer.go(f"/bots/{bot}")
    page.focus("#off-why")
    page.keyboard.type("고시를 고치는 중입니다")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=지금은 쓸 수 없습니다.")
    assert "고시를 고치는 중입니다" in page.inner_text("main")
    page.click("text=다시 켜기")
    page.wait_for_selector("text=챗봇을 다시 켰습니다.")


def test_without_confirmation_nothing_is_published(house: House) -> None:
    document = house.put("kim", "자전거.md", BIKE)
    with house.client("kim") as client:
        address = _post(client, "/bots/new", name_ko="확인 없는 챗봇", audience="citizen", bureau="재무국").headers[
            "location"
        ]
        bot_id = address.split("/")[2]
        assert _post(client, f"/bots/{bot_id}/documents", chosen=document).status_code == 303
        assert (
            _post(client, f"/bots/{bot_id}/greeting", name_ko="확인 없는 챗봇", greeting="안녕하세요.").status_code
            == 303
        )
        refused = _post(client, f"/bots/{bot_id}/publish", why="까닭만 적음")
        assert refused.status_code == 409
        assert "시험 질문이 하나도 없습니다" in refused.text
        assert _post(client, f"/bots/{bot_id}/publish", why="까닭", confirmed="yes").status_code == 303
        assert "그래도" not in client.get(f"/bots/{bot_id}").text.split("게시 이력")[0]
        assert "확인할 것 1가지가 있었으나" in client.get(f"/bots/{bot_id}").text


def test_what_goes_wrong_is_said_with_the_next_step(bot: str, house: House) -> None:
    secret = house.put("kim", "비공개.md", "# 감사\n\n암호는 은하수이다.\n", grade="bureau")
    with house.client("kim") as client:
        for path, data, said in (
            ("/bots/new", {"name_ko": "", "bureau": "재무국"}, "이름을 적으세요"),
            (f"/bots/{bot}/documents", {}, "자료실 문서에 표시하세요"),
            (f"/bots/{bot}/documents", {"chosen": secret}, "공개 문서만 담을 수 있습니다"),
            (f"/bots/{bot}/greeting", {"name_ko": "이름", "greeting": " "}, "한두 문장으로 적으세요"),
            (f"/bots/{bot}/questions", {"question": "뭐?"}, "가운데 하나를 적으세요"),
            (f"/bots/{bot}/withdraw", {"why": " "}, "한 문장으로 적으세요"),
            (f"/bots/{bot}/switch", {"on": "no", "why": " "}, "이용하는 사람에게 보일 까닭"),
            (f"/bots/{bot}/try", {"question": " "}, "한 문장으로 적으세요"),
        ):
            answer = _post(client, path, **data)
            assert answer.status_code in (409, 422), (path, answer.status_code)
            assert said in answer.text, path


def test_strangers_see_neither_drafts_nor_bots_of_the_staff(bot: str, house: House) -> None:
    with house.client("kim") as client:
        draft = (
            _post(client, "/bots/new", name_ko="숨은 초안", audience="staff", bureau="재무국")
            .headers["location"]
            .split("/")[2]
        )
    with house.client("jung") as other, house.client() as citizen, house.client("citizen") as resident:
        assert "폐기물 길잡이" in other.get("/bots").text
        assert "숨은 초안" not in other.get("/bots").text
        for path in (f"/bots/{draft}", f"/bots/{draft}/documents", f"/bots/{bot}/documents", f"/bots/{bot}/score"):
            assert other.get(path).status_code == 404, path
        assert citizen.get("/bots").status_code == 401
        assert resident.get("/bots").status_code == 403
        assert citizen.get(f"/api/v1/bots/{draft}").status_code == 404
        assert citizen.get(f"/api/v1/bots/{bot}").json()["name_ko"] == "폐기물 길잡이"
        assert draft not in [one["id"] for one in other.get("/api/v1/bots").json()]
        assert citizen.post(f"/api/v1/bots/{bot}/publish", json={"why": "x"}).status_code in (401, 403)


def _chat(client: Any, bot: str, text: str) -> list[dict[str, Any]]:
    client.cookies.clear()  # somebody new each time, as a program without cookies is
    answer = client.post("/api/v1/chat", json={"bot": bot, "text": text}, headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["events"])


def test_people_talk_to_it_inside_its_documents_until_it_is_switched_off(bot: str, house: House) -> None:
    house.put("kim", "자전거 요금.md", BIKE)
    with house.client() as citizen, house.client("kim") as owner:
        said = _chat(citizen, bot, "냉장고 수수료는 얼마인가요?")
        assert "8,000원" in next(event for event in said if event["event"] == "answer_done")["text"]
        outside = _chat(citizen, bot, "공공자전거 일일권 요금은 얼마인가요?")
        assert "1,000원" not in str(outside)
        owner.headers["x-csrf-token"] = csrf_of(owner.get("/bots").text)
        assert owner.post(f"/api/v1/bots/{bot}/switch", json={"on": False, "why": "고시를 고침"}).status_code == 204
        off = _chat(citizen, bot, "냉장고 수수료는 얼마인가요?")
        assert "8,000원" not in str(off)
        assert "02-000-1000" in str(off), "whom to ask instead"
        assert owner.post(f"/api/v1/bots/{bot}/switch", json={"on": True}).status_code == 204
        assert "8,000원" in str(_chat(citizen, bot, "냉장고 수수료는 얼마인가요?"))


def test_another_bureau_sees_what_a_bot_is_and_changes_nothing(bot: str, visitor: Callable[..., Any]) -> None:
    stranger = visitor(width=360)
    stranger.sign_in("jung")
    for one in (bot, "seoul_talk", "emergency_119"):
        stranger.go(f"/bots/{one}")
        page = stranger.page
        assert faults_of(page) == [], one
        assert sideways(page) == 0, one
        assert page.locator("form[action$='/publish'], form[action$='/switch'], form[action$='/try']").count() == 0, one
    stranger.go(f"/bots/{bot}")
    assert "대형폐기물 배출 안내" in stranger.page.inner_text("main")
    assert "처음 게시" in stranger.page.inner_text("main")
    head = visitor()
    head.sign_in("head")
    head.go("/bots/seoul_talk")
    head.page.fill("#off-why", "길 안내를 고치고 있습니다")
    head.page.click("button:has-text('끄기')")
    head.page.wait_for_selector("text=지금은 쓸 수 없습니다.")
    with head.house.client() as citizen:
        card = citizen.get("/api/v1/bots/seoul_talk").json()
        assert (card["on"], card["off_why"], bool(card["office"])) == (False, "길 안내를 고치고 있습니다", True)
    head.page.click("text=다시 켜기")
    head.page.wait_for_selector("text=챗봇을 다시 켰습니다.")
