"""kill -9 of gateway, model server and database in the middle of streams and settlement: nothing is charged twice, no counter
drifts, nothing that ended is lost."""

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
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import psycopg
import pytest
from tests.gateway.mock_model import mock_model

from haechi.city.database import migrate
from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.store import SYSTEM

PATIENCE = 120.0
ASKED = [{"role": "user", "content": "주차 요금을 알려 주세요."}]


@dataclass
class City:
    """A gateway process of its own on a database of its own. `gateway` may be killed and started again."""

    home: Path
    port: int
    installation: Installation
    key: str = ""
    gateway: subprocess.Popen[bytes] | None = None
    ended: list[str] = field(default_factory=list)

    def start(self) -> None:
        environment = {**os.environ, "HAECHI_HOME": str(self.home), "HAECHI_GATEWAY_PORT": str(self.port)}
        with open(self.home / "gateway.log", "ab") as log:
            command = [sys.executable, "-m", "haechi.web.gateway.serve"]
            self.gateway = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        eventually(self.healthy, self.log)

    def healthy(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2, trust_env=False).status_code == 200
        return False

    def kill_gateway(self) -> None:
        assert self.gateway is not None
        self.gateway.send_signal(signal.SIGKILL)
        self.gateway.wait(10)

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

    def ask(self) -> str:
        """One streamed answer; 'done', or how it ended. Said also in `ended`."""
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=self.key, max_retries=0, timeout=60)
        try:
            with client, client.chat.completions.create(model="haechi", messages=ASKED, stream=True) as stream:
                for _ in stream:
                    pass
            how = "done"
        except (openai.OpenAIError, httpx.HTTPError) as error:
            how = type(error).__name__
        self.ended.append(how)
        return how

    def ask_many(self, count: int) -> list[threading.Thread]:
        threads = [threading.Thread(target=self.ask, daemon=True) for _ in range(count)]
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
        assert self.rows("select waiting, reserved_tokens, reserved_microwon from model_tenants") == [(0, 0, 0)]


def eventually(check: Callable[[], bool], why: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


@contextmanager
def a_city(*urls: str) -> Iterator[City]:
    # Not pytest's folder: PostgreSQL runs under an account of its own where the tests run as root.
    with tempfile.TemporaryDirectory(prefix="haechi-gateway-", ignore_cleanup_errors=True) as name:
        yield from _city(Path(name), *urls)


def _city(home: Path, *urls: str) -> Iterator[City]:
    home.chmod(0o755)
    (home / "backends.toml").write_text(
        "".join(
            f'[[backend]]\nid = "gpu{n}"\nurl = "{url}"\nmax_num_seqs = 8\nplace = {n}\nmodels = {{haechi = "mock"}}\n'
            for n, url in enumerate(urls)
        ),
        encoding="utf-8",
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    installation = Installation.open(Settings(home=home, demo=False))
    migrate(installation.urls.owner)
    city = City(home, port, installation)
    expires = clock.now() + timedelta(days=1)
    _, city.key = installation.keys.create("service:11", {"public"}, ("models",), "test", expires, SYSTEM)
    try:
        city.start()
        yield city
    finally:
        with suppress(Exception):
            city.kill_gateway()
        installation.close()
        assert installation.database is not None
        installation.database.stop()


@pytest.fixture
def slow_model():
    """Forty pieces in about six seconds."""
    with mock_model(say=("글 ",) * 40, pause=0.15) as model:
        yield model


def test_a_killed_gateway_charges_what_was_known_once_and_its_successor_serves(slow_model):
    with a_city(slow_model.url) as city:
        assert city.ask() == "done"
        threads = city.ask_many(6)
        eventually(lambda: city.count("model_leases where tokens_out > 0") == 6, city.log)
        city.kill_gateway()
        for thread in threads:
            thread.join(30)
        assert "done" not in city.ended[1:]
        city.start()
        eventually(city.nothing_open, city.log)
        assert city.ask() == "done"
        eventually(lambda: city.rows("select count(*) from model_calls") == [(8,)], city.log)
        states = dict(city.rows("select state, count(*) from model_calls group by state"))
        assert states == {"done": 2, "expired": 6}
        (known,) = city.rows("select min(tokens_in), sum(tokens_out) from model_calls where state = 'expired'")
        assert known[0] > 0
        assert known[1] >= 6
        city.assert_books_balance()


def test_a_database_killed_in_the_middle_of_streams_costs_no_answer_and_no_entry(slow_model):
    with a_city(slow_model.url) as city:
        threads = city.ask_many(6)
        eventually(lambda: city.count("model_leases where state = 'running'") == 6, city.log)
        city.kill_database()
        for thread in threads:
            thread.join(60)
        assert city.ended == ["done"] * 6  # the streams went on to their end
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{city.port}/v1", api_key=city.key, max_retries=0)
        with client, pytest.raises(openai.APIStatusError, match="아무것도 청구되지 않았습니다"):
            client.chat.completions.create(model="haechi", messages=ASKED)
        city.start_database()
        eventually(city.healthy, city.log)
        assert city.ask() == "done"
        eventually(lambda: city.rows("select count(*) from model_calls where state = 'done'") == [(7,)], city.log)
        eventually(city.nothing_open, city.log)
        assert city.rows("select sum(tokens_out), count(distinct id) from model_calls where state = 'done'") == [
            (280, 7)
        ]
        city.assert_books_balance()


def test_a_database_killed_while_calls_are_settled_books_each_once():
    with mock_model(say=("글",)) as model, a_city(model.url) as city:
        stop = threading.Event()

        def keep_asking() -> None:
            while not stop.is_set():
                city.ask()
                time.sleep(0.01)

        askers = [threading.Thread(target=keep_asking, daemon=True) for _ in range(3)]
        for asker in askers:
            asker.start()
        for _ in range(2):
            time.sleep(1.5)
            city.kill_database()
            time.sleep(0.3)
            city.start_database()
            eventually(city.healthy, city.log)
        time.sleep(1.0)
        stop.set()
        for asker in askers:
            asker.join(60)
        done = city.ended.count("done")
        assert done > 0
        eventually(lambda: city.rows("select count(*) from model_calls where state = 'done'") == [(done,)], city.log)
        eventually(city.nothing_open, city.log)
        city.assert_books_balance()


def test_a_killed_model_server_is_replaced_before_the_first_word():
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{dead.getsockname()[1]}/v1"  # nobody listens
    with dead, mock_model() as model, a_city(url, model.url) as city:
        assert [city.ask() for _ in range(4)] == ["done"] * 4
        eventually(lambda: city.rows("select count(*) from model_calls") == [(4,)], city.log)
        assert city.rows("select distinct backend, state from model_calls") == [("gpu1", "done")]
        assert city.rows("select state from model_backends where id = 'gpu0'") == [("down",)]
        city.assert_books_balance()


def test_a_model_server_that_dies_in_its_answer_is_told_and_charged_for_what_came():
    with mock_model(break_after=4) as model, a_city(model.url) as city:
        assert city.ask() == "APIError"
        eventually(lambda: city.rows("select count(*) from model_calls") == [(1,)], city.log)
        ((state, counted, tokens_out, error),) = city.rows("select state, counted, tokens_out, error from model_calls")
        assert (state, counted) == ("failed", "estimate")  # three pieces came, of more than one token each
        assert 3 <= tokens_out <= 12
        assert error
        city.assert_books_balance()
