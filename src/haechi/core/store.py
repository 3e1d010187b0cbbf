"""The one database, as the rest of Haechi meets it: transactions that carry who is asking.

Row-level security in PostgreSQL decides what a transaction sees; this module only tells it who asks. The rules stand in
migrations/versions/0001_ground_floor.sql.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.pool import QueuePool

from haechi.core.errors import Unavailable

log = logging.getLogger(__name__)

Row = Mapping[str, Any]
STATEMENT_SECONDS = 60
CHECK_SECONDS = 5
DISK_FULL, LOCK_BUSY = "53100", "55P03"
"""PostgreSQL's error codes for a full disk, and for a record that another transaction held for 10 s."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in the words that the database and the audit log use.

    subject: 'user:<id>', 'guest:<hash>', 'key:<prefix>' or 'system'. tags: access tags held (see
    engines/knowledge/ports.Reader). bureau: '' for citizens. roles: as in core/identity.py.
    """

    subject: str = "nobody"
    name: str = ""
    tags: frozenset[str] = frozenset({"public"})
    roles: frozenset[str] = frozenset()
    bureau: str = ""

    def __post_init__(self) -> None:
        """A collection's tag ('bot:<id>') says where a document belongs; nobody holds one, whoever made them."""
        held = sorted(tag for tag in self.tags if tag.startswith("bot:"))
        if held:
            raise ValueError(f"{self.subject} cannot hold {held}")

    @property
    def user_id(self) -> str | None:
        """The account's id, or None for guests, keys and the system."""
        return self.subject.removeprefix("user:") if self.subject.startswith("user:") else None


NOBODY = Actor()
SYSTEM = Actor(subject="system", name="시스템", tags=frozenset({"public", "staff"}))


def _connect(_dialect: Any, _record: Any, arguments: Any, parameters: Any) -> _Bounded:
    return _Bounded.connect(*arguments, **parameters)


