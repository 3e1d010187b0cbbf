"""The knowledge engine as the rest of Haechi meets it: search, and cited answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from haechi.core.errors import MissingPart
from haechi.engines.knowledge.answer import ExtractiveAnswerer, GenerativeAnswerer
from haechi.engines.knowledge.answer.extractive import ContactFor
from haechi.engines.knowledge.embedding import HttpEmbedder, default_embedder
from haechi.engines.knowledge.ports import (
    Answerer,
    AnswerEvent,
    CollectionKind,
    Embedder,
    Hit,
    PassageIndex,
    Reader,
    Turn,
)
from haechi.engines.models.guard import Guard, is_outside
from haechi.engines.models.openai_compatible import OpenAICompatible


class Knowledge:
    """An index and an answerer over it. Share one among threads.

    fingerprint: changes whenever the same question over the same passages could be answered differently (answerer,
    model); part of the key under which answers are cached.
    """

    def __init__(self, index: PassageIndex, answerer: Answerer, fingerprint: str) -> None:
        self.index = index
        self.fingerprint = fingerprint
        self._answerer = answerer

    @classmethod
    def assemble(
        cls,
        index: PassageIndex,
        *,
        model_url: str = "",
        model_name: str = "",
        model_key: str = "",
        contact_for: ContactFor | None = None,
    ) -> Knowledge:
        """With the model at `model_url` where one is given, else with the built-in answerer."""
        if not model_url:
            return cls(index, ExtractiveAnswerer(index, contact_for=contact_for), "built-in")
        model = OpenAICompatible(model_url, model_name, model_key)
        return cls(index, GenerativeAnswerer(index, model, contact_for=contact_for), f"{model_url} {model_name}")

    def answer(self, question: str, reader: Reader, history: Sequence[Turn] = ()) -> Iterator[AnswerEvent]:
        """Retrieval first, Done last; see ports.AnswerEvent."""
        return self._answerer.answer(question, reader, history)

    def search(
        self, question: str, reader: Reader, *, limit: int = 10, kind: CollectionKind | None = None
    ) -> list[Hit]:
        """Passages this reader may read, best first."""
        return self.index.search(question, reader, limit=limit, kind=kind)


@lru_cache(maxsize=4)
def embedder_for(cache: Path, *, url: str = "", model: str = "", key: str = "") -> Embedder | None:
    """The embedder at `url`, else the packaged one, else None: then the search is lexical only.

    A server outside the city (engines/models/guard/places.py) gets no personal data, of documents nor of questions.
    cache: folder for the converted model. The same settings give the same embedder: it takes 460 MB.
    """
    if url:
        e5 = "e5" in model.lower()
        return HttpEmbedder(
            url, model, key, passage_prefix="passage: " if e5 else "", question_prefix="query: " if e5 else "",
            hide=Guard().log_form if is_outside(url) else None,
        )  # fmt: skip
    try:
        return default_embedder(cache)
    except MissingPart:
        return None
