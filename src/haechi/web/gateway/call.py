"""One call from its arrival to the ledger: admitted, sent, moved when a backend fails, settled whatever happens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from haechi.city.gateway.rules import lane_number
from haechi.city.gateway.truth import Lease, Refused, new_id
from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput
from haechi.engines.models.ports import Backend, Usage
from haechi.engines.models.upstream import BackendFailed, BackendRefused, still
from haechi.web.gateway.gateway import Gateway, Principal
from haechi.web.gateway.http import Headers, Request

LOOK_SECONDS = 2.0
MOST_TOKENS = 10**8


class ModelRefused(HaechiError):
    """The model's server says that the call itself is wrong."""

    code = "model_refused"
    status = 422


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call needs. tokens_in: estimate; bound_in: no more than that; bound_out: reserved. log: masked words."""

    kind: str
    alias: str
    tokens_in: int
    bound_in: int
    bound_out: int
    streamed: bool = False
    found: tuple[str, ...] = ()
    log: str = ""


class Call:
    """Make one with `open_call`. Settle it exactly once, by `end`."""

    def __init__(self, gateway: Gateway, request: Request, principal: Principal, wanted: Wanted) -> None:
        self._gateway, self._wanted = gateway, wanted
        self._started = time.perf_counter()
        self._at = clock.now()
        self._admitted: float | None = None
        self._first: float | None = None
        self._ended = False
        self._tariff = gateway.rules.tariffs.of(wanted.alias)
        self._limited = limited(principal)
        rates = gateway.backend_for(wanted.alias, wanted.kind)
        self._unit_in, self._unit_out = (rates.unit_in, rates.unit_out) if rates else (1.0, 2.0)
        self.lane = _lane(request, principal)
        self._known = _known(request, principal)
        self.lease: Lease = gateway.truth.enter(self._arrival(principal))
        self.backend: Backend | None = None

    def _arrival(self, principal: Principal) -> dict[str, Any]:
        wanted = self._wanted
        detail = {
            **self._known, "streamed": wanted.streamed, "found": wanted.found, "log_text": wanted.log,
            "price_in": self._tariff.won_in, "price_out": self._tariff.won_out,
        }  # fmt: skip
        return {
            "id": new_id(),
            "key": principal.prefix,
            "tenant": principal.holder,
            "lane": self.lane,
            "alias": wanted.alias,
            "kind": wanted.kind,
            "units": wanted.tokens_in * self._unit_in,
            "tokens": wanted.bound_in + wanted.bound_out,
            "microwon": self._tariff.microwon(wanted.bound_in, wanted.bound_out),
            "tokens_in": wanted.tokens_in,
            "detail": detail,
        }

    # --- admission --------------------------------------------------------------------------------------------------------

    async def turn(self) -> Backend:
        """Wait to be admitted. Refused when that will not be."""
        async for _ in self.waiting():
            pass
        assert self.backend is not None
        return self.backend

    async def waiting(self) -> AsyncIterator[tuple[int, float | None]]:
        """(position, expected seconds) now and then, until admitted; then `backend` is set. Refused when that will not be."""
        lease = self.lease
        while not lease.turn.done() and await still(lease.turn, LOOK_SECONDS):
            if time.perf_counter() - self._started > self._gateway.rules.longest_wait:
                raise Refused("too_long", 30)
            if lease.position is not None:
                yield lease.position, lease.seconds
        found = self._gateway.backends.get(lease.turn.result())
        if found is None:
            await self._gateway.read_configuration()
            found = self._gateway.backends[lease.turn.result()]
        self.backend = found
        if self._admitted is None:
            self._admitted = time.perf_counter()

    def move(self, failure: BackendFailed) -> None:
        """The backend failed before anything was said: the next `turn` gives another."""
        assert self.backend is not None
        self._gateway.failed(self.backend.id, failure.why)
        self.backend = None
        self._gateway.truth.move(self.lease)

    def began(self) -> None:
        """The first token is here."""
        if self._first is None:
            self._first = time.perf_counter()
            assert self.backend is not None
            self._gateway.worked(self.backend.id)

    def wrote(self, tokens_out: int) -> None:
        """So much is known of the output: charged as it comes."""
        self.lease.tokens_out = min(tokens_out, MOST_TOKENS)
        self.lease.units = self.lease.tokens_out * self._unit_out

    # --- the end ----------------------------------------------------------------------------------------------------------

    def end(self, state: str, usage: Usage | None = None, error: str = "") -> None:
        """Into the ledger: 'done', 'hung_up', 'failed' or 'left' (before it was admitted). Called again it does nothing."""
        if self._ended:
            return
        self._ended = True
        now = time.perf_counter()
        if self._admitted is None:
            state = "left"
        # Nothing came from the model: nothing is charged.
        free = self._admitted is None or (state == "failed" and self._first is None)
        used = _believable(usage) if usage is not None and not free else Usage(0, 0, "estimate")
        # What was reserved of a budget is free again before its tenant can ask for more.
        self._gateway.truth.settle(self.lease, self._row(state, used, now, error), at_once=self._limited)

    def stand_in(self, backend: Backend) -> None:
        """No model lives: `backend` answers in this process, outside the line, and nothing is charged for it."""
        self.backend = backend
        if self._admitted is None:
            self._admitted = time.perf_counter()

    def refused(self, refusal: Refused) -> None:
        """It was not admitted, or not again. What never stood in line leaves no row: a flood of refusals costs nothing."""
        if refusal.code in ("no_backend", "too_long", "database_away"):
            self.end("failed", error=refusal.code)
        elif not self._ended:
            self._ended = True
            self._gateway.truth.forget(self.lease)

    def _row(self, state: str, used: Usage, now: float, error: str) -> dict[str, Any]:
        wanted, admitted = self._wanted, self._admitted or now
        backend = self.backend
        energy = self._gateway.rules.energy
        footprint = (
            energy.footprint(backend.parameters_b, used.tokens_out, now - admitted) if backend is not None else None
        )
        return {
            **self._known,
            "id": self.lease.id,
            "at": self._at,
            "tenant": self.lease.arrival["tenant"],
            "alias": wanted.alias,
            "backend": backend.id if backend is not None else "",
            "kind": wanted.kind,
            "lane": self.lane,
            "state": state,
            "streamed": wanted.streamed,
            "tokens_in": used.tokens_in,
            "tokens_out": used.tokens_out,
            "counted": used.counted,
            "microwon": self._tariff.microwon(used.tokens_in, used.tokens_out),
            "units": used.tokens_in * self._unit_in + used.tokens_out * self._unit_out,
            "wait_ms": round((admitted - self._started) * 1000),
            "first_token_ms": round((self._first - self._started) * 1000) if self._first is not None else None,
            "latency_ms": round((now - self._started) * 1000),
            "milliwatthours": footprint.milliwatthours if footprint is not None else None,
            "co2_milligrams": footprint.co2_milligrams if footprint is not None else None,
            "energy_method": energy.method if footprint is not None else "",
            "found": wanted.found,
            "log_text": wanted.log,
            "error": error[:300].replace("\x00", ""),
        }

    @property
    def bot(self) -> str:
        """For which bot a service calls; '' for none."""
        return str(self._known.get("bot", ""))

    @property
    def priority(self) -> int | None:
        """What vLLM gets: a smaller number goes first."""
        return self.lane if self.backend is not None and self.backend.passes_priority else None

    @property
    def headers(self) -> Headers:
        """What the caller is told beside the answer."""
        waited = round(((self._admitted or time.perf_counter()) - self._started) * 1000)
        found: Headers = [(b"x-haechi-call", self.lease.id.encode()), (b"x-haechi-wait-ms", str(waited).encode())]
        if self.lease.position is not None:
            found.append((b"x-haechi-queue-position", str(self.lease.position).encode()))
        if self.backend is not None:
            found.append((b"x-haechi-backend", self.backend.id.encode()))
        return found


def limited(principal: Principal) -> bool:
    """Whether the tenant has a monthly budget."""
    return principal.tenant["month_microwon"] is not None or principal.tenant["month_tokens"] is not None


def _believable(usage: Usage) -> Usage:
    """A backend's counts within what the ledger holds: a server that talks nonsense must not stop the books of all."""
    return Usage(min(max(usage.tokens_in, 0), MOST_TOKENS), min(max(usage.tokens_out, 0), MOST_TOKENS), usage.counted)


