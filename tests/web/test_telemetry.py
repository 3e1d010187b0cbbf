"""Who runs an installation sees what it does: Prometheus counts, and spans at an OpenTelemetry collector."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from tests.house import House

from haechi.web.telemetry import metrics

SECRET = "비밀스러운 물음"
PROGRAM = """
import asyncio, sys
from pathlib import Path
import httpx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from haechi.city import tracing
from haechi.city.settings import Settings
tracing.start(Settings(home=Path('.'), otlp_url=sys.argv[1]), 'server')
from haechi.web.telemetry import Telemetry

app = Starlette()
app.add_route('/things/{thing}', lambda request: PlainTextResponse('ok'))
async def ask():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=Telemetry(app)), base_url='http://t') as http:
        carried = {'traceparent': '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'}
        await http.get('/things/%s?q=%s' % ('one', '비밀스러운 물음'), headers=carried)
asyncio.run(ask())
tracing.stop()
"""


def families(text: str) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_what_the_house_does_is_counted_without_saying_what_was_asked(house: House) -> None:
    with house.client() as guest:
        before = families(guest.get("/metrics").text)
        guest.post(
            "/api/v1/ask", json={"question": f"{SECRET}은 어디에 있나요?"}, headers={"accept": "application/json"}
        )
        guest.get("/library/00000000-0000-0000-0000-000000000000")
        text = guest.get("/metrics").text

    def answers(found: dict[str, Any]) -> float:
        return sum(one.value for one in found["haechi_answers"].samples if one.name.endswith("_total"))

    found = families(text)
    assert answers(found) == (answers(before) if before["haechi_answers"].samples else 0) + 1
    asked = [one for one in found["haechi_http_request_seconds"].samples if one.name.endswith("_count")]
    assert {"POST", "/api/v1/ask", "200"} in [set(one.labels.values()) for one in asked]
    assert any(one.labels == {"method": "GET", "route": "/library/{document_id}", "status": "404"} for one in asked)
    assert [one.value for one in found["haechi_database_up"].samples] == [1.0]
    assert {one.labels["state"] for one in found["haechi_documents_unread"].samples} >= {"received", "failed"}
    assert SECRET not in text
    assert "00000000-0000" not in text


def test_metrics_are_for_named_addresses_only(house: House) -> None:
    class Somebody:
        client = type("Client", (), {"host": "203.0.113.9"})()
        app = type("App", (), {"state": type("State", (), {"installation": house.installation})()})()

    assert metrics(Somebody()).status_code == 403  # type: ignore[arg-type]


def test_spans_reach_a_collector_named_by_route_and_carry_no_words(tmp_path: Any) -> None:
    with collector() as (address, received):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, address],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
    (resource,) = [one for sent in received for one in sent.resource_spans]
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "haechi-server"
    (span,) = [span for scope in resource.scope_spans for span in scope.spans]
    assert span.name == "GET /things/{thing}"
    assert span.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c", "the caller's trace was not carried on"
    told = {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
    assert told == {"http.request.method": "GET", "http.route": "/things/{thing}", "http.response.status_code": 200}
    assert SECRET.encode() not in b"".join(sent.SerializeToString() for sent in received)


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A real receiver of OTLP over HTTP, and what it got."""
    received: list[ExportTraceServiceRequest] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            import gzip

            body = self.rfile.read(int(self.headers["content-length"]))
            body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
            assert self.path == "/v1/traces"
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
