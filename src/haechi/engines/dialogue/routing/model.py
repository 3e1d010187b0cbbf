"""The frozen classifier: a lexical and a semantic softmax regression, mixed and calibrated. Made by bench/fit_routing.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from haechi.core.errors import MissingPart
from haechi.engines.dialogue.routing.features import Floats, features, of_word, place, words

FILE = "routing.npz"


@dataclass(frozen=True, slots=True)
class Mixture:
    """How the parts add up: logits = lexical * a + semantic * b + neighbours * c, all over `temperature`."""

    lexical: float
    semantic: float
    neighbours: float
    temperature: float
    alone_temperature: float


@dataclass(frozen=True, slots=True)
class RoutingModel:
    """classes: bot ids and 'out_of_scope', in order C. weights: (SIZE, C); idf: (SIZE,); dense: (D, C) on centred unit
    vectors; known: (N, D) the vectors of the training utterances, labels: (N,) their classes."""

    classes: tuple[str, ...]
    idf: Floats
    weights: Floats
    bias: Floats
    dense: Floats
    dense_bias: Floats
    mean: Floats
    known: Floats
    labels: Any
    mixture: Mixture
    version: str
    embedder: str

    def lexical(self, text: str) -> Floats:
        """Logits (C,) from the letters alone."""
        places, values = weighted(text, self.idf)
        return np.asarray(self.bias + values @ self.weights[places], np.float32)

    def semantic(self, vector: Floats) -> Floats:
        """Logits (C,) from the meaning: regression and the nearest known utterances."""
        centred = vector - self.mean
        centred = centred / max(float(np.linalg.norm(centred)), 1e-6)
        scores = self.dense_bias + centred @ self.dense
        return np.asarray(
            self.mixture.semantic * scores + self.mixture.neighbours * self.neighbours(centred), np.float32
        )

    def neighbours(self, centred: Floats) -> Floats:
        """(C,) the best likeness, 0..1, to a known utterance of each class (mean of its best two)."""
        return nearest(self.known @ centred, self.labels, len(self.classes))

    def probabilities(self, text: str, vector: Floats | None) -> Floats:
        """(C,) calibrated; vector None: from the letters alone."""
        logits = self.lexical(text)
        if vector is None:
            return softmax(logits / self.mixture.alone_temperature)
        return softmax((self.mixture.lexical * logits + self.semantic(vector)) / self.mixture.temperature)

    def deciding_words(self, text: str, bot: str, most: int = 3) -> tuple[str, ...]:
        """The words that speak most for `bot` against the mean of all classes, in the order of the text."""
        at = self.classes.index(bot)
        scored = {word: self._speaks_for(word, at) for word in words(text)}
        best = sorted((word for word, score in scored.items() if score > 0), key=lambda word: -scored[word])[:most]
        return tuple(word for word in scored if word in best)

    def _speaks_for(self, word: str, at: int) -> float:
        places = [place(feature) for feature in of_word(word)]
        rows = self.weights[places] * self.idf[places][:, None]
        return float((rows[:, at] - rows.mean(axis=1)).sum() / len(places) ** 0.5)


def weighted(text: str, idf: Floats) -> tuple[Any, Floats]:
    """Features with idf, length 1."""
    places, values = features(text)
    values = values * idf[places]
    return places, values / max(float(np.linalg.norm(values)), 1e-6)


def nearest(likeness: Floats, labels: Any, classes: int) -> Floats:
    """(C,) mean of the two best likenesses of each class, never below 0."""
    best = np.zeros(classes, np.float32)
    for at in range(classes):
        own = likeness[labels == at]
        if len(own):
            best[at] = max(0.0, float(np.sort(own)[-2:].mean()))
    return best


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


def save(model: RoutingModel, path: Path, notes: Sequence[str]) -> None:
    """One file; weights at half precision, known vectors as whole numbers."""
    mixture = model.mixture
    head = {
        "classes": model.classes, "version": model.version, "embedder": model.embedder, "notes": list(notes),
        "mixture": [mixture.lexical, mixture.semantic, mixture.neighbours, mixture.temperature, mixture.alone_temperature],
    }  # fmt: skip
    np.savez_compressed(
        path,
        head=np.frombuffer(json.dumps(head, ensure_ascii=False).encode(), np.uint8),
        idf=model.idf.astype(np.float16),
        weights=model.weights.astype(np.float16),
        bias=model.bias,
        dense=model.dense,
        dense_bias=model.dense_bias,
        mean=model.mean,
        known=np.round(model.known * 127).astype(np.int8),
        labels=np.asarray(model.labels, np.int16),
    )


def load(path: Path) -> RoutingModel:
    """MissingPart with the command that makes it, where the file is not there."""
    if not path.is_file():
        raise MissingPart("길 찾기 모형(routing.npz)", "python bench/fit_routing.py")
    with np.load(path) as data:
        head = json.loads(bytes(data["head"]).decode())
        return RoutingModel(
            tuple(head["classes"]),
            data["idf"].astype(np.float32),
            data["weights"].astype(np.float32),
            data["bias"],
            data["dense"],
            data["dense_bias"],
            data["mean"],
            data["known"].astype(np.float32) / 127,
            data["labels"].astype(np.int64),
            Mixture(*head["mixture"]),
            head["version"],
            head["embedder"],
        )
