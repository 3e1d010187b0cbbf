"""A real installation under `haechi up`, as a person runs it: its own home, database, server and worker; killed at will."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import httpx
import psutil
import psycopg
from sqlalchemy import make_url

from haechi.city.database import EmbeddedDatabase
from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.core.errors import Unavailable

PASSWORD = "해치는-여섯-시에-일어난다"
BUREAU = "복지실"
MODULES = {
    "server": "haechi.web.serve",
    "worker": "haechi.city.worker",
    "gateway": "haechi.web.gateway.serve",
    "reader": "haechi.engines.knowledge.ingest.worker",
}
PATIENCE = 180.0
"""Seconds for anything that happens by itself: generous, because tests share their machine."""


@dataclass
class Running:
    """One installation. `home` outlives every kill; `up()` may be called again after `kill('supervisor')`."""

    home: Path
    port: int
    demo: bool = False
    gateway_port: int = field(default_factory=lambda: free_port())
    supervisor: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where people reach it; no slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> EmbeddedDatabase:
        """Its PostgreSQL, for looking, never for starting."""
        return EmbeddedDatabase(Settings(home=self.home).database_folder)

    def up(self) -> float:
        """`haechi up`; seconds until /healthz says ok."""
        started = time.monotonic()
        environment = os.environ | {"HAECHI_HOME": str(self.home), "HAECHI_PORT": str(self.port)}
        environment["HAECHI_GATEWAY_PORT"] = str(self.gateway_port)
        with open(self.home / "up.log", "ab") as log:
            self.supervisor = subprocess.Popen(
                [sys.executable, "-m", "haechi.cli", "up", "--no-open", "--demo" if self.demo else "--no-demo"],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.wait_until_healthy()
        return time.monotonic() - started

    def down(self) -> None:
        """Ask it to stop, as Ctrl+C does; nothing of it is left afterwards."""
        if self.supervisor is not None:
            self.supervisor.send_signal(signal.SIGTERM)
            try:
                self.supervisor.wait(60)
            except subprocess.TimeoutExpired:
                self.supervisor.kill()
        for process in [
            *self.processes("server"),
            *self.processes("worker"),
            *self.processes("gateway"),
            *self.database_processes(),
        ]:
            with suppress(psutil.Error):
                process.kill()

    # --- looking -----------------------------------------------------------------------------------------------------

    def processes(self, role: str) -> list[psutil.Process]:
        """The living processes of a role ('server', 'worker', 'reader'), of this installation only."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                command = process.cmdline()
                if command[1:3] == ["-m", MODULES[role]] and process.environ().get("HAECHI_HOME") == str(self.home):
                    found.append(process)
        return found

    def database_processes(self) -> list[psutil.Process]:
        """Postmaster first, then everything it has started."""
        pid = self.database.pid()
        if pid is None:
            return []
        with suppress(psutil.Error):
            postmaster = psutil.Process(pid)
            return [postmaster, *postmaster.children(recursive=True)]
        return []

    def healthy(self) -> bool:
        """Whether the server serves people from its database."""
        # Not httpx: each of its clients reads all certificates first, which is dear for a question asked so often.
        with suppress(OSError, HTTPException), urlopen(self.address + "/healthz", timeout=5) as answer:
            return int(answer.status) == 200
        return False

    def wait_until_healthy(self) -> None:
        """Return when /healthz says ok."""

        def healthy() -> bool:
            assert self.supervisor is None or self.supervisor.poll() is None, f"haechi up has ended:\n{self.log()}"
            return self.healthy()

        eventually(healthy, lambda: f"not healthy:\n{self.log()}")

    def wait_until_read(self, seconds: float = 600) -> None:
        """Return when every document is read and indexed."""
        eventually(
            lambda: self.rows("select count(*) from versions where state not in ('complete', 'failed')") == [(0,)],
            self.log,
            seconds=seconds,
            every=1,
        )

    def log(self) -> str:
        """The last lines of what `haechi up` and its children have said."""
        return (self.home / "up.log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database holds, looked at as its superuser; waits for one that is just coming back."""
        found: list[list[tuple[Any, ...]]] = []

        def looked() -> bool:
            with suppress(psycopg.OperationalError, Unavailable):
                at = self.database
                at.find()
                with psycopg.connect(at.admin_url("haechi"), connect_timeout=10) as connection:
                    found.append(list(connection.execute(sql).fetchall()))
            return bool(found)

        eventually(looked, lambda: f"the database did not come back:\n{self.log()}")
        return found[0]

    # --- killing -----------------------------------------------------------------------------------------------------

    def kill(self, role: str) -> list[int]:
        """kill -9 of a role: 'server', 'worker', 'reader', 'postmaster', 'database' (all of it), 'supervisor'."""
        if role == "supervisor":
            assert self.supervisor is not None
            self.supervisor.kill()
            self.supervisor.wait(10)
            return [self.supervisor.pid]
        targets = self.database_processes() if role in ("postmaster", "database") else self.processes(role)
        for process in targets[:1] if role == "postmaster" else targets:
            with suppress(psutil.Error):
                process.kill()
        return [process.pid for process in targets]

    # --- people ------------------------------------------------------------------------------------------------------

    def move_in(self) -> None:
        """A bureau, two of its staff, and an administrator."""
        at = self.database
        installation = Installation(Settings(home=self.home, demo=False), at.find())
        url = make_url(installation.urls.owner).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url) as connection:
            connection.execute(
                "insert into bureaux (id, contact_name, contact_phone) values (%s, '대표', '02-1')", [BUREAU]
            )
        for login, roles in (("kim", ("staff",)), ("jung", ("staff",)), ("head", ("staff", "admin"))):
            installation.accounts.create(login, f"{login} 주무관", password=PASSWORD, roles=roles, bureau=BUREAU)
        installation.close()

    @contextmanager
    def client(self, login: str = "kim") -> Iterator[Person]:
        """Somebody at a browser; signed in, at the second try where a part is just coming back."""
        with httpx.Client(base_url=self.address, timeout=60) as http:
            person = Person(http)
            eventually(lambda: person.signed_in(login), lambda: f"{login} could not sign in:\n{self.log()}")
            yield person


