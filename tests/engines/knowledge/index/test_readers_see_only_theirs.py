"""Two offices share one index. What the one may not read changes nothing that it is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haechi.engines.knowledge.index import LexicalIndex, Row, VectorIndex, VectorRow

TERMS = "가나다라마바사아"
PARTITIONS = ("public", "staff", "bureau:복지", "user:7", "history")
rows = st.builds(
    Row,
    key=st.sampled_from([f"p{number}" for number in range(14)]),
    partition=st.sampled_from(PARTITIONS),
    terms=st.dictionaries(st.sampled_from(TERMS), st.sampled_from([1.0, 2.0, 3.0, 0.5, 7.25]), max_size=5),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(rows, min_size=1, max_size=5)),
        st.tuples(st.just("remove"), st.lists(st.sampled_from([f"p{number}" for number in range(14)]), max_size=4)),
        st.tuples(st.just("optimize"), st.none()),
        st.tuples(st.just("reload"), st.none()),
    ),
    max_size=10,
)
queries = st.dictionaries(st.sampled_from(TERMS + "없"), st.sampled_from([1.0, 0.25, 3.0]), max_size=5)
readers = st.sets(st.sampled_from(PARTITIONS))
any_order = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def naive(documents: Sequence[Row], query: Mapping[str, float], k1: float, b: float) -> list[tuple[str, float]]:
    """BM25 in plain Python over exactly these documents."""
    total, size = len(documents), sum(sum(row.terms.values()) for row in documents)
    if not size:
        return []
    scores = []
    for row in documents:
        norm = 1 - b + b * (sum(row.terms.values()) / (size / total))
        score = 0.0
        for term in sorted(query):
            df = sum(term in other.terms for other in documents)
            if term in row.terms:
                weight = row.terms[term]
                score += query[term] * math.log(1 + (total - df + 0.5) / (df + 0.5)) * (weight / (weight + k1 * norm))
        if score > 0:
            scores.append((row.key, score))
    return sorted(scores, key=lambda hit: (-hit[1], hit[0]))


@any_order
@given(steps, queries, readers, st.integers(1, 6))
def test_bm25_equals_the_formula_over_the_readable_documents_alone(
    tmp_path_factory: object, steps: list, query: dict[str, float], reader: set[str], limit: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("index")  # type: ignore[attr-defined]
    index, truth = LexicalIndex(1.2, 0.75, fan=2), {}
    for verb, what in steps:
        if verb == "add":
            index.add(what)
            truth.update({row.key: row for row in what})
        elif verb == "remove":
            index.remove(what)
            for key in what:
                truth.pop(key, None)
        elif verb == "optimize":
            index.optimize()
        else:
            index.save(folder)
            index = LexicalIndex(1.2, 0.75, fan=2)
            index.load(folder)
    readable = [row for row in truth.values() if row.partition in reader]
    expected = naive(readable, query, 1.2, 0.75)
    assert index.search(query, reader, limit) == expected[:limit]
    assert index.search(query, reader, 100) == expected
    assert index.count(reader) == len(readable)
    assert index.keys() == set(truth)
    scored = index.score(query, truth, reader)
    assert scored == {row.key: dict(expected).get(row.key, 0.0) for row in readable}
    alone = LexicalIndex(1.2, 0.75)
    alone.add(readable)
    assert alone.search(query, reader, limit) == index.search(query, reader, limit)


@any_order
@given(steps, st.integers(0, 99), readers, st.integers(1, 6), st.sampled_from(["float32", "int8"]))
def test_vectors_of_others_change_no_hit_and_no_score(
    tmp_path_factory: object, steps: list, seed: int, reader: set[str], limit: int, storage: str
) -> None:
    folder: Path = tmp_path_factory.mktemp("index")  # type: ignore[attr-defined]
    noise = np.random.default_rng(seed)
    index, truth = VectorIndex(24, storage=storage, fan=2), {}  # type: ignore[arg-type]
    for verb, what in steps:
        if verb == "add":
            vectors = [
                VectorRow(row.key, row.partition, noise.normal(size=(1 + len(row.terms) % 3, 24))) for row in what
            ]
            index.add(vectors)
            truth.update({row.key: row for row in vectors})
        elif verb == "remove":
            index.remove(what)
            for key in what:
                truth.pop(key, None)
        elif verb == "optimize":
            index.optimize()
        else:
            index.save(folder)
            index = VectorIndex(24, storage=storage, fan=2)  # type: ignore[arg-type]
            index.load(folder)
    question = noise.normal(size=24).astype(np.float32)
    readable = [row for row in truth.values() if row.partition in reader]
    alone = VectorIndex(24, storage=storage)  # type: ignore[arg-type]
    alone.add(readable)
    found = index.search(question, reader, limit)
    assert found == alone.search(question, PARTITIONS, limit)
    assert index.count(reader) == len(readable)
    exact = {row.key: float((row.vectors.astype(np.float64) @ question).max()) for row in readable}
    assert len(found) == min(limit, len(exact))
    assert all(abs(score - exact[key]) < (1e-4 if storage == "float32" else 0.3) for key, score in found)
    assert index.score(question, truth, reader) == dict(index.search(question, reader, 100))
