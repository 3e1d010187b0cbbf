"""A real PostgreSQL for tests: one server a run, one migrated template, one fresh copy of it a test.

The first test that asks starts the server (under a file lock, so that all pytest-xdist workers share it); the process
that started pytest stops it at the end, and sweeps what an earlier run that was killed left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import make_url

from haechi.city.database import DatabaseUrls, EmbeddedDatabase, migrate

PREFIX = "haechi-test-"
TEMPLATE = "haechi_template"


@dataclass(frozen=True, slots=True)
class FreshDatabase:
    """A database of its own for one test, migrated and empty. `admin_url`: libpq URL of the superuser in it."""

    name: str
    urls: DatabaseUrls
    admin_url: str


class TestServer:
    """The shared server under `root`. Cheap to construct; `fresh()` starts it when it is not running yet."""

    __test__ = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.embedded = EmbeddedDatabase(root / "database", database=TEMPLATE)
        self._urls: DatabaseUrls | None = None

    @contextmanager
    def fresh(self) -> Iterator[FreshDatabase]:
        """A copy of the template, dropped at the end of the block. About 50–100 ms."""
        urls = self._started()
        name = f"t_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.embedded.admin_url(), autocommit=True) as admin:
            admin.execute(f"create database {name} template {TEMPLATE} owner haechi_owner strategy file_copy")
        try:
            renamed = (_in_database(url, name) for url in (urls.owner, urls.app, urls.worker))
            yield FreshDatabase(name, DatabaseUrls(*renamed), self.embedded.admin_url(name))
        finally:
            with psycopg.connect(self.embedded.admin_url(), autocommit=True) as admin:
                admin.execute(f"drop database {name} with (force)")

    def _started(self) -> DatabaseUrls:
        if self._urls is None:
            with open(self.root / "lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                urls = self.embedded.start()
                if not (self.root / "migrated").exists():
                    self._make_template(urls)
                self._urls = urls
        return self._urls

    def _make_template(self, urls: DatabaseUrls) -> None:
        migrate(urls.owner)
        with psycopg.connect(self.embedded.admin_url(), autocommit=True) as admin:
            # Nothing here must survive a power cut, and everything here should be quick.
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                admin.execute(f"alter system set {setting} = off")
            admin.execute("alter system set checkpoint_timeout = '1h'")
            admin.execute("select pg_reload_conf()")
            admin.execute(f"alter database {TEMPLATE} with is_template true allow_connections false")
        (self.root / "migrated").touch()


def _in_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def make_root() -> Path:
    """A folder for this run's server, named after the process that will remove it."""
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def remove_root(root: Path) -> None:
    """Stop the server under `root`, if any, and delete the folder."""
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        server = psutil.Process(int((root / "database/postmaster.pid").read_text().splitlines()[0]))
        if "postgres" in server.name() and str(root) in " ".join(server.cmdline()):
            server.send_signal(signal.SIGQUIT)
            server.wait(20)
    shutil.rmtree(root, ignore_errors=True)


def sweep() -> None:
    """Remove servers whose test run no longer exists."""
    for root in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = root.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            remove_root(root)
