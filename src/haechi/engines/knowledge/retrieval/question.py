"""What a question asks: its words, its vector, the articles it names, and in which manner it is put."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from numpy.typing import NDArray

from haechi.engines.knowledge.ports import CollectionKind

from .stages import Stages
from .statutes import Reference, law_named, references


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the stages see it. vector: (dimensions,) or None where there is no embedder."""

    words: Mapping[str, float]
    bigrams: Mapping[str, float]
    vector: NDArray | None
    references: tuple[Reference, ...]
    law: str
    kind: CollectionKind


def understand(question: str, stages: Stages, kind: CollectionKind | None) -> Asked:
    """Analyse once for all stages."""
    named = tuple(references(question))
    words = stages.kiwi_terms.terms([question])[0] if len(stages.kiwi) else []
    vector = stages.embedder.questions([question])[0] if stages.embedder is not None and len(stages.whole) else None
    return Asked(
        words={term: float(count) for term, count in Counter(words).items()},
        bigrams={term: float(count) for term, count in Counter(stages.bigram_terms.terms([question])[0]).items()},
        vector=vector,
        references=named,
        law=law_named(question) if named else "",
        kind=kind or ("statutes" if named else "documents"),
    )
