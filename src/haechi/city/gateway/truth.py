"""The gateway's line to the truth in PostgreSQL: everything that happens in this process goes there in small batches.

One connection, one statement at a time (`model_step`). While it is under way, arrivals, ends and failures gather for the next
one: alone a request waits for nobody, and under load one statement serves many. Commits are not waited for on the disk;
what was settled is kept here until the database says that its log is written that far, and sent again if the database
died before. Settling is idempotent, so nothing is charged twice.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import asyncpg
import orjson
from sqlalchemy import make_url

from haechi.core import clock
from haechi.engines.models import fair

log = logging.getLogger("haechi.gateway")
STEP = "select model_step($1, $2, $3::text::jsonb, $4::text::jsonb, $5::text::jsonb, $6::text::jsonb)::text"
HEARTBEAT = 1.0
SETTLE_WITHIN = 0.005
"""Seconds that an end may wait for an arrival to go along with, where nobody stands in line for its place."""
SWEEP = 3.0
CHANNEL = "haechi_models"
_GONE = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError, OSError, TimeoutError)


class Refused(Exception):
    """The truth does not admit this request. code: see engines/models/budget.py. seconds: until it may be tried again."""

    def __init__(self, code: str, seconds: float = 0) -> None:
        super().__init__(code)
        self.code, self.seconds = code, seconds


class Lease:
    """A request's place in line and, once admitted, its right to run. backend: '' while it waits.

    tokens_out: what is known of the output so far; units: virtual tokens of it. Set them as they come.
    position, seconds: what a waiting person is told; seconds None while the pace is unknown.
    """

    __slots__ = ("arrival", "backend", "id", "position", "seconds", "tokens_out", "turn", "units", "units_told")

    def __init__(self, arrival: dict[str, Any], turn: asyncio.Future[str]) -> None:
        self.id: str = arrival["id"]
        self.arrival = arrival
        self.turn = turn
        self.backend = ""
        self.tokens_out = 0
        self.units = self.units_told = 0.0
        self.position: int | None = None
        self.seconds: float | None = None


class Truth:
    """Share one in a process. name: of this gateway, the same after a restart. order: 'fair' or 'fcfs'."""

    def __init__(
        self, url: str, name: str, *, order: str = "fair", on_change: Callable[[], None] = lambda: None
    ) -> None:
        self._arguments = connection_arguments(url)
        self._name = name
        self.id = f"{name}/{int(time.time() * 1000)}-{os.getpid()}"
        self._order = order
        self._on_change = on_change
        self._connection: Any = None
        self._wake = asyncio.Event()
        self._leases: dict[str, Lease] = {}
        self._arrivals: list[dict[str, Any]] = []
        self._moved: list[dict[str, str]] = []
        self._settled: list[dict[str, Any]] = []
        self._unsure: deque[list[Any]] = deque()
        self._pace: tuple[float, int] | None = None
        self._rate = 0.0
        self._beat_at = 0.0
        self._beats = 0
        self._sweep, self._stepped_at = True, 0.0
        self._in_line = 0
        self._later: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    # --- what a request does ------------------------------------------------------------------------------------------

    def enter(self, arrival: dict[str, Any]) -> Lease:
        """Get in line. `await lease.turn` gives the backend's id, or raises Refused. The arrival: see model_step."""
        if self._connection is None:
            raise Refused("database_away", 5)
        lease = Lease(arrival, asyncio.get_running_loop().create_future())
        self._leases[lease.id] = lease
        self._arrivals.append(arrival)
        self._wake.set()
        return lease

    def move(self, lease: Lease) -> None:
        """Its backend failed before the first token: back to the head of the line, for another backend. Await `turn` anew."""
        self._moved.append({"id": lease.id, "backend": lease.backend})
        lease.backend = ""
        lease.turn = asyncio.get_running_loop().create_future()
        self._wake.set()

    def settle(self, lease: Lease, row: dict[str, Any], *, at_once: bool = True) -> None:
        """The request has ended, however it did; `row` goes into the ledger (see model_settle), once.

        at_once False: nobody's budget hangs on it, so that it may wait a moment for an arrival and save a round trip.
        """
        self._leases.pop(lease.id, None)
        if not lease.turn.done():
            lease.turn.cancel()
        self._settled.append(row)
        if at_once or self._in_line or len(self._settled) > 1:
            self._wake.set()
        else:
            self._later = asyncio.get_running_loop().call_later(SETTLE_WITHIN, self._wake.set)

    def forget(self, lease: Lease) -> None:
        """It was refused: the database knows nothing of it."""
        self._leases.pop(lease.id, None)

    @property
    def unsettled(self) -> int:
        """How many ended requests the database has not safely written yet."""
        return len(self._settled) + sum(len(rows) for _, rows in self._unsure)

    # --- other statements ---------------------------------------------------------------------------------------------

    async def value(self, sql: str, *arguments: Any) -> Any:
        """One value, through the same connection; Refused('database_away') when it is gone."""
        try:
            async with self._using:
                return await self._present().fetchval(sql, *arguments)
        except _GONE as error:
            raise Refused("database_away", 5) from error

    async def rows(self, sql: str, *arguments: Any) -> list[Mapping[str, Any]]:
        """Rows, likewise."""
        try:
            async with self._using:
                return [dict(row) for row in await self._present().fetch(sql, *arguments)]
        except _GONE as error:
            raise Refused("database_away", 5) from error

    def _present(self) -> Any:
        """The connection, looked at only once it is this caller's turn: it may have gone while they waited."""
        if self._connection is None:
            raise Refused("database_away", 5)
        return self._connection

    @property
    def connected(self) -> bool:
        """Whether the database answers."""
        return self._connection is not None

    # --- the loop -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect, take over from a predecessor of the same name, and go on in the background."""
        self._using = asyncio.Lock()
        await self._connect()
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._beat())]

    async def close(self, seconds: float = 5.0) -> None:
        """Send what is left, then disconnect."""
        deadline = time.monotonic() + seconds
        while self.unsettled and self._connection is not None and time.monotonic() < deadline:
            self._wake.set()
            await asyncio.sleep(0.05)
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            with suppress(*_GONE):
                await self._connection.close(timeout=2)

    async def _connect(self) -> None:
        pause = 0.2
        while True:
            try:
                connection = await asyncpg.connect(**self._arguments)
                await connection.add_listener(CHANNEL, self._notified)
                await connection.fetchval("select model_begin($1, $2)", self._name, self.id)
                self._connection = connection
                return
            except (*_GONE, asyncpg.PostgresError) as error:
                log.warning("데이터베이스에 연결할 수 없습니다(%s). 다시 시도합니다.", type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(2.0, pause * 2)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._step(beat=time.monotonic() - self._beat_at >= HEARTBEAT * 0.9)
            except Exception as error:  # whatever it is: without this loop every call would wait for ever
                if not isinstance(error, (*_GONE, asyncpg.PostgresError)):
                    log.exception("관문의 기록 단계에서 예상하지 못한 오류")
                await self._lost(error)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            # Idle gateways step too, now and then: leases of one that died are swept in a step.
            self._sweep = time.monotonic() - self._stepped_at > SWEEP
            if self._leases or self._unsure or self._sweep:
                self._wake.set()

    async def _step(self, *, beat: bool) -> None:
        arrivals, self._arrivals = self._arrivals, []
        moved, self._moved = self._moved, []
        settled, self._settled = self._settled, []
        alive = self._alive(arrivals) if beat else []
        if not (arrivals or moved or settled or alive or self._unsure or self._sweep):
            return
        self._sweep, self._stepped_at = False, time.monotonic()
        if settled:
            self._unsure.append([None, settled])
            if self._later is not None:
                self._later.cancel()
                self._later = None
        parts = (_json(settled), _json(moved), _json(alive), _json(arrivals))
        async with self._using:
            raw = await self._connection.fetchval(STEP, self.id, self._order, *parts)
        said = orjson.loads(raw)
        self._in_line = said["total"]
        self._now_safe(said, settled)
        for id, backend in said["admitted"]:
            self._admit(id, backend)
        for id, code, seconds in said["refused"]:
            lease = self._leases.get(id)
            if lease is not None and not lease.turn.done():
                lease.turn.set_exception(Refused(code, seconds))
        self._say_again(said["lost"] or ())
        if beat and self._beats % 2 and any(not lease.backend for lease in self._leases.values()):
            await self._look_at_line()

    def _alive(self, arrivals: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._beat_at = time.monotonic()
        self._beats += 1
        entering = {arrival["id"] for arrival in arrivals}
        found = []
        for lease in self._leases.values():
            # Those who wait have nothing to tell but that they are still there.
            if lease.id in entering or (not lease.backend and self._beats % 3):
                continue
            found.append(
                {
                    "id": lease.id,
                    "waits": not lease.backend,
                    "tokens_out": lease.tokens_out,
                    "more": lease.units - lease.units_told,
                }
            )
            lease.units_told = lease.units
        return found

    def _now_safe(self, said: Mapping[str, Any], just_sent: list[dict[str, Any]]) -> None:
        """What was committed before this step began stands in the log before `begun`; it is safe once that is flushed."""
        for batch in self._unsure:
            if batch[0] is None and batch[1] is not just_sent:
                batch[0] = said["begun"]
        while self._unsure and self._unsure[0][0] is not None and self._unsure[0][0] <= said["flushed"]:
            self._unsure.popleft()

    def _admit(self, id: str, backend: str) -> None:
        lease = self._leases.get(id)
        if lease is not None and not lease.backend and not lease.turn.done():
            lease.backend = backend
            lease.turn.set_result(backend)

    def _say_again(self, ids: list[str]) -> None:
        """Leases that a crash of the database has swallowed: what runs goes on and is written down anew."""
        for id in ids:
            lease = self._leases.get(id)
            if lease is None:
                continue
            lease.arrival.pop("again", None)
            if lease.backend:
                lease.arrival["again"] = lease.backend
                lease.units_told = 0.0
            self._arrivals.append(lease.arrival)
            self._wake.set()

    async def _look_at_line(self) -> None:
        async with self._using:
            said = orjson.loads(await self._connection.fetchval("select model_queue($1)::text", self.id))
        now, admitted = time.monotonic(), said["admitted"]
        if self._pace is not None and now > self._pace[0]:
            fresh = (admitted - self._pace[1]) / (now - self._pace[0])
            self._rate = fresh if not self._rate else 0.8 * self._rate + 0.2 * fresh
        self._pace = (now, admitted)
        for id, tenant, lane, rank in said["mine"]:
            lease = self._leases.get(id)
            if lease is not None:
                lease.position = fair.position(tenant, lane, rank, said["queues"])
                lease.seconds = lease.position / self._rate if self._rate > 0 else None

    def _notified(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        if payload == "configuration":
            self._on_change()
            return
        gateway, _, rest = payload.partition(" ")
        id, _, backend = rest.partition(" ")
        if gateway == self.id:
            self._admit(id, backend)

    async def _lost(self, error: BaseException) -> None:
        """The database went away in the middle of a step. Requests that were entering are told so; what ended is kept."""
        log.warning("데이터베이스와의 연결이 끊어졌습니다(%s: %s).", type(error).__name__, error)
        connection, self._connection = self._connection, None
        with suppress(Exception):
            connection.terminate()
        self._arrivals.clear()
        for lease in list(self._leases.values()):
            if not lease.backend and not lease.turn.done():
                # It may stand in the database or not: its settlement (by the request itself) makes both right.
                lease.turn.set_exception(Refused("database_away", 5))
        await self._connect()
        kept = [row for _, rows in self._unsure for row in rows]
        self._unsure.clear()
        self._settled = kept + self._settled
        self._beat_at = 0.0
        self._wake.set()


def _json(rows: list[Any]) -> str | None:
    return orjson.dumps(rows).decode() if rows else None


def connection_arguments(url: str) -> dict[str, Any]:
    """asyncpg's arguments from an SQLAlchemy URL. Settled calls are safe without waiting for the disk (see above)."""
    parsed = make_url(url)
    found: dict[str, Any] = {
        "user": parsed.username,
        "password": parsed.password,
        "database": parsed.database,
        "host": parsed.query.get("host") or parsed.host,
        "timeout": 5,
        "command_timeout": 30,
        "server_settings": {"synchronous_commit": "off", "application_name": "haechi gateway", "jit": "off"},
    }
    if parsed.port:
        found["port"] = parsed.port
    return found


def new_id() -> str:
    """Of a lease and of its row in the ledger."""
    return clock.new_id()
