"""How clearly the search prefers one passage, read off the ranks and scores of its stages.

Never a cosine by itself: only places, and distances to other documents measured in the spread of this question's own hits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import pstdev

from haechi.engines.knowledge.ports import Hit

_LEAST_SPREAD = 1e-3
_GROUPS = {
    "words_first": ("kiwi", "bigram"),
    "vectors_first": ("whole", "sentence"),
    "bridge_first": ("bridge_words", "bridge_vector"),
}


def standing(best: Hit, hits: Sequence[Hit]) -> dict[str, float]:
    """Features of `best` among `hits`, each within -1..1, 0 where a stage is missing.

    *_first: 1/rank, averaged over the group's stages. *_lead: distance to the best hit of another document in spreads of
    the stage's scores. words_first falls back on the place in the result where a foreign index names no such stage. fused_lead: the same of the fused score, as a share of the whole range.
    """
    found = {name: sum(_place(best, stage) for stage in group) / len(group) for name, group in _GROUPS.items()}
    if not any(stage in hit.parts for hit in hits for stage in _GROUPS["words_first"]):
        found["words_first"] = 1.0 / (1 + next((at for at, hit in enumerate(hits) if hit is best), len(hits)))
    found["vectors_lead"] = (_lead(best, hits, "whole") + _lead(best, hits, "sentence")) / 2
    found["bridge_lead"] = (_lead(best, hits, "bridge_words") + _lead(best, hits, "bridge_vector")) / 2
    found["fused_lead"] = _fused_lead(best, hits)
    found["no_vectors"] = float(not any("whole" in hit.parts for hit in hits))
    return found


def share(hit: Hit, hits: Sequence[Hit]) -> float:
    """0..1: where the hit's fused score lies between the worst and the best of the result."""
    scores = [one.score for one in hits]
    low, high = min(scores), max(scores)
    return (hit.score - low) / (high - low) if high > low else 1.0


def _place(hit: Hit, stage: str) -> float:
    return 1.0 / hit.parts[stage][0] if stage in hit.parts else 0.0


def _lead(best: Hit, hits: Sequence[Hit], stage: str) -> float:
    scores = [hit.parts[stage][1] for hit in hits if stage in hit.parts]
    others = [hit.parts[stage][1] for hit in _of_others(best, hits) if stage in hit.parts]
    if stage not in best.parts or len(scores) < 3 or not others:
        return 0.0
    return math.tanh((best.parts[stage][1] - max(others)) / (2 * max(pstdev(scores), _LEAST_SPREAD)))


def _fused_lead(best: Hit, hits: Sequence[Hit]) -> float:
    others = [share(hit, hits) for hit in _of_others(best, hits)]
    return share(best, hits) - max(others) if others else 0.0


def _of_others(best: Hit, hits: Sequence[Hit]) -> list[Hit]:
    return [hit for hit in hits if hit.passage.document_id != best.passage.document_id]
