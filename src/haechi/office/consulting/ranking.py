"""The order of demands by the published points, and where the cut lies. It shows; a person selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CHOSEN = ("selected", "matched", "running", "reported", "closed")


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand with its points. total: 0–100, None while nobody scored it. state: of its case."""

    case_id: str
    number: str
    title: str
    bureau: str
    state: str
    points: Mapping[str, int]
    total: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A demand at its place (equal totals share one). above: within the seats. against: chosen below the cut or declined
    above it, which needs no permission but a reason that everybody reads."""

    demand: Demand
    place: int | None
    above: bool
    against: bool


def points_total(points: Mapping[str, int], weights: Mapping[str, float]) -> float:
    """0–100: criterion scored s of 1–5 brings s / 5 of its weight. KeyError for a criterion without points."""
    whole = sum(weights.values())
    return round(100 * sum(weight * points[id] / 5 for id, weight in weights.items()) / whole, 2)


def points_of(answers: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, int]:
    """The points of a filed sheet; empty when one is missing."""
    points = {id: int(answers[id]) for id in weights if answers.get(id)}
    return points if len(points) == len(weights) else {}


def rank(demands: Sequence[Demand], seats: int) -> tuple[Placed, ...]:
    """The highest total first; equal totals share a place and are listed by number. Those tied across the cut are all shown
    above it, because points cannot tell them apart: the person decides. Unscored ones come last, without a place."""
    scored = sorted((d for d in demands if d.total is not None), key=lambda d: (-(d.total or 0), d.number))
    placed = []
    for demand in scored:
        place = 1 + sum(1 for other in scored if (other.total or 0) > (demand.total or 0))
        above = place <= seats
        against = (demand.state in CHOSEN and not above) or (demand.state == "not_selected" and above)
        placed.append(Placed(demand, place, above, against))
    waiting = sorted((d for d in demands if d.total is None), key=lambda d: d.number)
    return (*placed, *(Placed(demand, None, False, False) for demand in waiting))
