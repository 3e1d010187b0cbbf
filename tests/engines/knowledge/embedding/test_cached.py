"""A document that is read again costs only what changed in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.engines.knowledge.embedding.conformance import TEXTS, EmbedderContract

from haechi.engines.knowledge.embedding import CachedEmbedder, E5Embedder, FileVectors, MemoryVectors
from haechi.engines.knowledge.ports import Vectors


class Counting:
    """The real embedder, counting the texts that reach it."""

    def __init__(self, inner: E5Embedder, version: str = "1") -> None:
        self.inner, self.version, self.name, self.dimensions = inner, version, inner.name, inner.dimensions
        self.seen = 0

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.seen += len(texts)
        return self.inner.passages(texts)

    def questions(self, texts: Sequence[str]) -> Vectors:
        self.seen += len(texts)
        return self.inner.questions(texts)


class TestCached(EmbedderContract):
    """A memory in front changes nothing that can be seen."""

    @pytest.fixture
    def embedder(self, e5: E5Embedder) -> CachedEmbedder:
        return CachedEmbedder(e5)


def test_only_the_changed_sentence_is_encoded_again(e5: E5Embedder, tmp_path: Path) -> None:
    counting, kept = Counting(e5), FileVectors(tmp_path / "vectors.sqlite")
    first = CachedEmbedder(counting, kept).passages([*TEXTS, TEXTS[0]])
    assert counting.seen == len(TEXTS)
    kept.close()
    reopened = FileVectors(tmp_path / "vectors.sqlite")
    again = CachedEmbedder(counting, reopened).passages([*TEXTS, "새 문장"])
    assert counting.seen == len(TEXTS) + 1
    np.testing.assert_array_equal(again[: len(TEXTS)], first[: len(TEXTS)])
    reopened.close()


def test_a_question_is_not_answered_with_a_passages_vector_nor_an_older_models(e5: E5Embedder) -> None:
    kept = MemoryVectors()
    old = Counting(e5)
    cached = CachedEmbedder(old, kept)
    assert not np.allclose(cached.passages(["재산세"]), cached.questions(["재산세"]))
    assert old.seen == 2
    newer = Counting(e5, version="2")
    CachedEmbedder(newer, kept).passages(["재산세"])
    assert newer.seen == 1


def test_a_deleted_text_leaves_nothing_in_the_file(e5: E5Embedder, tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    kept = FileVectors(path)
    cached = CachedEmbedder(e5, kept)
    cached.passages(["비밀 계획", "공개 계획"])
    cached.forget(["비밀 계획"])
    kept.close()
    reader = sqlite3.connect(path)
    assert reader.execute("SELECT count(*) FROM vectors").fetchone() == (1,)
    reader.close()


def test_the_memory_keeps_the_most_recently_used() -> None:
    kept = MemoryVectors(limit=2)
    kept.write({"a": b"1", "b": b"2"})
    kept.read(["a"])
    kept.write({"c": b"3"})
    assert set(kept.read(["a", "b", "c"])) == {"a", "c"}


def test_a_damaged_file_is_made_anew(e5: E5Embedder, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "vectors.sqlite"
    path.write_bytes(b"not a database, but long enough to be looked at " * 40)
    kept = FileVectors(path)
    assert CachedEmbedder(e5, kept).passages(["재산세"]).shape == (1, 384)
    assert "손상" in caplog.text
    kept.close()