class Person:
    """A signed-in person's requests."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.csrf = ""

    def signed_in(self, login: str) -> bool:
        """Through the form, as people do; False while the server or its database is away."""
        with suppress(httpx.HTTPError):
            form = self.http.get("/login")
            if form.status_code == 200:
                sent = {"login": login, "password": PASSWORD, "csrf": _csrf(form.text)}
                answer = self.http.post("/login", data=sent)
                home = self.http.get("/")
                if (answer.status_code, home.status_code) == (303, 200):
                    self.csrf = _csrf(home.text)
                    return True
                assert 503 in (answer.status_code, home.status_code), answer.text
            else:
                assert form.status_code == 503, f"{form.status_code} {form.text}"
        return False

    def upload(self, filename: str, data: bytes, key: str, **described: str) -> httpx.Response:
        """One attempt; the answer may be an error."""
        return self.http.post(
            "/api/v1/documents",
            data={"bureau": BUREAU, "grade": "staff", **described},
            files={"file": (filename, data, "text/markdown")},
            headers={"X-CSRF-Token": self.csrf, "Idempotency-Key": key},
        )

    def upload_until_received(self, filename: str, data: bytes, key: str, **described: str) -> dict[str, Any]:
        """Repeat with the same key, as a careful program does, until the receipt is there."""
        receipts: list[dict[str, Any]] = []

        def tried() -> bool:
            with suppress(httpx.HTTPError):
                answer = self.upload(filename, data, key, **described)
                if answer.status_code == 202:
                    receipts.append(answer.json())
                    return True
                assert answer.status_code in (500, 503), answer.text
                assert answer.status_code == 503, f"not a clear state: {answer.text}"
            return False

        eventually(tried, lambda: f"{filename} was never received", every=0.5)
        return receipts[0]

    def ask(self, question: str, conversation_id: str | None = None) -> Iterator[dict[str, Any]]:
        """The events of an answer, as they come. httpx.HTTPError when the stream breaks."""
        body = {"question": question, "conversation_id": conversation_id}
        headers = {"X-CSRF-Token": self.csrf, "Accept": "text/event-stream"}
        with self.http.stream("POST", "/api/v1/ask", json=body, headers=headers) as answer:
            if answer.status_code != 200:
                answer.read()
                yield {"event": "refused", "status": answer.status_code, **answer.json()}
                return
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def answer(self, question: str) -> Mapping[str, Any]:
        """The last event of an answer."""
        *_, last = self.ask(question)
        return last


def eventually(
    true: Callable[[], bool], say: Callable[[], str], *, seconds: float = PATIENCE, every: float = 0.3
) -> None:
    """Return as soon as `true()`; fail with `say()` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, say()
        time.sleep(every)


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*, demo: bool = False) -> Iterator[Running]:
    """An installation that is up, with people in it (`demo`: the demonstration city); gone at the end of the block.

    Its home is not below pytest's own folder: every pytest of this account closes that to others when it starts, and
    PostgreSQL, which never runs as root, is such another.
    """
    with tempfile.TemporaryDirectory(prefix="haechi-installation-", ignore_cleanup_errors=True) as folder:
        installation = Running(Path(folder), free_port(), demo)
        try:
            installation.up()
            if not demo:
                installation.move_in()
            yield installation
        finally:
            installation.down()


def _csrf(html: str) -> str:
    from tests.house import csrf_of

    return csrf_of(html)
