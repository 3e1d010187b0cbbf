"""Whether a text gives the model orders that are not its reader's: two frozen logistic regressions over hashed letters."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haechi.engines.models.guard.policy import Level
from haechi.engines.text.personal_data.written import INVISIBLE

WEIGHTS = Path(__file__).with_name("weights.npz")
BITS = 16
"""2**BITS weights for each of the two heads."""
MOST = 20_000
"""Letters of one text that are read: its first half and its last half where it is longer."""
_JAMO, _SYLLABLES = (3, 5, 7), (1, 2, 3)
_SURE = math.log(0.98 / 0.02)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF, _KEPT = np.uint64(29), np.uint64(64 - BITS)
_BETWEEN = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_NUMBER = re.compile(r"\d+")
_SPACES = re.compile(r"\s+")
_QUOTES = str.maketrans('‘’“”「」『』"`', "''''''''''")
_HOMOGLYPHS = str.maketrans("аеорсухіјѕԁһοατερνικ", "aeopcyxijsdhoatepvik")

Indices = NDArray[np.int64]


def normal(text: str) -> str:
    """What is read of a text: no blanks, no invisible signs, one form of letters, quotation marks and numbers."""
    shown = INVISIBLE.sub("", text) if not text.isascii() else text
    shown = unicodedata.normalize("NFKC", shown).lower().translate(_QUOTES).translate(_HOMOGLYPHS)
    return _SPACES.sub("", _NUMBER.sub("0", shown))


def features(sentence: str) -> Indices:
    """Sentence → indices into the weights (shape (n,), with repetitions): runs of syllables and of jamo."""
    read = normal(sentence)
    if len(read) > MOST:
        read = read[: MOST // 2] + read[-MOST // 2 :]
    if not read:
        return np.empty(0, np.int64)
    jamo, syllables = _codes(unicodedata.normalize("NFD", read)), _codes(read)
    return np.concatenate([*_runs(jamo, _JAMO), *_runs(syllables, _SYLLABLES)])


def sentences(text: str) -> list[str]:
    """The text's sentences, without empty ones."""
    return [piece for piece in _BETWEEN.split(text) if piece and not piece.isspace()]


@dataclass(frozen=True, slots=True)
class Head:
    """weights: shape (2**BITS,), float32. noted, at: the scores from which a text is noted, and counts as an attack."""

    weights: NDArray[np.float32]
    bias: float
    noted: float
    at: float

    def score(self, text: str) -> float:
        """Log odds that the text as a whole, or its worst sentence, gives orders to the model."""
        parts = [self._sum(features(part)) for part in sentences(text)]
        if len(parts) > 1:
            parts.append((sum(total for total, _ in parts), sum(count for _, count in parts)))
        return self.bias + max((total / max(1, count) ** 0.5 for total, count in parts), default=0.0)

    def _sum(self, found: Indices) -> tuple[float, int]:
        return float(self.weights[found].sum()), len(found)


@dataclass(frozen=True, slots=True)
class Classifier:
    """requests: for what a person asks. documents: for sentences of quoted data. about: on what it was fitted, and how well."""

    requests: Head
    documents: Head
    about: dict[str, Any]

    def attack_probability(self, text: str) -> float:
        """`InjectionModel`: 0–1, stretched so that 0.5 stands at `noted` and 0.98 at `at`."""
        head = self.requests
        odds = (head.score(text) - head.noted) / max(0.05, head.at - head.noted) * _SURE
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))

    def orders(self, views: Sequence[str]) -> Level:
        """Whether a sentence of a document, given in its readings, is an order to the model: flag from `noted` on."""
        score = max(map(self.documents.score, views))
        return "refuse" if score >= self.documents.at else "flag" if score >= self.documents.noted else "none"


def read_weights(path: Path = WEIGHTS) -> Classifier:
    """The frozen file that bench/fit_guard.py wrote."""
    with np.load(path, allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
        heads = [
            Head(stored[name].astype(np.float32), *(float(about[name][key]) for key in ("bias", "noted", "at")))
            for name in ("requests", "documents")
        ]
    return Classifier(heads[0], heads[1], about)


@cache
def classifier_in_force() -> Classifier:
    """Read once."""
    return read_weights()


def write_weights(classifier: Classifier, path: Path = WEIGHTS) -> None:
    """Half precision: a weight's third digit changes no decision."""
    np.savez_compressed(
        path,
        requests=classifier.requests.weights.astype(np.float16),
        documents=classifier.documents.weights.astype(np.float16),
        about=np.array(json.dumps(classifier.about, ensure_ascii=False)),
    )


def _codes(text: str) -> NDArray[np.uint64]:
    return np.frombuffer(f"\x02{text}\x03".encode("utf-32-le", "replace"), "<u4").astype(np.uint64)


def _runs(codes: NDArray[np.uint64], lengths: tuple[int, ...]) -> list[Indices]:
    """The hashes of all runs of these lengths; a longer run goes on from the shorter one."""
    found: list[Indices] = []
    mixed = np.full(len(codes), lengths[0], np.uint64)
    for at in range(min(lengths[-1], len(codes))):
        mixed = (mixed[: len(codes) - at] ^ codes[at:]) * _MIX
        mixed ^= mixed >> _HALF
        if at + 1 in lengths:
            found.append((mixed >> _KEPT).view(np.int64))
    return found
