"""How long people wait for an answer of the built-in answerer: one after another, after a restart, a hundred at once.

Starts `haechi up` with the demonstration city in a folder of its own, asks over HTTP as people do, and takes it down.
    uv run python bench/asking.py --json
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
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.faults.installation import Running, eventually, running
from tests.scale.crowd import Asked, ask_at_once

MIB = 2**20


def questions() -> list[str]:
    """The questions of the demonstration city that somebody without an account may ask."""
    lines = files("haechi.city.demo").joinpath("questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [row["question"] for row in rows if row.get("reader") == "public"]


def one_after_another(city: Running, asked: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Seconds from sending a question to the last event, nobody else asking; nothing comes from the cache. And those answered."""
    seconds: list[float] = []
    answered: list[str] = []
    with httpx.Client(base_url=city.address, timeout=120) as http:
        for question in asked:
            started = time.perf_counter()
            answer = http.post("/api/v1/ask", json={"question": question}, headers={"Accept": "application/json"})
            seconds.append(time.perf_counter() - started)
            http.cookies.clear()
            answered += [question] * bool(answer.raise_for_status().json()["answered"])
    told = {"questions": len(seconds), "answered": len(answered), **spread(seconds), "target_p95_s": 2.0}
    return told, answered


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile and the longest."""
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return {"p50_s": round(statistics.median(seconds), 3), "p95_s": round(cuts[-1], 3), "max_s": round(max(seconds), 3)}


def after_restart(city: Running, question: str) -> dict[str, Any]:
    """kill -9 of the server; seconds until its successor has answered a question."""
    killed = time.perf_counter()
    assert city.kill("server")
    eventually(lambda: _answered(city, question), city.log, every=0.1)
    return {"first_answer_s": round(time.perf_counter() - killed, 2), "target_s": 10.0}


def _answered(city: Running, question: str) -> bool:
    with httpx.Client(base_url=city.address, timeout=60, verify=False, trust_env=False) as http:
        try:
            answer = http.post("/api/v1/ask", json={"question": question}, headers={"Accept": "application/json"})
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and bool(answer.json()["answered"])


def crowd(city: Running, asked: list[str], people: int) -> dict[str, Any]:
    """Everybody at the same moment."""
    (server,) = city.processes("server")
    before = server.memory_info().rss
    started = time.perf_counter()
    told: list[Asked] = asyncio.run(
        ask_at_once(city.address, [f"{asked[n % len(asked)]} (문의 {n})" for n in range(people)])
    )
    total = time.perf_counter() - started
    return {
        "people": people,
        "failures": sum(one.last["event"] != "done" for one in told),
        "total_s": round(total, 2),
        "answers_a_second": round(people / total, 1),
        **spread([one.seconds for one in told]),
        "told_to_wait": sum(bool(one.positions) for one in told),
        "server_mb_before": round(before / MIB),
        "server_mb_after": round(server.memory_info().rss / MIB),
    }


@contextmanager
def load() -> Iterator[dict[str, Any]]:
    """What the machine was doing: load average before and after, of how many cores."""
    found: dict[str, Any] = {"cores": psutil.cpu_count(), "load_before": round(psutil.getloadavg()[0], 1)}
    yield found
    found["load_after"] = round(psutil.getloadavg()[0], 1)
    found["quiet"] = max(found["load_before"], found["load_after"]) <= found["cores"] + 1


def measure(people: int, first: int) -> dict[str, Any]:
    """All measurements on one installation."""
    asked = questions()
    with running(demo=True) as city:
        city.wait_until_read()
        with load() as machine:
            alone, answered = one_after_another(city, asked[:first] if first else asked)
            assert answered, "the demonstration city answers nobody"
            result = {"alone": alone, "restart": after_restart(city, answered[0])}
            result["crowd"] = crowd(city, asked, people)
    return {**result, "machine": {**machine, "python": platform.python_version()}}


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object without line breaks")
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="only the first so many questions (0: all)")
    arguments = parser.parse_args()
    result = measure(arguments.people, arguments.first)
    result["date"] = datetime.now(UTC).isoformat(timespec="seconds")
    print(json.dumps(result, ensure_ascii=False, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