def _lane(request: Request, principal: Principal) -> int:
    asked = request.headers.get(b"x-haechi-lane")
    return lane_number(asked.decode("latin-1")) if asked else int(principal.tenant["lane"])


def _known(request: Request, principal: Principal) -> dict[str, Any]:
    """Who is behind the call. Only a service's key may say that it calls for a bot or for another service."""
    found: dict[str, Any] = {"subject": f"key:{principal.prefix}", "bureau": principal.bureau}
    if principal.for_others:
        said = request.header(b"x-haechi-service") or principal.holder.partition(":")[2]
        if not said.isdigit() or not 1 <= int(said) <= 99:
            raise InvalidInput(
                "x-haechi-service를 읽을 수 없습니다.", next_step="서비스 번호로 보내세요.", record="x-haechi-service"
            )
        found["service"] = int(said)
        found["bot"] = request.header(b"x-haechi-bot")[:60]
    return found


def refused_by_model(refusal: BackendRefused) -> ModelRefused:
    """In our words, with the server's own reason."""
    reason = refusal.message.replace("\x00", "")
    return ModelRefused(
        f"모델 서버가 요청을 받지 않았습니다(HTTP {refusal.status}){': ' + reason if reason else '.'}",
        next_step="요청의 항목을 확인하세요.",
    )
