"""The gateway's ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from haechi.core.errors import HaechiError, NotFound
from haechi.web.gateway.chat import chat_completions
from haechi.web.gateway.errors import as_error
from haechi.web.gateway.gateway import Gateway, Principal
from haechi.web.gateway.http import Receive, Request, Scope, Send
from haechi.web.gateway.listing import health, models, queue
from haechi.web.gateway.passing import embeddings, rerank, speech, transcriptions
from haechi.web.gateway.responses import responses

log = logging.getLogger("haechi.gateway")
Handler = Callable[[Gateway, Request, Principal], Awaitable[None]]


class Application:
    """Routes of one gateway. Its life is the process's: it connects at start-up and settles what is left at shut-down."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.routes: dict[tuple[str, str], Handler] = {
            ("POST", "/v1/chat/completions"): chat_completions,
            ("POST", "/v1/responses"): responses,
            ("POST", "/v1/embeddings"): embeddings,
            ("POST", "/v1/rerank"): rerank,
            ("POST", "/v1/audio/transcriptions"): transcriptions,
            ("POST", "/v1/audio/speech"): speech,
            ("GET", "/v1/models"): models,
            ("GET", "/v1/queue"): queue,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(Request(scope, receive, send))

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.gateway.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.gateway.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _serve(self, request: Request) -> None:
        if request.path == "/healthz":
            await health(self.gateway, request)
            return
        try:
            handler = self._find(request)
            principal = await self.gateway.principal(request.header(b"authorization"))
            await handler(self.gateway, request, principal)
        except Exception as error:
            await _answer(request, error)

    def _find(self, request: Request) -> Handler:
        handler = self.routes.get((request.method, request.path))
        if handler is not None:
            return handler
        if any(path == request.path for _, path in self.routes):
            raise _WrongMethod(
                "이 주소는 그 방식으로 부를 수 없습니다.", next_step="docs/engines/models.md의 목록을 보세요."
            )
        raise NotFound(
            "그런 주소가 없습니다.", next_step="docs/engines/models.md의 목록을 보세요.", record=request.path
        )


class _WrongMethod(HaechiError):
    code = "method_not_allowed"
    status = 405


async def _answer(request: Request, error: Exception) -> None:
    status, body, headers = as_error(error)
    if request.started:
        # Nothing can be said any more in the words of the protocol: the connection ends without its end.
        log.error("답이 시작된 뒤의 오류", exc_info=error)
        raise error
    await request.reply(status, orjson.dumps(body), headers)


def watched(application: Application) -> Any:
    """The application, whose work on a request ends when the caller hangs up."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        await _until_hung_up(application, scope, receive, send)

    return serve


async def _until_hung_up(application: Application, scope: Scope, receive: Receive, send: Send) -> None:
    body_read = asyncio.Event()
    gone = False

    async def receive_watched() -> Any:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body_read.set()
        return message

    work = asyncio.current_task()
    assert work is not None

    async def watch() -> None:
        nonlocal gone
        await body_read.wait()
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        work.cancel()

    watcher = asyncio.create_task(watch())
    try:
        await application(scope, receive_watched, send)
    except asyncio.CancelledError:
        if not gone:
            raise
    finally:
        watcher.cancel()
