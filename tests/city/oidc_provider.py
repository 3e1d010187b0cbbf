"""The npm package `oidc-provider` as a child process, and a person with a browser who signs in there."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

FOLDER = Path(__file__).parent / "oidc"


def install() -> None:
    """Bring the package in with npm, once; skips the test, saying why, where that cannot be done."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js가 없습니다(node, npm): 진짜 OpenID Connect 제공자를 띄울 수 없습니다")
    if (FOLDER / "node_modules/oidc-provider/package.json").exists():
        return
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=180,
    )
    if done.returncode != 0:
        pytest.skip(f"npm install에 실패했습니다: {done.stderr.strip()[-200:]}")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(port: int, accounts: dict[str, Any], clients: list[dict[str, Any]]) -> Iterator[str]:
    """The provider on `port`; yields its issuer."""
    configuration = json.dumps({"port": port, "accounts": accounts, "clients": clients})
    process = subprocess.Popen(
        ["node", "provider.mjs", configuration],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        lines = iter(process.stdout.readline, "")
        if not any(line.strip() == "ready" for line in lines):
            raise RuntimeError(f"the provider did not start: {process.stderr.read()[-2000:]}")
        for stream in (process.stdout, process.stderr):
            threading.Thread(target=stream.read, daemon=True).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


def sign_in(url: str, login: str, redirect_uri: str) -> dict[str, str]:
    """What a person does in a browser: follow `url`, type the login, consent. Returns the query of the callback."""
    with httpx2.Client(timeout=20) as browser:
        answer = browser.get(url)
        for _ in range(20):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if target.startswith(redirect_uri):
                    return dict(parse_qsl(urlsplit(target).query))
                answer = browser.get(target)
                continue
            form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
            assert form is not None, answer.text
            assert prompt is not None, answer.text
            fields = {"prompt": prompt[1], "login": login, "password": "any"}
            answer = browser.post(urljoin(str(answer.url), form[1]), data=fields)
    raise AssertionError("the provider sent the browser in circles")
