"""Server-sent events as OpenAI-compatible servers write them: `data: …` blocks, ended by a blank line."""

from __future__ import annotations

DONE = b"[DONE]"


class EventReader:
    """Bytes as they come in, whole `data` payloads out. Comments and other fields are dropped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are complete now."""
        data = self._rest + data
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        blocks = data.split(b"\n\n")
        self._rest = blocks.pop()
        return [payload for block in blocks if (payload := _payload(block)) is not None]

    def finish(self) -> list[bytes]:
        """What stood at the end without its blank line."""
        payload, self._rest = _payload(self._rest), b""
        return [] if payload is None else [payload]


def _payload(block: bytes) -> bytes | None:
    if block.startswith(b"data:") and b"\n" not in block:
        return block[5:].strip()
    lines = [line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def event(payload: bytes) -> bytes:
    """One event."""
    return b"data: " + payload + b"\n\n"


def named(name: str, payload: bytes) -> bytes:
    """One event with a name, as the Responses API sends them."""
    return b"event: " + name.encode() + b"\ndata: " + payload + b"\n\n"


def comment(text: str) -> bytes:
    """A line that clients skip: keeps the connection alive and tells who looks."""
    return b": " + text.encode() + b"\n\n"
