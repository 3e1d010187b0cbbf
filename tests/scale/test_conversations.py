"""Two hundred people talk with bots at the same moment, each a conversation of several turns: nobody fails, nobody is mixed up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.faults.installation import Running, running

PEOPLE = 200


@pytest.fixture(scope="module")
def city() -> Iterator[Running]:
    """The demonstration city, up, with its documents read; one machine stands for two hundred addresses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HAECHI_CHAT_PER_MINUTE", "100000")
        with running(demo=True) as installation:
            installation.wait_until_read()
            yield installation


async def _converse(address: str, number: int) -> list[list[dict[str, Any]]]:
    """A report by form, to the last look; a third of the people ask the documents in the middle of it."""
    async with httpx.AsyncClient(base_url=address, timeout=300) as http:
        page = await http.get("/chat/seoul_talk")
        csrf = page.text.split('name="csrf" content="')[1].split('"')[0]
        http.headers["X-CSRF-Token"] = csrf
        turns = [await _turn(http, text="도로가 움푹 파였어요 포트홀 신고", bot="seoul_talk")]
        talk = turns[0][0]["conversation_id"]
        if number % 3 == 0:
            turns.append(
                await _turn(
                    http, text="시청앞 지하주차장의 월 정기권은 얼마인가요?", bot="seoul_talk", conversation_id=talk
                )
            )
        turns.append(await _turn(http, text="취소", bot="seoul_talk", conversation_id=talk))
        turns.append(
            await _turn(http, text=f"여권 재발급은 며칠 걸려요 (문의 {number})", bot="seoul_talk", conversation_id=talk)
        )
        shown = (await http.get(f"/api/v1/chat/{talk}")).json()
        assert [turn["number"] for turn in shown["turns"]] == list(range(1, len(turns) + 1))
        assert f"(문의 {number})" in shown["turns"][-1]["said"]
        return turns


async def _turn(http: httpx.AsyncClient, **said: Any) -> list[dict[str, Any]]:
    answer = await http.post("/api/v1/chat", json=said, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 200, answer.text
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]


@pytest.mark.timeout(1200)
def test_two_hundred_conversations_at_once(city: Running) -> None:
    (server,) = city.processes("server")

    async def crowd() -> list[list[list[dict[str, Any]]]]:
        return list(await asyncio.gather(*(_converse(city.address, number) for number in range(PEOPLE))))

    conversations = asyncio.run(crowd())
    for turns in conversations:
        for events in turns:
            assert events[0]["event"] == "accepted"
            assert events[-1]["event"] == "ended"
            assert not [event for event in events if event["event"] == "error"]
        assert [event for event in turns[0] if event["event"] == "ask_field"], turns[0]
    assert len({turns[0][0]["conversation_id"] for turns in conversations}) == PEOPLE
    assert city.processes("server") == [server], "the server did not survive"
    assert city.rows("select count(*) from turns where state in ('accepted', 'interrupted')") == [(0,)]
