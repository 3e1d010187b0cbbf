"""Callers on bare sockets: so many at once for so long, each its own connection; first byte and end of every answer."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

import httptools


@dataclass
class Told:
    """One answer. first: seconds to the first event with text; whole: to its end; at: when it began, monotonic."""

    at: float
    first: float
    whole: float
    status: int
    label: str = ""
    tokens: int = 0


@dataclass
class Connection(asyncio.Protocol):
    """One keep-alive connection; `ask` waits for the whole answer."""

    head: bytes = b""
    _done: asyncio.Future[None] | None = None
    _first: float = 0.0
    _size: int = field(default=0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        if not self._first and b"content" in data and b"data: {" in data:
            self._first = time.perf_counter()
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError(str(error)))

    async def ask(self, request: bytes) -> Told:
        started, self._first = time.perf_counter(), 0.0
        self._done = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        await self._done
        ended = time.perf_counter()
        return Told(started, (self._first or ended) - started, ended - started, self._parser.get_status_code())

    def close(self) -> None:
        self._transport.close()


def request_for(port: int, key: str, model: str, text: str, **more: object) -> bytes:
    """A streamed chat call as bytes."""
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": text}], **more}
    data = json.dumps(body, ensure_ascii=False).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


async def connect(port: int) -> Connection:
    """A connection."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


async def crowd(port: int, request: bytes, callers: int, seconds: float) -> list[Told]:
    """Each caller asks again as soon as it has its answer, for so long."""
    connections = [await connect(port) for _ in range(callers)]
    until = time.perf_counter() + seconds
    told: list[Told] = []

    async def go_on(connection: Connection) -> None:
        while time.perf_counter() < until:
            told.append(await connection.ask(request))

    try:
        await asyncio.gather(*map(go_on, connections))
    finally:
        for connection in connections:
            connection.close()
    return told
