"""The four stores of one index, and how a passage enters them: bigrams at once, Kiwi terms and vectors when enriched."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from haechi.engines.knowledge.index import LexicalIndex, Row, VectorIndex, VectorRow
from haechi.engines.knowledge.ports import Embedder, Passage, Tokenizer

from . import views
from .partitions import partition
from .terms import BigramTerms, KiwiTerms
from .tuning import Tuning

_log = logging.getLogger(__name__)
_TEXTS_AT_ONCE = 256


class Stages:
    """kiwi, bigram: BM25. whole: windows of passages. sentences: "title: sentence" vectors, the best one counts."""

    def __init__(self, tuning: Tuning, embedder: Embedder | None) -> None:
        self.embedder = embedder
        self._title_weight = tuning.title_weight
        self.kiwi = LexicalIndex(tuning.kiwi_k1, tuning.kiwi_b)
        self.bigram = LexicalIndex(tuning.bigram_k1, tuning.bigram_b)
        self.kiwi_terms: Tokenizer = KiwiTerms()
        self.bigram_terms: Tokenizer = BigramTerms()
        size = embedder.dimensions if embedder else 1
        self.whole = VectorIndex(size, storage="int8")
        self.sentences = VectorIndex(size, storage="int8")

    def add(self, passages: Sequence[Passage]) -> None:
        """Searchable by bigram when this returns. A passage that was known loses its older Kiwi terms and vectors."""
        known = [passage.id for passage in passages]
        for store in (self.kiwi, self.whole, self.sentences):
            store.remove(known)
        self.bigram.add(self._rows(passages, self.bigram_terms))

    def enrich_terms(self, passages: Sequence[Passage]) -> None:
        """Searchable by Kiwi terms when this returns."""
        self.kiwi.add(self._rows(passages, self.kiwi_terms))

    def enrich_vectors(self, passages: Sequence[Passage]) -> None:
        """Searchable by vectors when this returns; nothing where there is no embedder."""
        if self.embedder is None or not passages:
            return
        for store, split in ((self.whole, views.whole), (self.sentences, views.sentences)):
            texts = [split(passage) for passage in passages]
            vectors = self._embedded([text for group in texts for text in group])
            ends = np.cumsum([len(group) for group in texts])
            store.add(
                VectorRow(passage.id, partition(passage), vectors[end - len(group) : end])
                for passage, group, end in zip(passages, texts, ends.tolist(), strict=True)
            )

    # What a worker process works out, the database keeps, and the serving process takes in without working it out again.

    def words(self, passages: Sequence[Passage]) -> list[Mapping[str, float]]:
        """Kiwi terms with their weights, one mapping a passage."""
        return [row.terms for row in self._rows(passages, self.kiwi_terms)]

    def vectors(self, passages: Sequence[Passage]) -> list[tuple[np.ndarray, np.ndarray]]:
        """(windows, sentences) a passage, each of shape (n, dimensions); needs an embedder."""
        views_of = [(views.whole(passage), views.sentences(passage)) for passage in passages]
        made = self._embedded([text for pair in views_of for group in pair for text in group])
        result, at = [], 0
        for whole, sentences in views_of:
            middle, end = at + len(whole), at + len(whole) + len(sentences)
            result.append((made[at:middle], made[middle:end]))
            at = end
        return result

    def take_words(self, passages: Sequence[Passage], words: Sequence[Mapping[str, float]]) -> None:
        """Searchable by Kiwi terms when this returns."""
        self.kiwi.add([Row(p.id, partition(p), terms) for p, terms in zip(passages, words, strict=True)])

    def take_vectors(self, passages: Sequence[Passage], vectors: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        """Searchable by vectors when this returns. `vectors` as `vectors()` made them."""
        pairs = list(zip(passages, vectors, strict=True))
        self.whole.add(VectorRow(p.id, partition(p), whole) for p, (whole, _) in pairs)
        self.sentences.add(VectorRow(p.id, partition(p), sentences) for p, (_, sentences) in pairs)

    def remove(self, keys: Sequence[str]) -> None:
        """Forget these passages at once."""
        for store in self._stores().values():
            store.remove(keys)

    def missing(self, keys: set[str]) -> tuple[set[str], set[str]]:
        """Of these keys, those without Kiwi terms and those without vectors."""
        vectors = set() if self.embedder is None else keys - self.sentences.keys()
        return keys - self.kiwi.keys(), vectors

    def optimize(self) -> None:
        """Merge each store's segments: worth it for a collection that is complete."""
        for store in self._stores().values():
            store.optimize()

    def save(self, folder: Path) -> None:
        """Write all stores below the folder."""
        for name, store in self._stores().items():
            store.save(folder / name)

    def load(self, folder: Path) -> None:
        """Take the saved stores. Raises DamagedIndex where one cannot be used."""
        for name, store in self._stores().items():
            store.load(folder / name)

    def _stores(self) -> Mapping[str, LexicalIndex | VectorIndex]:
        return {"kiwi": self.kiwi, "bigram": self.bigram, "whole": self.whole, "sentences": self.sentences}

    def _embedded(self, texts: Sequence[str]) -> np.ndarray:
        assert self.embedder is not None
        groups = [texts[at : at + _TEXTS_AT_ONCE] for at in range(0, len(texts), _TEXTS_AT_ONCE)]
        return np.concatenate([self.embedder.passages(group) for group in groups])

    def _rows(self, passages: Sequence[Passage], tokenizer: Tokenizer) -> list[Row]:
        texts = tokenizer.terms([passage.text for passage in passages])
        titles = tokenizer.terms([views.heading(passage) for passage in passages])
        return [
            Row(passage.id, partition(passage), self._weights(body, title, passage))
            for passage, body, title in zip(passages, texts, titles, strict=True)
        ]

    def _weights(self, body: Sequence[str], title: Sequence[str], passage: Passage) -> Mapping[str, float]:
        weights: Counter[str] = Counter(body)
        # A title that the text does not repeat counts once as text, and in any case with the weight of a title.
        extra = self._title_weight + (0 if passage.text.startswith(views.heading(passage)) else 1)
        for term in title:
            weights[term] += extra  # type: ignore[assignment]
        return {term: float(weight) for term, weight in weights.items() if weight > 0}
