"""Measures the real retriever on anyone's collection: the figures behind `haechi evaluate retrieval`."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from haechi.engines.knowledge.embedding import CachedEmbedder, MemoryVectors
from haechi.engines.knowledge.ports import CollectionKind, Embedder, Reader

from .beir import Collection, read_collection
from .retriever import Retriever

DEPTH = 10
MEASURES = ("ndcg@10", "recall@5", "hit@1", "hit@5", "hit@10", "mrr")
_RESAMPLES = 2000
_QUESTIONS_AT_ONCE = 64
Progress = Callable[[str, int, int], None]


def measures(ranking: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """The six measures of one question. ranking: passage ids, best first. mrr counts the first ten places.

    ndcg@10: gain grade, discount 1 / log2(place + 1), divided by the best possible order (as trec_eval).
    """
    gains = [relevant.get(key, 0) for key in ranking[:DEPTH]]
    best = sorted(relevant.values(), reverse=True)[:DEPTH]
    found = [place for place, gain in enumerate(gains, 1) if gain > 0]
    return {
        "ndcg@10": _discounted(gains) / _discounted(best),
        "recall@5": sum(gain > 0 for gain in gains[:5]) / len(relevant),
        "hit@1": float(bool(found) and found[0] <= 1),
        "hit@5": float(bool(found) and found[0] <= 5),
        "hit@10": float(bool(found)),
        "mrr": 1.0 / found[0] if found else 0.0,
    }


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over questions (percentiles of 2,000 resamples)."""
    sample = np.asarray(values, float)
    chance = np.random.default_rng(seed)
    means = [float(sample[chance.integers(0, len(sample), len(sample))].mean()) for _ in range(_RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def evaluate_retrieval(
    corpus: Path,
    queries: Path,
    qrels: Path,
    kind: CollectionKind | None = None,
    progress: Progress | None = None,
    *,
    embedder: Embedder | None = None,
) -> dict[str, Any]:
    """Index the corpus with the real index and embedder, ask every judged question, return the figures, JSON-ready.

    Keys: the six measures; `intervals` (measure → [low, high], 95 %); `n_passages`, `n_questions`, `kind`, `embedder`;
    `seconds_index`, `ms_query_p50`, `ms_query_p95`. embedder None: lexical stages only, and the result says so.
    progress(what, done, of). Raises InvalidInput on malformed files.
    """
    return evaluate_collection(read_collection(corpus, queries, qrels), kind, progress, embedder=embedder)


def evaluate_collection(
    collection: Collection,
    kind: CollectionKind | None = None,
    progress: Progress | None = None,
    *,
    embedder: Embedder | None = None,
) -> dict[str, Any]:
    """As `evaluate_retrieval`, on a collection already read."""
    tell = progress or (lambda _what, _done, _of: None)
    started = time.perf_counter()
    remembering = CachedEmbedder(embedder, MemoryVectors(4 * _QUESTIONS_AT_ONCE)) if embedder else None
    retriever = Retriever(remembering)
    retriever.add(collection.passages)
    retriever.enrich(progress=lambda done, of: tell("색인", done, of))
    retriever.stages.optimize()
    indexed = time.perf_counter() - started
    results, took = _ask_all(retriever, remembering, collection, kind, tell)
    return _figures(results) | {
        "n_passages": len(collection.passages),
        "n_questions": len(results),
        "kind": kind or "auto",
        "embedder": f"{embedder.name} {embedder.version}" if embedder else "없음(낱말 검색만)",
        "seconds_index": round(indexed, 2),
        "ms_query_p50": round(float(np.percentile(took, 50)), 1),
        "ms_query_p95": round(float(np.percentile(took, 95)), 1),
    }


def _ask_all(
    retriever: Retriever,
    remembering: CachedEmbedder | None,
    collection: Collection,
    kind: CollectionKind | None,
    tell: Progress,
) -> tuple[list[dict[str, float]], list[float]]:
    """Questions are encoded a batch at a time; each question's time has its share of that."""
    results, took, everyone = [], [], Reader()
    judged = sorted(collection.relevant.items())
    for at in range(0, len(judged), _QUESTIONS_AT_ONCE):
        batch = judged[at : at + _QUESTIONS_AT_ONCE]
        before = time.perf_counter()
        if remembering is not None:
            remembering.questions([collection.questions[key] for key, _ in batch])
        share = (time.perf_counter() - before) / len(batch)
        for key, relevant in batch:
            before = time.perf_counter()
            hits = retriever.search(collection.questions[key], everyone, limit=DEPTH, kind=kind)
            took.append(1000 * (time.perf_counter() - before + share))
            results.append(measures([hit.passage.id for hit in hits], relevant))
            tell("질문", len(results), len(judged))
    return results, took


def _figures(results: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    columns = {name: [result[name] for result in results] for name in MEASURES}
    means: dict[str, Any] = {name: round(float(np.mean(values)), 4) for name, values in columns.items()}
    return means | {
        "intervals": {name: [round(end, 4) for end in interval(column)] for name, column in columns.items()}
    }


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))


def welfare_as_beir(folder: Path, split: str, target: Path) -> tuple[Path, Path, Path]:
    """Write the welfare benchmark (`{split}_corpus.json` and so on) as corpus.jsonl, queries.jsonl, qrels.tsv.

    Its passages begin with their title as first line; the title field is left empty, as in collections without titles.
    """
    corpus, questions, judged = (
        json.loads((folder / f"{split}_{name}.json").read_text("utf-8"))
        for name in ("corpus", "queries", "relevant_docs")
    )
    paths = (target / "corpus.jsonl", target / "queries.jsonl", target / "qrels.tsv")
    rows = [{"_id": key, "title": "", "text": text} for key, text in corpus.items()]
    asked = [{"_id": key, "text": text} for key, text in questions.items()]
    lines = [f"{key}\t{passage}\t1" for key, passages in judged.items() for passage in passages]
    paths[0].write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    paths[1].write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in asked), "utf-8")
    paths[2].write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n", "utf-8")
    return paths
