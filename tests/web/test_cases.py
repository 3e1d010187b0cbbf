"""사무, in a browser: a case is opened, its form written as one types, handed in, taken, answered; keyboard and small screen."""

from __future__ import annotations

from typing import Any

import pytest
from tests.house import House, faults_of

from haechi.core.identity import actor_of
from haechi.core.store import Actor
from haechi.office.cases import Opening


def _actor(house: House, login: str) -> Actor:
    user = house.installation.accounts.find(login)
    assert user is not None
    return actor_of(user)


@pytest.fixture
def objection(house: House) -> str:
    """A citizen's objection to the welfare bureau, still a draft."""
    opening = Opening("안내가 틀렸습니다", bureau="복지실")
    return str(house.installation.office.cases.open(_actor(house, "citizen"), "objection", opening)["id"])


def test_a_citizen_objects_and_the_bureau_answers(visitor: Any, objection: str) -> None:
    citizen = visitor()
    citizen.sign_in("citizen")
    page = citizen.page
    citizen.go(f"/cases/{objection}/forms/objection")
    page.fill("#a-what", "챗봇이 지난 기한을 알려 주었습니다.")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=답할 문항 2개가 남았습니다.")
    page.check("#a-kind-data")
    page.wait_for_selector("#a-data")
    page.check("#a-kind-wrong")
    page.wait_for_selector("#a-data", state="detached")
    page.fill("#a-wish", "바로잡아 주세요.")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=모두 답했습니다.")
    assert faults_of(page) == []
    citizen.go(f"/cases/{objection}")
    page.get_by_role("button", name="제출", exact=True).click()
    page.wait_for_selector("text=처리했습니다.")

    officer = visitor(width=360)
    officer.sign_in("jung")
    officer.go("/office")
    desk = officer.page
    desk.locator(f"a[href='/cases/{objection}']").first.click()
    desk.get_by_role("button", name="검토 시작").click()
    desk.wait_for_selector("text=검토 중")
    assert faults_of(desk) == []
    desk.fill("#n-accept", "기한을 고쳐 안내했습니다.")
    desk.get_by_role("button", name="받아들임", exact=True).click()
    desk.wait_for_selector("text=끝난 건입니다.")
    citizen.go(f"/cases/{objection}")
    assert "기한을 고쳐 안내했습니다." in page.inner_text("main")


def test_a_stranger_is_told_that_there_is_no_such_case(house: House, objection: str) -> None:
    with house.client("kim") as client:
        assert client.get(f"/cases/{objection}").status_code == 404
        assert "안내가 틀렸습니다" not in client.get("/cases?scope=all").text


def test_two_write_the_same_answer_and_the_second_chooses(house: House, objection: str) -> None:
    with house.client("citizen") as client:
        address = f"/cases/{objection}/forms/objection"
        csrf = client.get(address).text.split('name="csrf" content="')[1].split('"')[0]
        first = {"csrf": csrf, "asked": "what,kind,wish", "base": "0", "what": "하나", "wish": "가"}
        assert client.post(address, data=first).status_code == 303
        with house.installation.worker_store.transaction() as tx:
            tx.run("update case_filing_changes set subject = 'user:other', name = '김가족'")
        told = client.post(address, data={**first, "what": "둘", "wish": "나나"})
        assert told.status_code == 409
        assert "김가족" in told.text
        assert "하나" in told.text
        assert "둘" in told.text
        version = told.text.split('name="base" value="')[1].split('"')[0]
        client.post(address, data={**first, "base": version, "what": "둘", "mine": "what"})
        assert ">둘</textarea>" in client.get(address).text


def test_answers_go_out_as_a_file_and_come_back_the_same(house: House, objection: str) -> None:
    address = f"/cases/{objection}/forms/objection"
    cases, citizen = house.installation.office.cases, _actor(house, "citizen")
    answers = {
        "what": "=1+1 은 수식이 아닙니다.\n둘째 줄",
        "kind": "data",
        "data": "전화번호",
        "wish": "지워 주세요.",
        "when": "2026-03-02",
    }
    cases.filings.save(citizen, objection, "objection", answers, base=0)
    with house.client("citizen") as client:
        csrf = client.get(address).text.split('name="csrf" content="')[1].split('"')[0]
        for format in ("xlsx", "csv", "json"):
            kept = client.get(f"{address}/answers.{format}").content
            version = cases.filings.get(citizen, objection, "objection")["version"]
            cases.filings.save(citizen, objection, "objection", {"wish": None, "when": None}, base=version)
            sent = client.post(f"{address}/import", data={"csrf": csrf}, files={"file": (f"답.{format}", kept)})
            assert sent.status_code == 303, sent.text
            assert cases.filings.get(citizen, objection, "objection")["answers"] == answers
        told = client.post(f"{address}/import", data={"csrf": csrf}, files={"file": ("그림.png", b"PNG")})
        assert (told.status_code, "읽을 수 없는 파일입니다" in told.text) == (422, True)
    with house.client("jung") as client:
        csrf = client.get("/office").text.split('name="csrf" content="')[1].split('"')[0]
        refused = client.post(f"{address}/import", data={"csrf": csrf}, files={"file": ("답.json", kept)})
        assert refused.status_code == 403
