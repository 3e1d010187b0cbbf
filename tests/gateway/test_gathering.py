"""An answer's pieces leave together where they come together, and nothing is lost, held back or turned around."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn

from haechi.web.gateway.gathering import MOST, GatheringProtocol, GatheringTransport


class Beneath:
    """A transport that only remembers."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def test_what_is_written_in_one_turn_is_sent_once_and_never_later() -> None:
    async def story() -> list[list[bytes]]:
        beneath: Any = Beneath()
        transport = GatheringTransport(beneath, asyncio.get_running_loop())
        seen = []
        transport.write(b"head ")
        transport.write(b"piece ")
        seen.append(list(beneath.sent))
        await asyncio.sleep(0)
        seen.append(list(beneath.sent))
        transport.write(b"x" * MOST)
        seen.append(list(beneath.sent))
        transport.write(b"end")
        transport.close()
        seen.append(list(beneath.sent))
        await asyncio.sleep(0)
        seen.append(list(beneath.sent))
        return seen

    whole = b"x" * MOST
    assert asyncio.run(story()) == [
        [], [b"head piece "], [b"head piece ", whole], [b"head piece ", whole, b"end"], [b"head piece ", whole, b"end"],
    ]  # fmt: skip


def test_a_stream_arrives_while_it_is_still_being_made() -> None:
    """Over a real server: the first piece is there before the second exists; the second call uses the same connection."""

    async def story() -> tuple[bytes, bytes]:
        go_on = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            assert scope["type"] == "http"
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
            await go_on.wait()
            await send({"type": "http.response.body", "body": b"second"})

        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            config = uvicorn.Config(app, http=GatheringProtocol, lifespan="off", ws="none", log_level="critical")
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve([listening]))
            while not server.started:
                await asyncio.sleep(0.01)
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            call = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
            writer.write(call)
            early = await asyncio.wait_for(reader.readuntil(b"first\r\n"), 30)
            assert b"second" not in early
            go_on.set()
            late = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 30)
            writer.write(call)
            again = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 30)
            writer.close()
            await writer.wait_closed()
            server.should_exit = True
            await asyncio.wait_for(serving, 30)
        return late, again

    late, again = asyncio.run(story())
    assert b"second" in late
    assert b"first" in again
    assert b"second" in again
