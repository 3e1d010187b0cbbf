"""A larger office: pruning, inverted lists, many partitions and deletions, against sums over everything."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from haechi.engines.knowledge.index import LexicalIndex, Row, VectorIndex, VectorRow

PASSAGES, VOCABULARY = 6_000, 3_000
PARTITIONS = ["public", "staff", *(f"bureau:{number}" for number in range(20))]


def office(seed: int, passages: int = PASSAGES) -> list[Row]:
    noise = np.random.default_rng(seed)
    law = 1 / (np.arange(VOCABULARY) + 3.0)
    law /= law.sum()
    rows = []
    for number in range(passages):
        words, counts = np.unique(noise.choice(VOCABULARY, noise.integers(5, 60), p=law), return_counts=True)
        terms = {f"낱말{word}": float(count) for word, count in zip(words.tolist(), counts.tolist(), strict=True)}
        rows.append(Row(f"p{number:05d}", PARTITIONS[min(int(noise.exponential(4)), 21)], terms))
    return rows


def exhaustive(rows: list[Row], query: dict[str, float]) -> list[tuple[str, float]]:
    """BM25 over every row, without an index."""
    average = sum(sum(row.terms.values()) for row in rows) / len(rows)
    held = {term: sum(term in row.terms for row in rows) for term in query}
    boosts = {
        term: query[term] * math.log(1 + (len(rows) - df + 0.5) / (df + 0.5)) for term, df in sorted(held.items())
    }
    scores = []
    for row in rows:
        norm = 1.2 * (1 - 0.75 + 0.75 * (sum(row.terms.values()) / average))
        score = 0.0
        for term, boost in boosts.items():
            if term in row.terms:
                score += boost * (row.terms[term] / (row.terms[term] + norm))
        if score > 0:
            scores.append((row.key, score))
    return sorted(scores, key=lambda hit: (-hit[1], hit[0]))


@pytest.fixture(scope="module")
def built() -> tuple[LexicalIndex, list[Row]]:
    rows, index = office(1), LexicalIndex(1.2, 0.75, fan=4, inline=200)
    for at in range(0, PASSAGES, 250):
        index.add(rows[at : at + 250])
    removed = {row.key for row in rows[::7]}
    index.remove(removed)
    index.settle()
    return index, [row for row in rows if row.key not in removed]


@pytest.mark.parametrize(
    "reader",
    [{"public"}, {"public", "staff", "bureau:3", "bureau:9"}, set(PARTITIONS)],
    ids=["citizen", "staff", "all"],
)
def test_the_best_of_a_long_question_are_the_best_of_all_sums(
    built: tuple[LexicalIndex, list[Row]], reader: set[str]
) -> None:
    index, rows = built
    readable, noise = [row for row in rows if row.partition in reader], np.random.default_rng(5)
    for size in (1, 3, 12, 30):
        asked = {f"낱말{min(int(word), VOCABULARY)}": 1.0 for word in noise.pareto(0.6, size) * 3}
        truth = exhaustive(readable, asked)
        for limit in (1, 10, 100):
            assert index.search(asked, reader, limit) == truth[:limit]


def test_a_mask_picks_among_the_hits_and_changes_no_score(built: tuple[LexicalIndex, list[Row]]) -> None:
    index, _ = built
    asked = {"낱말0": 1.0, "낱말5": 1.0, "낱말200": 1.0}
    everything = index.search(asked, PARTITIONS, PASSAGES)
    chosen = {key for key, _ in everything[3::11]} | {"nobody"}
    assert index.search(asked, PARTITIONS, 20, mask=chosen) == [hit for hit in everything if hit[0] in chosen][:20]
    assert index.search(asked, PARTITIONS, 20, mask=()) == []


def test_merging_leaves_few_segments_and_the_same_answers(built: tuple[LexicalIndex, list[Row]]) -> None:
    index, rows = built
    asked = {"낱말1": 1.0, "낱말40": 2.0}
    before = index.search(asked, {"public"}, 50)
    index.optimize()
    assert len(index._views) == 1
    assert index.search(asked, {"public"}, 50) == before
    assert index.keys() == {row.key for row in rows}


def clustered(noise: np.random.Generator, count: int, dimensions: int = 48) -> NDArray[np.float32]:
    """Points around 60 centres, near enough to each other that lists overlap."""
    centres = np.random.default_rng(99).normal(size=(60, dimensions))
    points = centres[noise.integers(0, 60, count)] + noise.normal(size=(count, dimensions)) * 0.9
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("several", [1, 2])
def test_lists_find_what_all_products_find(several: int) -> None:
    noise = np.random.default_rng(3)
    points = clustered(noise, 6_000 * several).reshape(6_000, several, -1)
    index, exact = VectorIndex(48, lists_from=2_500), VectorIndex(48)
    for store in (index, exact):
        for at in range(0, 6_000, 500):
            store.add(VectorRow(f"p{number:04d}", "public", points[number]) for number in range(at, at + 500))
            store.remove([f"p{at + 3:04d}"])
        store.settle()
    assert any(view.segment.clusters for view in index._views)
    assert not any(view.segment.clusters for view in exact._views)
    found = total = 0
    for question in clustered(noise, 200):
        truth = exact.search(question, {"public"}, 10)
        hits = dict(index.search(question, {"public"}, 10))
        assert all(dict(truth).get(key, score) == score for key, score in hits.items())
        found += len(hits.keys() & dict(truth).keys())
        total += len(truth)
    assert found / total >= 0.97
    assert len(index) == 6_000 - 12
    assert index.search(points[3, 0], {"public"}, 1)[0][0] != "p0003"


def test_lists_of_a_partition_do_not_depend_on_the_other_partitions() -> None:
    noise = np.random.default_rng(4)
    points, others = clustered(noise, 3_000), clustered(noise, 4_000)
    together, alone = VectorIndex(48, lists_from=2_000), VectorIndex(48, lists_from=2_000)
    for at in range(0, 4_000, 400):
        own = [VectorRow(f"p{number}", "public", points[number]) for number in range(at, min(at + 400, 3_000))]
        alone.add(own)
        alone.settle()
        together.add(own + [VectorRow(f"x{number}", "staff", others[number]) for number in range(at, at + 400)])
        together.settle()
    for question in clustered(noise, 100):
        assert together.search(question, {"public"}, 10) == alone.search(question, {"public"}, 10)
