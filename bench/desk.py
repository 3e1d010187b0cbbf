"""How long it takes until what an agent writes is in front of the citizen, and what a citizen writes in front of the agents.

Starts `haechi up` in a folder of its own, opens a hundred streams of news (citizens and agents, each on a connection of its
own), lets agents and citizens write over HTTP, and takes the time from sending the request to the arrival of the event.
    uv run python bench/desk.py --json
The last line is one JSON object. Times depend on what else the machine does: its load stands beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.faults.installation import PASSWORD, Running, running
from tests.house import csrf_of

from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.identity import actor_of, guest

TARGET_S = 1.0
MIB = 2**20


@dataclass
class Listener:
    """One open stream and the moments at which each text or step arrived, by the mark in it."""

    address: str
    cookies: dict[str, str]
    heard: dict[str, float] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, client: httpx.AsyncClient) -> None:
        """Until it is cancelled."""
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        async with client.stream("GET", self.address, headers=headers, timeout=None) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                self.open.set()
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    mark = event.get("text") or f"{event.get('ticket')}:{event.get('act')}:{event.get('seq')}"
                    self.heard.setdefault(str(mark), time.perf_counter())


@dataclass
class Citizen:
    """A guest, their conversation and ticket."""

    token: str
    conversation: str
    ticket: str


def move_in(city: Running, citizens: int) -> list[Citizen]:
    """A call taker, and citizens whose tickets the call taker holds."""
    installation = Installation(Settings(home=city.home, demo=False), city.database.find())
    user = installation.accounts.create("noeul", "노을빛", password=PASSWORD, roles=("call_taker",), bureau="복지실")
    found = []
    for number in range(citizens):
        token = f"bench-{number:04}-{'x' * 24}"
        actor, conversation = guest(token), clock.new_id()
        with installation.store.transaction(actor) as tx:
            tx.run(
                "insert into conversations (id, subject, bot, purge_after) values (:id, :who, '', '2099-01-01')",
                {"id": conversation, "who": actor.subject},
            )
        found.append(
            Citizen(token, conversation, installation.desk.open_ticket(actor, conversation, "", "측정").ticket)
        )
    with installation.store.transaction(actor_of(user)) as tx:
        held = {"who": f"user:{user.id}", "name": user.name}
        tx.run("update tickets set state = 'active', taken_by = :who, taken_by_name = :name, version = 1", held)
    installation.close()
    return found


def sign_in(city: Running) -> tuple[dict[str, str], str]:
    """The agent's cookies and form token."""
    with httpx.Client(base_url=city.address, timeout=60) as client:
        sent = {"login": "noeul", "password": PASSWORD, "csrf": csrf_of(client.get("/login").text)}
        assert client.post("/login", data=sent).status_code == 303
        return dict(client.cookies), csrf_of(client.get("/desk").text)


async def push(city: Running, citizens: list[Citizen], agents: int, words: int, pause: float) -> dict[str, Any]:
    """Seconds from sending a reply to its arrival at the citizen, and at every agent at the desk."""
    cookies, csrf = sign_in(city)
    ears = {
        one.conversation: Listener(f"{city.address}/api/v1/chat/{one.conversation}/events", {"haechi_guest": one.token})
        for one in citizens
    }
    desk = [Listener(f"{city.address}/api/v1/desk/events", cookies) for _ in range(agents)]
    limits = httpx.Limits(max_connections=len(ears) + agents + 8)
    async with (
        httpx.AsyncClient(limits=limits, trust_env=False) as listening,
        httpx.AsyncClient(cookies=cookies) as http,
    ):
        tasks = [asyncio.create_task(ear.listen(listening)) for ear in (*ears.values(), *desk)]
        await asyncio.wait_for(asyncio.gather(*(ear.open.wait() for ear in (*ears.values(), *desk))), 60)
        await asyncio.sleep(1)
        sent: list[tuple[str, str, float]] = []
        request: list[float] = []
        for number in range(words):
            one = citizens[number % len(citizens)]
            text = f"답 {number}"
            started = time.perf_counter()
            answer = await http.post(
                f"{city.address}/api/v1/desk/tickets/{one.ticket}/reply",
                json={"text": text},
                headers={"X-CSRF-Token": csrf},
                timeout=60,
            )
            answer.raise_for_status()
            request.append(time.perf_counter() - started)
            sent.append((one.conversation, text, started))
            await asyncio.sleep(pause)
        await asyncio.sleep(3)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
    to_citizen = [
        ears[conversation].heard[text] - at for conversation, text, at in sent if text in ears[conversation].heard
    ]
    last = [_nth(ear) for ear in desk]
    to_agents = [
        moments[number] - at for moments in last for number, (_, _, at) in enumerate(sent) if number < len(moments)
    ]
    return {
        "listeners": len(ears) + agents,
        "citizens": len(ears),
        "agents": agents,
        "words": words,
        "lost": (words - len(to_citizen)) + sum(words - len(moments) for moments in last),
        "to_citizen": spread(to_citizen),
        "to_agents": spread(to_agents),
        "request": spread(request),
        "target_p95_s": TARGET_S,
    }


def _nth(ear: Listener) -> list[float]:
    """When each reply's step arrived, in order."""
    return [at for mark, at in ear.heard.items() if ":replied:" in mark]


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile and the longest."""
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return {"p50_s": round(statistics.median(seconds), 3), "p95_s": round(cuts[-1], 3), "max_s": round(max(seconds), 3)}


def measure(listeners: int, agents: int, words: int, pause: float) -> dict[str, Any]:
    """All of it on one installation."""
    with running() as city:
        citizens = move_in(city, listeners - agents)
        load = psutil.getloadavg()[0]
        (server,) = city.processes("server")
        before = server.memory_info().rss
        result = asyncio.run(push(city, citizens, agents, words, pause))
        result["server_mb_per_100_listeners"] = round((server.memory_info().rss - before) / MIB * 100 / listeners, 1)
    result["machine"] = {
        "cores": psutil.cpu_count(),
        "load_before": round(load, 1),
        "load_after": round(psutil.getloadavg()[0], 1),
        "python": platform.python_version(),
    }
    return result


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object without line breaks")
    parser.add_argument("--listeners", type=int, default=100)
    parser.add_argument("--agents", type=int, default=20, help="how many of the listeners sit at the desk")
    parser.add_argument("--words", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two words")
    arguments = parser.parse_args()
    result = measure(arguments.listeners, arguments.agents, arguments.words, arguments.pause)
    result["date"] = datetime.now(UTC).isoformat(timespec="seconds")
    print(json.dumps(result, ensure_ascii=False, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
