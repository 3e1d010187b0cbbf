"""A real HTTP server in its own process that speaks OpenAI's streaming protocol and behaves as told.

Run: python scripted_model.py PORT_FILE. The behaviour is the model's name: obey:<text>, slow, hang-up, broken, refuse, trickle.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Scripted(BaseHTTPRequestHandler):
    """One chat completion a request."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        behaviour, _, text = body["model"].partition(":")
        if behaviour == "refuse":
            self._status(401, b'{"error": {"message": "bad key"}}')
            return
        if behaviour == "slow":
            time.sleep(3)
        self._status(200, b"", "text/event-stream")
        if behaviour == "broken":
            self.wfile.write(b"data: {not json\n\n")
            return
        if behaviour == "echo-prompt":
            text = json.dumps(body["messages"], ensure_ascii=False)
        for at in range(0, len(text), 3):
            self._event({"choices": [{"delta": {"content": text[at : at + 3]}, "finish_reason": None}]})
            if behaviour == "trickle":
                time.sleep(0.2)
        if behaviour == "hang-up":
            return
        self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, event: dict[str, object]) -> None:
        self.wfile.write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
        self.wfile.flush()

    def _status(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if body:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    Path(sys.argv[1]).write_text(str(server.server_address[1]))
    server.serve_forever()
