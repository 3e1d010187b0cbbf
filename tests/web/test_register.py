"""AI 서비스 등록부, in a browser: drafted, refused, published by another, read and objected to by somebody without an account."""

from __future__ import annotations

from typing import Any

from tests.house import House, faults_of

from haechi.core.identity import actor_of
from haechi.office.forms import open_questions
from haechi.office.forms.answers import UNKNOWN
from haechi.office.register import rules_in_force


def _press(page: Any, name: str, said: str = "처리했습니다.") -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector(f"text={said}")


def test_a_service_is_published_and_somebody_objects(visitor: Any, house: House) -> None:
    writer = visitor()
    writer.sign_in("ai")
    page = writer.page
    writer.go("/register")
    page.wait_for_selector("text=공개된 서비스가 없습니다.")
    assert faults_of(page) == []
    page.locator("form[action='/register/39/drafts'] button").click()
    page.wait_for_selector("text=등록부 항목")
    case = page.url.split("/cases/")[1]
    _press(page, "공개 검토 요청", "답하지 않은 문항")
    writer.go(f"/cases/{case}/forms/register_entry")
    assert page.locator("#a-summary_en-unknown").count() == 0, "what is written is known"
    page.locator("#a-summary_en").fill("")
    page.locator("#a-why_ko").focus()
    page.wait_for_selector("#a-summary_en-unknown")
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.ok):
        page.locator("#a-summary_en-unknown").check()
    page.wait_for_selector("#a-summary_en-unknown:checked")
    assert page.locator("#a-summary_en").input_value() == ""
    assert faults_of(page) == []
    cases = house.installation.office.cases
    user = house.installation.accounts.find("ai")
    assert user is not None
    actor = actor_of(user)
    filing = cases.filings.get(actor, case, "register_entry")
    form, answers = cases.filings.form_of(filing), dict(filing["answers"])
    assert answers["summary_en"] == UNKNOWN
    waiting = open_questions(form, answers, stage=rules_in_force().stage_of[answers["status"]])
    filled = {q.id: UNKNOWN if q.may_be_unknown else "처음 공개합니다." for q in waiting}
    cases.filings.save(actor, case, "register_entry", {**filled, "why_ko": "가" * 120 + "."}, base=filing["version"])
    writer.go(f"/cases/{case}")
    _press(page, "공개 검토 요청", "문장이 깁니다")
    cases.filings.save(
        actor, case, "register_entry", {"why_ko": "문서를 찾는 시간을 줄입니다."}, base=filing["version"] + 1
    )
    writer.go(f"/cases/{case}")
    _press(page, "공개 검토 요청")
    assert page.get_by_role("button", name="공개", exact=True).count() == 0, "another person publishes"

    second = visitor()
    second.sign_in("ai2")
    second.go(f"/cases/{case}")
    second.page.get_by_role("link", name="공개될 내용 견주기").click()
    second.page.wait_for_selector("text=처음 공개합니다. 아래 내용이 그대로 공개됩니다.")
    assert faults_of(second.page) == []
    second.go(f"/cases/{case}")
    _press(second.page, "공개")

    reader = visitor(width=360)
    reader.go("/register?search=주무관")
    public = reader.page
    assert faults_of(public) == []
    public.locator("a[href='/register/39']").first.click()
    public.wait_for_selector("text=1판")
    public.get_by_text("기술 정보 모두 보기").click()
    assert "미상" in public.inner_text("main")
    assert faults_of(public) == []
    public.get_by_role("link", name="이의 제기하기").click()
    public.fill("#q-what", "지난 기한을 알려 주었습니다.")
    public.check("input[value='wrong']")
    public.fill("#q-wish", "바로잡아 주세요.")
    assert faults_of(public) == []
    public.get_by_role("button", name="제출하기").click()
    public.wait_for_selector("text=이의를 접수했습니다.")
    code = public.locator("code").inner_text()

    writer.go("/cases?kind=objection")
    page.get_by_role("link", name="에 대한 이의").click()
    _press(page, "검토 시작")
    page.fill("#n-accept", "기한을 고쳤습니다.")
    _press(page, "받아들임")
    public.get_by_role("link", name="이의제기 진행 확인").click()
    public.fill("#code", "틀린번호")
    public.get_by_role("button", name="확인하기").click()
    public.wait_for_selector("text=그런 접수번호가 없습니다.")
    public.fill("#code", code)
    public.get_by_role("button", name="확인하기").click()
    public.wait_for_selector("text=기한을 고쳤습니다.")
    with house.client() as client:
        assert client.get("/register/register.json").json()["entries"][0]["service"] == 39
        view = client.get("/register/39.json?view=eurocities_0_3_1").json()
        assert view["fields"]["standard_version"] == "0.3.1"
        assert "contact_email" in view["missing_required"]
        assert "<entry>" in client.get("/register/feed.xml").text
        assert client.post("/register/39/drafts", data={}).status_code in (401, 403, 422)
