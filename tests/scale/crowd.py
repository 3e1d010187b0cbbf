"""A crowd at the counter: many people ask at the same moment, each over a connection of their own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Asked:
    """What one person of the crowd was told. seconds: from asking to the last event."""

    question: str
    events: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    status: int = 0

    @property
    def last(self) -> dict[str, Any]:
        """The event that ended the stream."""
        return self.events[-1] if self.events else {"event": "nothing"}

    @property
    def positions(self) -> list[int]:
        """Where they were told to stand in the line, in the order of being told."""
        return [event["position"] for event in self.events if event["event"] == "waiting" and event["position"]]


async def ask_at_once(address: str, questions: Sequence[str], timeout: float = 240) -> list[Asked]:
    """All questions at the same moment, by people without an account."""
    limits = httpx.Limits(max_connections=len(questions) + 8)
    async with httpx.AsyncClient(base_url=address, timeout=timeout, limits=limits) as http:
        return list(await asyncio.gather(*(_ask(http, question) for question in questions)))


async def _ask(http: httpx.AsyncClient, question: str) -> Asked:
    asked, started = Asked(question), time.monotonic()
    headers = {"Accept": "text/event-stream"}
    request = http.build_request("POST", "/api/v1/ask", json={"question": question}, headers=headers)
    request.headers.pop("cookie", None)  # each is somebody else
    answer = await http.send(request, stream=True)
    asked.status = answer.status_code
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            asked.events.append(json.loads(line.removeprefix("data: ")))
    await answer.aclose()
    asked.seconds = time.monotonic() - started
    return asked


async def look_while(address: str, paths: Sequence[str], done: asyncio.Event) -> list[tuple[str, int, float]]:
    """(path, status, seconds) of pages opened by somebody else until `done`."""
    seen: list[tuple[str, int, float]] = []
    async with httpx.AsyncClient(base_url=address, timeout=120) as http:
        while not done.is_set() or not seen:
            for path in paths:
                started = time.monotonic()
                answer = await http.get(path)
                seen.append((path, answer.status_code, time.monotonic() - started))
            await asyncio.sleep(0.2)
    return seen
