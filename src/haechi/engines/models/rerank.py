"""Ranking documents for a query without a model of its own: meaning by the embedder, words by their pieces.

score = 0.7 × cosine of the embeddings, mapped from [0.7, 1] (where multilingual-e5 lives) to [0, 1], + 0.3 × the share of the
query's character pairs that the document has. A stand-in for a cross-encoder, and it says so beside its scores; the
weights are judgement, not fitted.
"""

from __future__ import annotations

from collections.abc import Sequence

METHOD = "embedder cosine 0.7 + character pairs 0.3 (built-in, no cross-encoder)"
_MEANING, _LOWEST = 0.7, 0.7


def pairs(text: str) -> frozenset[str]:
    """Neighbouring characters within words."""
    return frozenset(word[at : at + 2] for word in text.lower().split() for at in range(max(1, len(word) - 1)))


def scores(query: str, documents: Sequence[str], cosines: Sequence[float]) -> list[float]:
    """One score a document, 0 to 1, higher is nearer. cosines: of each document's vector with the query's."""
    wanted = pairs(query)
    found = []
    for document, cosine in zip(documents, cosines, strict=True):
        meaning = min(1.0, max(0.0, (cosine - _LOWEST) / (1 - _LOWEST)))
        words = len(wanted & pairs(document)) / len(wanted) if wanted else 0.0
        found.append(_MEANING * meaning + (1 - _MEANING) * words)
    return found
