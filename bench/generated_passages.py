"""Generated passages with the statistics of Korean administrative text; for timing only, never for quality.

Stems follow a Zipf-Mandelbrot law, carry real particles and endings, and half of a passage comes from its document's own
few hundred stems, as real documents have it. Compared with 464 real welfare pages (character bigrams, first 400
characters): a question there has 22–30 bigrams whose document frequencies add up to 1.9–2.2 times the number of passages
(95th percentile 3.6–3.9). Here a question's 23 bigrams add up to 3.4 (95th percentile 5.8): heavier than real.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haechi.engines.knowledge.index import Columns, term_hash

ENDINGS = (  # noqa: SIM905 (a list of sixty strings reads worse)
    "은 는 이 가 을 를 의 에 에서 으로 로 와 과 도 만 등 및 하는 합니다 입니다 하여 됩니다 하고 한 할 되는 된 하며 까지 부터 에게 이나 "
    "대상 지원 신청 경우 방법 이상 이하 내용 기준 가능 여부 관련 따라 위한 따른 받은 있는 없는 해야 하지 않은"
).split()
STEMS, PASSAGES_A_DOCUMENT, WORDS = 60_000, 20, 100


@dataclass(frozen=True, slots=True)
class Made:
    """One passage: key, partition, content words and character bigrams with counts."""

    key: str
    partition: str
    words: Counter[str]
    bigrams: Counter[str]


class Generator:
    """Same seed, same passages and questions. partitions: name → share."""

    def __init__(self, seed: int = 7, partitions: dict[str, float] | None = None) -> None:
        self.noise = np.random.default_rng(seed)
        shares = partitions or {"public": 0.6, "staff": 0.24} | {f"bureau:{number}": 0.16 / 8 for number in range(8)}
        self.partitions, self.shares = list(shares), np.array(list(shares.values())) / sum(shares.values())
        syllables = [chr(0xAC00 + at) for at in self.noise.permutation(11172)[:900]]
        self.syllables = [*syllables, *sorted({letter for ending in ENDINGS for letter in ending} - set(syllables))]
        number = {letter: at for at, letter in enumerate(self.syllables)}
        lengths = self.noise.choice([1, 2, 3, 4], STEMS, p=[0.04, 0.62, 0.24, 0.1])
        self.stem_letters = self.noise.choice(900, (STEMS, 4), p=_zipf(900, 0.8, 8))
        self.stem_letters[np.arange(4) >= lengths[:, None]] = -1
        self.last = self.stem_letters[np.arange(STEMS), lengths - 1]
        self.ending_letters = np.full((len(ENDINGS), 3), -1)
        for at, ending in enumerate(ENDINGS):
            self.ending_letters[at, : len(ending)] = [number[letter] for letter in ending]
        self.stems = ["".join(self.syllables[at] for at in row if at >= 0) for row in self.stem_letters.tolist()]
        self.laws = [
            np.cumsum(_zipf(STEMS, 1.0, 12)),
            np.cumsum(_zipf(len(ENDINGS), 0.9, 3)),
            np.cumsum(_zipf(300, 0.9, 4)),
        ]
        self.stem_hashes = np.array([term_hash(stem) for stem in self.stems], np.uint64)
        self.bigram_hashes = np.zeros(1 << 20, np.uint64)

    def passages(self, count: int, first: int = 0) -> Iterator[Made]:
        """`count` passages, keyed from number `first`; PASSAGES_A_DOCUMENT of them share a topic and a partition."""
        keys, partitions, stems, endings = self._drawn(count, first)
        for row in range(count):
            yield self._made(keys[row], partitions[row], stems[row].tolist(), endings[row].tolist())

    def columns(self, count: int, first: int = 0) -> tuple[Columns, Columns, list[Made]]:
        """The same as words, bigrams and every 500th passage, without a Python object a word."""
        keys, partitions, stems, endings = self._drawn(count, first)
        words = self._counted(keys, partitions, stems, self.stem_hashes)
        pairs = self._bigrams(stems, endings)
        missing = np.unique(pairs[pairs >= 0])
        missing = missing[self.bigram_hashes[missing] == 0]
        texts = (self.syllables[at >> 10] + self.syllables[at & 1023] for at in missing.tolist())
        self.bigram_hashes[missing] = np.fromiter((term_hash(text) for text in texts), np.uint64, len(missing))
        bigrams = self._counted(keys, partitions, pairs, self.bigram_hashes)
        some = range(0, count, 500)
        made = [self._made(keys[row], partitions[row], stems[row].tolist(), endings[row].tolist()) for row in some]
        return words, bigrams, made

    def question(self, made: Made) -> tuple[dict[str, float], dict[str, float]]:
        """Eight content words of a passage and the bigrams of those words with endings of the asker's own."""
        words = list(made.words)
        asked = [words[at] for at in self.noise.permutation(len(words))[:8]]
        texts = [word + ENDINGS[ending] for word, ending in zip(asked, self._draw(1, len(asked)), strict=True)]
        bigrams = {text[at : at + 2]: 1.0 for text in texts for at in range(len(text) - 1)}
        return dict.fromkeys(asked, 1.0), bigrams

    def _draw(self, law: int, shape: int | tuple[int, ...]) -> NDArray[np.int64]:
        limit = len(self.laws[law]) - 1
        return np.minimum(np.searchsorted(self.laws[law], self.noise.random(shape)), limit)

    def _drawn(self, count: int, first: int) -> tuple[list[str], list[str], NDArray[np.int64], NDArray[np.int64]]:
        documents = np.arange(count) // PASSAGES_A_DOCUMENT
        topics = self._draw(0, (int(documents[-1]) + 1, 300))
        own = topics[documents[:, None], self._draw(2, (count, WORDS // 2))]
        stems = np.concatenate([own, self._draw(0, (count, WORDS - WORDS // 2))], axis=1)
        owners = self.noise.choice(len(self.shares), len(topics), p=self.shares)[documents]
        keys = [f"문서{number // PASSAGES_A_DOCUMENT:06d}-{number:07d}" for number in range(first, first + count)]
        return keys, [self.partitions[at] for at in owners.tolist()], stems, self._draw(1, (count, WORDS))

    def _made(self, key: str, partition: str, stems: list[int], endings: list[int]) -> Made:
        words = [self.stems[at] for at in stems]
        texts = [word + ENDINGS[ending] for word, ending in zip(words, endings, strict=True)]
        bigrams = Counter(text[at : at + 2] for text in texts for at in range(len(text) - 1))
        return Made(key, partition, Counter(words), bigrams)

    def _bigrams(self, stems: NDArray[np.int64], endings: NDArray[np.int64]) -> NDArray[np.int64]:
        """Pairs of syllable numbers as first << 10 | second, -1 where there is none; one row a passage."""
        left, right = self.stem_letters[stems], self.ending_letters[endings]
        firsts = [left[..., 0], left[..., 1], left[..., 2], self.last[stems], right[..., 0], right[..., 1]]
        seconds = [left[..., 1], left[..., 2], left[..., 3], right[..., 0], right[..., 1], right[..., 2]]
        pairs = [np.where(after >= 0, before << 10 | after, -1) for before, after in zip(firsts, seconds, strict=True)]
        return np.concatenate(pairs, axis=1)

    def _counted(
        self, keys: list[str], partitions: list[str], terms: NDArray[np.int64], hashes: NDArray[np.uint64]
    ) -> Columns:
        rows = np.arange(len(keys))[:, None] << 24
        found, counts = np.unique((terms | rows)[terms >= 0], return_counts=True)
        sizes = np.bincount(found >> 24, minlength=len(keys))
        return Columns(keys, partitions, sizes, hashes[found & 0xFFFFFF], counts.astype(np.float64))


def _zipf(count: int, power: float, shift: float) -> NDArray[np.float64]:
    law = 1.0 / (np.arange(count) + shift) ** power
    return law / law.sum()
