"""A real local model server speaks the same protocol: only where llama-cpp-python and a GGUF file are at hand."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from haechi.engines.models.openai_compatible import OpenAICompatible

GGUF = os.environ.get("HAECHI_TEST_GGUF", "")


@pytest.mark.heavy
@pytest.mark.skipif(importlib.util.find_spec("llama_cpp") is None, reason="llama-cpp-python is not installed")
@pytest.mark.skipif(not (GGUF and Path(GGUF).is_file()), reason="HAECHI_TEST_GGUF names no GGUF file")
def test_a_real_model_streams_through_the_client():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", GGUF, "--model_alias", "local", "--port", str(port)]
    server = subprocess.Popen(command)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        for _ in range(240):
            try:
                httpx.get(f"{url}/models", timeout=1)
                break
            except httpx.HTTPError:
                time.sleep(0.5)
        model = OpenAICompatible(url, "local", between=120.0)
        pieces = list(model.chat([{"role": "user", "content": "Say one word."}], max_tokens=8))
        model.close()
        assert "".join(pieces).strip()
    finally:
        server.terminate()
        server.wait(20)
