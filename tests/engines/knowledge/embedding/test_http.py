"""A city replaces the packaged model by its own server: a URL, a model name, a key."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from tests.engines.knowledge.embedding.conformance import TEXTS, EmbedderContract

from haechi.core.errors import InvalidInput, Unavailable
from haechi.engines.knowledge.embedding import E5Embedder, HttpEmbedder

KEY = "city-key-1234"


@dataclass
class Server:
    """A real /v1/embeddings server around the packaged model. failures: statuses to answer with before working."""

    inner: E5Embedder
    failures: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    width: int = 384
    url: str = ""

    def answer(self, key: str | None, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        if key != f"Bearer {KEY}":
            return 401, {"error": {"message": "no key"}}
        if self.failures:
            return self.failures.pop(0), {"error": {"message": "try again"}}
        texts = [str(text) for text in body["input"]]  # type: ignore[attr-defined]
        self.sizes.append(len(texts))
        rows = [
            self.inner.questions([text.removeprefix("query: ")])[0]
            if text.startswith("query: ")
            else self.inner.passages([text.removeprefix("passage: ")])[0]
            for text in texts
        ]
        data = [{"index": i, "embedding": (3 * row[: self.width]).tolist()} for i, row in enumerate(rows)]
        return 200, {"object": "list", "data": data[::-1], "model": body["model"]}


@pytest.fixture
def server(e5: E5Embedder) -> Iterator[Server]:
    state = Server(e5)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = state.answer(self.headers.get("authorization"), body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
    thread.start()
    state.url = f"http://127.0.0.1:{listening.server_port}/v1"
    yield state
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def remote(server: Server) -> Iterator[HttpEmbedder]:
    made = HttpEmbedder(server.url, "city-e5", KEY, passage_prefix="passage: ", question_prefix="query: ", batch=2)
    yield made
    made.close()


class TestHttp(EmbedderContract):
    """A service behind a URL keeps the contract."""

    @pytest.fixture
    def embedder(self, remote: HttpEmbedder) -> HttpEmbedder:
        return remote


def test_the_vectors_are_the_services_own_in_the_order_asked(
    e5: E5Embedder, server: Server, remote: HttpEmbedder
) -> None:
    np.testing.assert_allclose(remote.passages(TEXTS), e5.passages(TEXTS), atol=1e-5)
    assert server.sizes == [1, 2, 2, 1]


def test_a_busy_service_is_asked_again(server: Server, remote: HttpEmbedder) -> None:
    server.failures = [503, 429]
    assert remote.passages(["재산세"]).shape == (1, 384)
    assert server.failures == []


def test_a_wrong_key_is_said_at_once_and_never_shown(server: Server) -> None:
    stranger = HttpEmbedder(server.url, "city-e5", "secret-of-mine")
    with pytest.raises(Unavailable, match="키가 없거나 맞지 않습니다") as caught:
        stranger.passages(["재산세"])
    assert "secret-of-mine" not in str(caught.value)
    stranger.close()


def test_another_width_than_the_index_has_is_refused(server: Server) -> None:
    server.width = 256
    expecting = HttpEmbedder(server.url, "city-e5", KEY, dimensions=384)
    with pytest.raises(Unavailable, match="차원이 384이어야 하는데 256"):
        expecting.passages(["재산세"])
    expecting.close()


def test_nobody_listening_is_a_clear_state() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    lonely = HttpEmbedder(f"http://127.0.0.1:{port}/v1", "m", retries=0)
    with pytest.raises(Unavailable, match="연결하지 못했습니다") as caught:
        lonely.questions(["재산세"])
    assert "haechi doctor" in caught.value.next_step
    lonely.close()


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(InvalidInput, match="http://"):
        HttpEmbedder("localhost:8000", "m")
