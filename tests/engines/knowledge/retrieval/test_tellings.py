"""Citizens tell long stories: the clause that says what happened must lead, whatever stands around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from haechi.engines.knowledge.retrieval import Lexicon, default_lexicon
from haechi.engines.knowledge.retrieval.clauses import clauses
from haechi.engines.knowledge.retrieval.expansion import Situation, content_words
from haechi.engines.knowledge.retrieval.situations import Situations
from haechi.engines.knowledge.retrieval.terms import KiwiTerms


class WordEmbedder:
    """Each word a direction of its own: near means sharing words."""

    name, version, dimensions = "words", "1", 256

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.full((len(texts), self.dimensions), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.replace(",", " ").replace(".", " ").split():
                row[sum(map(ord, word)) % self.dimensions] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    questions = passages


TELLING = "나이 일흔인데 혼자 살고 있습니다, 천장에서 물이 뚝뚝 떨어져요. 나라에서 도와주는 것이 있습니까?"


def lexicon() -> Lexicon:
    lines = {
        "천장에서 물이 뚝뚝 떨어져요": ("도배", "장판"),
        "나라에서 도와주는 것이 많다고 나이 일흔인데 혼자 살고 들었습니다": ("복지상담",),
        **{f"다른 이야기 {number} 번째": (f"업무{number}",) for number in range(20)},
    }
    return Lexicon(Situation("집", said, (frozenset(said.split()),), means) for said, means in lines.items())


def test_a_telling_is_cut_where_its_clauses_end() -> None:
    assert clauses(TELLING) == [
        "나이 일흔인데 혼자 살고 있습니다",
        "천장에서 물이 뚝뚝 떨어져요.",
        "나라에서 도와주는 것이 있습니까?",
    ]


def test_a_question_of_one_clause_is_left_whole() -> None:
    assert clauses("도로파손 신고") == []
    assert clauses("") == []


def test_the_clause_that_says_what_happened_counts_beside_what_stands_around_it() -> None:
    situations = Situations(lexicon(), WordEmbedder())
    situations.prepare()
    embed = WordEmbedder().questions

    whole = situations.bridge(embed([TELLING]), [])
    by_clause = situations.bridge(embed([TELLING, *clauses(TELLING)]), [])

    assert whole is not None
    assert by_clause is not None
    assert whole.situations[0].startswith("나라에서")
    assert by_clause.words["도배"] > 1.2 * whole.words["도배"]


def test_every_situation_of_the_citys_lexicon_is_said_and_means_something() -> None:
    for situation in default_lexicon().situations:
        assert situation.sayings, situation.said
        assert len(situation.means) >= 2, situation.said


def test_the_packed_vectors_are_of_this_lexicon() -> None:
    from importlib import resources

    from haechi.engines.knowledge.retrieval import situations

    with (
        resources.files(situations.__package__).joinpath("situations.npz").open("rb") as source,
        np.load(source) as stored,
    ):
        assert len(stored["means"]) == len(default_lexicon().situations)
        assert len(stored["starts"]) == len(default_lexicon().situations)


def test_the_remembered_words_are_those_that_kiwi_cuts() -> None:
    said = [phrase.strip() for situation in default_lexicon().situations[::40] for phrase in situation.said.split("/")]
    assert content_words(said) == KiwiTerms().terms(said)
