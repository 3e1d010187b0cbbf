"""Make the frozen routing model of service 16 from its training utterances. Deterministic.

    python bench/fit_routing.py                 fit, print figures by cross-validation, write routing.npz
    python bench/fit_routing.py --keep-mixture  without cross-validation: the mixture of the file that ships stays
    python bench/fit_routing.py --check         fit and compare with the file that ships, write nothing

Training utterances were written for this purpose (synthetic). Cross-validation keeps the utterances of one topic together,
so its figures say how it does on topics that it has never seen; the held-out utterances under the service's tests/ are never read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from haechi.city.settings import default_home
from haechi.engines.dialogue.routing.features import SIZE, Floats
from haechi.engines.dialogue.routing.fitting import (
    COPIES,
    Utterance,
    disturbed,
    document_weights,
    read_training,
    regress,
    rows_of,
)
from haechi.engines.dialogue.routing.model import FILE, Mixture, RoutingModel, load, nearest, save, softmax
from haechi.engines.knowledge.embedding import CachedEmbedder, FileVectors, default_embedder

SERVICE = Path(__file__).resolve().parents[1] / "src/haechi/services/s16_all_in_one_chatbot"
FOLDS = 5
SEED = 20261122
LEXICAL_STRENGTH, DENSE_STRENGTH = 2e-5, 3e-5
LEXICAL_ROUNDS, DENSE_ROUNDS = 80, 300


@dataclass(frozen=True, slots=True)
class Material:
    """Utterances as written, their disturbed copies (COPIES each, in order) and the vectors of both."""

    written: Sequence[Utterance]
    copies: Sequence[Utterance]
    vectors: Floats
    copy_vectors: Floats
    classes: tuple[str, ...]

    def labels(self, some: Sequence[Utterance]) -> Any:
        """(N,) places in `classes`."""
        return np.array([self.classes.index(one.bot) for one in some])


@dataclass(frozen=True, slots=True)
class Parts:
    """What is fitted on one selection of utterances."""

    weights: Floats
    bias: Floats
    dense: Floats
    dense_bias: Floats
    mean: Floats
    known: Floats
    labels: Any


def material(folder: Path) -> Material:
    written = read_training(folder)
    chance = random.Random(SEED)
    copies = [disturbed(one, chance) for one in written for _ in range(COPIES)]
    cache = default_home() / "cache"
    embedder = CachedEmbedder(default_embedder(cache), FileVectors(cache / "vectors"))
    vectors = embedder.questions([one.text for one in written])
    return Material(
        written,
        copies,
        vectors,
        embedder.questions([one.text for one in copies]),
        tuple(sorted({one.bot for one in written})),
    )


def fit(data: Material, chosen: Any, idf: Floats) -> Parts:
    """chosen: (N,) which written utterances count; their copies count with them."""
    with_copies = np.repeat(chosen, COPIES)
    some = [one for one, use in zip(data.written, chosen, strict=True) if use]
    some += [one for one, use in zip(data.copies, with_copies, strict=True) if use]
    labels = data.labels(some)
    rows = rows_of([one.text for one in some], idf)
    many = len(data.classes)
    weights, bias = regress(
        rows.times, rows.turned, SIZE, labels, many, strength=LEXICAL_STRENGTH, rounds=LEXICAL_ROUNDS
    )
    mean = data.vectors[chosen].mean(axis=0)
    dense = centred(np.concatenate([data.vectors[chosen], data.copy_vectors[with_copies]]), mean)
    dense_weights, dense_bias = regress(
        lambda w: dense @ w,
        lambda g: dense.T @ g,
        dense.shape[1],
        labels,
        many,
        strength=DENSE_STRENGTH,
        rounds=DENSE_ROUNDS,
    )
    known = centred(data.vectors[chosen], mean)
    return Parts(weights, bias, dense_weights, dense_bias, mean, known, labels[: len(known)])


def centred(vectors: Floats, mean: Floats) -> Floats:
    moved = vectors - mean
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


def out_of_fold(data: Material, idf: Floats, folds: Any) -> tuple[Floats, Floats, Floats]:
    """Logits (N, C) of each utterance by parts that never saw its fold: lexical, dense, neighbours."""
    shape = (len(data.written), len(data.classes))
    lexical, dense, near = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for fold in range(FOLDS):
        parts = fit(data, folds != fold, idf)
        left = np.flatnonzero(folds == fold)
        lexical[left] = rows_of([data.written[at].text for at in left], idf).times(parts.weights) + parts.bias
        moved = centred(data.vectors[left], parts.mean)
        dense[left] = moved @ parts.dense + parts.dense_bias
        near[left] = [nearest(parts.known @ one, parts.labels, shape[1]) for one in moved]
    return lexical, dense, near


def by_family(written: Sequence[Utterance]) -> Any:
    """(N,) fold of each utterance; a family is never cut."""
    families = sorted({one.family for one in written})
    random.Random(SEED).shuffle(families)
    fold = {family: number % FOLDS for number, family in enumerate(families)}
    return np.array([fold[one.family] for one in written])


def best_mixture(parts: tuple[Floats, Floats, Floats], labels: Any) -> tuple[Mixture, float]:
    """The mixture with the least mean loss on out-of-fold logits, and its share of right answers."""
    lexical, dense, near = parts
    tried = []
    for a in (0.3, 0.5, 0.75, 1.0, 1.5):
        for b in (0.5, 1.0):
            for c in (0.0, 3.0, 6.0, 9.0, 12.0):
                logits = a * lexical + b * dense + c * near
                loss, warm = min((mean_loss(logits / t, labels), t) for t in (0.7, 1.0, 1.4, 2.0, 2.8, 4.0))
                tried.append((loss, Mixture(a, b, c, warm, 1.0), float((logits.argmax(1) == labels).mean())))
    _, mixture, right = min(tried, key=lambda one: one[0])
    _, alone = min((mean_loss(lexical / t, labels), t) for t in (0.7, 1.0, 1.4, 2.0, 2.8, 4.0))
    return replace(mixture, alone_temperature=alone), right


def mean_loss(logits: Floats, labels: Any) -> float:
    return float(-np.log(softmax(logits)[np.arange(len(labels)), labels] + 1e-9).mean())


def main() -> None:
    """Fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the file that ships")
    parser.add_argument("--keep-mixture", action="store_true", help="no cross-validation")
    wanted = parser.parse_args()
    data = material(SERVICE / "training")
    idf = document_weights([one.text for one in data.written])
    labels = data.labels(data.written)
    report: dict[str, Any] = {"utterances": len(data.written)}
    if wanted.keep_mixture:
        mixture = load(SERVICE / FILE).mixture
    else:
        parts = out_of_fold(data, idf, by_family(data.written))
        mixture, right = best_mixture(parts, labels)
        report["new_topic_top1"] = round(right, 4)
        report["new_topic_top1_lexical"] = round(float((parts[0].argmax(1) == labels).mean()), 4)
    whole = fit(data, np.ones(len(data.written), bool), idf)
    digest = hashlib.sha256("\n".join(f"{one.bot}\t{one.text}" for one in data.written).encode()).hexdigest()[:12]
    model = RoutingModel(
        data.classes, idf, whole.weights, whole.bias, whole.dense, whole.dense_bias, whole.mean, whole.known, whole.labels,
        mixture, f"1-{digest}", "multilingual-e5-small",
    )  # fmt: skip
    report["mixture"] = [
        mixture.lexical, mixture.semantic, mixture.neighbours, mixture.temperature, mixture.alone_temperature
    ]  # fmt: skip
    report["version"] = model.version
    if wanted.check:
        shipped = load(SERVICE / FILE)
        report["shipped"] = shipped.version
        report["largest_difference"] = float(np.abs(shipped.weights - model.weights.astype(np.float16)).max())
    else:
        save(model, SERVICE / FILE, ["합성 학습 발화로 bench/fit_routing.py가 만들었다"])
    print(json.dumps(report, ensure_ascii=False))


if __name__ == "__main__":
    main()
