"""HTTP without a framework: the gateway stands before every token that is generated, and pays for each layer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from haechi.core.errors import HaechiError, InvalidInput
from haechi.engines.models.protocol import AI_LABEL

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
LABEL_HEADER = (b"x-haechi-ai-label", quote(AI_LABEL).encode())
"""Percent-encoded UTF-8: header values are ASCII."""


class TooLarge(HaechiError):
    """The body is larger than this address takes."""

    code = "too_large"
    status = 413


class Request:
    """One request. `headers` in lower case."""

    __slots__ = ("_receive", "_send", "headers", "method", "path", "started")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self._receive, self._send = receive, send
        self.started = False

    def header(self, name: bytes) -> str:
        """'' when absent."""
        return self.headers.get(name, b"").decode("latin-1")

    async def body(self, limit: int) -> bytes:
        """The whole body. TooLarge, said before it is read where its length is announced."""
        announced = self.headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit)
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            whole = message.get("body", b"")
            if len(whole) > limit:
                raise _too_large(limit)
            return bytes(whole)
        found = bytearray()
        while message["type"] == "http.request":
            found += message.get("body", b"")
            if len(found) > limit:
                raise _too_large(limit)
            if not message.get("more_body"):
                return bytes(found)
            message = await self._receive()
        raise InvalidInput("요청이 끝까지 오지 않았습니다.", next_step="다시 보내세요.")

    async def json(self, limit: int) -> Any:
        """The body as JSON."""
        try:
            return orjson.loads(await self.body(limit))
        except orjson.JSONDecodeError as error:
            raise InvalidInput(
                "요청의 JSON을 읽을 수 없습니다.", next_step="JSON 문법을 확인하세요.", record="body"
            ) from error

    async def hung_up(self) -> None:
        """Return once the caller has gone away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def reply(
        self, status: int, body: bytes, headers: Headers, content_type: bytes = b"application/json"
    ) -> None:
        """The whole answer at once."""
        self.started = True
        length = (b"content-length", str(len(body)).encode())
        sent = [(b"content-type", content_type), length, *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": sent})
        await self._send({"type": "http.response.body", "body": body})

    async def begin(self, headers: Headers, content_type: bytes = b"text/event-stream; charset=utf-8") -> None:
        """A stream begins."""
        self.started = True
        sent = [
            (b"content-type", content_type),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
            *headers,
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": sent})

    async def more(self, data: bytes) -> None:
        """A piece of a stream."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """The last piece."""
        await self._send({"type": "http.response.body", "body": data})


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"요청이 너무 큽니다(최대 {limit // 2**20:,} MiB).", next_step="나누어 보내거나 줄여 보내세요.", record="body"
    )
