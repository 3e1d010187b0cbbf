"""What every Embedder must keep, whichever engine is inside. A test class inherits this and provides `embedder`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from haechi.engines.knowledge.ports import Embedder

TEXTS = [
    "재산세는 7월과 9월에 나누어 냅니다.",
    "Where can I get a resident registration copy?",
    "제5조(목적) ① 이 조례는 「지방자치법」 제28조에 따라 …",
    "🎉 축제 안내 ＡＢＣ ㈜서울 ½",
    "가",
]


class EmbedderContract:
    """Shapes, length 1, the same answer every time, and no text that breaks it."""

    tolerance = 1e-5

    def test_one_row_a_text_of_the_promised_width_and_length_one(self, embedder: Embedder) -> None:
        for vectors in (embedder.passages(TEXTS), embedder.questions(TEXTS)):
            assert vectors.shape == (len(TEXTS), embedder.dimensions)
            assert vectors.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)

    def test_nothing_in_nothing_out(self, embedder: Embedder) -> None:
        assert embedder.passages([]).shape == (0, embedder.dimensions)
        assert embedder.questions([]).shape == (0, embedder.dimensions)

    def test_the_same_text_gives_the_same_vector(self, embedder: Embedder) -> None:
        np.testing.assert_array_equal(embedder.passages(TEXTS), embedder.passages(TEXTS))

    def test_neighbours_do_not_change_a_vector(self, embedder: Embedder) -> None:
        together = embedder.passages([*TEXTS, "긴 안내문입니다. " * 60])
        alone = np.concatenate([embedder.passages([text]) for text in TEXTS])
        np.testing.assert_allclose(together[: len(TEXTS)], alone, atol=self.tolerance)

    def test_odd_texts_do_not_break_it(self, embedder: Embedder) -> None:
        odd = ["", " ", "\n\t\x00", "\ud800 깨진 글자", "한" * 20_000, "a" * 3000, "</s><pad>"]
        vectors = embedder.passages(odd)
        assert vectors.shape == (len(odd), embedder.dimensions)
        assert np.isfinite(vectors).all()

    def test_many_threads_may_ask_at_once(self, embedder: Embedder) -> None:
        alone = embedder.questions(TEXTS)
        with ThreadPoolExecutor(8) as people:
            answers = list(people.map(lambda _: embedder.questions(TEXTS), range(16)))
        for answer in answers:
            np.testing.assert_allclose(answer, alone, atol=self.tolerance)

    def test_a_question_is_nearer_to_its_passage_than_to_others(self, embedder: Embedder) -> None:
        passages = [
            "도로에 파인 곳(포트홀)이 있으면 도로관리과에 보수를 요청할 수 있습니다.",
            "재산세는 7월과 9월에 나누어 냅니다.",
            "길고양이 중성화 사업은 동물보호과에서 맡습니다.",
        ]
        questions = [
            "길에 구멍이 나서 바퀴가 빠질 뻔했어요",
            "세금은 몇 월에 내나요?",
            "고양이가 새끼를 너무 많이 낳아요",
        ]
        nearest = (embedder.questions(questions) @ embedder.passages(passages).T).argmax(axis=1)
        assert nearest.tolist() == [0, 1, 2]
