"""What a person means: their words against the utterances of every topic.

Likeness of two sentences is lexical (Kiwi content words, and letters two and three at a time without spaces, both TF-IDF)
and, where the shared embedder is present, of meaning. Over these likenesses a kernel ridge classifier is solved, one output
a topic (Saunders, Gammerman and Vovk 1998); beside it stands the nearest single utterance by meaning, because people ask
for one thing in ways that have nothing in common. Weights and thresholds are data (intents.toml), fitted by
bench/fit_intents.py.
"""

from __future__ import annotations

import threading
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from haechi.engines.dialogue.cues import squeezed
from haechi.engines.dialogue.frames import sentences
from haechi.engines.dialogue.ports import FaqEntry, Topic
from haechi.engines.knowledge.ports import Embedder
from haechi.engines.knowledge.retrieval.terms import KiwiTerms

Floats = NDArray[np.float32]
_BLOCK = 2048
"""Terms that are multiplied out at once: 6,000 utterances take 48 MB a block."""
FITTED_ON = 150
"""Topics of the smaller bank in bench/fit_intents.py."""
TOLD = 5
"""Topics that are told with their confidence."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How likeness is made up, and from where on the ranker is sure.

    word, letters, dense: shares of the likeness of two sentences. ridge: λ. nearest: weight of the nearest utterance by
    meaning. sharpness: of the softmax over topics. sure: least confidence. margin: least distance to the second. floor:
    least score of the first topic; below it the text means none of them.
    """

    word: float
    letters: float
    dense: float
    ridge: float
    nearest: float
    sharpness: float
    sure: float
    margin: float
    floor: float


@cache
def weights_in_force() -> Mapping[str, Weights]:
    """'lexical' and 'dense', from intents.toml."""
    data = tomllib.loads(Path(__file__).with_name("intents.toml").read_text(encoding="utf-8"))
    return {name: Weights(**{one.name: float(data[name][one.name]) for one in fields(Weights)}) for name in data}


@dataclass(frozen=True, slots=True)
class Meaning:
    """kind: 'sure', 'close' or 'unknown'. topics: (id, title, leads_to, confidence), the likeliest first. score: of the first."""

    kind: Literal["sure", "close", "unknown"]
    topics: tuple[tuple[str, str, str, float], ...]
    score: float = 0.0


class Memory:
    """What was worked out for each text: terms and vectors. Shared by rankers, so that a changed FAQ costs one line's work."""

    def __init__(self) -> None:
        self._terms: dict[str, tuple[Counter[str], Counter[str]]] = {}
        self._vectors: dict[str, Floats] = {}
        self._kiwi = KiwiTerms()
        self._turn = threading.Lock()

    def terms(self, texts: Sequence[str]) -> list[tuple[Counter[str], Counter[str]]]:
        """(words, letters) of each text."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._terms]
        if missing:
            found = zip(self._kiwi.terms(missing), map(_letters, missing), strict=True)
            made = {text: (Counter(words), letters) for text, (words, letters) in zip(missing, found, strict=True)}
            with self._turn:
                self._terms.update(made)
        return [self._terms[text] for text in texts]

    def words(self, text: str) -> list[str]:
        """Content words of a text that is asked; not kept."""
        return self._kiwi.terms([text])[0]

    def vectors(self, texts: Sequence[str], embedder: Embedder) -> Floats:
        """Shape (len(texts), dimensions)."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        for start in range(0, len(missing), 64):
            part = missing[start : start + 64]
            made = dict(zip(part, embedder.questions(part), strict=True))
            with self._turn:
                self._vectors.update(made)
        if not texts:
            return np.zeros((0, embedder.dimensions), np.float32)
        return np.stack([self._vectors[text] for text in texts])

    def keep_only(self, texts: Iterable[str]) -> None:
        """Forget every other text."""
        wanted = set(texts)
        with self._turn:
            self._terms = {text: value for text, value in self._terms.items() if text in wanted}
            self._vectors = {text: value for text, value in self._vectors.items() if text in wanted}


def _letters(text: str) -> Counter[str]:
    bare = "".join(letter for letter in squeezed(text) if letter.isalnum())
    padded = f"^{bare}$"
    return Counter(padded[at : at + n] for n in (2, 3) for at in range(len(padded) - n + 1))


