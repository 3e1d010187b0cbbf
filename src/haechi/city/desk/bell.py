"""Who waits for news of a conversation or of the desk is rung as soon as another process has written it (LISTEN/NOTIFY).

A ring says only "look": what is new stands in the database, and the listener follows it by number. So a ring that is lost
while the connection is down costs time and nothing else: after every reconnection everybody is rung.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import make_url

log = logging.getLogger("haechi.desk")
DESK = "desk"
PAUSE_SECONDS = 1.0
LOOK_SECONDS = 1.0


class Ear:
    """One listener: `await heard(seconds)` is True when it was rung, False when the time is over."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._event = asyncio.Event()

    def ring(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._event.set)

    async def heard(self, seconds: float) -> bool:
        """Rings that came before are heard at once; several count as one."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Bell:
    """One connection and one thread a process, started with the first listener. `url`: SQLAlchemy URL of any role."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._ears: dict[str, set[Ear]] = defaultdict(set)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def listen(self, key: str) -> Iterator[Ear]:
        """key: DESK, or the id of a conversation. Call it on the event loop that waits."""
        ear = Ear(asyncio.get_running_loop())
        with self._lock:
            self._ears[key].add(ear)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="desk-bell", daemon=True)
                self._thread.start()
        try:
            yield ear
        finally:
            with self._lock:
                self._ears[key].discard(ear)
                if not self._ears[key]:
                    del self._ears[key]

    @property
    def listeners(self) -> int:
        """How many listen now."""
        with self._lock:
            return sum(map(len, self._ears.values()))

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except psycopg.Error as error:
                log.warning("알림 연결이 끊어졌습니다(%s). 다시 연결합니다.", type(error).__name__)
                self._stop.wait(PAUSE_SECONDS)

    def _follow(self) -> None:
        with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
            connection.execute("listen haechi_desk")
            connection.execute("listen haechi_chat")
            self._ring(None)
            while not self._stop.is_set():
                for told in connection.notifies(timeout=LOOK_SECONDS):
                    self._ring(told.payload)
                    if told.channel == "haechi_desk":
                        self._ring(DESK)
                    if self._stop.is_set():
                        return

    def _ring(self, key: str | None) -> None:
        """Ring those who listen for `key`; None: everybody."""
        with self._lock:
            keys = list(self._ears) if key is None else [key] if key in self._ears else []
            ears = [ear for one in keys for ear in self._ears[one]]
        for ear in ears:
            try:
                ear.ring()
            except RuntimeError:  # its event loop has closed; its listener is about to leave
                continue
