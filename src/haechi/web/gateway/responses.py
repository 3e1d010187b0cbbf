"""POST /v1/responses: the same exchange as chat, in the words of the Responses API."""

from __future__ import annotations

import time

import orjson

from haechi.engines.models.protocol import read_chat
from haechi.engines.models.responses import Response, as_chat
from haechi.web.gateway.chat import Exchange, refuse
from haechi.web.gateway.gateway import Gateway, Principal
from haechi.web.gateway.http import LABEL_HEADER, Request


async def responses(gateway: Gateway, request: Request, principal: Principal) -> None:
    """Streamed or whole; nothing is stored."""
    body = await request.json(gateway.body_limit)
    called = read_chat(as_chat(body))
    guarded = gateway.guard.before(called.messages, tools=called.tools)
    if guarded.refusal:
        await refuse(request, called, guarded.refusal, Response("guard", body, int(time.time()), label=""))
        return
    exchange = Exchange(gateway, request, principal, called, guarded)
    response = Response(exchange.call.lease.id, body, int(time.time()))
    if called.stream:
        await exchange.stream(response)
    else:
        whole = response.whole(await exchange.whole())
        await request.reply(200, orjson.dumps(whole), [*exchange.call.headers, LABEL_HEADER])
