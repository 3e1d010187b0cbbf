"""What the gateway adds to a model's answer, and how many it carries, beside the current LiteLLM proxy.

In one run on one machine, in turns: the same mock model called directly, through our gateway (its own process, real
PostgreSQL, ledger and guard on, streaming) and through LiteLLM's proxy (its default, one worker, without database, guard
or budgets). LiteLLM is installed from the registry into a virtual environment of its own under var/bench, never a dependency.
    uv run python bench/gateway.py --json
Added latency: time to the whole streamed answer, one caller, minus that of direct calls (of medians and of 99th percentiles).
The last line is one JSON object; the machine's load stands beside the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import uvloop

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).resolve().parent))
from gateway_load.callers import connect, crowd, request_for  # noqa: E402

QUESTION = (
    "주민등록등본을 떼러 갔는데 담당자가 010-2731-2120으로 전화하라고 했습니다. 수수료와 감면 대상을 알려 주세요. " * 3
)
TARGETS = {"added_p50_ms": 3.0, "added_p99_ms": 20.0, "times_litellm": 10.0}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(
    command: list[str], port: int, log: Path, health: str = "", seconds: float = 240, **environment: str
) -> Iterator[int]:
    """A server that answers at its port; ended with everything it has started."""
    with open(log, "ab") as out:
        started = subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + seconds
            while not _answers(port, health):
                if started.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[:4]} did not start:\n{log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.2)
            yield started.pid
        finally:
            with suppress(psutil.NoSuchProcess):  # where it did not start, its own words are shown instead
                for child in [*psutil.Process(started.pid).children(recursive=True), started]:
                    child.kill()
            started.wait(20)


def _answers(port: int, health: str) -> bool:
    try:
        if health:
            return httpx.get(f"http://127.0.0.1:{port}{health}", timeout=2, trust_env=False).status_code == 200
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except (OSError, httpx.HTTPError):
        return False


@contextmanager
def mock_model(folder: Path, **options: float) -> Iterator[int]:
    """The scripted model; its port."""
    port = free_port()
    more = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    script = str(Path(__file__).parent / "gateway_load" / "model.py")
    with process([sys.executable, script, str(port), *more], port, folder / "model.log"):
        yield port


@contextmanager
def our_gateway(
    folder: Path, backends: str, holders: tuple[str, ...], bureaux: bool = False, **environment: str
) -> Iterator[tuple[int, dict[str, str], Any]]:
    """A real gateway process on a real PostgreSQL: (port, key of each holder, installation)."""
    from haechi.city.installation import Installation
    from haechi.city.settings import Settings
    from haechi.core import clock
    from haechi.core.store import SYSTEM

    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "backends.toml").write_text(backends, encoding="utf-8")
    installation = Installation.open(Settings(home=home, demo=False))
    try:
        if bureaux:
            _make_bureaux(installation, holders)
        expires = clock.now() + timedelta(days=1)
        keys = {h: installation.keys.create(h, {"public"}, ("models",), "bench", expires, SYSTEM)[1] for h in holders}
        port = free_port()
        command = [sys.executable, "-m", "haechi.web.gateway.serve"]
        known = {"HAECHI_HOME": str(home), "HAECHI_GATEWAY_PORT": str(port), **environment}
        with process(command, port, folder / "gateway.log", "/healthz", **known):
            yield port, keys, installation
    finally:
        installation.close()
        if installation.database is not None:
            installation.database.stop()


def _make_bureaux(installation: Any, holders: tuple[str, ...]) -> None:
    import psycopg

    url = installation.urls.owner.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        for holder in holders:
            connection.execute("insert into bureaux (id) values (%s)", [holder.partition(":")[2]])


def litellm_command(kept: Path) -> tuple[list[str], str]:
    """LiteLLM's proxy in its own environment: (command, version); installed at the first run."""
    python = kept / "venv" / "bin" / "python"
    if not (kept / "complete").exists():
        kept.mkdir(parents=True, exist_ok=True)
        uv = shutil.which("uv")
        assert uv, "uv is needed to install LiteLLM beside us"
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(kept / "venv")], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), "litellm[proxy]"], check=True)
        (kept / "complete").touch()
    code = "from importlib.metadata import version; print(version('litellm'))"
    version = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return [str(kept / "venv" / "bin" / "litellm")], version


@contextmanager
def litellm(folder: Path, kept: Path, model_port: int) -> Iterator[tuple[int, str]]:
    """Its proxy as its documentation starts it: (port, version)."""
    command, version = litellm_command(kept)
    port = free_port()
    config = folder / "litellm.yaml"
    config.write_text(
        json.dumps(
            {
                "model_list": [
                    {
                        "model_name": "haechi",
                        "litellm_params": {
                            "model": "openai/mock", "api_base": f"http://127.0.0.1:{model_port}/v1", "api_key": "none",
                        },
                    }
                ],
                "general_settings": {"master_key": "sk-bench"},
            }
        )
    )  # fmt: skip
    arguments = [*command, "--config", str(config), "--port", str(port), "--host", "127.0.0.1", "--telemetry", "False"]
    with process(arguments, port, folder / "litellm.log", "/health/liveliness", LITELLM_LOCAL_MODEL_COST_MAP="True"):
        yield port, version


