"""The bridge for citizens who tell their situation: question → nearest situations of the lexicon → administrative words.

Colloquial telling against colloquial saying is an easy comparison for a small embedder, colloquial telling against an
official page is not; so the question is carried over by the lexicon. The bridge gives words (for BM25) and one vector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from haechi.engines.knowledge.ports import Embedder, Vectors

from .expansion import Lexicon, Situation, content_words
from .terms import KiwiTerms

_NEAREST, _MEANT, _CLAUSE = 8, 0.5, 1.0
"""Situations that cross over; what the administrative words count beside the sayings, and the best clause beside the whole.

Chosen on 200 tellings made of the lexicon's own sayings, each with its saying (or all of its situation) hidden from the
search: recall@5 0.246 (0.241) with 5, 0, 0 and 0.319 (0.285) with these.
"""
_SPREAD_OVER = 50
_BLOCK = 512
"""Rows multiplied at a time: BLAS spreads larger products over all cores, which on a busy machine takes far longer."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """words: administrative term → weight, summing to about the number of words. vector: (dimensions,) or None."""

    words: Mapping[str, float]
    vector: NDArray[np.float32] | None
    situations: tuple[str, ...]


class Situations:
    """The lexicon, with a vector for each saying and each meaning where there is an embedder."""

    def __init__(self, lexicon: Lexicon, embedder: Embedder | None) -> None:
        self.lexicon = lexicon
        self._embedder = embedder
        self._words = [sorted(set(words)) for words in content_words([_meaning(s) for s in lexicon.situations])]
        self._vectors = _packed(lexicon, embedder)

    @property
    def ready(self) -> bool:
        """Whether questions can be compared by vectors."""
        return self._vectors is not None

    def prepare(self) -> None:
        """Encode the lexicon (about 4,000 short texts) where the packed vectors are not of this lexicon and embedder."""
        if self._vectors is None and self._embedder is not None and self.lexicon.situations:
            self._vectors = encoded(self.lexicon, self._embedder)

    def bridge(self, vectors: Vectors | None, words: Sequence[str], turned: Vectors | None = None) -> Bridge | None:
        """The way over for a question, or None where no situation is near.

        vectors: (1 + clauses, dimensions), the whole question first, as embedded; compared with the sayings. turned: the
        same by the adapter, compared with the administrative words (without it the sayings alone decide). words: content
        words, for where there are no vectors.
        """
        if vectors is not None and self._vectors is not None:
            return self._by_vectors(np.atleast_2d(vectors), None if turned is None else np.atleast_2d(turned))
        numbers = {situation.said: at for at, situation in enumerate(self.lexicon.situations)}
        matches = self.lexicon.matches(words)
        if not matches:
            return None
        total = sum(match.strength for match in matches)
        return self._made({numbers[match.situation.said]: match.strength / total for match in matches}, None)

    def _by_vectors(self, vectors: Vectors, turned: Vectors | None) -> Bridge:
        assert self._vectors is not None
        standing = self._standing(vectors, turned)
        chosen = np.argsort(-standing, kind="stable")[:_NEAREST]
        weights = np.exp(standing[chosen] - standing[chosen[0]])
        weights /= weights.sum()
        crossing = weights @ self._vectors[2][chosen]
        crossing /= np.linalg.norm(crossing)
        return self._made(dict(zip(chosen.tolist(), weights.tolist(), strict=True)), crossing.astype(np.float32))

    def _standing(self, vectors: Vectors, turned: Vectors | None) -> NDArray[np.float32]:
        """(situations,): how near each is to the whole telling and to the clause that is nearest to it."""
        assert self._vectors is not None
        sayings, starts, means = self._vectors
        rows = _standings(np.maximum.reduceat(_product(sayings, vectors), starts, axis=0))
        if turned is not None:
            rows = (rows + _MEANT * _standings(_product(means, turned))) / (1 + _MEANT)
        if rows.shape[1] == 1:
            return rows[:, 0]
        return (rows[:, 0] + _CLAUSE * rows[:, 1:].max(axis=1)) / (1 + _CLAUSE)

    def _made(self, weights: Mapping[int, float], vector: NDArray[np.float32] | None) -> Bridge:
        words: Counter[str] = Counter()
        for number, weight in weights.items():
            for word in self._words[number]:
                words[word] += weight  # type: ignore[assignment]
        return Bridge(dict(words), vector, tuple(self.lexicon.situations[number].said for number in weights))


def _product(rows: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, vectors)."""
    return np.concatenate([rows[at : at + _BLOCK] @ vectors.T for at in range(0, len(rows), _BLOCK)])


