"""A scripted model server on bare sockets: slots, a token pace, OpenAI's chat stream. `python model.py PORT [options]`.

--slots: requests generated at once; the others wait their turn in order of arrival. --pace: seconds a token. --tokens: an
answer has (0: as many as max_tokens asks for).
"""

from __future__ import annotations

import argparse
import asyncio
import json

import httptools
import uvloop


class Serving(asyncio.Protocol):
    """One connection: one request after the other."""

    def __init__(self, options: argparse.Namespace, room: asyncio.Semaphore) -> None:
        self._options, self._room = options, room
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._parser.get_method() != b"POST":
            self._write_whole(b'{"object":"list","data":[{"id":"mock","object":"model"}]}')
            return
        called = json.loads(self._body)
        tokens = self._options.tokens or int(called.get("max_tokens") or 16)
        if self._options.pace == 0 and called.get("stream"):
            self._transport.write(_HEAD + b"".join(_pieces(called, tokens)) + b"0\r\n\r\n")
        elif called.get("stream"):
            self._task = asyncio.create_task(self._paced(called, tokens))
        else:
            self._write_whole(_answer(called, tokens))

    async def _paced(self, called: dict, tokens: int) -> None:
        async with self._room:
            self._transport.write(_HEAD)
            for piece in _pieces(called, tokens):
                self._transport.write(piece)
                await asyncio.sleep(self._options.pace)
        self._transport.write(b"0\r\n\r\n")

    def _write_whole(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_WORDS = ("서울시 ", "공영주차장은 ", "장애인 ", "차량에 ", "요금의 ", "80퍼센트를 ", "깎아 ", "줍니다. ")


def _usage(called: dict, tokens: int) -> dict[str, int]:
    read = sum(len(str(message["content"])) for message in called["messages"])
    return {"prompt_tokens": read, "completion_tokens": tokens, "total_tokens": read + tokens}


def _pieces(called: dict, tokens: int):
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": called["model"]}
    deltas = [{"role": "assistant", "content": ""}, *({"content": _WORDS[n % len(_WORDS)]} for n in range(tokens))]
    chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (called.get("stream_options") or {}).get("include_usage"):
        chunks.append({**base, "choices": [], "usage": _usage(called, tokens)})
    for data in [*(json.dumps(chunk, ensure_ascii=False) for chunk in chunks), "[DONE]"]:
        event = f"data: {data}\n\n".encode()
        yield b"%x\r\n%b\r\n" % (len(event), event)


def _answer(called: dict, tokens: int) -> bytes:
    text = "".join(_WORDS[n % len(_WORDS)] for n in range(tokens))
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": called["model"], "choices": [choice],
            "usage": _usage(called, tokens)}  # fmt: skip
    return json.dumps(body, ensure_ascii=False).encode()


async def main(options: argparse.Namespace) -> None:
    room = asyncio.Semaphore(options.slots)
    server = await asyncio.get_running_loop().create_server(lambda: Serving(options, room), "127.0.0.1", options.port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--slots", type=int, default=100_000)
    parser.add_argument("--pace", type=float, default=0.0)
    parser.add_argument("--tokens", type=int, default=16)
    uvloop.run(main(parser.parse_args()))
