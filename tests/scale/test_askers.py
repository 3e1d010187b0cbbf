"""A hundred people ask at the same moment: everybody is answered, told the truth while waiting, and pages still open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from importlib.resources import files

import pytest
from tests.faults.installation import Running, running
from tests.scale.crowd import Asked, ask_at_once, look_while

CROWD = 100
MIB = 2**20


@pytest.fixture(scope="module")
def city() -> Iterator[Running]:
    """The demonstration city, up, with its documents read."""
    with running(demo=True) as installation:
        installation.wait_until_read()
        yield installation


def _questions(salt: int) -> list[str]:
    """A hundred different questions of the demonstration city; the salt keeps the cache out of it."""
    lines = files("haechi.city.demo").joinpath("questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line)["question"] for line in lines]
    return [f"{asked[n % len(asked)]} (문의 {salt}-{n})" for n in range(CROWD)]


async def _crowd_and_visitor(city: Running, salt: int) -> tuple[list[Asked], list[tuple[str, int, float]]]:
    done = asyncio.Event()
    looking = asyncio.create_task(look_while(city.address, ("/", "/ask", "/healthz"), done))
    try:
        asked = await ask_at_once(city.address, _questions(salt))
    finally:
        done.set()
    return asked, await looking


@pytest.mark.timeout(1200)
def test_a_hundred_people_ask_at_once(city: Running) -> None:
    (server,) = city.processes("server")
    memory, waited, answered = [], 0, 0
    for salt in range(3):
        asked, pages = asyncio.run(_crowd_and_visitor(city, salt))
        memory.append(server.memory_info().rss)
        failures = [(one.status, one.last) for one in asked if one.status != 200 or one.last["event"] != "done"]
        assert failures == []
        for one in asked:
            assert one.events[0]["event"] == "accepted"
            assert one.positions == sorted(one.positions, reverse=True), "somebody was sent back in the line"
            assert all(0 < position <= CROWD for position in one.positions)
            assert all(
                event["seconds"] > 0 for event in one.events if event["event"] == "waiting" and event["position"]
            )
        waited += sum(bool(one.positions) for one in asked)
        answered += sum(one.last["answered"] for one in asked)
        assert {status for _, status, _ in pages} == {200}
        assert max(seconds for _, _, seconds in pages) < 30, pages
    assert waited > 0, "nobody had to wait: the crowd was no crowd"
    assert answered > 0, "nobody was answered from the documents"
    assert city.processes("server") == [server], "the server did not survive"
    # The first crowd may bring models and buffers into memory; the next ones must not add to it.
    assert memory[2] - memory[1] < 64 * MIB, [round(size / MIB) for size in memory]
    assert city.rows("select count(*) from turns where state in ('answered', 'unknown')") == [(3 * CROWD,)]
