"""What a question asks: its words, its vector, the articles it names, and in which manner it is put."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haechi.engines.knowledge.ports import CollectionKind

from .adapter import adapted
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
    raw = stages.embedder.questions([question])[0] if stages.embedder is not None and len(stages.whole) else None
    return Asked(
        words=_counted(words),
        bigrams=_counted(stages.bigram_terms.terms([question])[0]),
        vector=adapted(raw, stages.embedder) if raw is not None and stages.embedder is not None else None,
        bridge=situations().bridge(raw, words) if words and kind != "statutes" else None,
        references=named,
        law=law_named(question) if named else "",
        kind=kind or ("statutes" if named else None),
    )


def _counted(terms: Sequence[str]) -> dict[str, float]:
    return {term: float(count) for term, count in Counter(terms).items()}
