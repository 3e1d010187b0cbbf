"""Time, identifiers and chance, so that a test can hold them still."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")

_frozen: datetime | None = None
_random: random.Random | None = None


def now() -> datetime:
    """The present moment, aware, UTC."""
    return _frozen if _frozen is not None else datetime.now(UTC)


def today() -> date:
    """The calendar day in Seoul: the day that laws, terms of office and deadlines count by."""
    return now().astimezone(SEOUL).date()


def new_id() -> str:
    """A random UUID (version 4) as text, repeatable inside `frozen(seed=…)`."""
    if _random is not None:
        return str(uuid.UUID(int=_random.getrandbits(128), version=4))
    return str(uuid.uuid4())


@contextmanager
def frozen(moment: datetime | None = None, *, seed: int | None = None) -> Iterator[None]:
    """Hold time (`moment`, aware) and identifiers (`seed`) still inside the block; for tests and trials only."""
    global _frozen, _random
    before = (_frozen, _random)
    _frozen = moment if moment is not None else _frozen
    _random = random.Random(seed) if seed is not None else _random
    try:
        yield
    finally:
        _frozen, _random = before
