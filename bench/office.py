"""How fast the office's pages come with a hundred thousand cases, and how fast their history is verified.

Starts `haechi up` in a folder of its own, puts cases, people and histories into its database (made up; their words matter
to no figure), then asks for pages over HTTP as one who sees every case, as one who sees their bureau's, and as one who sees none.
    uv run python bench/office.py --json [--cases 100000]
The last line is one JSON object. Times depend on what else the machine does: its load stands beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.faults.installation import PASSWORD, Running, running
from tests.house import csrf_of

from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.core.store import SYSTEM
from haechi.office.cases import verify

PAGES = (
    "/office",
    "/cases",
    "/cases?scope=all&page=40",
    "/cases?scope=mine",
    "/cases?search=포트홀",
    "/cases?kind=objection&scope=all",
)
WHOLE = ("/portfolio", "/alerts/desk", "/reviews")  # what the AI team and the desk see besides
TARGETS = {"page_p95_ms": 200.0, "verify_100000_s": 3.0}
_BUREAU = "복지실"
_CASES = """insert into cases (id, number, flow, flow_version, kind, title, grams, state, bureau, service, subject, subject_name, office, readers,
  opened_at, state_at, closed_at, due_at)
select gen_random_uuid(), '이의-2025-' || n, 'objection', 1, 'objection', title, haechi_bench_grams(title),
  case when mod(n, 10) = 0 then 'received' else 'accepted' end, bureau, 1 + mod(n, 45), 'guest:' || n, '시민', array['bureau:' || bureau, 'role:ai_team'],
  array['bureau:' || bureau, 'role:ai_team', 'role:auditor'], at, at, case when mod(n, 10) = 0 then null else at + interval '9 days' end,
  case when mod(n, 10) = 0 then now() + (mod(n, 400) - 40) * interval '1 hour' end
from (select n, (array['포트홀 안내가 늦었습니다', '챗봇이 다른 기한을 말했습니다', '추천에서 빠졌습니다', '가로등 신고가 사라졌습니다'])[1 + mod(n, 4)] || ' ' || n as title,
  (array['복지실', '교통실', '재무국', '디지털도시국'])[1 + mod(n, 4)] as bureau, now() - n * interval '5 minutes' as at
  from generate_series(1, %s) n) made"""
_GRAMS = """create function haechi_bench_grams(title text) returns text[] language sql immutable as $$
  select array_agg(distinct substr(plain, i, 2)) from (select replace(lower(title), ' ', '') as plain) t,
  generate_series(1, length(plain) - 1) i $$"""


def move_in(city: Running, cases: int) -> None:
    """An officer of one bureau, one of the AI team, and the cases."""
    installation = Installation(Settings(home=city.home, demo=False), city.database.find())
    owner = installation.urls.owner.replace("+psycopg", "")
    with psycopg.connect(owner) as connection:
        for bureau in ("복지실", "교통실", "재무국", "디지털도시국", "재난안전실"):
            connection.execute("insert into bureaux (id) values (%s) on conflict do nothing", [bureau])
        connection.execute(_GRAMS)
        connection.execute(_CASES, [cases])
        connection.commit()
        connection.autocommit = True
        connection.execute("analyze")
    installation.accounts.create("officer", "담당자", password=PASSWORD, roles=("staff",), bureau=_BUREAU)
    installation.accounts.create(
        "team", "팀원", password=PASSWORD, roles=("staff", "ai_team", "operator"), bureau="디지털도시국"
    )
    installation.accounts.create("newcomer", "새 직원", password=PASSWORD, roles=("staff",), bureau="재난안전실")
    installation.close()


def pages(city: Running, login: str, rounds: int) -> dict[str, dict[str, float]]:
    """Address → p50 and p95 in milliseconds over `rounds` requests, one after the other."""
    with httpx.Client(base_url=city.address, timeout=60) as client:
        sent = {"login": login, "password": PASSWORD, "csrf": csrf_of(client.get("/login").text)}
        client.post("/login", data=sent)
        found = {}
        for address in (*PAGES, *(WHOLE if login == "team" else ())):
            client.get(address).raise_for_status()
            times = []
            for _ in range(rounds):
                began = time.perf_counter()
                client.get(address).raise_for_status()
                times.append((time.perf_counter() - began) * 1000)
            times.sort()
            found[address] = {
                "p50_ms": round(times[len(times) // 2], 1),
                "p95_ms": round(times[int(len(times) * 0.95)], 1),
            }
        return found


def history(city: Running, entries: int) -> dict[str, Any]:
    """Write `entries` steps through the audit log's own writer, then verify chain and steps."""
    installation = Installation(Settings(home=city.home, demo=False), city.database.find())
    from haechi.office.cases import rows

    with installation.worker_store.transaction(SYSTEM) as tx:
        cases = tx.all("select id::text as id, number, flow, state from cases limit 200")
    began, written = time.perf_counter(), 0
    while written < entries:
        with installation.worker_store.transaction(SYSTEM) as tx:
            for case in cases[: max(1, min(len(cases), entries - written))]:
                rows.step(tx, case, "noted", note="확인함")
                written += 1
    wrote = time.perf_counter() - began
    with installation.worker_store.transaction(SYSTEM) as tx:
        began = time.perf_counter()
        found = verify(tx)
        took = time.perf_counter() - began
    installation.close()
    return {
        "steps": found.steps,
        "ok": found.ok,
        "why": found.why,
        "verify_s": round(took, 2),
        "written_per_s": round(written / wrote),
    }


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="the last line is JSON anyway")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    with running(demo=False) as city:
        move_in(city, chosen.cases)
        measured = {login: pages(city, login, chosen.rounds) for login in ("team", "officer", "newcomer")}
        kept = history(city, chosen.steps)
    worst = max(page["p95_ms"] for of in measured.values() for page in of.values())
    print(json.dumps({
        "cases": chosen.cases, "pages": measured, "page_p95_ms": worst, "history": kept, "targets": TARGETS,
        "load_before": round(load, 2), "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }, ensure_ascii=False))  # fmt: skip


if __name__ == "__main__":
    main()
