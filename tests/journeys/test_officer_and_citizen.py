"""An officer puts documents in; staff and citizens ask; nobody learns of what is not theirs; mistakes get mended."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.house import House, Visitor, faults_of, sideways

pytestmark = pytest.mark.browser
Open = Callable[..., Visitor]

LOCKERS = """# 지하철역 물품보관함 운영 지침

## 이용 요금
소형 보관함의 4시간 요금은 2,200원입니다. 중형 보관함의 4시간 요금은 3,300원입니다.

## 보관 기간
보관함의 물품은 3일까지 보관하고, 그 뒤에는 유실물센터로 옮깁니다.
"""
SHIFT = """# 결산 야근 순번표

## 순번
결산 기간의 야근은 1팀, 2팀, 3팀 순서로 하며 1팀은 12월 7일에 시작합니다.
"""


def ask(visitor: Visitor, question: str) -> None:
    """Type a question, press Enter, wait for the finished answer."""
    before = visitor.page.locator(".turn__acts").count()
    visitor.page.fill("#question", question)
    visitor.page.keyboard.press("Enter")
    visitor.page.locator(".turn__acts").nth(before).wait_for()


def test_from_the_officers_file_to_the_cited_passage(visitor: Open, tmp_path: Path) -> None:
    file = tmp_path / "지하철역 물품보관함 운영 지침.md"
    file.write_text(LOCKERS, encoding="utf-8")
    officer = visitor()
    officer.sign_in("kim")
    officer.page.get_by_role("link", name="자료실").first.click()
    officer.page.get_by_role("link", name="문서 올리기").first.click()
    officer.page.set_input_files("#files", str(file))
    assert officer.page.locator("[data-drop-list] li").inner_text().startswith(file.name)
    officer.page.select_option("#grade", "staff")
    officer.page.get_by_role("button", name="올리기").click()
    # The page follows the reading by itself.
    officer.page.wait_for_selector("#versions .krds-badge:text('완료')", timeout=60_000)

    colleague = visitor()
    colleague.sign_in("jung")
    colleague.page.fill("#question", "소형 물품보관함 4시간 요금은 얼마인가요?")
    colleague.page.get_by_role("button", name="묻기").click()
    colleague.page.wait_for_selector(".turn__acts")
    answer = colleague.page.locator(".turn__text").inner_text()
    assert "2,200원" in answer
    assert "AI가 만든 답변" in colleague.page.locator(".turn__label").inner_text()
    colleague.page.locator("a.cite").first.click()
    side = colleague.page.locator("#side")
    side.locator("mark").wait_for()
    assert "2,200원" in side.locator("mark").inner_text()
    assert "재무국" in side.inner_text()
    colleague.page.keyboard.press("Escape")
    assert side.is_hidden()
    # The conversation stands under its own address and is still there after a reload.
    colleague.page.reload()
    assert "2,200원" in colleague.page.locator(".turn__text").inner_text()


def test_a_citizen_learns_nothing_of_a_staff_document(house: House, visitor: Open) -> None:
    citizen = visitor()
    citizen.go("/")
    before = citizen.page.locator(".fact__figure").first.inner_text()
    house.put("kim", "결산 야근 순번표.md", SHIFT, grade="bureau")
    citizen.go("/")
    assert citizen.page.locator(".fact__figure").first.inner_text() == before
    citizen.go("/library?search=순번표")
    assert "순번표" not in citizen.page.locator("#rows").inner_text()
    citizen.go("/ask")
    ask(citizen, "결산 기간 야근 1팀은 며칠에 시작하나요?")
    turn = citizen.page.locator(".turn").inner_text()
    assert "12월 7일" not in turn
    assert "순번표" not in turn
    officer = visitor()
    officer.sign_in("kim")
    officer.go("/ask")
    ask(officer, "결산 기간 야근 1팀은 며칠에 시작하나요?")
    assert "12월 7일" in officer.page.locator(".turn").inner_text()


def test_a_fault_is_mended_at_its_source_and_closed(house: House, visitor: Open, tmp_path: Path) -> None:
    house.put(
        "jung",
        "경로당 난방비 지원 안내.md",
        "# 경로당 난방비 지원 안내\n\n경로당 난방비는 한 달에 30만원을 지원합니다.\n",
        grade="staff",
    )
    asker = visitor()
    asker.sign_in("kim")
    asker.go("/ask")
    ask(asker, "경로당 난방비는 한 달에 얼마를 지원하나요?")
    assert "30만원" in asker.page.locator(".turn__text").inner_text()
    asker.page.get_by_text("답이 잘못됐어요").click()
    asker.page.get_by_label("지난 내용입니다").check()
    asker.page.locator(".fault textarea").fill("올해부터 37만원입니다.")
    asker.page.get_by_role("button", name="의견 보내기").click()
    asker.page.get_by_text("문서를 맡은 부서에 전했습니다").wait_for()

    owner = visitor()
    owner.sign_in("jung")
    owner.go("/feedback")
    request = owner.page.locator(".request", has_text="올해부터 37만원입니다.")
    assert "지난 내용입니다" in request.inner_text()
    request.get_by_role("link", name="경로당 난방비 지원 안내").click()
    newer = tmp_path / "경로당 난방비 지원 안내.md"
    newer.write_text("# 경로당 난방비 지원 안내\n\n경로당 난방비는 한 달에 37만원을 지원합니다.\n", encoding="utf-8")
    owner.page.get_by_text("새 판 올리기").first.click()
    owner.page.set_input_files("#file", str(newer))
    owner.page.get_by_role("button", name="새 판 올리기").click()
    owner.page.wait_for_selector(".version:first-child .krds-badge:text('완료')", timeout=60_000)
    document = owner.page.url.split("/library/")[1].split("?")[0]
    with house.client("jung") as client:
        house.wait_until_answerable(client, document)
    owner.go("/feedback")
    request.get_by_role("button", name="같은 질문 다시 하기").click()
    owner.page.wait_for_url("**state=mended**")
    assert "30만원" in request.locator(".before-after section").first.inner_text()
    assert "37만원" in request.locator(".is-after").inner_text()
    request.get_by_role("button", name="맞는 답입니다").click()
    owner.page.wait_for_url("**state=closed**")
    owner.go("/feedback")
    assert owner.page.locator(".request", has_text="올해부터 37만원입니다.").count() == 0
    ask_again = visitor()
    ask_again.sign_in("kim")
    ask_again.go("/ask")
    ask(ask_again, "경로당 난방비는 한 달에 얼마를 지원하나요?")
    assert "37만원" in ask_again.page.locator(".turn__text").inner_text()


def test_asking_with_the_keyboard_alone(house: House, visitor: Open) -> None:
    house.put(
        "kim", "공구 대여소 안내.md", "# 공구 대여소 안내\n\n공구는 한 번에 5점까지 사흘 동안 빌릴 수 있습니다.\n"
    )
    guest = visitor()
    guest.go("/ask")
    keyboard = guest.page.keyboard
    keyboard.press("Tab")
    assert guest.page.evaluate("document.activeElement.textContent") == "본문 바로가기"
    keyboard.press("Enter")
    for _ in range(20):
        keyboard.press("Tab")
        if guest.page.evaluate("document.activeElement.id") == "question":
            break
    keyboard.type("공구는 한 번에 몇 점까지 빌릴 수 있나요?")
    keyboard.press("Enter")
    guest.page.wait_for_selector(".turn__acts")
    assert "5점" in guest.page.locator("#say").inner_text()
    for _ in range(60):
        keyboard.press("Shift+Tab")
        if guest.page.evaluate("document.activeElement.classList.contains('cite')"):
            break
    keyboard.press("Enter")
    guest.page.wait_for_selector("#side:not([hidden]) mark")
    assert guest.page.evaluate("document.activeElement.id") == "passage-title"
    keyboard.press("Escape")
    assert guest.page.evaluate("document.activeElement.classList.contains('cite')")


def test_on_a_small_telephone(house: House, visitor: Open) -> None:
    house.put("kim", "물놀이장 안내.md", "# 물놀이장 안내\n\n물놀이장은 7월 1일부터 8월 20일까지 문을 엽니다.\n")
    guest = visitor(width=360, height=740)
    guest.go("/")
    guest.page.fill("#question", "물놀이장은 언제 문을 여나요?")
    guest.page.get_by_role("button", name="묻기").click()
    guest.page.wait_for_selector(".turn__acts")
    assert "7월 1일" in guest.page.locator(".turn__text").inner_text()
    assert sideways(guest.page) == 0
    guest.page.locator("a.cite").first.click()
    guest.page.wait_for_selector("#side:not([hidden]) mark")
    box = guest.page.locator("#side").bounding_box()
    assert box is not None
    assert box["width"] <= 360
    guest.page.get_by_role("button", name="닫기").click()
    assert guest.page.locator("#side").is_hidden()


def test_without_scripts_the_same_question_gets_the_same_answer(house: House, chromium: Any) -> None:
    house.put("kim", "빗물 저금통 지원.md", "# 빗물 저금통 지원\n\n빗물 저금통은 설치비의 90%를 지원합니다.\n")
    with chromium.new_context(java_script_enabled=False, locale="ko-KR") as context:
        page = context.new_page()
        page.goto(house.address + "/ask")
        page.fill("#question", "빗물 저금통 설치비는 얼마나 지원하나요?")
        page.click("#askbox button[type=submit]")
        assert "90%" in page.inner_text(".turn__text")
        page.click("a.cite >> nth=0")
        assert "90%" in page.inner_text("mark")


def test_a_plan_becomes_a_press_release_whose_figures_lead_back_to_it(visitor: Open, tmp_path: Path) -> None:
    plan = tmp_path / "여름철 폭염 대응 계획.md"
    plan.write_text(
        "# 여름철 폭염 대응 계획\n\n## 추진 내용\n- 무더위쉼터 3,850개소를 6월 1일부터 9월 30일까지 운영한다.\n\n"
        "## 소요 예산\n총사업비는 45억 원이다.\n",
        encoding="utf-8",
    )
    officer = visitor()
    officer.sign_in("jung")
    officer.go("/drafts")
    officer.page.set_input_files("#file", str(plan))
    officer.page.get_by_role("button", name="초안 만들기").click()
    officer.page.wait_for_url("**/drafts/*-*", timeout=60_000)
    figure = officer.page.locator(".figure-list li", has_text="3,850개소").first
    assert figure.locator("mark").inner_text() == "3,850개소"
    assert "무더위쉼터" in figure.inner_text()
    figure.get_by_role("link").click()
    assert "3,850개소" in officer.page.locator(".paper :target").inner_text()
    assert faults_of(officer.page) == []
    for format, magic in (("HWPX", b"PK"), ("DOCX", b"PK")):
        with officer.page.expect_download() as download:
            officer.page.get_by_role("link", name=format).click()
        assert download.value.suggested_filename.endswith(format.lower())
        assert Path(download.value.path()).read_bytes().startswith(magic)
    stranger = visitor()
    stranger.sign_in("kim")
    assert stranger.go(officer.page.url.removeprefix(officer.house.address).split("#")[0]).status == 404
