"""GET /v1/models, /v1/queue and /healthz."""

from __future__ import annotations

import orjson

from haechi.web.gateway.gateway import Gateway, Principal
from haechi.web.gateway.http import Request


async def models(gateway: Gateway, request: Request, principal: Principal) -> None:
    """The names that this caller may use, and what each does."""
    allowed = principal.tenant["models"]
    data = [
        {"id": alias, "object": "model", "created": 0, "owned_by": "haechi", "haechi": {"offers": sorted(offers)}}
        for alias, offers in sorted(gateway.aliases().items())
        if allowed is None or alias in allowed
    ]
    await request.reply(200, orjson.dumps({"object": "list", "data": data}), [])


async def queue(gateway: Gateway, request: Request, principal: Principal) -> None:
    """What a tenant may know of its place: waiting, running, budget used and left, when it is reset."""
    said = await gateway.truth.value("select model_standing($1)::text", principal.holder)
    await request.reply(200, said.encode(), [])


async def health(gateway: Gateway, request: Request) -> None:
    """Whether calls are taken: for supervisors and load balancers, without a key."""
    up = gateway.truth.connected
    body = {"state": "ready" if up else "degraded", "backends": len(gateway.backends)}
    await request.reply(200 if up else 503, orjson.dumps(body), [])
