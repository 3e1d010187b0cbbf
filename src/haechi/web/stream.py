"""An answer's events as Server-Sent Events: from a blocking iterator, in a thread, until the last event or a hang-up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread

from haechi.core.errors import HaechiError

KEEP_ALIVE_SECONDS = 10.0
AHEAD = 64
_END = object()

Event = Mapping[str, Any]

HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}


def encode(event: Event) -> bytes:
    """One event on the wire: `event:` its name, `data:` the whole as one line of JSON."""
    data = json.dumps(dict(event), ensure_ascii=False, default=str)
    return f"event: {event.get('event', 'message')}\ndata: {data}\n\n".encode()


def error_event(error: Exception) -> dict[str, Any]:
    """The event that ends a stream which cannot go on; what went wrong inside is for the log, not the screen."""
    if isinstance(error, HaechiError):
        return {"event": "error", **error.as_dict()}
    return {
        "event": "error",
        "code": "error",
        "message": "답변을 만드는 중에 문제가 생겼습니다.",
        "next_step": "잠시 뒤 다시 물어보세요. 계속되면 관리자에게 알려 주세요.",
        "record": "",
    }


class AnswerStream:
    """Reads `events()` in a thread of its own, at most `AHEAD` events ahead of the reader.

    `limiter` bounds how many such threads run at once; they are not taken from the pool that serves pages, so a hundred
    people who wait for an answer do not keep the hundred-and-first from seeing a page.
    """

    def __init__(self, events: Callable[[], Iterator[Event]], limiter: CapacityLimiter) -> None:
        self._events = events
        self._limiter = limiter
        self._stop = threading.Event()

    async def bytes(self) -> AsyncIterator[bytes]:
        """The stream's bytes. Closing it (the client hung up) ends the work at its next event."""
        queue: asyncio.Queue[Any] = asyncio.Queue(AHEAD)
        loop = asyncio.get_running_loop()
        reading = asyncio.ensure_future(to_thread.run_sync(self._read, loop, queue, limiter=self._limiter))
        try:
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield b": waiting\n\n"
                    continue
                if event is _END:
                    return
                yield encode(event)
        finally:
            self._stop.set()
            while not queue.empty():
                queue.get_nowait()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([reading])

    def _read(self, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Any]) -> None:
        def put(event: Any) -> bool:
            # Waits while the reader is slow; gives up as soon as it has gone.
            sent = asyncio.run_coroutine_threadsafe(queue.put(event), loop)
            while not self._stop.is_set():
                try:
                    sent.result(0.5)
                    return True
                except TimeoutError:
                    continue
            sent.cancel()
            return False

        events: Iterator[Event] | None = None
        try:
            events = iter(self._events())
            for event in events:
                if not put(event):
                    break
        except Exception as error:
            put(error_event(error))
        finally:
            close = getattr(events, "close", None)
            if close is not None:
                close()
            put(_END)