class _View:
    """TF-IDF with unit rows, as an inverted index. rows: one bag of terms each."""

    def __init__(self, bags: Sequence[Counter[str]]) -> None:
        self.rows = len(bags)
        counts = Counter(term for bag in bags for term in bag)
        self.idf = {term: float(np.log((1 + self.rows) / (1 + n)) + 1.0) for term, n in counts.items()}
        collected: dict[str, tuple[list[int], list[float]]] = {}
        for row, bag in enumerate(bags):
            weights = {term: (1 + np.log(n)) * self.idf[term] for term, n in bag.items()}
            length = float(np.sqrt(sum(value * value for value in weights.values()))) or 1.0
            for term, value in weights.items():
                at, values = collected.setdefault(term, ([], []))
                at.append(row)
                values.append(value / length)
        self._postings = {
            term: (np.asarray(at, np.int32), np.asarray(values, np.float32)) for term, (at, values) in collected.items()
        }
        self._unknown_idf = float(np.log(1 + self.rows) + 1.0)

    def gram(self) -> Floats:
        """Cosine of every two rows, shape (rows, rows). A term that stands in one row alone says nothing of two."""
        found = np.zeros((self.rows, self.rows), np.float32)
        shared = [posting for posting in self._postings.values() if len(posting[0]) > 1]
        for start in range(0, len(shared), _BLOCK):
            block = shared[start : start + _BLOCK]
            part = np.zeros((self.rows, len(block)), np.float32)
            for column, (at, values) in enumerate(block):
                part[at, column] = values
            found += part @ part.T
        np.fill_diagonal(found, 1.0)
        return found

    def compared(self, bag: Counter[str]) -> Floats:
        """Cosine with every row. Terms that stand nowhere count in the length: they make every row less alike."""
        scores = np.zeros(self.rows, np.float32)
        weights = {term: (1 + np.log(n)) * self.idf.get(term, self._unknown_idf) for term, n in bag.items()}
        length = float(np.sqrt(sum(value * value for value in weights.values())))
        for term, value in weights.items():
            found = self._postings.get(term)
            if found is not None:
                scores[found[0]] += found[1] * np.float32(value / length)
        return scores


def cosine_of(bags: Sequence[tuple[Counter[str], Counter[str]]]) -> Floats:
    """Likeness of every two texts, words and letters alike. Shape (n, n)."""
    return (_View([one for one, _ in bags]).gram() + _View([two for _, two in bags]).gram()) / np.float32(2)