def _standings(near: NDArray[np.float32]) -> NDArray[np.float32]:
    """(value − mean) / spread over the nearest of each column."""
    top = np.sort(near, axis=0)[-_SPREAD_OVER:]
    return (near - top.mean(axis=0)) / (top.std(axis=0) + 1e-9)


Encoded = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]


def encoded(lexicon: Lexicon, embedder: Embedder) -> Encoded:
    """sayings (n, dimensions), starts (situations): first saying of each, means (situations, dimensions)."""
    phrases = [_phrases(situation.said) for situation in lexicon.situations]
    starts = np.cumsum([0, *(len(group) for group in phrases)])[:-1]
    sayings = embedder.questions([phrase for group in phrases for phrase in group])
    means = embedder.questions([_meaning(situation) for situation in lexicon.situations])
    return np.asarray(sayings, np.float32), starts.astype(np.int64), np.asarray(means, np.float32)


def pack(lexicon: Lexicon, embedder: Embedder) -> bytes:
    """The vectors as they stand in `situations.npz`: int8, with the fingerprint of lexicon and embedder; and all content words."""
    sayings, starts, means = encoded(lexicon, embedder)
    target = BytesIO()
    np.savez_compressed(
        target,
        fingerprint=np.array(fingerprint(lexicon, embedder)),
        sayings=np.rint(sayings * _SCALE).astype(np.int8),
        starts=starts,
        means=np.rint(means * _SCALE).astype(np.int8),
        tokenizer=np.array(KiwiTerms.name),
        words=np.array("\n".join(_worded(lexicon))),
    )
    return target.getvalue()


def _worded(lexicon: Lexicon) -> list[str]:
    """A line for each saying and meaning: the text, a tab, its content words."""
    texts = [phrase for s in lexicon.situations for phrase in (*_phrases(s.said), _meaning(s))]
    return [f"{text}\t{' '.join(words)}" for text, words in zip(texts, KiwiTerms().terms(texts), strict=True)]


def _meaning(situation: Situation) -> str:
    return " ".join(situation.means)


_SCALE = 400.0
"""Largest absolute number in e5's unit vectors is about 0.2; 127 / 400 = 0.32."""


def fingerprint(lexicon: Lexicon, embedder: Embedder) -> str:
    """Changes when the lexicon or the embedder does."""
    lines = [f"{situation.said}={' '.join(situation.means)}" for situation in lexicon.situations]
    return blake2b("\n".join([embedder.name, embedder.version, *lines]).encode(), digest_size=16).hexdigest()


def _phrases(said: str) -> list[str]:
    return [phrase.strip() for phrase in said.split("/") if phrase.strip()]


def _packed(lexicon: Lexicon, embedder: Embedder | None) -> Encoded | None:
    source = resources.files(__package__).joinpath("situations.npz")
    if embedder is None or not lexicon.situations or not source.is_file():
        return None
    with np.load(BytesIO(source.read_bytes())) as stored:
        if str(stored["fingerprint"]) != fingerprint(lexicon, embedder):
            return None
        sayings, means = (stored[name].astype(np.float32) / _SCALE for name in ("sayings", "means"))
        return _unit(sayings), stored["starts"], _unit(means)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
