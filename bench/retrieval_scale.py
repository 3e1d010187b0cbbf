"""How the stores under the search behave at 100,000 passages and on the way to a million.

    python bench/retrieval_scale.py --json [--passages 100000] [--curve] [--no-dense]

Passages are generated (see generated_passages.py); vectors are random and clustered, so recall here is easier than on real
text; the time to embed a question is measured with the real embedder where it is installed. Progress goes to standard
error; the last line of standard output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from generated_passages import Generator, Made
from numpy.typing import NDArray

from haechi.engines.knowledge.index import LexicalIndex, Row, VectorIndex, VectorRow

BATCH, DIMENSIONS, TOP, QUESTIONS = 5_000, 384, 50, 200
READERS = {
    "citizen": {"public"},
    "staff of one bureau": {"public", "staff", "bureau:3"},
    "reads everything": {"public", "staff", *(f"bureau:{number}" for number in range(8))},
}
REAL_QUESTION = "기초생활수급자인데 이사할 때 받을 수 있는 지원이 있나요?"
Floats = NDArray[np.float32]


class Clock:
    """Milliseconds of each call: by the clock on the wall, and of the processor (which a busy machine changes less)."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.processor: list[float] = []

    def __call__(self, act: Callable[[], Any]) -> Any:
        start, worked = time.perf_counter(), time.process_time()
        result = act()
        self.times.append((time.perf_counter() - start) * 1e3)
        self.processor.append((time.process_time() - worked) * 1e3)
        return result

    def summary(self) -> dict[str, float]:
        named = {"p50": (self.times, 50), "p95": (self.times, 95)}
        named |= {"cpu_p50": (self.processor, 50), "cpu_p95": (self.processor, 95)} if self.processor else {}
        return {name: round(float(np.percentile(times, share)), 2) for name, (times, share) in named.items()}


