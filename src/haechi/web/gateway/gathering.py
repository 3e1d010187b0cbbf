"""What is written in one turn of the event loop leaves in one piece.

An answer's head, its first pieces and its end often come together. Sent one by one each of them wakes the caller's process
and costs a system call; on a virtual machine that is a good part of what the gateway adds to a call.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST = 64 * 1024
"""Bytes that are gathered at most before they are sent at once."""


class GatheringTransport:
    """The transport beneath it, but `write` waits for the end of this turn of the loop. Nothing waits longer."""

    __slots__ = ("_loop", "_pieces", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """In order, as ever."""
        if not self._pieces:
            self._loop.call_soon(self.flush)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= MOST:
            self.flush()

    def flush(self) -> None:
        """Send what was gathered."""
        if not self._pieces:
            return
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """What was written before goes out first."""
        self.flush()
        self._transport.close()


class GatheringProtocol(HttpToolsProtocol):
    """uvicorn's HTTP over such a transport: `uvicorn.run(…, http=GatheringProtocol)`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        super().connection_made(GatheringTransport(transport, self.loop))  # type: ignore[arg-type]
