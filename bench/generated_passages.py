"""Generated passages with the statistics of Korean administrative text; for timing only, never for quality.

Stems follow a Zipf-Mandelbrot law, carry real particles and endings, and half of a passage comes from its document's own
few hundred stems, as real documents have it. Compared with 464 real welfare pages (character bigrams, first 400
characters): a question there has 22–30 bigrams whose document frequencies add up to 1.9–2.2 times the number of passages
(95th percentile 3.6–3.9); `shape` prints the same figures of what is generated here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        shares = partitions or {"public": 0.5, "staff": 0.3} | {f"bureau:{number}": 0.2 / 8 for number in range(8)}
        self.partitions, self.shares = list(shares), np.array(list(shares.values()))
        syllables = np.array([chr(0xAC00 + at) for at in self.noise.permutation(11172)[:900]])
        often = _zipf(900, 0.8, 8)
        lengths = self.noise.choice([1, 2, 3, 4], STEMS, p=[0.04, 0.62, 0.24, 0.1])
        flat = self.noise.choice(syllables, int(lengths.sum()), p=often)
        ends = np.cumsum(lengths)
        self.stems = ["".join(flat[end - size : end]) for end, size in zip(ends, lengths, strict=True)]
        self.law = np.cumsum(_zipf(STEMS, 1.0, 12))
        self.ending_law = np.cumsum(_zipf(len(ENDINGS), 0.9, 3))
        self._pairs: dict[tuple[int, int], list[str]] = {}

    def passages(self, count: int, first: int = 0) -> Iterator[Made]:
        """`count` passages, keyed from number `first`; every PASSAGES_A_DOCUMENT of them share a topic and partition."""
        for number in range(first, first + count):
            if number % PASSAGES_A_DOCUMENT == 0 or number == first:
                topic = self._draw(300)
                weights = np.cumsum(_zipf(300, 0.9, 4))
                partition = self.partitions[int(self.noise.choice(len(self.shares), p=self.shares / self.shares.sum()))]
            own = topic[np.searchsorted(weights, self.noise.random(WORDS // 2))]
            stems = np.concatenate([own, self._draw(WORDS - len(own))])
            endings = np.searchsorted(self.ending_law, self.noise.random(WORDS))
            yield Made(f"문서{number // PASSAGES_A_DOCUMENT:06d}-{number:07d}", partition, *self._terms(stems, endings))

    def question(self, made: Made) -> tuple[dict[str, float], dict[str, float]]:
        """Eight content words of a passage and the bigrams of those words with endings of the asker's own."""
        words = list(made.words)
        asked = [words[at] for at in self.noise.permutation(len(words))[:8]]
        bigrams: dict[str, float] = {}
        for word in asked:
            text = word + ENDINGS[int(np.searchsorted(self.ending_law, self.noise.random()))]
            bigrams.update(dict.fromkeys((text[at : at + 2] for at in range(len(text) - 1)), 1.0))
        return dict.fromkeys(asked, 1.0), bigrams

    def _draw(self, count: int) -> NDArray[np.int64]:
        return np.minimum(np.searchsorted(self.law, self.noise.random(count)), STEMS - 1)

    def _terms(self, stems: NDArray[np.int64], endings: NDArray[np.int64]) -> tuple[Counter[str], Counter[str]]:
        bigrams: list[str] = []
        for pair in zip(stems.tolist(), endings.tolist(), strict=True):
            known = self._pairs.get(pair)
            if known is None:
                text = self.stems[pair[0]] + ENDINGS[pair[1]]
                known = [text[at : at + 2] for at in range(len(text) - 1)]
                if len(self._pairs) < 400_000:
                    self._pairs[pair] = known
            bigrams += known
        return Counter(map(self.stems.__getitem__, stems.tolist())), Counter(bigrams)


def _zipf(count: int, power: float, shift: float) -> NDArray[np.float64]:
    law = 1.0 / (np.arange(count) + shift) ** power
    return law / law.sum()
