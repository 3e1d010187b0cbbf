"""Gateway processes of their own before scripted models, on a database of their own: any of them may be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import psycopg

from haechi.city.database import migrate
from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.store import SYSTEM

PATIENCE = 120.0
ASKED = [{"role": "user", "content": "주차 요금을 알려 주세요."}]


@dataclass
class City:
    """ports: one a gateway. key: of service:11. ended: how each call ended, in the order of their ends."""

    home: Path
    ports: list[int]
    installation: Installation
    key: str = ""
    gateways: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    def start(self, *which: int) -> None:
        """Those gateways (the first when none is named), together; they answer when this returns."""
        for each in which or (0,):
            self._start(each)
        for each in which or (0,):
            eventually(partial(self.healthy, each), self.log)

    def _start(self, which: int) -> None:
        environment = {**os.environ, "HAECHI_HOME": str(self.home), "HAECHI_GATEWAY_PORT": str(self.ports[which])}
        with open(self.home / "gateway.log", "ab") as log:
            command = [sys.executable, "-m", "haechi.web.gateway.serve"]
            self.gateways[which] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def healthy(self, which: int = 0) -> bool:
        with suppress(httpx.HTTPError):
            address = f"http://127.0.0.1:{self.ports[which]}/healthz"
            return httpx.get(address, timeout=2, trust_env=False).status_code == 200
        return False

    def kill_gateway(self, which: int = 0) -> None:
        self.gateways[which].send_signal(signal.SIGKILL)
        self.gateways[which].wait(10)

    def kill_database(self) -> None:
        """All of it at once, as when the machine's memory runs out."""
        assert self.installation.database is not None
        pid = self.installation.database.pid()
        assert pid is not None
        postmaster = psutil.Process(pid)
        for process in [*postmaster.children(recursive=True), postmaster]:
            with suppress(psutil.Error):
                process.kill()
        postmaster.wait(10)

    def start_database(self) -> None:
        assert self.installation.database is not None
        self.installation.database.start()

    def log(self) -> str:
        return (self.home / "gateway.log").read_text(errors="replace")[-3000:]

    def key_of(self, holder: str) -> str:
        """A new key of that tenant."""
        expires = clock.now() + timedelta(days=1)
        return self.installation.keys.create(holder, {"public"}, ("models",), "test", expires, SYSTEM)[1]

    def ask(self, which: int = 0, key: str = "", **more: Any) -> str:
        """One streamed answer; 'done', or how it ended: the error's code where it has one. Said also in `ended`."""
        client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{self.ports[which]}/v1", api_key=key or self.key, max_retries=0, timeout=60
        )
        try:
            sent = {"model": "haechi", "messages": ASKED, **more}
            with client, client.chat.completions.create(**sent, stream=True) as stream:
                for _ in stream:
                    pass
            how = "done"
        except openai.RateLimitError as error:
            how = str(error.code)
        except (openai.OpenAIError, httpx.HTTPError) as error:
            how = type(error).__name__
        self.ended.append(how)
        return how

    def ask_many(self, count: int, which: int = 0, key: str = "") -> list[threading.Thread]:
        threads = [threading.Thread(target=self.ask, args=(which, key), daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        return threads

    def rows(self, sql: str) -> list[Any]:
        assert self.installation.database is not None
        with psycopg.connect(self.installation.database.admin_url("haechi"), connect_timeout=10) as connection:
            return connection.execute(sql).fetchall()

    def count(self, what: str) -> int:
        return int(self.rows(f"select count(*) from {what}")[0][0])

    def nothing_open(self) -> bool:
        with suppress(psycopg.Error):
            return self.rows("select count(*) from model_leases") == [(0,)]
        return False

    def assert_books_balance(self) -> None:
        assert self.rows("select * from model_drift") == []
        held = self.rows("select distinct waiting, reserved_tokens, reserved_microwon from model_tenants")
        assert held == [(0, 0, 0)]


def eventually(check: Callable[[], bool], why: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


@contextmanager
def a_city(*urls: str, gateways: int = 1, seqs: int = 8) -> Iterator[City]:
    """Started, with so many gateways. seqs: requests that each model server works on at once, as its settings say."""
    # Not pytest's folder: PostgreSQL runs under an account of its own where the tests run as root.
    with tempfile.TemporaryDirectory(prefix="haechi-gateway-", ignore_cleanup_errors=True) as name:
        yield from _city(Path(name), urls, gateways, seqs)


def _city(home: Path, urls: tuple[str, ...], gateways: int, seqs: int) -> Iterator[City]:
    home.chmod(0o755)
    (home / "backends.toml").write_text(
        "".join(
            f'[[backend]]\nid = "gpu{n}"\nurl = "{url}"\nmax_num_seqs = {seqs}\nplace = {n}\nmodels = {{haechi = "mock"}}\n'
            for n, url in enumerate(urls)
        ),
        encoding="utf-8",
    )
    installation = Installation.open(Settings(home=home, demo=False))
    migrate(installation.urls.owner)
    city = City(home, _free_ports(gateways), installation)
    city.key = city.key_of("service:11")
    try:
        city.start(*range(gateways))
        yield city
    finally:
        for which in city.gateways:
            with suppress(Exception):
                city.kill_gateway(which)
        installation.close()
        assert installation.database is not None
        installation.database.stop()


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