class _Bounded(psycopg.Connection[Any]):
    """A connection that does not wait for ever: a server that is stopped or whose disk hangs accepts, and stays silent."""

    patience = STATEMENT_SECONDS + 10.0

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As in psycopg; after `patience` seconds of silence the connection is of no use any more."""
        try:
            return super().wait(gen, interval=interval, timeout=timeout or self.patience)
        except psycopg.errors._WaitTimeout as error:
            self.close()
            raise psycopg.OperationalError("the database did not answer in time") from error


def _check_alive(connection: _Bounded, *_: Any) -> None:
    """At every checkout: does the server still answer? A dead connection is replaced by the pool."""
    connection.patience = CHECK_SECONDS
    try:
        connection.autocommit = True  # one way to the server and back instead of three
        connection.execute("select 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise DisconnectionError("the connection is dead") from error
    finally:
        connection.patience = _Bounded.patience


class _Seats:
    """`free` seats, given strictly in the order of arrival.

    A pool's own queue lets a newcomer overtake whoever has just been woken; in a crowd somebody then waits for ever.
    """

    def __init__(self, free: int) -> None:
        self._free = free
        self._line: deque[threading.Lock] = deque()
        self._door = threading.Lock()

    def take(self, patience: float) -> bool:
        """A seat, after at most `patience` seconds; False when there was none."""
        with self._door:
            if self._free:
                self._free -= 1
                return True
            turn = threading.Lock()
            turn.acquire()
            self._line.append(turn)
        if turn.acquire(timeout=patience):
            return True
        with self._door:
            if turn not in self._line:
                return True  # handed over in the last moment
            self._line.remove(turn)
            return False

    def give(self) -> None:
        """Hand the seat to whoever has waited longest."""
        with self._door:
            if self._line:
                self._line.popleft().release()
            else:
                self._free += 1


class Store:
    """A pool of connections under one database role.

    `url`: SQLAlchemy URL of the role haechi_app (bound by row-level security) or haechi_worker. Every statement runs
    inside `transaction(actor)`; a database that is away raises `Unavailable`, and the next call connects anew. `size`
    transactions run at once, whoever comes then waits in line for at most `wait` seconds. A thread opens one at a time:
    a second inside the first could wait for itself.
    """

    def __init__(self, url: str, *, size: int = 10, wait: float = 60.0) -> None:
        self.size = size
        self.wait = wait
        self._seats = _Seats(size)
        self._seated: set[int] = set()
        self.engine: Engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0,
            connect_args={
                "connect_timeout": CHECK_SECONDS,
                "options": f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c lock_timeout=10000",
            },
        )
        event.listen(self.engine, "do_connect", _connect)
        event.listen(self.engine, "checkout", _check_alive)

    @contextmanager
    def transaction(self, actor: Actor = NOBODY, *, snapshot: bool = False) -> Iterator[Transaction]:
        """One transaction, committed at the end of the block, rolled back when it raises.

        snapshot: every statement sees the database as of the first (REPEATABLE READ).
        """
        engine = self.engine.execution_options(isolation_level="REPEATABLE READ") if snapshot else self.engine
        try:
            with self._seat(), engine.begin() as connection:
                _introduce(connection, actor)
                yield Transaction(connection, actor)
        except OperationalError as error:
            log.warning("database: %s", error.orig)
            raise _explained(getattr(error.orig, "sqlstate", None)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Unavailable("데이터베이스 연결이 끊어졌습니다.", next_step="잠시 뒤 다시 시도하세요.") from error
            raise

    @contextmanager
    def _seat(self) -> Iterator[None]:
        thread = threading.get_ident()
        if thread in self._seated:
            raise RuntimeError("a transaction inside a transaction of the same store")
        if not self._seats.take(self.wait):
            log.warning("database: no connection free for %s s", self.wait)
            raise Unavailable(
                "지금 이용하는 사람이 많아 처리하지 못했습니다.",
                next_step="잠시 뒤 다시 시도하세요. 저장되지 않은 내용은 화면에 남아 있습니다.",
            )
        self._seated.add(thread)
        try:
            yield
        finally:
            self._seated.discard(thread)
            self._seats.give()

    def wait_until_ready(self, seconds: float = 30.0) -> None:
        """Return as soon as the database answers; raise `Unavailable` after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with self.transaction() as tx:
                    tx.one("select 1 as up")
                return
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _explained(code: str | None) -> Unavailable:
    if code == DISK_FULL:
        return Unavailable(
            "저장 공간이 부족해 저장하지 못했습니다.",
            next_step="관리자에게 알리세요. 공간이 생기면 다시 저장할 수 있습니다.",
        )
    if code == LOCK_BUSY:
        return Unavailable(
            "다른 작업이 이 기록을 쓰고 있습니다.", next_step="잠시 뒤 다시 저장하세요. 바뀐 것은 없습니다."
        )
    return _away()


def _away() -> Unavailable:
    return Unavailable(
        "데이터베이스에 연결할 수 없습니다.",
        next_step="잠시 뒤 다시 시도하세요. 저장되지 않은 내용은 화면에 남아 있습니다.",
    )


def _introduce(connection: Connection, actor: Actor) -> None:
    connection.execute(
        text(
            "select set_config('haechi.tags', :tags, true), set_config('haechi.subject', :subject, true),"
            " set_config('haechi.bureau', :bureau, true), set_config('haechi.roles', :roles, true)"
        ),
        {
            "tags": array_literal(sorted(actor.tags)),
            "subject": actor.subject,
            "bureau": actor.bureau,
            "roles": array_literal(sorted(actor.roles)),
        },
    )


def array_literal(values: Sequence[str]) -> str:
    """A PostgreSQL text[] literal, quoted."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return "{" + ",".join(quoted) + "}"


class Transaction:
    """Statements inside one transaction. SQL names its parameters `:name`; values are never pasted into it."""

    def __init__(self, connection: Connection, actor: Actor) -> None:
        self.connection = connection
        self.actor = actor

    def run(self, sql: str, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None) -> int:
        """Execute; the number of rows touched. A sequence of parameters runs the statement for each."""
        return self.connection.execute(text(sql), parameters or {}).rowcount

    def all(self, sql: str, **parameters: Any) -> list[Row]:
        """Every row, as mappings."""
        return [dict(row) for row in self.connection.execute(text(sql), parameters).mappings()]

    def one(self, sql: str, **parameters: Any) -> Row | None:
        """The first row, or None."""
        row = self.connection.execute(text(sql), parameters).mappings().first()
        return dict(row) if row is not None else None

    def value(self, sql: str, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        return self.connection.execute(text(sql), parameters).scalar()
