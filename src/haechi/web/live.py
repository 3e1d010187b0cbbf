"""News as Server-Sent Events that stay open: rung by the database, followed by number, so that a reconnection loses nothing.

Unlike an answer (web/stream.py) a listener holds no thread and no connection of the database while nothing happens.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from time import monotonic
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from starlette.responses import StreamingResponse

from haechi.city.desk import Bell
from haechi.core.errors import HaechiError, TooManyRequests
from haechi.web.stream import HEADERS

Event = Mapping[str, Any]
Read = Callable[[str], tuple[list[dict[str, Any]], str]]
MOST_LISTENERS = 2000
READERS = 8
"""Threads that look for news at the same time; they are not taken from those that serve pages."""
BEAT_SECONDS = 15.0
LIFE_SECONDS = 600.0
"""A stream ends then; the browser comes back with its last number, and its rights are looked at anew."""


def encode(event: Event) -> bytes:
    """One event on the wire; with `id`, so that the browser sends it back when it reconnects."""
    name, number = event.get("event", "message"), event.get("id", "")
    data = json.dumps({key: value for key, value in event.items() if key != "id"}, ensure_ascii=False, default=str)
    return (f"id: {number}\n" if number else "").encode() + f"event: {name}\ndata: {data}\n\n".encode()


def cursor_of(request: Request) -> str:
    """The last number the listener has seen: the browser's header, else `?after=`."""
    return (request.headers.get("last-event-id") or request.query_params.get("after") or "")[:40]


async def follow(
    request: Request, key: str, read: Read, *, beat: Callable[[], Event | None] = lambda: None
) -> StreamingResponse:
    """The response. read(cursor): what is new and the next cursor; called once before the first byte, so that whoever may
    not listen gets an error and no stream. beat: called every 15 s without news; what it gives is sent."""
    bell: Bell = request.app.state.installation.bell
    if bell.listeners >= MOST_LISTENERS:
        raise TooManyRequests(
            "지금 알림을 받는 사람이 너무 많습니다.", retry_after=10, next_step="잠시 뒤 다시 시도하세요."
        )
    limiter = _limiter(request)
    cursor = cursor_of(request)
    await to_thread.run_sync(read, cursor, limiter=limiter)
    return StreamingResponse(_bytes(bell, key, read, beat, cursor, limiter), headers=HEADERS)


async def _bytes(
    bell: Bell, key: str, read: Read, beat: Callable[[], Event | None], cursor: str, limiter: CapacityLimiter
) -> AsyncIterator[bytes]:
    # Listening begins before the first look: what is written in between rings.
    with bell.listen(key) as ear:
        yield b"retry: 2000\n\n"
        end, rung = monotonic() + LIFE_SECONDS, True
        while monotonic() < end:
            try:
                if rung:
                    while True:
                        events, after = await to_thread.run_sync(read, cursor, limiter=limiter)
                        if after != cursor and not any(event.get("id") for event in events):
                            events = [*events, {"event": "cursor", "id": after}]
                        for event in events:
                            yield encode(event)
                        more, cursor = bool(events) and after != cursor, after
                        if not more:
                            break
                else:
                    said = await to_thread.run_sync(beat, limiter=limiter)
                    yield encode(said) if said else b": here\n\n"
            except HaechiError as error:
                # The database is away, or the right was withdrawn: the browser comes back and asks again.
                yield encode({"event": "problem", **error.as_dict()})
                return
            rung = await ear.heard(BEAT_SECONDS)


def _limiter(request: Request) -> CapacityLimiter:
    state = request.app.state
    if getattr(state, "news_readers", None) is None:
        state.news_readers = CapacityLimiter(READERS)
    limiter: CapacityLimiter = state.news_readers
    return limiter
