"""A scripted model server of OpenAI's protocol: slots, a token pace, and any failure that a test asks for."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn

WORDS = ("안녕하세요. ", "해치 ", "시청입니다. ", "무엇을 ", "도와 ", "드릴까요?")


@dataclass
class MockModel:
    """`say`: the pieces of every answer. pause: seconds between two. slots: requests worked on at once (others wait).

    fail: statuses to answer with, used up one a request. break_after: pieces after which the connection is cut, or None.
    calls: bodies as they came. send_to: another address, where callers are sent on.
    most_at_once: chats that were under way together, at most.
    """

    say: tuple[str, ...] = WORDS
    pause: float = 0.0
    slots: int = 1000
    with_usage: bool = True
    fail: list[int] = field(default_factory=list)
    break_after: int | None = None
    refuse: str = ""
    send_to: str = ""
    tool: dict[str, Any] | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    finished: int = 0
    cut: int = 0
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""

    def __post_init__(self) -> None:
        self._room: asyncio.Semaphore | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "GET":
            await _reply(send, 200, {"object": "list", "data": [{"id": "mock", "object": "model"}]})
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        called = orjson.loads(body) if body.startswith(b"{") else {"raw": body}
        self.calls.append({"path": scope["path"], **called})
        if self.fail:
            await _reply(send, self.fail.pop(0), {"error": {"message": "down"}})
            return
        if self.send_to:
            where = [(b"location", self.send_to.encode()), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 307, "headers": where})
            await send({"type": "http.response.body", "body": b""})
            return
        if self.refuse:
            await _reply(send, 400, {"error": {"message": self.refuse}})
            return
        if self._room is None:
            self._room = asyncio.Semaphore(self.slots)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async with self._room:
                await self._answer(scope["path"], called, receive, send)
        finally:
            self.at_once -= 1

    async def _answer(self, path: str, called: dict[str, Any], receive: Any, send: Any) -> None:
        if path.endswith("/embeddings"):
            inputs = called["input"] if isinstance(called["input"], list) else [called["input"]]
            data = [{"object": "embedding", "index": i, "embedding": [1.0, 0.0]} for i in range(len(inputs))]
            await _reply(send, 200, {"object": "list", "data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}})
        elif path.endswith("/rerank"):
            results = [
                {"index": at, "relevance_score": 1.0 - at / 10, "document": {"text": text}}
                for at, text in enumerate(called["documents"])
            ]
            await _reply(send, 200, {"model": called["model"], "results": results, "usage": {"total_tokens": 5}})
        elif path.endswith("/transcriptions"):
            await _reply(send, 200, {"text": "회의를 시작합니다."})
        elif path.endswith("/speech"):
            await _reply(send, 200, b"RIFF-sound", b"audio/wav")
        elif called.get("stream"):
            await self._stream(called, receive, send)
        else:
            for _ in self.say:
                await asyncio.sleep(self.pause)
            await _reply(send, 200, self._whole(called))
            self.finished += 1

    def _usage(self, called: dict[str, Any]) -> dict[str, int]:
        read = sum(len(str(message.get("content"))) for message in called["messages"])
        return {"prompt_tokens": read, "completion_tokens": len(self.say), "total_tokens": read + len(self.say)}

    def _whole(self, called: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.say)}
        reason = "stop"
        if self.tool is not None:
            message, reason = {"role": "assistant", "content": None, "tool_calls": [self.tool]}, "tool_calls"
        found: dict[str, Any] = {
            "id": "c1", "object": "chat.completion", "created": 1, "model": called["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        }  # fmt: skip
        return {**found, "usage": self._usage(called)} if self.with_usage else found

    async def _stream(self, called: dict[str, Any], receive: Any, send: Any) -> None:
        left = asyncio.create_task(_gone(receive))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        try:
            for number, delta in enumerate(self._deltas()):
                if left.done():
                    self.cut += 1
                    return
                if number == self.break_after:
                    raise ConnectionError("cut as scripted")
                await asyncio.sleep(self.pause)
                await send(_piece(_chunk(called, [{"index": 0, "delta": delta, "finish_reason": None}])))
            reason = "tool_calls" if self.tool else "stop"
            await send(_piece(_chunk(called, [{"index": 0, "delta": {}, "finish_reason": reason}])))
            if self.with_usage and (called.get("stream_options") or {}).get("include_usage"):
                await send(_piece({**_chunk(called, []), "usage": self._usage(called)}))
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
            self.finished += 1
        finally:
            left.cancel()

    def _deltas(self) -> Iterator[dict[str, Any]]:
        yield {"role": "assistant", "content": ""}
        if self.tool is None:
            yield from ({"content": word} for word in self.say)
            return
        function = self.tool["function"]
        yield {"tool_calls": [{"index": 0, **self.tool, "function": {"name": function["name"], "arguments": ""}}]}
        for at in range(0, len(function["arguments"]), 3):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": function["arguments"][at : at + 3]}}]}


def _chunk(called: dict[str, Any], choices: list[Any]) -> dict[str, Any]:
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": called["model"], "choices": choices}


def _piece(chunk: dict[str, Any]) -> dict[str, Any]:
    return {"type": "http.response.body", "body": b"data: " + orjson.dumps(chunk) + b"\n\n", "more_body": True}


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _reply(send: Any, status: int, body: Any, kind: bytes = b"application/json") -> None:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": data})


@contextmanager
def serving(app: Any, *, lifespan: str = "off", http: Any = "auto") -> Iterator[str]:
    """An ASGI application on a free port of this machine, in a thread; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="critical",
        lifespan=lifespan,
        http=http,
        ws="none",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        threading.Event().wait(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        with suppress(RuntimeError):
            thread.join(15)


@contextmanager
def mock_model(**script: Any) -> Iterator[MockModel]:
    """A running mock; `url` ends with /v1."""
    model = MockModel(**script)
    with serving(model) as address:
        model.url = f"{address}/v1"
        yield model
