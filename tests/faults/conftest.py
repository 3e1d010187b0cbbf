"""One real installation for all tests of faults; each test leaves it healthy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.faults.installation import Running, running


@pytest.fixture(scope="session")
def city() -> Iterator[Running]:
    """`haechi up` in a home of its own."""
    with running() as installation:
        yield installation