async def one_after_another(port: int, request: bytes, count: int) -> list[float]:
    """Milliseconds to the whole answer, one caller."""
    connection = await connect(port)
    try:
        answers = [await connection.ask(request) for _ in range(count)]
    finally:
        connection.close()
    assert {answer.status for answer in answers} == {200}, {answer.status for answer in answers}
    return [answer.whole * 1000 for answer in answers]


async def rate(port: int, request: bytes, callers: int, seconds: float) -> tuple[float, float]:
    """(answers a second, p99 milliseconds) with so many callers."""
    started = time.perf_counter()
    answers = await crowd(port, request, callers, seconds)
    took = time.perf_counter() - started
    wrong = [answer.status for answer in answers if answer.status != 200]
    assert not wrong, wrong[:5]
    return len(answers) / took, p99([answer.whole * 1000 for answer in answers])


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]


async def measure(
    ports: dict[str, tuple[int, bytes]], rounds: int, count: int, callers: int, seconds: float
) -> dict[str, Any]:
    """In turns, so that a busy moment of the machine meets everybody."""
    alone: dict[str, list[float]] = {name: [] for name in ports}
    rates: dict[str, list[float]] = {name: [] for name in ports}
    for port, request in ports.values():
        await one_after_another(port, request, 30)  # warm
    for _ in range(rounds):
        for name, (port, request) in ports.items():
            alone[name] += await one_after_another(port, request, count if name != "litellm" else max(20, count // 4))
        for name, (port, request) in ports.items():
            rates[name].append((await rate(port, request, callers, seconds))[0])
    direct50, direct99 = statistics.median(alone["direct"]), p99(alone["direct"])
    return {
        name: {
            "p50_ms": round(statistics.median(alone[name]), 2),
            "p99_ms": round(p99(alone[name]), 2),
            "added_p50_ms": round(statistics.median(alone[name]) - direct50, 2),
            "added_p99_ms": round(p99(alone[name]) - direct99, 2),
            "requests_s": round(statistics.median(rates[name]), 1),
            "requests_s_rounds": [round(each, 1) for each in rates[name]],
        }
        for name in ports
    }


def run(options: argparse.Namespace) -> dict[str, Any]:
    folder = options.scratch or ROOT / "var" / "bench" / "gateway"
    shutil.rmtree(folder / "run", ignore_errors=True)
    (folder / "run").mkdir(parents=True)
    with ExitStack() as stack:
        model = stack.enter_context(mock_model(folder / "run"))
        described = f"""[[backend]]\nid = "gpu1"\nurl = "http://127.0.0.1:{model}/v1"\nmax_num_seqs = 256\nmodels = {{haechi = "mock"}}\n"""
        ours, keys, installation = stack.enter_context(our_gateway(folder / "run", described, ("service:11",)))
        ports = {
            "direct": (model, request_for(model, "none", "mock", QUESTION)),
            "haechi": (ours, request_for(ours, keys["service:11"], "haechi", QUESTION)),
        }
        version = ""
        if not options.without_litellm:
            theirs, version = stack.enter_context(litellm(folder / "run", options.litellm or folder / "litellm", model))
            ports["litellm"] = (theirs, request_for(theirs, "sk-bench", "haechi", QUESTION))
        before = psutil.getloadavg()[0]
        told = uvloop.run(measure(ports, options.rounds, options.count, options.callers, options.seconds))
        time.sleep(2)
        with installation.worker_store.transaction() as tx:
            ledger = tx.one("select count(*) as calls, sum(tokens_out) as tokens, bool_and(log_text <> '') as logged,"
                            " bool_and(found <> '{}') as masked from model_calls")  # fmt: skip
            drift = tx.all("select * from model_drift")
    result: dict[str, Any] = {"callers": options.callers, "rounds": options.rounds, **told, "ledger": ledger, "drift": drift,
                              "targets": TARGETS, "litellm_version": version, "load_before": before}  # fmt: skip
    if "litellm" in told:
        result["times_litellm"] = round(told["haechi"]["requests_s"] / told["litellm"]["requests_s"], 1)
    result["machine"] = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    result["date"] = datetime.now(UTC).isoformat(timespec="seconds")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object without line breaks")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=300, help="calls one after another, a round")
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=8.0, help="of the crowd, a round")
    parser.add_argument("--without-litellm", action="store_true")
    parser.add_argument("--litellm", type=Path, help="folder for LiteLLM's environment")
    parser.add_argument("--scratch", type=Path, help="folder for everything else")
    options = parser.parse_args()
    print(json.dumps(run(options), ensure_ascii=False, default=float, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
