"""Words without which a pattern cannot match: a glance at them spares most searches, and changes no verdict.

Derived from the pattern as Python's own parser reads it. Where nothing can be derived there is no shortcut, and the pattern is
searched for as ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_MOST = 60
"""Words that are looked for at most; beyond, the search itself is as quick."""


@lru_cache(maxsize=1024)
def needed(pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Every text that the pattern matches contains at least one of these. (): nothing is known."""
    if pattern.flags & re.IGNORECASE:
        return ()
    found = _of_sequence(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))
    return tuple(sorted(found)) if found and len(found) <= _MOST else ()


def may_match(text: str, words: Sequence[str]) -> bool:
    """False only where a pattern with these needed words cannot match."""
    if not words:
        return True
    for word in words:  # noqa: SIM110 - a plain loop, because this stands before every rule of every call
        if word in text:
            return True
    return False


def _of_sequence(items: Iterable[Any]) -> frozenset[str]:
    """Of parts that must all match one after the other, those words that say most."""
    candidates: list[frozenset[str]] = []
    run = ""
    for code, value in items:
        if code is op.LITERAL:
            run += chr(value)
            continue
        if run:
            candidates.append(frozenset((run,)))
            run = ""
        words = _of_part(code, value)
        if words:
            candidates.append(words)
    if run:
        candidates.append(frozenset((run,)))
    return max(candidates, key=lambda words: (min(map(len, words)), -len(words)), default=frozenset())


def _of_part(code: Any, value: Any) -> frozenset[str]:
    if code is op.BRANCH:
        branches = [_of_sequence(branch) for branch in value[1]]
        return frozenset().union(*branches) if all(branches) else frozenset()
    if code is op.SUBPATTERN:
        _, added, removed, inner = value
        return frozenset() if added or removed else _of_sequence(inner)
    if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        least, _, inner = value
        return _of_sequence(inner) if least else frozenset()
    if code is op.ATOMIC_GROUP:
        return _of_sequence(value)
    if code is op.ASSERT:  # what it looks at stands in the text too
        return _of_sequence(value[1])
    if code is op.IN and all(each is op.LITERAL for each, _ in value):
        return frozenset(chr(sign) for _, sign in value)
    return frozenset()
