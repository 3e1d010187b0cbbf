"""Whatever bytes arrive, the answer is a document or a refusal with a code, and it comes soon."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engines.knowledge.ingest import made

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest import REASONS, Limits, Sandbox

KINDS = sorted(made.MAKERS)
LIMITS = Limits(seconds=5, memory_bytes=1 << 30)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox()
    yield box
    box.close()


@st.composite
def mutated(draw) -> tuple[str, bytes]:
    """A sample with bytes changed, cut out, doubled or added."""
    name, data = made.sample(draw(st.sampled_from(KINDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(1, 64))
        change = draw(st.sampled_from(["set", "cut", "double", "insert", "truncate"]))
        if change == "set":
            data = data[:at] + draw(st.binary(min_size=length, max_size=length)) + data[at + length :]
        elif change == "cut":
            data = data[:at] + data[at + length :]
        elif change == "double":
            data = data[:at] + data[at : at + length] * 2 + data[at + length :]
        elif change == "insert":
            data = data[:at] + draw(st.binary(max_size=length)) + data[at:]
        else:
            data = data[: max(at, len(data) // 2)]
    return name, data


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_mutated_files_are_read_or_refused_in_bounded_time(sandbox, file):
    name, data = file
    began = time.monotonic()
    try:
        code = "" if sandbox.read(data, name, LIMITS) else "nothing"
    except UnreadableDocument as refused:
        code = refused.code
    assert code in ("", *REASONS)
    assert time.monotonic() - began < LIMITS.seconds + 6
