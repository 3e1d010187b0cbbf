"""The conversation over HTTP: a guest's turns as a stream, once a number, and held back when one place sends too many."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import httpx
from tests.house import House, csrf_of


def as_guest(client: httpx.Client) -> None:
    """A browser that has opened the page."""
    client.headers["X-CSRF-Token"] = csrf_of(client.get("/chat").text)


def say(client: httpx.Client, **said: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/chat", json=said, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 200, answer.text
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]


def test_a_guest_reports_by_form_and_reads_the_conversation_again(house: House) -> None:
    with house.client() as client, house.client() as stranger:
        as_guest(client)
        number = str(uuid.uuid4())
        first = say(client, text="도로가 움푹 파였어요 포트홀 신고", bot="seoul_talk", turn_id=number)
        assert first[0] == {"event": "accepted", "conversation_id": first[0]["conversation_id"], "turn_id": number}
        assert "ask_field" in [event["event"] for event in first]
        assert first[-1]["event"] == "ended"
        assert say(client, text="도로가 움푹 파였어요 포트홀 신고", bot="seoul_talk", turn_id=number) == first
        talk = first[0]["conversation_id"]
        whole = client.post(
            "/api/v1/chat",
            json={"text": "취소", "bot": "seoul_talk", "conversation_id": talk},
            headers={"Accept": "application/json"},
        ).json()
        assert whole["state"] == "closed"
        shown = client.get(f"/api/v1/chat/{talk}").json()
        assert [turn["said"] for turn in shown["turns"]] == ["도로가 움푹 파였어요 포트홀 신고", "취소"]
        assert stranger.get(f"/api/v1/chat/{talk}").status_code == 404
        liked = client.post(f"/api/v1/chat/{talk}/feedback", json={"turn_id": number, "helpful": True})
        assert liked.status_code == 201, liked.text
        for wrong in (
            {},
            {"text": "가", "choice": "나"},
            {"text": "가", "bot": "nobody_here"},
            {"text": "가", "bot": "staff_manual"},
        ):
            answer = client.post("/api/v1/chat", json=wrong)
            assert answer.status_code in (404, 422)
            assert answer.json()["next_step"]


def test_one_place_that_sends_too_much_is_told_when_to_go_on(house: House) -> None:
    before = house.installation.settings
    house.installation.settings = replace(before, chat_per_minute=3)
    try:
        with house.installation.worker_store.transaction() as tx:
            tx.run("delete from login_attempts where subject like 'chat:%'")
        with house.client() as client:
            as_guest(client)
            answers = [client.post("/api/v1/chat", json={"choice": "x", "bot": "seoul_talk"}) for _ in range(6)]
        held = [answer for answer in answers if answer.status_code == 429]
        assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
        assert held
        assert int(held[0].headers["retry-after"]) >= 1
        assert "로그인" not in held[0].json()["message"]
        with house.client("kim") as officer:
            as_guest(officer)
            assert say(officer, choice="x", bot="seoul_talk")[-1]["event"] == "ended", (
                "people with an account are not held back"
            )
    finally:
        house.installation.settings = before
        with house.installation.worker_store.transaction() as tx:
            tx.run("delete from login_attempts where subject like 'chat:%'")
