"""Two people: a citizen who wants a person, and an agent at the desk, each with a browser of their own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from tests.house import House, csrf_of, faults_of, sideways

from haechi.core import clock
from haechi.core.errors import Conflict
from haechi.core.identity import guest

PHONE = "010-2345-6789"
QUESTION = f"이사 뒤 소파를 버리려는데 수거가 안 돼요. {PHONE}로 연락 주세요."
AGENTS = (("noeul", "노을빛"), ("dasom", "다솜"))


@pytest.fixture(scope="module", autouse=True)
def agents(house: House) -> None:
    from tests.house import PASSWORD

    for login, name in AGENTS:
        try:
            house.installation.accounts.create(
                login, name, password=PASSWORD, roles=("call_taker",), bureau="디지털도시국"
            )
        except Conflict:  # another file of tests has hired them
            continue


class Citizen:
    """A guest with a cookie, their conversation, and what the chat's news told them."""

    def __init__(self, house: House, client: httpx.Client) -> None:
        self.house, self.client = house, client
        client.get("/ask")
        self.actor = guest(client.cookies["haechi_guest"])
        self.conversation = clock.new_id()
        with house.installation.store.transaction(self.actor) as tx:
            tx.run(
                "insert into conversations (id, subject, bot, purge_after) values (:id, :who, 'seoul_talk', :day)",
                {"id": self.conversation, "who": self.actor.subject, "day": date(2099, 1, 1)},
            )
        self.says(QUESTION, answer="", kind="turn")

    def says(self, text: str, answer: str = "", kind: str = "citizen") -> None:
        with self.house.installation.store.transaction(self.actor) as tx:
            tx.run(
                """insert into turns (id, conversation_id, number, question, answer, state, kind)
                values (:id, :conversation, 0, :text, :answer, 'unknown', :kind)""",
                {
                    "id": clock.new_id(),
                    "conversation": self.conversation,
                    "text": text,
                    "answer": answer,
                    "kind": kind,
                },
            )

    def wants_person(self) -> str:
        desk = self.house.installation.desk
        return str(desk.open_ticket(self.actor, self.conversation, "", "상담사 연결을 원함").ticket)

    def news(self, after: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """(id, event) as they come; ends when the test stops asking."""
        headers = {"Last-Event-ID": after} if after else {}
        with self.client.stream("GET", f"/api/v1/chat/{self.conversation}/events", headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            number = ""
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    number = line[4:]
                elif line.startswith("data: "):
                    yield number, json.loads(line[6:])


@pytest.fixture
def citizen(house: House) -> Iterator[Citizen]:
    with house.client() as client:
        yield Citizen(house, client)


def test_a_citizen_and_an_agent_talk_and_the_agent_never_reloads(house: House, citizen: Citizen, visitor: Any) -> None:
    agent = visitor(1360, 900)
    agent.sign_in("noeul")
    agent.go("/desk")
    page = agent.page
    page.wait_for_selector("#desk-live")
    page.evaluate("window.neverReloaded = true")
    ticket = citizen.wants_person()
    row = page.wait_for_selector(f"#t-{ticket}")
    assert page.evaluate("window.neverReloaded"), "the new ticket came without a reload"
    assert PHONE not in row.inner_text(), "personal data is masked in the list"
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.className") == "ticket__open"
    agent.go(f"/desk/{ticket}")
    assert PHONE not in page.content()
    assert faults_of(page) == []
    page.keyboard.press("t")
    page.wait_for_selector("#reply")
    assert PHONE in page.inner_text("#ticket-talk"), "who took it reads it whole"
    page.evaluate("window.neverReloaded = true")

    heard: list[dict[str, Any]] = []
    listening = threading.Event()

    def listen() -> None:
        for _, event in citizen.news():
            heard.append(event)
            listening.set()
            if any(one.get("act") == "asked" for one in heard):
                return

    ear = threading.Thread(target=listen, daemon=True)
    ear.start()
    assert listening.wait(30)
    assert page.evaluate("document.activeElement.id") == "reply", "who takes a ticket can write at once"
    page.keyboard.type("안녕하세요. 확인해 보겠습니다.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".said__one--agent")
    page.fill("#reply", "동네가 어디인가요?")
    page.click("button[formaction$='/ask']")
    page.locator(".said__one--agent").nth(1).wait_for()
    ear.join(30)
    assert not ear.is_alive(), heard
    said = [event["text"] for event in heard if event["event"] == "turn" and event["by"] == "agent"]
    assert said == ["안녕하세요. 확인해 보겠습니다.", "동네가 어디인가요?"]

    page.fill("#reply", "쓰고 있던 답")
    citizen.says("서소문동입니다.")
    page.locator("#ticket-talk").get_by_text("서소문동").wait_for()
    assert page.input_value("#reply") == "쓰고 있던 답", "news never takes away what one writes"
    assert page.evaluate("window.neverReloaded")
    assert faults_of(page) == []

    page.click("#close > summary")
    page.select_option("#result", "received")
    page.click("#close button[type=submit]")
    page.wait_for_url("**/desk?state=active**")
    told = citizen.client.get(f"/api/v1/chat/{citizen.conversation}/ticket").json()
    assert (told["state"], told["result"], told["may_reopen"]) == ("history", "received", True)
    with house.client() as stranger:
        assert stranger.get(f"/api/v1/chat/{citizen.conversation}/ticket").status_code == 404
        assert stranger.get(f"/api/v1/chat/{citizen.conversation}/events").status_code == 404
    assert agent.troubles == []


def test_news_that_was_missed_comes_after_the_last_number(house: House, citizen: Citizen) -> None:
    ticket = citizen.wants_person()
    with house.client("noeul") as agent:
        headers = {"X-CSRF-Token": csrf_of(agent.get("/desk").text)}
        at = f"/api/v1/desk/tickets/{ticket}"
        assert agent.post(f"{at}/take", json={}, headers=headers).json()["mine"]
        numbers = []
        for key, text in (("1", "하나"), ("2", "둘"), ("3", "셋")):
            for _ in range(2):  # sent again after a cut line: the same key
                sent = agent.post(f"{at}/reply", json={"text": text}, headers={**headers, "Idempotency-Key": key})
                assert sent.status_code == 200, sent.text
        for number, event in citizen.news(after="1.0"):
            if event["event"] == "turn" and event["by"] == "agent":
                numbers.append((number, event["text"]))
            if len(numbers) == 3:
                break
        assert [text for _, text in numbers] == ["하나", "둘", "셋"]
        again = [event["text"] for _, event in _until(citizen.news(after=numbers[1][0]), "turn") if event.get("text")]
        assert again[0] == "셋"
        closed = agent.post(f"{at}/close", json={"result": "answered"}, headers=headers).json()
        assert closed["state"] == "history"


def _until(news: Iterator[tuple[str, dict[str, Any]]], name: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for number, event in news:
        found.append((number, event))
        if event["event"] == name:
            return found
    raise AssertionError(f"no {name}: {found}")


def test_the_desk_works_without_scripts_and_says_what_went_wrong(house: House, citizen: Citizen) -> None:
    ticket = citizen.wants_person()
    with house.client("noeul") as one, house.client("dasom") as two:
        page = one.get(f"/desk/{ticket}").text
        csrf = csrf_of(page)
        taken = one.post(f"/desk/{ticket}/take", data={"csrf": csrf, "key": "x"})
        assert taken.status_code == 303
        late = two.post(f"/desk/{ticket}/take", data={"csrf": csrf_of(two.get("/desk").text), "key": "y"})
        assert late.status_code == 409
        assert "노을빛 님이 먼저 맡았습니다." in late.text
        saved = one.get(f"/desk/{ticket}?saved=ask_place").text
        assert "정확한 위치" in saved.split('id="reply"')[1].split("</textarea>")[0]
        empty = one.post(f"/desk/{ticket}/transfer", data={"csrf": csrf, "to": "office:복지실", "reason": " "})
        assert empty.status_code == 422
        assert "옮기는 까닭이(가) 비어 있습니다" in empty.text
        moved = one.post(
            f"/desk/{ticket}/transfer", data={"csrf": csrf, "to": "office:복지실", "reason": "복지실 소관", "key": "m"}
        )
        assert moved.status_code == 303
        assert "이 대화는 지금 볼 수 없습니다" in one.get(f"/desk/{ticket}").text
    with house.client("jung") as welfare:
        assert ticket in welfare.get("/desk").text
        csrf = csrf_of(welfare.get(f"/desk/{ticket}").text)
        assert welfare.post("/desk/next", data={"csrf": csrf, "key": "n"}).headers["location"].startswith("/desk/")
        done = welfare.post(f"/desk/{ticket}/close", data={"csrf": csrf, "result": "answered", "key": "c"})
        assert done.status_code == 303
    with house.client("kim") as finance:
        assert finance.get(f"/desk/{ticket}").status_code == 404
    with house.client("citizen") as nobody:
        assert nobody.get("/desk").status_code == 403
        assert nobody.get("/api/v1/desk/tickets").status_code == 403


def test_a_citizen_rates_and_reopens_over_the_api(house: House, citizen: Citizen) -> None:
    ticket = citizen.wants_person()
    headers = {"X-CSRF-Token": csrf_of(citizen.client.get("/ask").text)}
    at = f"/api/v1/chat/{citizen.conversation}/ticket"
    early = citizen.client.post(f"{at}/rating", json={"score": 5}, headers=headers)
    assert early.status_code == 409
    with house.client("dasom") as agent:
        token = {"X-CSRF-Token": csrf_of(agent.get("/desk").text)}
        agent.post(f"/api/v1/desk/tickets/{ticket}/take", json={}, headers=token)
        agent.post(f"/api/v1/desk/tickets/{ticket}/close", json={"result": "answered"}, headers=token)
        assert citizen.client.post(f"{at}/rating", json={"score": 6}, headers=headers).status_code == 422
        assert citizen.client.post(f"{at}/rating", json={"score": 4}, headers=headers).status_code == 204
        past = agent.get("/api/v1/desk/tickets", params={"state": "history"}).json()["rows"]
        assert next(row["rating"] for row in past if row["id"] == ticket) == 4
        again = citizen.client.post(f"{at}/reopen", headers=headers)
        assert (again.status_code, again.json()["state"]) == (200, "unanswered")
        assert again.json()["id"] == ticket
        agent.post(f"/api/v1/desk/tickets/{ticket}/take", json={}, headers=token)
        agent.post(f"/api/v1/desk/tickets/{ticket}/close", json={"result": "answered"}, headers=token)


def test_the_wish_for_a_person_goes_from_the_chat_to_the_desk_and_back(house: House) -> None:
    with house.client() as citizen, house.client("noeul") as agent:
        citizen.get("/chat")
        token = {"X-CSRF-Token": csrf_of(citizen.get("/chat").text), "Accept": "application/json"}
        first = citizen.post(
            "/api/v1/chat", json={"bot": "seoul_talk", "text": f"{PHONE}인데 접수가 됐나요?"}, headers=token
        )
        assert first.status_code == 200, first.text
        conversation = first.json()["conversation_id"]
        body = {"bot": "seoul_talk", "conversation_id": conversation, "wants_person": True}
        wished = citizen.post("/api/v1/chat", json=body, headers=token).json()
        handed = next(event for event in wished["events"] if event["event"] == "handed_off")
        assert (handed["office"], handed["open"]) == ("120 상담센터", True)

        headers = {"X-CSRF-Token": csrf_of(agent.get("/desk").text)}
        at = f"/api/v1/desk/tickets/{handed['ticket']}"
        before = agent.get(at).json()
        assert PHONE not in json.dumps(before, ensure_ascii=False)
        taken = agent.post(f"{at}/take", json={}, headers=headers).json()
        wants = [line["text"] for line in taken["summary"] if line["kind"] == "wants"]
        assert wants == [f"{PHONE}인데 접수가 됐나요?"], "the wish itself is no news to the agent"
        agent.post(f"{at}/reply", json={"text": "네, 접수되었습니다."}, headers=headers)
        body = {"bot": "seoul_talk", "conversation_id": conversation, "text": "고맙습니다. 언제 오나요?"}
        silent = citizen.post("/api/v1/chat", json=body, headers=token).json()
        assert [event["event"] for event in silent["events"]] == ["ended"], "the bot is silent while a person answers"
        agent.post(f"{at}/reply", json={"text": "내일 오전입니다."}, headers=headers)

        found = citizen.get(f"/api/v1/chat/{conversation}").json()
        assert (found["with_person"], found["ticket"]) == (True, "active")
        by_agent = [(turn["by_name"], turn["text"]) for turn in found["turns"] if turn["kind"] == "agent"]
        assert by_agent == [("노을빛", "네, 접수되었습니다."), ("노을빛", "내일 오전입니다.")]
        assert [turn["number"] for turn in found["turns"]] == list(range(1, len(found["turns"]) + 1))
        shown = citizen.get(f"/chat/c/{conversation}/turns").text
        assert "내일 오전입니다." in shown
        agent.post(f"{at}/close", json={"result": "answered"}, headers=headers)
        assert citizen.get(f"/api/v1/chat/{conversation}").json()["with_person"] is False


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_the_desk_fits_from_a_phone_to_a_wall(citizen: Citizen, visitor: Any, width: int) -> None:
    ticket = citizen.wants_person()
    agent = visitor(width, 900)
    agent.sign_in("dasom")
    for path in ("/desk", f"/desk/{ticket}", "/desk?lang=en"):
        agent.go(path)
        agent.page.wait_for_selector("h1")
        assert sideways(agent.page) == 0, path
    assert agent.page.get_by_label("Sound for new ones").is_checked() is False
    assert faults_of(agent.page) == []
