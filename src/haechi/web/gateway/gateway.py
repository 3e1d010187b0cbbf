"""What one gateway process holds: the line to the truth, connections to backends, who called lately."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from haechi.city.gateway.configuration import ANSWERER, READ, backends_of
from haechi.city.gateway.rules import Rules
from haechi.city.gateway.truth import Refused, Truth
from haechi.core.errors import Forbidden, NotSignedIn
from haechi.engines.models.breaker import pause_after
from haechi.engines.models.ports import Backend, Guarding
from haechi.engines.models.upstream import BackendFailed, Upstream

log = logging.getLogger("haechi.gateway")
_KEY = re.compile(r"hk_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
KNOWN_SECONDS = 20.0
PROBE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. prefix: of the key. tenant: as the database has it."""

    prefix: str
    holder: str
    bureau: str
    tenant: Mapping[str, Any]

    @property
    def for_others(self) -> bool:
        """Services say for which service and bot they call."""
        return self.holder.startswith("service:")


class Gateway:
    """One a process. keys: of backends, by id. built_in, answerer: what answers backends of those kinds, or None."""

    def __init__(
        self,
        url: str,
        name: str,
        rules: Rules,
        guard: Guarding,
        *,
        keys: Mapping[str, str] | None = None,
        order: str = "fair",
        built_in: Any = None,
        answerer: Any = None,
        body_limit: int = 32 * 2**20,
    ) -> None:
        self.rules = rules
        self.guard = guard
        self.built_in = built_in
        self.answerer = answerer
        self.body_limit = body_limit
        self.truth = Truth(url, name, order=order, on_change=self._configuration_changed)
        self.backends: dict[str, Backend] = {}
        self._first = orjson.dumps(rules.tenants).decode()
        self._keys = dict(keys or {})
        self._known: dict[str, tuple[Principal, float]] = {}
        self._failures: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._upstream: Upstream | None = None

    @property
    def upstream(self) -> Upstream:
        """Connections to the backends; there once the process has started."""
        assert self._upstream is not None
        return self._upstream

    async def start(self) -> None:
        """Connect to the truth and begin to look after the backends."""
        self._upstream = Upstream()
        await self.truth.start()
        await self.read_configuration()
        self._spawn(self._probe_for_ever())

    async def close(self) -> None:
        """Write down what is left and disconnect."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.truth.close()
        await self.upstream.close()
        if self.answerer is not None:
            await asyncio.to_thread(self.answerer.close)

    # --- who calls ------------------------------------------------------------------------------------------------------

    async def principal(self, authorization: str) -> Principal:
        """NotSignedIn or Forbidden in the words of core/keys. Whether the key is still in force is asked at each admission."""
        known = self._known.get(authorization)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        scheme, _, secret = authorization.partition(" ")
        shape = _KEY.fullmatch(secret.strip())
        if scheme.lower() != "bearer" or shape is None:
            raise _unknown()
        said = await self.truth.value("select model_principal($1, $2::text::jsonb)::text", shape[1], self._first)
        row = orjson.loads(said) if said else None
        if row is None or not hmac.compare_digest(row["hash"], hashlib.sha256(shape[2].encode()).hexdigest()):
            raise _unknown()
        if not row["in_force"]:
            raise NotSignedIn("이 키는 만료되었거나 폐지되었습니다.", next_step="관리자에게 새 키를 요청하세요.")
        if "models" not in row["scopes"]:
            raise Forbidden(
                "이 키에는 '언어모형 쓰기'(models) 권한이 없습니다.",
                next_step="범위를 넓힌 새 키를 관리자에게 요청하세요.",
            )
        found = Principal(shape[1], row["holder"], row["bureau"], row["tenant"])
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[authorization] = (found, time.monotonic() + KNOWN_SECONDS)
        return found

    # --- backends -------------------------------------------------------------------------------------------------------

    def aliases(self) -> dict[str, set[str]]:
        """Every name that callers may use, with what it offers."""
        found: dict[str, set[str]] = {}
        for backend in self.backends.values():
            for alias in backend.models:
                found.setdefault(alias, set()).update(backend.offers)
        return found

    def backend_for(self, alias: str, kind: str) -> Backend | None:
        """Any backend that offers it: for its rates, before one is chosen."""
        offering = [b for b in self.backends.values() if alias in b.models and kind in b.offers]
        return min(offering, key=lambda b: b.kind == ANSWERER, default=None)

    def answerer_for(self, alias: str) -> Backend | None:
        """What answers in the place of the models of that name, once none of them lives; None where nothing does."""
        if self.answerer is None:
            return None
        standing = (b for b in self.backends.values() if b.kind == ANSWERER and b.enabled and alias in b.models)
        return next(standing, None)

    async def read_configuration(self) -> None:
        """Backends as the database has them now."""
        self.backends = backends_of(await self.truth.rows(READ), self._keys)

    def _configuration_changed(self) -> None:
        self._known.clear()
        self._spawn(self._read_quietly())

    async def _read_quietly(self) -> None:
        with suppress(Refused):
            await self.read_configuration()

    def failed(self, backend: str, why: str) -> None:
        """A call did not get through: three in a row, and the backend is left alone for a while, by every gateway."""
        failures = self._failures[backend] = self._failures.get(backend, 0) + 1
        log.warning("모델 서버 %s: %s (연속 %d번)", backend, why, failures)
        self._spawn(self._tell_health(backend, "down", why, failures))

    def worked(self, backend: str) -> None:
        """A call got through."""
        if self._failures.pop(backend, 0):
            self._spawn(self._tell_health(backend, "up", "", 0))

    async def _tell_health(self, backend: str, state: str, why: str, failures: int) -> None:
        with suppress(Refused):
            sql = "select model_health($1, $2, $3, $4, $5)"
            await self.truth.value(sql, backend, state, why, failures, pause_after(failures))

    async def _probe_for_ever(self) -> None:
        told: dict[str, tuple[str, float]] = {}
        while True:
            try:
                for backend in list(self.backends.values()):
                    await self._probe(backend, told)
            except Exception:  # whatever it is, the next round looks again
                log.exception("모델 서버를 살피지 못했습니다")
            await asyncio.sleep(PROBE_SECONDS)

    async def _probe(self, backend: Backend, told: dict[str, tuple[str, float]]) -> None:
        """Ask whether it lives; tell the others what is new, and every half minute that it was looked at."""
        state, why = "up", ""
        if backend.kind == "openai":
            try:
                await self.upstream.models(backend)
            except BackendFailed as failure:
                state, why = "down", failure.why
        if state == "up":
            self._failures.pop(backend.id, None)
        else:
            self._failures[backend.id] = self._failures.get(backend.id, 0) + 1
        before, at = told.get(backend.id, ("", 0.0))
        if state != before or state == "down" or time.monotonic() - at > 30:
            told[backend.id] = (state, time.monotonic())
            await self._tell_health(backend.id, state, why, self._failures.get(backend.id, 0))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _unknown() -> NotSignedIn:
    return NotSignedIn("키가 올바르지 않습니다.", next_step="키를 다시 확인하거나 관리자에게 새 키를 요청하세요.")
