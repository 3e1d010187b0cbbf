"""Score sheets into one figure: weighted by category, said together with how far the reviewers differ. Advice, never a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

LOWEST, HIGHEST = 1, 5


@dataclass(frozen=True, slots=True)
class Category:
    """One category: mean of the reviewers' 1–5 scores, their spread (highest − lowest), its weight."""

    id: str
    mean: float
    spread: int
    weight: float


@dataclass(frozen=True, slots=True)
class Weighted:
    """total: 0–100. sheets: how many were counted. advised: outcome → how many reviewers advised it."""

    total: float
    sheets: int
    categories: tuple[Category, ...]
    advised: Mapping[str, int]


def weighted(sheets: Sequence[Mapping[str, Any]], weights: Mapping[str, float]) -> Weighted | None:
    """None without a sheet. Score s of 1–5 counts as (s − 1) / 4; categories by `weights`, which need not sum to 1.

    ValueError for weights that are negative or all zero, and for a sheet that lacks a category. O(sheets × categories).
    """
    whole = sum(weights.values())
    if whole <= 0 or min(weights.values()) < 0:
        raise ValueError("weights are positive")
    if not sheets:
        return None
    categories = []
    for id, weight in weights.items():
        scores = [_score(sheet, id) for sheet in sheets]
        categories.append(Category(id, mean(scores), max(scores) - min(scores), weight / whole))
    total = 100 * sum(c.weight * (c.mean - LOWEST) / (HIGHEST - LOWEST) for c in categories)
    advised: dict[str, int] = {}
    for sheet in sheets:
        if sheet.get("advice"):
            advised[sheet["advice"]] = advised.get(sheet["advice"], 0) + 1
    return Weighted(round(total, 2), len(sheets), tuple(categories), advised)


def _score(sheet: Mapping[str, Any], category: str) -> int:
    try:
        score = int(sheet[category])
    except (KeyError, TypeError) as error:
        raise ValueError(f"a sheet lacks {category!r}") from error
    if not LOWEST <= score <= HIGHEST:
        raise ValueError(f"{category!r} is {score}, not {LOWEST}–{HIGHEST}")
    return score