class Vectors:
    """Unit vectors around 2,000 random centres; a passage's vector depends on its number alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.centres = np.random.default_rng(seed).normal(size=(2_000, DIMENSIONS)).astype(np.float32)

    def of(self, first: int, count: int) -> Floats:
        noise = np.random.default_rng((self.seed, first))
        points = self.centres[noise.integers(0, len(self.centres), count)]
        return _unit(points + noise.standard_normal((count, DIMENSIONS), np.float32) * 0.7)

    def question(self, near: Floats, noise: np.random.Generator) -> Floats:
        return _unit(near + noise.standard_normal(DIMENSIONS, np.float32) * 0.03)[0]


def _unit(points: Floats) -> Floats:
    points = np.atleast_2d(points)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


class City:
    """The stores under test and what is known of their content."""

    def __init__(self, seed: int, dense: bool) -> None:
        self.seed = seed
        self.generator, self.vectors = Generator(seed), Vectors(seed)
        self.words, self.bigrams = LexicalIndex(), LexicalIndex()
        self.dense = VectorIndex(DIMENSIONS, storage="int8") if dense else None
        self.some: list[Made] = []
        self.passages = 0
        self.seconds = {"words": 0.0, "bigrams": 0.0, "vectors": 0.0}

    def grow(self, to: int) -> None:
        """Add generated passages in batches until there are `to`."""
        while self.passages < to:
            first, count = self.passages, min(BATCH, to - self.passages)
            words, bigrams, some = self.generator.columns(count, first)
            self._timed("words", lambda given=words: self.words.add_columns(given))
            self._timed("bigrams", lambda given=bigrams: self.bigrams.add_columns(given))
            if self.dense is not None:
                values = self.vectors.of(first, count)
                named = zip(words.keys, words.partitions, values, strict=True)
                self._timed("vectors", lambda given=named: self.dense.add(VectorRow(*one) for one in given))
            self.some += some
            self.passages += count
            print(f"\r{self.passages:,} passages", end="", file=sys.stderr)
        for name, store in self.stores().items():
            self._timed(name, store.settle)
        print(file=sys.stderr)

    def stores(self) -> dict[str, LexicalIndex | VectorIndex]:
        lexical: dict[str, LexicalIndex | VectorIndex] = {"words": self.words, "bigrams": self.bigrams}
        return lexical | ({"vectors": self.dense} if self.dense is not None else {})

    def questions(self) -> Iterator[tuple[dict[str, float], dict[str, float], Floats]]:
        noise = np.random.default_rng(self.seed + 1)
        for number in noise.integers(0, len(self.some), QUESTIONS).tolist():
            near = self.vectors.of(number * 500 // BATCH * BATCH, BATCH)[number * 500 % BATCH] if self.dense else None
            words, bigrams = self.generator.question(self.some[number])
            yield words, bigrams, np.zeros(0, np.float32) if near is None else self.vectors.question(near, noise)

    def _timed(self, name: str, act: Callable[[], Any]) -> None:
        start = time.perf_counter()
        act()
        self.seconds[name] += time.perf_counter() - start


def query_times(city: City, embedding_ms: list[float]) -> dict[str, Any]:
    """p50 and p95 by reader: both lexical stages together; and with the dense stage and a real question embedding."""
    questions, result = list(city.questions()), {}
    draw = np.random.default_rng(0)
    for name, reader in READERS.items():
        lexical, dense = Clock(), Clock()
        for words, bigrams, vector in questions[:10]:
            _search(city, words, bigrams, reader), city.dense and city.dense.search(vector, reader, TOP)
        for words, bigrams, vector in questions:
            lexical(lambda w=words, b=bigrams, r=reader: _search(city, w, b, r))
            if city.dense is not None:
                dense(lambda v=vector, r=reader: city.dense.search(v, r, TOP))
        entry = {"lexical_ms": lexical.summary()}
        if city.dense is not None:
            entry["dense_search_ms"] = dense.summary()
            total = Clock()
            embedding = draw.choice(embedding_ms, len(questions)) if embedding_ms else np.zeros(len(questions))
            total.times = (np.array(lexical.times) + np.array(dense.times) + embedding).tolist()
            entry["lexical_embedding_and_dense_ms"] = total.summary()
        result[name] = entry
    return result


def _search(city: City, words: dict[str, float], bigrams: dict[str, float], reader: set[str]) -> None:
    city.words.search(words, reader, TOP)
    city.bigrams.search(bigrams, reader, TOP)


def recall(city: City, questions: int = 100) -> dict[str, Any] | None:
    """Share of the ten nearest that the lists find, against all products of the same stored vectors."""
    if city.dense is None:
        return None
    lists = [view.segment.clusters for view in city.dense._views if view.segment.clusters]
    found = total = 0
    everything = READERS["reads everything"]
    for _, _, vector in list(city.questions())[:questions]:
        truth = sorted(
            (hit for view in city.dense._views for hit in _exhaustive(view, vector)), key=lambda hit: (-hit[1], hit[0])
        )[:10]
        found += len({key for key, _ in truth} & {key for key, _ in city.dense.search(vector, everything, 10)})
        total += len(truth)
    return {
        "recall_at_10": round(found / total, 4),
        "questions": questions,
        "lists": [{"lists": len(one.centroids), "searched": one.probes} for one in lists],
    }


def _exhaustive(view: Any, vector: Floats) -> list[tuple[str, float]]:
    scores = view.segment.products(0, len(view.segment.data), vector)
    return [(view.segment.keys.text(row), float(scores[row])) for row in np.argsort(-scores)[:12].tolist()]


def changes(city: City, documents: int = 30) -> dict[str, Any]:
    """A changed document of 20 passages: until the search finds its new words; and until a removed one is gone."""
    added, removed = Clock(), Clock()
    fresh = Generator(city.seed + 5)
    for number in range(documents):
        made = list(fresh.passages(20, number * 2_000 // 20 * 20))
        marked = [Row(one.key, one.partition, {**one.words, f"새말{number}": 1.0}) for one in made]
        added(lambda made=made, marked=marked: _replace(city, made, marked))
        found = city.words.search({f"새말{number}": 1.0}, READERS["reads everything"], 30)
        assert {key for key, _ in found} == {one.key for one in made}, "the changed document is not found"
        keys = [one.key for one in made]
        removed(lambda keys=keys: [store.remove(keys) for store in city.stores().values()])
        assert not city.words.search({f"새말{number}": 1.0}, READERS["reads everything"], 30), "still found"
    return {"changed_document_searchable_ms": added.summary(), "removed_document_gone_ms": removed.summary()}


def _replace(city: City, made: list[Made], marked: list[Row]) -> None:
    city.words.add(marked)
    city.bigrams.add(Row(one.key, one.partition, one.bigrams) for one in made)
    if city.dense is not None:
        values = city.vectors.of(10**9, len(made))
        city.dense.add(VectorRow(one.key, one.partition, value) for one, value in zip(made, values, strict=True))


def disk(city: City) -> dict[str, Any]:
    """Save, load into new stores, and the memory of both."""
    folder = Path(tempfile.mkdtemp(prefix="haechi-bench-"))
    try:
        saved, loaded = Clock(), Clock()
        saved(lambda: [store.save(folder / name) for name, store in city.stores().items()])
        fresh = City(city.seed, city.dense is not None)
        loaded(lambda: [store.load(folder / name) for name, store in fresh.stores().items()])
        sizes = {name: _megabytes(folder / name) for name in city.stores()}
        return {"disk_mb": sizes, "save_s": round(saved.times[0] / 1e3, 2), "load_s": round(loaded.times[0] / 1e3, 2)}
    finally:
        shutil.rmtree(folder)


def _megabytes(folder: Path) -> float:
    return round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 1)


def question_embedding() -> tuple[list[float], str]:
    """Times (ms) of the real embedder on one real question, and its name; nothing and why where it is not there."""
    try:
        from haechi.engines.knowledge.embedding import default_embedder

        embedder = default_embedder(Path(tempfile.gettempdir()) / "haechi-bench-embedding")
        clock = Clock()
        for number in range(33):
            clock(lambda number=number: embedder.questions([f"{REAL_QUESTION} {number}"]))
    except Exception as error:
        return [], f"missing: {error}"
    return clock.times[3:], f"{embedder.name} {embedder.version}"


def curve(seed: int, steps: list[int], seconds: float) -> dict[str, Any]:
    """Both lexical stages as the index grows, until the time is used up."""
    city, start, points = City(seed, dense=False), time.perf_counter(), []
    for step in steps:
        needed = (time.perf_counter() - start) * (step / city.passages - 1) if city.passages else 0.0
        left = seconds - (time.perf_counter() - start)
        fits = step if needed <= left else int(city.passages * (1 + left / needed * (step / city.passages - 1)))
        city.grow(max(fits // BATCH * BATCH, city.passages))
        times = query_times(city, [])
        points.append({"passages": city.passages, "wanted": step, "ram_mb": _ram()["resident_mb"], **times})
        if city.passages < step:
            break
    first, last = points[0], points[-1]
    growth = {
        name: round(last[name]["lexical_ms"]["cpu_p50"] / first[name]["lexical_ms"]["cpu_p50"], 1) for name in READERS
    }
    return {"points": points, "passages_grew": last["passages"] / first["passages"], "cpu_p50_grew": growth}


def _ram() -> dict[str, float]:
    memory = psutil.Process().memory_info()
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return {"resident_mb": round(memory.rss / 1e6), "peak_mb": round(int(peak.split()[1]) / 1e3)}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    before = _ram()["resident_mb"]
    city = City(arguments.seed, not arguments.no_dense)
    city.grow(arguments.passages)
    ram = _ram()
    some = city.some
    result: dict[str, Any] = {
        "data": "generated passages (Zipf stems with Korean particles, documents with topics); vectors random, clustered",
        "passages": city.passages,
        "words_a_passage": round(float(np.mean([made.words.total() for made in some])), 1),
        "bigrams_a_passage": round(float(np.mean([made.bigrams.total() for made in some])), 1),
        "build_passages_a_second": {
            name: round(city.passages / spent) for name, spent in city.seconds.items() if spent
        },
        "ram": {"before_mb": before, **ram},
    }
    embedding_ms, embedder = ([], "not asked for") if arguments.no_dense else question_embedding()
    result["question_embedding"] = {"embedder": embedder, **(_summary(embedding_ms) if embedding_ms else {})}
    result["top"] = TOP
    result["queries"] = query_times(city, embedding_ms)
    result["dense"] = recall(city)
    result |= disk(city)
    result |= changes(city)
    if arguments.curve:
        del city
        result["curve"] = curve(arguments.seed, [10_000, 100_000, 1_000_000], arguments.curve_seconds)
    return result


def _summary(times: list[float]) -> dict[str, float]:
    clock = Clock()
    clock.times = times
    return clock.summary()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object without line breaks")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--curve", action="store_true", help="also 10,000 → 100,000 → 1,000,000 (lexical stages)")
    parser.add_argument("--curve-seconds", type=float, default=420.0, help="the curve ends early after this time")
    parser.add_argument("--no-dense", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    result = measure(arguments)
    result["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(),
        "load_average": [round(value, 2) for value in psutil.getloadavg()],
        "python": platform.python_version(),
        "numpy": version("numpy"),
    }
    result["seed"], result["date"] = arguments.seed, datetime.now(UTC).isoformat(timespec="seconds")
    print(json.dumps(result, ensure_ascii=False, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
