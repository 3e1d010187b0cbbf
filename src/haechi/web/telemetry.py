"""Every request counted and, where traces are on, a span: by route, never by address or person."""

from __future__ import annotations

import time

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haechi.city.metrics import HTTP, exposition

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FORMAT = "text/plain; version=0.0.4; charset=utf-8"


class Telemetry:
    """Plain ASGI, so that streams pass unbuffered; a request ends with its last byte."""

    def __init__(self, app: ASGIApp, paths: frozenset[str] = frozenset()) -> None:
        """paths: addresses that are routes by themselves, for an application without a router."""
        self.app = app
        self._paths = paths
        self._tracer = trace.get_tracer("haechi.web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        carried = extract(dict(Headers(scope=scope)))
        with self._tracer.start_as_current_span(method, context=carried, kind=SpanKind.SERVER) as span:
            try:
                await self.app(scope, receive, watched)
            finally:
                route = scope["path"] if scope["path"] in self._paths else _route(scope)
                HTTP.labels(method, route, str(status)).observe(time.perf_counter() - began)
                span.update_name(f"{method} {route}")
                span.set_attributes(
                    {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                )


def _route(scope: Scope) -> str:
    """The route's own pattern ('/library/{document_id}'): few values, and nothing of what was asked for."""
    return str(getattr(scope.get("route"), "path", "") or "other")


def metrics(request: Request) -> Response:
    """For Prometheus; to the addresses that HAECHI_METRICS_FROM names, and to nobody else."""
    installation = request.app.state.installation
    allowed = installation.settings.metrics_from.split()
    if request.client is None or request.client.host not in allowed:
        return PlainTextResponse("HAECHI_METRICS_FROM에 이 주소가 없습니다.\n", status_code=403)
    return Response(exposition(installation.worker_store), media_type=FORMAT)
