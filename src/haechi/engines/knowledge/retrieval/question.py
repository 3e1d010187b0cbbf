"""What a question asks: its words, its vector, the articles it names, and in which manner it is put."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haechi.engines.knowledge.ports import CollectionKind

from .adapter import adapted
from .clauses import clauses
from .situations import Bridge, Situations
from .stages import Stages
from .statutes import Reference, law_named, references


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the stages see it. vector: (dimensions,) or None where there is no embedder. kind: as given."""

    words: Mapping[str, float]
    bigrams: Mapping[str, float]
    vector: NDArray[np.float32] | None
    bridge: Bridge | None
    references: tuple[Reference, ...]
    law: str
    kind: CollectionKind | None


def understand(
    question: str, stages: Stages, situations: Callable[[], Situations], kind: CollectionKind | None
) -> Asked:
    """Analyse once for all stages."""
    named = tuple(references(question))
    words = stages.kiwi_terms.terms([question])[0] if len(stages.kiwi) else []
    raw, turned = _vectors(question, stages, kind)
    return Asked(
        words=_counted(words),
        bigrams=_counted(stages.bigram_terms.terms([question])[0]),
        vector=turned[0] if turned is not None else None,
        bridge=situations().bridge(raw, words, turned) if words and kind != "statutes" else None,
        references=named,
        law=law_named(question) if named else "",
        kind=kind or ("statutes" if named else None),
    )


def _vectors(
    question: str, stages: Stages, kind: CollectionKind | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | tuple[None, None]:
    """(as embedded, turned by the adapter), each (1 + clauses, dimensions), the whole question first. One call of the embedder."""
    if stages.embedder is None or not len(stages.whole):
        return None, None
    parts = clauses(question) if kind in (None, "colloquial") else []
    raw = np.asarray(stages.embedder.questions([question, *parts]), np.float32)
    return raw, np.stack([adapted(row, stages.embedder) for row in raw])


def _counted(terms: Sequence[str]) -> dict[str, float]:
    return {term: float(count) for term, count in Counter(terms).items()}
