"""Documents and questions go to a server outside the city only without personal data."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from haechi.engines.knowledge import embedder_for
from haechi.engines.knowledge.embedding import HttpEmbedder
from haechi.engines.models.guard import Guard, is_outside


@pytest.mark.parametrize(
    ("url", "outside"),
    [
        ("http://127.0.0.1:8000/v1", False),
        ("http://10.0.0.5/v1", False),
        ("http://[fd00::5]:80/v1", False),
        ("http://gpu1:8000/v1", False),
        ("http://gpu1.internal/v1", False),
        ("https://vector.seoul.go.kr/v1", False),
        ("https://api.example.com/v1", True),
        ("https://seoul.go.kr.example.com/v1", True),
        ("https://8.8.8.8/v1", True),
        ("http://[2001:4860:4860::8888]/v1", True),
        ("https:///v1", True),
    ],
)
def test_a_server_counts_as_the_citys_only_where_it_is_known_to_be(url: str, outside: bool) -> None:
    assert is_outside(url) is outside


def test_a_server_outside_never_sees_a_citizens_number(tmp_path: Path) -> None:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
            seen.extend(texts)
            data = [{"index": at, "embedding": [1.0, float(len(text))]} for at, text in enumerate(texts)]
            content = json.dumps({"data": data}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        embedder = HttpEmbedder(url, "m", hide=Guard().log_form)
        embedder.passages(["민원인 010-1234-5678에게 연락함"])
        embedder.questions(["010-1234-5678은 누구 번호인가요?"])
        embedder.close()
    finally:
        server.shutdown()
        server.server_close()
    assert "⟦전화1⟧" in seen[-1]
    assert "010-1234" not in str(seen)
    # The address decides: the same model inside the city gets the words as they are, and its vectors are other vectors.
    outside = embedder_for(tmp_path, url="https://vectors.example.com/v1", model="m")
    inside = embedder_for(tmp_path, url="http://10.0.0.5/v1", model="m")
    assert isinstance(outside, HttpEmbedder)
    assert isinstance(inside, HttpEmbedder)
    assert "010-1234" not in outside._hidden("전화 010-1234-5678")
    assert "010-1234" in inside._hidden("전화 010-1234-5678")
    assert embedder.version != HttpEmbedder(url, "m").version
