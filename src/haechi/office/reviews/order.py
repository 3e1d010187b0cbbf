"""In which order proposals are offered: the grave ones first, what waits grows graver, and no service crowds out another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from haechi.core.store import Row

AGEING = timedelta(hours=2)
"""Each such span of waiting counts as one step of severity, so that nothing waits for ever; never up to 1, which is danger."""


def weight(severity: int, made_at: datetime, now: datetime) -> int:
    """The severity that it is treated with now, 1 the gravest."""
    aged = severity - int((now - made_at) / AGEING)
    return severity if severity == 1 else max(2, aged)


def fair(reviews: Iterable[Row], now: datetime) -> list[Row]:
    """By weight; within a weight the oldest of each service, then the second of each, and so on; then by age.

    A service that proposes a thousand things of one weight delays another's first one by one place, not by a thousand."""
    groups: dict[tuple[int, int], int] = {}
    placed: list[tuple[int, int, datetime, str, Row]] = []
    for one in sorted(reviews, key=lambda row: (row["made_at"], row["id"])):
        heavy = weight(one["severity"], one["made_at"], now)
        turn = groups.get((heavy, one["service"]), 0)
        groups[heavy, one["service"]] = turn + 1
        placed.append((heavy, turn, one["made_at"], one["id"], one))
    return [one for *_, one in sorted(placed, key=lambda placed: placed[:4])]
