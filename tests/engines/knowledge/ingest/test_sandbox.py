"""The worker dies, hangs or swells on one file, and the next file is read as if nothing had happened."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
from tests.engines.knowledge.ingest import made

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest import Limits, Sandbox, read_file
from haechi.engines.knowledge.ingest.limits import MIB


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox()
    yield box
    box.close()


def test_the_worker_reads_what_this_process_would_read(sandbox, samples):
    for kind in ("hwpx", "hwp", "docx", "xlsx", "md"):
        name, data = samples(kind)
        assert sandbox.read(data, name) == read_file(data, name)


def test_a_refusal_keeps_its_code_and_words(sandbox):
    with pytest.raises(UnreadableDocument) as refused:
        sandbox.read(b"\x89PNG\r\n\x1a\n" + bytes(64), "사진.png")
    assert refused.value.code == "not_supported"
    assert "그림(PNG)" in refused.value.message
    assert refused.value.record == "사진.png"


def test_the_second_file_is_read_by_the_same_process(sandbox, samples):
    name, data = samples("md")
    sandbox.read(data, name)
    first = sandbox.pid
    assert [sandbox.read(data, name)[0].title for _ in range(3)] == [made.TITLE] * 3
    assert sandbox.pid == first, "a process a file costs a second each"


def test_a_worker_killed_in_the_middle_is_replaced(sandbox, samples):
    name, data = samples("md")
    sandbox.read(data, name)
    first = sandbox.pid
    big = ("가나다 " * 30 + "\n\n").encode() * 60_000
    killer = threading.Timer(0.3, lambda: os.kill(first, signal.SIGKILL))
    killer.start()
    with pytest.raises(UnreadableDocument) as refused:
        sandbox.read(big, "큰 글.md", Limits(seconds=60))
    assert refused.value.code in ("out_of_memory", "too_large")
    assert sandbox.read(data, name)[0].title == made.TITLE
    assert sandbox.pid != first


def test_a_file_that_needs_more_memory_than_allowed_is_refused(sandbox, samples):
    rows = "\n".join(f"| {number} | 값 |" for number in range(1, 400_000))
    data = f"# 표\n\n| 번호 | 값 |\n|---|---|\n{rows}\n".encode()
    limits = Limits(memory_bytes=340 * MIB)
    with pytest.raises(UnreadableDocument) as refused:
        sandbox.read(data, "표.md", limits)
    assert refused.value.code == "out_of_memory"
    name, small = samples("md")
    assert sandbox.read(small, name)[0].title == made.TITLE


def test_a_file_that_takes_too_long_is_given_up_and_leaves_no_process(samples):
    box = Sandbox()
    name, small = samples("md")
    box.read(small, name)
    worker = box.pid
    data = ("낱말 " * 8 + "\n\n").encode() * 150_000
    began = time.monotonic()
    with pytest.raises(UnreadableDocument) as refused:
        box.read(data, "긴 글.md", Limits(seconds=0.3))
    assert refused.value.code == "timed_out"
    assert time.monotonic() - began < 60, "nobody ended it"
    box.close()
    assert not psutil.pid_exists(worker)


def test_a_stopped_worker_is_killed_at_the_limit(samples):
    """A worker that no longer answers at all (here: stopped by a signal) is ended from outside."""
    box = Sandbox()
    name, data = samples("md")
    box.read(data, name)
    os.kill(box.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(UnreadableDocument) as refused:
        box.read(data, name, Limits(seconds=0.2))
    assert refused.value.code == "timed_out"
    assert time.monotonic() - began < 60, "nobody ended it"
    assert box.read(data, name)[0].title == made.TITLE
    box.close()


def test_threads_take_turns(sandbox, samples):
    name, data = samples("hwpx")
    titles: list[str] = []
    threads = [threading.Thread(target=lambda: titles.append(sandbox.read(data, name)[0].title)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert titles == [made.TITLE] * 8
