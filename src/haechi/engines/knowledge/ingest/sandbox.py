"""Files from outside are read in a worker process that can be killed at any moment without losing the queue."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, Any

import psutil

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest.failures import REASONS, unreadable
from haechi.engines.knowledge.ingest.limits import MIB, Limits
from haechi.engines.knowledge.ingest.wire import from_plain
from haechi.engines.knowledge.ports import ParsedDocument

_GRACE = 3.0
"""Seconds that the worker gets beyond the file's own limit, to say so itself."""
_FILES_PER_WORKER = 5_000
_LARGEST_IDLE = 700 * MIB
"""Resident memory with which a worker may wait for the next file; above it, a new one starts."""
_LARGEST_REPLY = 512 * MIB
_START_SECONDS = 60.0


class Sandbox:
    """One reusable worker process. Threads may share it: they take turns. `close` ends the worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self._served = 0

    def read(self, data: bytes, filename: str, limits: Limits | None = None) -> list[ParsedDocument]:
        """As `reading.read_file`, within `limits` whatever the file does. Raises UnreadableDocument."""
        limits = limits or Limits()
        if len(data) > limits.file_bytes:
            raise unreadable("too_large", record=filename, what=f"파일 크기 {limits.file_bytes >> 20:,}MiB")
        with self._lock:
            fresh = self._process is None or self._process.poll() is not None or self._served >= _FILES_PER_WORKER
            if fresh:
                self._start()
            self._served += 1
            deadline = time.monotonic() + limits.seconds + _GRACE + (_START_SECONDS if fresh else 0)
            try:
                reply = self._exchange(data, filename, limits, deadline)
            except (OSError, EOFError, ValueError) as error:
                raise self._post_mortem(filename, limits) from error
            except BaseException:
                self._kill()
                raise
            if _resident(self.pid) > _LARGEST_IDLE:
                self._kill()
        return _documents(reply, filename)

    def start(self) -> None:
        """Starts the worker ahead of the first file."""
        with self._lock:
            if self.pid is None:
                self._start()

    def close(self) -> None:
        """Ends the worker process."""
        with self._lock:
            self._kill()

    @property
    def pid(self) -> int | None:
        """The worker's process id while one is alive."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def _start(self) -> None:
        self._kill()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self._process = subprocess.Popen(
            [sys.executable, "-m", "haechi.engines.knowledge.ingest.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "MALLOC_ARENA_MAX": "2"},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._served = 0

    def _exchange(self, data: bytes, filename: str, limits: Limits, deadline: float) -> Any:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        head = {"filename": filename, "length": len(data), "limits": limits.as_dict()}
        _write(process.stdin.fileno(), json.dumps(head).encode() + b"\n", deadline)
        _write(process.stdin.fileno(), data, deadline)
        return json.loads(_read_line(process.stdout.fileno(), deadline))

    def _post_mortem(self, filename: str, limits: Limits) -> UnreadableDocument:
        """What the worker's end says about the file: time, memory, or a parser that crashed on it."""
        process = self._process
        assert process is not None
        try:
            status: int | None = process.wait(0.5)
        except subprocess.TimeoutExpired:
            status = None
        said = self._last_words()
        self._kill()
        if status is None or status == -signal.SIGXCPU:
            return unreadable("timed_out", record=filename, seconds=f"{limits.seconds:g}")
        if "memory" in said.lower() or status == -signal.SIGKILL:
            return unreadable("out_of_memory", record=filename)
        return unreadable("broken", record=filename)

    def _last_words(self) -> str:
        if self._stderr is None:
            return ""
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - 4096))
        return self._stderr.read().decode("utf-8", "replace")

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with the recognisers it may have started
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None


def _resident(pid: int | None) -> int:
    try:
        return psutil.Process(pid).memory_info().rss if pid is not None else 0
    except psutil.Error:
        return 0


def _write(pipe: int, data: bytes, deadline: float) -> None:
    view = memoryview(data)
    while view:
        _, ready, _ = select.select([], [pipe], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise EOFError("the worker stopped reading")
        view = view[os.write(pipe, view[: 1 << 16]) :]


def _read_line(pipe: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while not parts or not parts[-1].endswith(b"\n"):
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise EOFError("the worker ran out of time")
        part = os.read(pipe, 1 << 20)
        if not part:
            raise EOFError("the worker ended")
        parts.append(part)
        size += len(part)
        if size > _LARGEST_REPLY:
            raise unreadable("too_large", what="읽은 내용 512MiB")
    return b"".join(parts)


def _documents(reply: Any, filename: str) -> list[ParsedDocument]:
    if "error" in reply:
        told = reply["error"]
        code = told.get("code") if told.get("code") in REASONS else "broken"
        error = UnreadableDocument(
            str(told.get("message", "")),
            next_step=str(told.get("next_step", "")),
            record=str(told.get("record") or filename),
        )
        error.code = code
        raise error
    return [from_plain(document) for document in reply["documents"]]


_shared = Sandbox()
atexit.register(_shared.close)


def read_in_worker(data: bytes, filename: str, limits: Limits | None = None) -> list[ParsedDocument]:
    """Reads a file from outside in the shared worker process; see `Sandbox.read`."""
    return _shared.read(data, filename, limits)
