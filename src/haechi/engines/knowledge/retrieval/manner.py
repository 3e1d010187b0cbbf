"""Which weights a question gets: by the kind it was given, and by how plainly its words alone name the passage.

A question in the document's words is BM25's to answer, a telling in the citizen's own words the vectors'. Two facts of
the lexical stages tell them apart without asking what collection this is: how much of the question the best passage
covers, and how far it leads the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from haechi.engines.knowledge.ports import CollectionKind

from .fusion import blended
from .tuning import Tuning

_DENSE = ("whole", "sentence")
_BRIDGE = ("bridge_words", "bridge_vector")
Features = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """coverage: of the question by its best passage, 0..1. lead: (first − second) / first of both BM25 together, 0..1."""

    coverage: float
    lead: float


def evidence(features: Features, lexical: Mapping[str, float]) -> Evidence:
    """What the lexical stages say. lexical: weights, of which kiwi's and bigram's are used."""
    kiwi, bigram = features["kiwi"], features["bigram"]
    together = [lexical["kiwi"] * kiwi[key] + lexical["bigram"] * bigram.get(key, 0.0) for key in kiwi]
    if not together:
        return Evidence(0.0, 0.0)
    first, second = sorted(np.partition([*together, 0.0], -2)[-2:], reverse=True)
    return Evidence(max(kiwi.values()), float((first - second) / first) if first > 0 else 0.0)


def weighed(tuning: Tuning, features: Features, kind: CollectionKind | None) -> dict[str, float]:
    """Stage → weight for this question. kind None: between documents and colloquial, by the coverage."""
    found, trust = evidence(features, tuning.weights["documents"]), tuning.trust
    covered = (1 - trust.covered) * _ramp(found.coverage, trust.covered_from, trust.covered_to)
    led = _ramp(found.lead, trust.led_from, trust.led_to) * _ramp(found.coverage, trust.heard_from, trust.heard_to)
    if kind is None:
        told = (1 - led) * (1 - _ramp(found.coverage, tuning.told, tuning.asked))
        weights = blended(tuning.weights["documents"], tuning.weights["colloquial"], told)
    else:
        weights = dict(tuning.weights[kind])
    left = dict.fromkeys(_DENSE, 1 - max(covered, (1 - trust.led) * led)) | dict.fromkeys(_BRIDGE, 1 - led)
    return {name: weight * left.get(name, 1.0) for name, weight in weights.items()}


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to low, 1 from high, in proportion between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
