"""A telling cut into its clauses, so that the one that says what happened is not drowned by the rest.

"나이 일흔인데, 냄비를 자꾸 태우세요. 어디로 가야 하나요?": one vector of all three lies near other long tellings, whatever
they tell; each clause by itself lies near what is said like it.
"""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.?!])\s+|,\s*|\n+|(?<=[가-힣](?:는|은|인|한)데)\s+|(?<=[아어여해]서|니까|더니|지만)\s+")
_SHORTEST, _MOST = 9, 8
"""Characters under which a clause goes with its neighbour; clauses that are looked at."""


def clauses(telling: str) -> list[str]:
    """The clauses in their order, at most eight; empty where the telling has but one."""
    made: list[str] = []
    for piece in (piece.strip() for piece in _END.split(telling)):
        if not piece:
            continue
        if made and len(made[-1]) < _SHORTEST:
            made[-1] = f"{made[-1]} {piece}"
        else:
            made.append(piece)
    if len(made) > 1 and len(made[-1]) < _SHORTEST:
        made[-2:] = [f"{made[-2]} {made[-1]}"]
    return made[:_MOST] if len(made) > 1 else []
