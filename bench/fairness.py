"""One of five tenants floods the gateway at twenty times its share; what do the four others feel?

A real gateway process (real PostgreSQL, ledger and guard on) before a mock model with few slots and a pace of tokens. Five
tenants of weights 1/1/2/1/1; four ask for half of their fair share in Poisson arrivals, the first for twenty times
its own. The same arrivals go through two such houses at the same time, so that a busy moment of the machine meets both: one
fair, one first come, first served (HAECHI_GATEWAY_ORDER=fcfs).
    uv run python bench/fairness.py --json
Weighted Jain: over service got / weighted max-min share of what was served (nobody is entitled to more than they asked for;
see engines/models/fair.py), during the flood. Wait: from arrival to admission, from the ledger. Throughput: tokens a second
that the model wrote. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import shutil
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent))
from gateway_load.callers import connect, request_for

from gateway import ROOT, mock_model, our_gateway
from haechi.engines.models.fair import entitled, jain

WEIGHTS = {"bureau:하나국": 1, "bureau:둘국": 1, "bureau:셋국": 2, "bureau:넷국": 1, "bureau:다섯국": 1}
FLOODER = "bureau:하나국"
TARGETS = {"jain": 0.99, "light_wait_p95_s": 2.0, "throughput_of_fcfs": 0.97}


def plan(options: argparse.Namespace) -> list[tuple[float, str, int]]:
    """(second, tenant, tokens) of every arrival; the same for both orders."""
    chance = random.Random(options.seed)
    # What the model can do: slots / (mean tokens × pace) answers a second.
    capacity = options.slots / (options.tokens * options.pace)
    each = capacity / sum(WEIGHTS.values())
    found = []
    for tenant, weight in WEIGHTS.items():
        rate = each * weight * (20 if tenant == FLOODER else 0.5)
        at = chance.expovariate(rate)
        while at < options.seconds:
            found.append((at, tenant, chance.randint(options.tokens // 2, options.tokens * 3 // 2)))
            at += chance.expovariate(rate)
    return sorted(found)


async def play(port: int, keys: dict[str, str], arrivals: list[tuple[float, str, int]], seconds: float) -> None:
    """Send every arrival at its time; whoever still waits a little after the end hangs up."""
    started = time.perf_counter()

    async def one(tenant: str, tokens: int) -> None:
        connection = await connect(port)
        try:
            await connection.ask(
                request_for(port, keys[tenant], "haechi", "주차 요금을 알려 주세요.", max_tokens=tokens)
            )
        except ConnectionError:
            pass
        finally:
            connection.close()

    tasks = []
    for at, tenant, tokens in arrivals:
        await asyncio.sleep(max(0.0, started + at - time.perf_counter()))
        tasks.append(asyncio.create_task(one(tenant, tokens)))
    await asyncio.sleep(max(0.0, started + seconds - time.perf_counter()))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def judge(
    installation: Any, arrivals: list[tuple[float, str, int]], began: datetime, options: argparse.Namespace
) -> dict[str, Any]:
    """From the ledger alone: what each got, how long each waited."""
    with installation.worker_store.transaction() as tx:
        rows = tx.all(
            "select tenant, state, tokens_in, tokens_out, wait_ms / 1000.0 as wait from model_calls where at >= :began",
            began=began,
        )
        drift = tx.all("select * from model_drift")
    got = {t: sum(r["tokens_in"] + 2 * r["tokens_out"] for r in rows if r["tenant"] == t) for t in WEIGHTS}
    read = statistics.mean(row["tokens_in"] for row in rows if row["tokens_in"])
    asked = {t: sum(2 * tokens + read for _, tenant, tokens in arrivals if tenant == t) for t in WEIGHTS}
    fair = entitled(asked, WEIGHTS, sum(got.values()))
    waits = [float(r["wait"]) for r in rows if r["tenant"] != FLOODER]
    return {
        "jain": round(jain(got[t] / fair[t] for t in WEIGHTS), 4),
        "got_of_entitled": {t: round(got[t] / fair[t], 3) for t in WEIGHTS},
        "light_wait_p50_s": round(statistics.median(waits), 2),
        "light_wait_p95_s": round(statistics.quantiles(waits, n=20)[-1], 2),
        "tokens_s": round(sum(row["tokens_out"] for row in rows) / options.seconds, 1),
        "calls": len(rows),
        "finished": sum(row["state"] == "done" for row in rows),
        "drift": drift,
    }


def measure(order: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One house: model, database, gateway, five tenants."""
    arrivals = plan(options)
    run = folder / order
    run.mkdir(parents=True)
    with ExitStack() as stack:
        model = stack.enter_context(mock_model(run, slots=options.slots, pace=options.pace, tokens=0))
        described = (
            f'[[backend]]\nid = "gpu1"\nurl = "http://127.0.0.1:{model}/v1"\nmax_num_seqs = {options.slots}\n'
            'models = {haechi = "mock"}\n'
        )
        house = our_gateway(run, described, tuple(WEIGHTS), bureaux=True, HAECHI_GATEWAY_ORDER=order)
        port, keys, installation = stack.enter_context(house)
        with installation.worker_store.transaction() as tx:
            for tenant, weight in WEIGHTS.items():
                values = {"id": tenant, "weight": weight}
                tx.run("insert into model_tenants (id, weight, waiting_limit) values (:id, :weight, 100000)", values)
        (run / "ready").touch()
        _wait_for_both(folder)
        began = datetime.now(UTC)
        uvloop.run(play(port, keys, arrivals, options.seconds))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and _open(installation):
            time.sleep(0.5)
        return judge(installation, arrivals, began, options)


def _wait_for_both(folder: Path) -> None:
    deadline = time.monotonic() + 120
    while len(list(folder.glob("*/ready"))) < 2:
        assert time.monotonic() < deadline, "the other house did not start"
        time.sleep(0.1)


def _open(installation: Any) -> int:
    with installation.worker_store.transaction() as tx:
        return int(tx.value("select count(*) from model_leases"))


def run(options: argparse.Namespace) -> dict[str, Any]:
    folder = (options.scratch or ROOT / "var" / "bench" / "fairness") / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    load = psutil.getloadavg()[0]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        going = {order: pool.submit(measure, order, folder, options) for order in ("fcfs", "fair")}
        told: dict[str, Any] = {order: each.result() for order, each in going.items()}
    arrivals = plan(options)
    told["throughput_of_fcfs"] = round(told["fair"]["tokens_s"] / told["fcfs"]["tokens_s"], 4)
    told |= {"targets": TARGETS, "weights": WEIGHTS, "flooder": FLOODER, "arrivals": len(arrivals), "seed": options.seed,
             "slots": options.slots, "seconds": options.seconds, "load_before": load}  # fmt: skip
    told["machine"] = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    told["date"] = datetime.now(UTC).isoformat(timespec="seconds")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object without line breaks")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the flood")
    parser.add_argument(
        "--slots", type=int, default=32, help="requests that the model generates at once (max_num_seqs)"
    )
    parser.add_argument("--pace", type=float, default=0.1, help="seconds a token")
    parser.add_argument("--tokens", type=int, default=30, help="mean tokens of an answer")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--scratch", type=Path, help="folder for everything that is made")
    options = parser.parse_args()
    print(json.dumps(run(options), ensure_ascii=False, default=float, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
