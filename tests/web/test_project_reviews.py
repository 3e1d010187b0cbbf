"""사전검토, 컨설팅, 자문, 실증, in a browser: from the first person to the last, with the refusals that must happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.house import House, Visitor, faults_of
from tests.office.review import FILING, SHEET
from tests.web.test_cases import _actor

from haechi.core import clock
from haechi.office.cases import Opening
from haechi.office.pilots import Pilots
from haechi.office.rounds import Roster, Round, Rounds

YEAR = clock.today().year


@pytest.fixture(scope="module")
def rounds(house: House) -> House:
    """Rounds of every kind, and people of other bureaux on the roster."""
    store, team = house.installation.store, _actor(house, "ai")
    today, roster = clock.today(), Roster(house.installation.store)
    span: dict[str, Any] = {"opens_on": today - timedelta(days=1), "closes_on": today + timedelta(days=5)}
    Rounds(store).add(team, Round(f"{YEAR}-본예산", "pre_review", "본예산 사전검토", cap_won=90_000_000, **span))
    due = {"due_on": today + timedelta(days=60), **span}
    Rounds(store).add(team, Round(f"{YEAR}-컨설팅", "consulting", "컨설팅 수요조사", seats=1, **due))
    Rounds(store).add(
        team, Round(f"{YEAR}-자문", "advice", "제1회 자문회의", seats=7, place="본관", **span, due_on=today)
    )
    term = {"from_on": today, "until_on": today + timedelta(days=300)}
    for login in ("kim", "oper", "oper2", "jung"):
        for kind in ("reviewer", "advisor"):
            roster.add(team, kind, _actor(house, login).subject, **term)
    roster.add(team, "consultant", _actor(house, "kim").subject, specialties=("데이터",), **term)
    return house


def _filed(house: House, login: str, flow: str, form: str, title: str, answers: dict[str, Any]) -> str:
    cases, actor = house.installation.office.cases, _actor(house, login)
    case = cases.open(actor, flow, Opening(title, bureau=actor.bureau))
    cases.filings.save(actor, case["id"], form, answers, base=0)
    return str(case["id"])


def _press(visitor: Any, path: str, name: str, *, wait: str = "처리했습니다.") -> None:
    visitor.go(path)
    button = visitor.page.get_by_role("button", name=name, exact=True)
    if not button.first.is_visible():
        visitor.page.locator("summary", has_text=name).first.click()
    button.first.click()
    visitor.page.wait_for_selector(f"text={wait}")


@pytest.fixture(scope="module")
def people(rounds: House, chromium: Any) -> Iterator[Callable[[str], list[Any]]]:
    """`people("owner ai")`: these people at their browsers, signed in once for all tests of this file."""
    known: dict[str, Visitor] = {}

    def come(logins: str) -> list[Any]:
        for login in logins.split():
            if login not in known:
                known[login] = Visitor(rounds, chromium, 1280, 900)
                known[login].sign_in(login)
        return [known[login] for login in logins.split()]

    yield come
    for one in known.values():
        assert one.outside() == []
        one.context.close()


def test_a_project_is_filed_judged_decided_and_answers_its_condition(
    rounds: House, people: Callable[[str], list[Any]]
) -> None:
    owner, team, chief = people("owner ai ai2")
    owner.go("/prereview")
    owner.page.fill("#like", "버스에 단 카메라로 도로의 움푹 파인 곳을 찾아 보수반에 알린다")
    owner.page.get_by_role("button", name="비슷한 사업 찾기").click()
    owner.page.wait_for_selector("text=27번")
    assert faults_of(owner.page) == []

    case_id = _filed(
        rounds, "owner", "pre_review", "pre_review", "버스 카메라로 도로 파임 찾기", {**FILING, "total_won": 51_000_000}
    )
    address = f"/cases/{case_id}"
    _press(owner, address, "제출", wait="총사업비는 51,000,000원")
    owner.go(f"{address}/forms/pre_review")
    with owner.page.expect_response(lambda answer: answer.request.method == "POST"):
        owner.page.fill("#a-total_won", "50,000,000")
        owner.page.keyboard.press("Tab")
    _press(owner, address, "제출")
    owner.page.wait_for_selector("text=비슷한 사업")
    owner.page.wait_for_selector("text=산식이 맞습니다")
    assert faults_of(owner.page) == []

    _press(team, address, "심사위원 배정")
    with rounds.client("owner") as client:
        assert client.get(f"/prereview/{case_id}").status_code == 403, "the owner does not see scores"
    with rounds.client("jung") as client:
        assert client.get(address).status_code == 404, "on the roster, but of the owner's bureau (제척)"
    cases = rounds.installation.office.cases
    for login in ("kim", "oper"):
        cases.filings.save(_actor(rounds, login), case_id, "pre_review_score", SHEET, base=0)
        cases.act(_actor(rounds, login), case_id, "score")
    _press(team, address, "심사 마감", wait="심사표가 2건")
    (last,) = people("oper2")
    last.go(f"{address}/forms/pre_review_score")
    for category in ("need", "feasible", "data", "money", "duty"):
        last.page.check(f"#a-{category}-3")
    last.page.check("#a-advice-조건부추진")
    last.page.fill("#a-opinion", "얼굴을 가려야 합니다.")
    last.page.keyboard.press("Tab")
    last.page.wait_for_selector("text=모두 답했습니다.")
    _press(last, address, "심사표 제출")
    assert "김해솔" not in last.page.inner_text("#filed + *, main section:has(#filed)"), "nobody else's sheet"
    _press(team, address, "심사 마감")
    chief.go(f"/prereview/{case_id}")
    chief.page.wait_for_selector("text=심사표 3건")
    assert faults_of(chief.page) == []

    due = clock.today() + timedelta(days=20)
    chief.go(f"{address}/forms/pre_review_decision")
    chief.page.fill("#a-reason", "필요하나 얼굴 처리가 빠졌습니다.")
    chief.page.fill("[name='conditions.0.what']", "얼굴을 가린 뒤 저장")
    with chief.page.expect_response(lambda answer: "due_on" in str(answer.request.post_data)):
        chief.page.fill("[name='conditions.0.due_on']", due.isoformat())
        chief.page.keyboard.press("Tab")
    _press(chief, address, "추진", wait="조건부추진’으로 정하거나")
    _press(chief, address, "조건부추진")
    owner.go(address)
    owner.page.wait_for_selector("#tasks + ul >> text=얼굴을 가린 뒤 저장")
    owner.page.wait_for_selector("text=사전검토 결과 통보")
    task = cases.reading.one(_actor(rounds, "owner"), case_id)["tasks"][0]
    cases.work.move_task(_actor(rounds, "owner"), task["id"], "reported", "가리도록 고쳤습니다.")
    _press(team, address, "조건 이행 확인", wait="확인하지 않은 조건이 1개")
    cases.work.move_task(_actor(rounds, "ai"), task["id"], "done", "시험 영상으로 보았습니다.")
    _press(team, address, "조건 이행 확인")
    team.go(f"/prereview?round={YEAR}-본예산")
    text = team.page.inner_text("main")
    assert "50,000,000원" in text
    assert "90,000,000원" in text
    assert faults_of(team.page) == []


DEMAND = {
    "problem": "상담 기록을 손으로 나눕니다.", "wish": "방법을 고르고 싶습니다.", "field": ["데이터"], "deadline": "2027-01-31",
    "data_ready": True,
}  # fmt: skip
POINTS = {"urgency": "4", "effect": "4", "readiness": "3", "spread": "3", "ground": "통화로 확인"}


def test_demands_are_ranked_and_a_person_chooses(rounds: House, people: Callable[[str], list[Any]]) -> None:
    cases, team = rounds.installation.office.cases, _actor(rounds, "ai")
    demands = [_filed(rounds, login, "consulting", "consulting_demand", title, DEMAND)
               for login, title in (("owner", "상담 기록 분류"), ("jung", "서류 접수 분류"))]  # fmt: skip
    (owner,) = people("owner")
    _press(owner, f"/cases/{demands[0]}", "수요조사 제출")
    owner.go("/consulting")
    assert "선정 기준과 배점" in owner.page.inner_text("main")
    assert "서류 접수 분류" not in owner.page.inner_text("main").split("우리 부서의 수요")[0]
    assert owner.page.locator("text=1위").count() == 0, "no ranking for who answered"
    assert faults_of(owner.page) == []
    cases.act(_actor(rounds, "jung"), demands[1], "submit")
    for n, case_id in enumerate(demands):
        cases.filings.save(team, case_id, "consulting_score", {**POINTS, "urgency": str(5 - 3 * n)}, base=0)
        cases.act(team, case_id, "score")
    with rounds.client("owner") as client:
        assert client.post(f"/consulting/{demands[0]}", data={"chosen": "yes"}).status_code == 403
    chief, scorer = people("ai2 ai")
    for who, reason, wait in (
        (scorer, "제가 매겼습니다.", "할 수 없습니다"),
        (chief, "", "이유가 비었습니다"),
        (chief, "급합니다.", "결정을 기록했습니다"),
    ):
        who.go("/consulting")
        card = who.page.locator("li.card", has_text="상담 기록 분류")
        card.locator("summary").click()
        card.locator("textarea").fill(reason)
        card.get_by_role("button", name="선정", exact=True).click()
        who.page.wait_for_selector(f"text={wait}")
        assert faults_of(who.page) == []
    assert "여기까지 1건" in chief.page.inner_text("main")
    card = chief.page.locator("li.card", has_text="서류 접수 분류")
    card.locator("summary").click()
    card.locator("textarea").fill("더 급한 곳이 있습니다.")
    card.get_by_role("button", name="선정", exact=True).click()
    chief.page.wait_for_selector("text=1자리가 모두 찼습니다")
    chief.page.locator("li.card", has_text="서류 접수 분류").get_by_role("button", name="선정하지 않음").click()
    chief.page.wait_for_selector("text=선정 1건, 선정하지 않음 1건")
    kim = _actor(rounds, "kim")
    _press(scorer, f"/cases/{demands[0]}", "컨설턴트 연결", wait="컨설턴트를 지정하지")
    cases.people.name(team, demands[0], "consultant", kim.subject)
    _press(scorer, f"/cases/{demands[0]}", "컨설턴트 연결")
    (consultant,) = people("kim")
    _press(consultant, f"/cases/{demands[0]}", "컨설팅 시작")
    report = {
        "visits": [{"day": clock.today().isoformat(), "place": "복지실", "met": "담당자", "about": "표본"}], "found": "두 가지입니다.",
        "advice": [{"what": "하나로", "by_when": None}], "limits": "음성은 못 보았습니다.",
    }  # fmt: skip
    _press(consultant, f"/cases/{demands[0]}", "보고서 제출", wait="답하지 않은 문항이")
    cases.filings.save(kim, demands[0], "consulting_report", report, base=0)
    _press(consultant, f"/cases/{demands[0]}", "보고서 제출")
    owner.go(f"/cases/{demands[0]}")
    owner.page.fill("#n-accept", "기준을 합칩니다.")
    owner.page.get_by_role("button", name="보고서 받음").click()
    owner.page.wait_for_selector("text=끝난 건입니다.")


def test_experts_give_opinions_and_each_is_answered(rounds: House, people: Callable[[str], list[Any]]) -> None:
    request = {"background": "시험 중입니다.", "question": "요약을 어떻게 확인할까요?", "field": ["보안"]}
    case_id = _filed(rounds, "owner", "advice", "advice_request", "상담 요약 확인", request)
    owner, team, first = people("owner ai kim")
    _press(owner, f"/cases/{case_id}", "자문 요청")
    _press(team, f"/cases/{case_id}", "회의에 올림")
    with rounds.client("jung") as client:
        assert client.get(f"/advice/{case_id}").status_code == 404, "a member of the owner's bureau cannot open it"
        assert "상담 요약 확인" not in client.get("/advice").text
    first.go(f"/cases/{case_id}/forms/advice_opinion")
    first.page.fill("#a-opinion", "두 사람이 표본을 읽으세요.")
    first.page.check("#a-weight-must")
    first.page.wait_for_selector("text=모두 답했습니다.")
    _press(first, f"/cases/{case_id}", "의견 제출")
    _press(team, f"/cases/{case_id}", "의견 마감", wait="의견이 1건")
    cases = rounds.installation.office.cases
    for login in ("oper", "oper2"):
        actor = _actor(rounds, login)
        cases.filings.save(actor, case_id, "advice_opinion", {"opinion": f"{login}의 의견", "weight": "may"}, base=0)
        cases.act(actor, case_id, "opine")
    owner.go(f"/advice/{case_id}")
    assert "의견은 마감된 뒤에 보입니다" in owner.page.inner_text("main")
    _press(team, f"/cases/{case_id}", "의견 마감")
    _press(owner, f"/cases/{case_id}", "답 제출", wait="답하지 않은 의견이 3건")
    for n, answer in enumerate(("반영", "일부반영", "미반영")):
        owner.go(f"/advice/{case_id}")
        card = owner.page.locator("article").nth(n)
        card.get_by_label(answer, exact=True).check()
        card.get_by_role("button", name="답 저장").click()
        owner.page.wait_for_selector("text=사유가 비었습니다")
        card = owner.page.locator("article").nth(n)
        card.get_by_label(answer, exact=True).check()
        card.locator("textarea").fill(f"{answer}하는 까닭")
        card.get_by_role("button", name="답 저장").click()
        owner.page.wait_for_selector("text=답을 저장했습니다.")
    assert faults_of(owner.page) == []
    _press(owner, f"/cases/{case_id}", "답 제출")
    _press(team, f"/cases/{case_id}", "조치결과 확정")
    team.go("/advice")
    assert "상담 요약 확인" in team.page.inner_text("main")
    assert faults_of(team.page) == []
    with rounds.client("ai") as client:
        minutes = client.get(f"/advice/sittings/{YEAR}-자문/minutes.docx")
        assert minutes.content[:2] == b"PK"
    team.go("/advice/roster")
    assert "임기 중 4명" in team.page.inner_text("main")
    assert faults_of(team.page) == []


def test_a_trial_with_consent_diary_survey_and_blind_rating(rounds: House, people: Callable[[str], list[Any]]) -> None:
    today, cases = clock.today(), rounds.installation.office.cases
    plan: dict[str, Any] = {
        "kind": "closed", "goal": "빨라지는지", "tool": "시의 모델", "network": "내부망", "starts_on": (today - timedelta(days=90)).isoformat(),
        "ends_on": (today + timedelta(days=1)).isoformat(), "people": 2, "instruments": ["diary", "survey", "raters"],
        "hypothesis": "20%", "go_if": "구간이 0을 넘음", "stop_if": "사고 두 건", "privacy": "동의", "survey": [{"question": "쓰기 쉽다"}],
    }  # fmt: skip
    case_id = _filed(rounds, "owner", "pilot", "pilot_plan", "폐쇄망 초안 작성", plan)
    owner, team, kim = people("owner ai kim")
    _press(owner, f"/cases/{case_id}", "계획 제출")
    _press(team, f"/cases/{case_id}", "계획 승인")
    owner.go(f"/pilots/{case_id}")
    owner.page.locator("summary", has_text="참여 요청 보내기").click()
    owner.page.fill("#logins", "kim\nnobody")
    owner.page.get_by_role("button", name="참여 요청 보내기").click()
    owner.page.wait_for_selector("text=계정이 없습니다: nobody")
    owner.page.locator("summary", has_text="참여 요청 보내기").click()
    owner.page.fill("#logins", "kim\njung")
    owner.page.get_by_role("button", name="참여 요청 보내기").click()
    owner.page.wait_for_selector("text=요청 2명")
    _press(owner, f"/cases/{case_id}", "실증 시작", wait="동의한 사람이 0명")
    kim.go(f"/pilots/{case_id}")
    kim.page.get_by_role("button", name="참여에 동의").click()
    kim.page.wait_for_selector("text=참여자 1번")
    kim.page.get_by_label("3", exact=True).check()
    kim.page.get_by_role("button", name="설문 내기").click()
    kim.page.wait_for_selector("text=설문을 냈습니다.")
    assert faults_of(kim.page) == []
    pilots, jung = Pilots(rounds.installation.store), _actor(rounds, "jung")
    pilots.agree(jung, case_id)
    pilots.answer(jung, case_id, "before", {"쓰기 쉽다": 2})
    for login in ("oper", "oper2"):
        cases.people.name(_actor(rounds, "ai"), case_id, "rater", _actor(rounds, login).subject)
    _press(owner, f"/cases/{case_id}", "실증 시작")
    kim.go(f"/pilots/{case_id}")
    kim.page.fill("#task", "회의록 요약")
    kim.page.fill("#minutes", "30")
    kim.page.fill("#usual", "50")
    kim.page.get_by_role("button", name="일지에 적기").click()
    kim.page.wait_for_selector("text=일지에 적었습니다.")
    kim.page.wait_for_selector("td:has-text('회의록 요약')")
    assert faults_of(kim.page) == []
    for who in (_actor(rounds, "kim"), jung):
        for arm in ("without", "with"):
            pilots.hand_in(who, case_id, "회의록 요약", arm, f"{who.name}의 글 {len(arm)}")
    _press(owner, f"/cases/{case_id}", "실증 끝냄", wait="즉시 멈춤")
    with rounds.installation.worker_store.transaction() as tx:
        tx.run("""update cases set facts = facts || jsonb_build_object('ends_on', cast(:day as text)) where id = :id""",
               {"day": (today - timedelta(days=1)).isoformat(), "id": case_id})  # fmt: skip
    for who, value in ((_actor(rounds, "kim"), 5), (jung, 4)):
        pilots.answer(who, case_id, "after", {"쓰기 쉽다": value})
    _press(owner, f"/cases/{case_id}", "실증 끝냄")
    for login in ("oper", "oper2"):
        (rater,) = people(login)
        rater.go(f"/pilots/{case_id}")
        assert "도구" not in rater.page.inner_text("section:has(#rate)"), "nothing says how it was written"
        assert faults_of(rater.page) == []
        for n in range(4):
            better = "글 4" in rater.page.locator("article").nth(n).inner_text()
            rater.page.locator("article").nth(n).get_by_role("button", name="5점" if better else "2점").click()
            rater.page.wait_for_selector(f"text={n + 1}건을 매겼습니다")
    told = {"found": "빨랐다.", "harm": "없음", "limits": "두 사람뿐이다."}
    cases.filings.save(_actor(rounds, "owner"), case_id, "pilot_findings", told, base=0)
    owner.go(f"/pilots/{case_id}")
    assert "아무도 볼 수 없습니다" in owner.page.inner_text("main")
    _press(owner, f"/cases/{case_id}", "결과 계산")
    owner.go(f"/pilots/{case_id}")
    text = owner.page.inner_text("main")
    assert "가중 카파 1.00" in text
    assert "+3.00" in text
    assert faults_of(owner.page) == []
    cases.filings.save(_actor(rounds, "ai2"), case_id, "pilot_decision", {"reason": "더 큰 규모로 합니다."}, base=0)
    (chief,) = people("ai2")
    _press(chief, f"/cases/{case_id}", "확대")
    chief.page.wait_for_selector("text=실증 결과 보고")


def test_pages_without_anything_say_what_to_do_and_fit_a_telephone(rounds: House, visitor: Any) -> None:
    phone = visitor(width=390)
    phone.sign_in("ai")
    for path in ("/prereview", "/consulting", "/advice", "/advice/roster?kind=reviewer", "/pilots"):
        phone.go(path)
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert faults_of(phone.page) == []
    with rounds.client("citizen") as client:
        for path in ("/prereview", "/consulting", "/advice", "/pilots"):
            assert client.get(path).status_code == 403
    with rounds.client("ai") as client:
        csrf = client.get("/prereview").text.split('name="csrf" content="')[1].split('"')[0]
        wrong = {
            "csrf": csrf,
            "kind": "pre_review",
            "id": "x",
            "title": "x",
            "opens_on": "2027-02-01",
            "closes_on": "2027-01-01",
        }
        told = client.post("/rounds", data=wrong)
        assert told.status_code == 422
        assert "시작하기 전에 끝납니다" in told.text
