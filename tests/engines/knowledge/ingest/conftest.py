"""Files for the reading tests, made in made.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.engines.knowledge.ingest import made


@pytest.fixture(scope="session")
def samples() -> Callable[[str], tuple[str, bytes]]:
    """Kind → file name and bytes."""
    return made.sample