class Ranker:
    """Over the topics of one bot as they stand. Safe for many threads. What was worked out for a text is not done again.

    Lexical only until `warm` was called with an embedder; then with thresholds of its own. Memory: 4 bytes × utterances²
    while it is built (6,000 utterances: 144 MB, about 10 s on one core), 4 bytes × utterances × topics after.
    """

    def __init__(
        self, topics: Sequence[Topic], memory: Memory | None = None, weights: Mapping[str, Weights] | None = None
    ) -> None:
        self.topics = tuple(topics)
        self.weights = weights or weights_in_force()
        self._memory = memory or Memory()
        pairs = [(at, text) for at, topic in enumerate(self.topics) for text in _texts(topic)]
        self._texts = [text for _, text in pairs]
        self._owner = np.asarray([at for at, _ in pairs], np.int32)
        self._starts = np.flatnonzero(np.r_[True, self._owner[1:] != self._owner[:-1]]) if pairs else np.zeros(0, int)
        bags = self._memory.terms(self._texts)
        self._words = _View([words for words, _ in bags])
        self._letters = _View([letters for _, letters in bags])
        self._lexical = self._solved(self.weights["lexical"], None)
        self._dense: tuple[Embedder, Floats, Floats, Floats] | None = None

    def warm(self, embedder: Embedder | None, learnt: Embedder | None = None) -> None:
        """Encode the utterances (about 10 ms each the first time); dense from then on. Nothing without an embedder.

        learnt: the same embedder with a memory, for the utterances alone: what people say is never remembered there.
        """
        if embedder is None or not self.topics:
            return
        learnt = learnt or embedder
        middle = _middle(self._memory, learnt, self._texts)
        vectors = _centred(self._memory.vectors(self._texts, learnt), middle)
        self._dense = (embedder, middle, vectors, self._solved(self.weights["dense"], vectors))

    @property
    def dense(self) -> bool:
        """Whether meaning is compared as well."""
        return self._dense is not None

    @property
    def utterances(self) -> int:
        """How many sentences it learnt from."""
        return len(self._texts)

    def scores(self, text: str) -> Floats:
        """One score a topic; about 0..1, the higher the likelier."""
        words, letters = Counter(self._memory.words(text)), _letters(text)
        if self._dense is None:
            return (self._alike(self.weights["lexical"], words, letters, None) @ self._lexical).astype(np.float32)
        embedder, middle, vectors, solved = self._dense
        weights = self.weights["dense"]
        meant = vectors @ _centred(embedder.questions([text]), middle)[0]
        ridge = self._alike(weights, words, letters, meant) @ solved
        nearest = np.maximum.reduceat(meant, self._starts)
        return (ridge + np.float32(weights.nearest) * nearest).astype(np.float32)

    def understand(self, text: str) -> Meaning:
        """What the text means among the topics."""
        if not self.topics or not squeezed(text):
            return Meaning("unknown", ())
        return judged(self.topics, self.scores(text), self.weights["dense" if self.dense else "lexical"])

    def _alike(self, weights: Weights, words: Counter[str], letters: Counter[str], meant: Floats | None) -> Floats:
        """Likeness with every utterance."""
        found = weights.word * self._words.compared(words) + weights.letters * self._letters.compared(letters)
        return found if meant is None else found + np.float32(weights.dense) * meant

    def _solved(self, weights: Weights, vectors: Floats | None) -> Floats:
        """The dual coefficients, shape (utterances, topics)."""
        rows = len(self._texts)
        if not rows:
            return np.zeros((0, 0), np.float32)
        alike = np.float32(weights.word) * self._words.gram() + np.float32(weights.letters) * self._letters.gram()
        if vectors is not None:
            alike += np.float32(weights.dense) * (vectors @ vectors.T)
        alike[np.diag_indices(rows)] += np.float32(weights.ridge)
        wanted = np.zeros((rows, len(self.topics)), np.float32)
        wanted[np.arange(rows), self._owner] = 1.0
        solved: Floats = np.linalg.solve(alike, wanted)
        return solved


def _centred(vectors: Floats, middle: Floats) -> Floats:
    """Away from where all sentences lie (an embedder puts every two of them close together), and of length 1 again."""
    moved = vectors - middle
    unit: Floats = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
    return unit


def _middle(memory: Memory, embedder: Embedder, texts: Sequence[str]) -> Floats:
    """Where sentences lie: the mean over these utterances and the engine's own sentences, which steady a small bot's."""
    known = [*texts, *sentences()]
    middle: Floats = memory.vectors(known, embedder).mean(axis=0)
    return middle


def judged(topics: Sequence[Topic], scores: Floats, weights: Weights) -> Meaning:
    """From scores to what is done with them: take the first, ask which, or say that none is meant."""
    order = np.argsort(-scores, kind="stable")[:TOLD]
    shares = np.exp(weights.sharpness * (scores - scores.max()))
    # Confidence means the same for a bot of four topics as for the 150 that the thresholds were fitted on.
    absent = max(0, FITTED_ON - len(topics)) * np.exp(-weights.sharpness * scores.max())
    shares = shares / (shares.sum() + absent)
    told = tuple(
        (topics[at].id, topics[at].title, topics[at].leads_to, round(float(shares[at]), 4)) for at in map(int, order)
    )
    best = float(scores[order[0]])
    if best < weights.floor:
        return Meaning("unknown", told, best)
    first = told[0][3]
    second = told[1][3] if len(told) > 1 else 0.0
    if first >= weights.sure and first - second >= weights.margin:
        return Meaning("sure", told, best)
    return Meaning("close" if len(told) > 1 else "sure", told, best)


def faq_topics(entries: Iterable[FaqEntry]) -> list[Topic]:
    """Written answers as topics: their question and every other wording."""
    return [
        Topic(f"faq:{one.id}", one.question, (one.question, *one.paraphrases), f"faq:{one.id}", one.bureau)
        for one in entries
    ]


def _texts(topic: Topic) -> list[str]:
    return list(dict.fromkeys((topic.title, *topic.utterances)))
