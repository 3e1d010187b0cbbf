"""`haechi up`: keeps the database, the server, the worker and the model gateway running, whatever kills them.

The parent starts PostgreSQL, then server, worker and model gateway as child processes. A child that ends is started again after
a pause that grows to 10 s; PostgreSQL that is gone is started again. A child whose parent is gone ends by itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from haechi.city.database import DatabaseUrls, EmbeddedDatabase, from_environment, migrate
from haechi.city.settings import Settings

CHILDREN = {"server": "haechi.web.serve", "worker": "haechi.city.worker", "gateway": "haechi.web.gateway.serve"}
LONGEST_PAUSE = 10.0


def end_with_parent() -> None:
    """Called by a child: end this process within a second after its parent is gone (kill -9 of the parent included)."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        os._exit(1)

    if os.environ.get("HAECHI_SUPERVISED") == "1":
        threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


class Child:
    """One child process and when it may start again."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str]) -> None:
        self.name = name
        self._command = list(command)
        self._environment = environment
        self._pause = 0.5
        self._not_before = 0.0
        self._started = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def keep_up(self, tell: Callable[[str], None]) -> None:
        """Start the process if it is not running and its pause is over."""
        if self.process is not None and self.process.poll() is None:
            return
        now = time.monotonic()
        if self.process is not None and self._not_before <= self._started:
            ran_well = now - self._started > 30
            self._pause = 0.5 if ran_well else min(LONGEST_PAUSE, self._pause * 2)
            self._not_before = now + self._pause
            tell(
                f"{self.name}이(가) 끝났습니다(코드 {self.process.returncode}). {self._pause:.1f}초 뒤 다시 시작합니다."
            )
        if now >= self._not_before:
            self._started = now
            self.process = subprocess.Popen(self._command, env=self._environment)

    def end(self, seconds: float = 8.0) -> None:
        """Ask it to stop; kill it after `seconds`."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Supervisor:
    """Owns the database and the children of one installation."""

    def __init__(self, settings: Settings, tell: Callable[[str], None] = print) -> None:
        self._settings = settings
        self._tell = tell
        self._stop = threading.Event()
        self.database: EmbeddedDatabase | None = None
        self.children: list[Child] = []

    def open_database(self) -> DatabaseUrls:
        """Start (or find) the database and bring its schema up to date."""
        urls = from_environment()
        if urls is None:
            self.database = EmbeddedDatabase(self._settings.database_folder)
            urls = self.database.start()
        migrate(urls.owner)
        return urls

    def start_children(self) -> None:
        """Start server, worker and gateway."""
        environment = {**os.environ, "HAECHI_SUPERVISED": "1", "HAECHI_HOME": str(self._settings.home)}
        environment.update(HAECHI_HOST=self._settings.host, HAECHI_PORT=str(self._settings.port))
        environment.setdefault("PYTHONUNBUFFERED", "1")
        self.children = [Child(name, [sys.executable, "-m", module], environment) for name, module in CHILDREN.items()]
        for child in self.children:
            child.keep_up(self._tell)

    def run(self) -> None:
        """Watch until SIGINT or SIGTERM; then stop everything, the database last."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        while not self._stop.wait(0.5):
            self.keep_up()
        self.close()

    def keep_up(self) -> None:
        """Start again whatever has ended."""
        self._keep_database_up()
        for child in self.children:
            child.keep_up(self._tell)

    def _keep_database_up(self) -> None:
        if self.database is None or self.database.pid() is not None:
            return
        self._tell("데이터베이스가 멈추었습니다. 다시 시작합니다.")
        try:
            self.database.start()
        except Exception as error:  # whatever it is, the next round tries again
            self._tell(f"데이터베이스를 시작하지 못했습니다({type(error).__name__}). 다시 시도합니다.")

    def close(self) -> None:
        """Stop children, then the embedded database."""
        for child in self.children:
            child.end()
        if self.database is not None:
            with suppress(Exception):
                self.database.stop()
