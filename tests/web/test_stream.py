"""The stream of an answer: in order, honest about waiting, ended by whoever hangs up."""

import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
from anyio import CapacityLimiter

from haechi.core.errors import Unavailable
from haechi.web import stream
from haechi.web.stream import AnswerStream, encode


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """In a thread of its own: a browser test of the same process may hold a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, work).result(30)


def read_all(events: Any) -> list[dict[str, Any]]:
    async def collect() -> list[bytes]:
        return [piece async for piece in AnswerStream(events, CapacityLimiter(4)).bytes()]

    pieces = run(collect)
    return [json.loads(piece.decode().split("data: ", 1)[1]) for piece in pieces if piece.startswith(b"event:")]


def test_events_arrive_in_order_and_line_breaks_survive() -> None:
    sent = [{"event": "delta", "text": f"{n}번째\n줄"} for n in range(200)]
    assert read_all(lambda: iter(sent)) == sent
    assert encode(sent[0]).count(b"\n") == 3


def test_an_error_in_the_middle_is_told_with_the_next_step() -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield {"event": "accepted"}
        raise Unavailable("데이터베이스에 연결할 수 없습니다.", next_step="잠시 뒤 다시 시도하세요.")

    last = read_all(events)[-1]
    assert (last["event"], last["next_step"]) == ("error", "잠시 뒤 다시 시도하세요.")


def test_an_unforeseen_error_tells_nothing_of_the_inside() -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield {"event": "accepted"}
        raise RuntimeError("password=secret")

    last = read_all(events)[-1]
    assert last["event"] == "error"
    assert "secret" not in json.dumps(last)


def test_hanging_up_ends_the_work() -> None:
    ended = threading.Event()
    made = []

    def events() -> Iterator[dict[str, Any]]:
        try:
            for number in range(100_000):
                made.append(number)
                time.sleep(0.001)
                yield {"event": "delta", "text": str(number)}
        finally:
            ended.set()

    async def leave_early() -> None:
        reading = AnswerStream(events, CapacityLimiter(4)).bytes()
        async for _ in reading:
            break
        await reading.aclose()

    run(leave_early)
    assert ended.wait(5)
    assert len(made) < 2000


def test_a_long_silence_keeps_the_line_open(monkeypatch: Any) -> None:
    monkeypatch.setattr(stream, "KEEP_ALIVE_SECONDS", 0.05)

    def events() -> Iterator[dict[str, Any]]:
        time.sleep(0.3)
        yield {"event": "done"}

    async def collect() -> list[bytes]:
        return [piece async for piece in AnswerStream(events, CapacityLimiter(4)).bytes()]

    pieces = run(collect)
    assert pieces[0].startswith(b":")
    assert pieces[-1].startswith(b"event: done")
