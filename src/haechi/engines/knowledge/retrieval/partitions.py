"""Partitions: the passages that every reader either may read or may not read together.

A partition is the pair (access tags, days in force). The stores compute all statistics over the reader's partitions, so
access and validity are settled before any ranking.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from haechi.core import clock
from haechi.engines.knowledge.ports import COLLECTION, Passage, Reader


def partition(passage: Passage) -> str:
    """The name of the passage's partition."""
    days = [day.isoformat() if day else "" for day in (passage.valid_from, passage.valid_to)]
    return json.dumps([sorted(set(passage.access)), *days], ensure_ascii=False, separators=(",", ":"))


def readable(names: Iterable[str], reader: Reader) -> frozenset[str]:
    """Those of the partitions that this reader may read on the day they ask about, inside the collection they ask in."""
    day = reader.as_of or clock.today()
    held = frozenset(tag for tag in reader.tags if not tag.startswith(COLLECTION))
    return frozenset(name for name in names if _open(name, held, reader.within, day))


@lru_cache(maxsize=65536)
def _read(name: str) -> tuple[frozenset[str], str, str]:
    tags, first, end = json.loads(name)
    return frozenset(tags), first, end


def _open(name: str, held: frozenset[str], within: str, day: date) -> bool:
    needed, first, end = _read(name)
    today = day.isoformat()
    inside = not within or within in needed
    return inside and bool(needed & held) and (not first or first <= today) and (not end or today < end)
