"""An officer's documents are found, a stranger's are not, and what is not readable changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from haechi.core.errors import InvalidInput
from haechi.engines.knowledge.ports import Passage, Reader, Vectors
from haechi.engines.knowledge.retrieval import Retriever, default_lexicon, default_tuning, evaluate_retrieval
from haechi.engines.knowledge.retrieval.evaluation import measures
from haechi.engines.knowledge.retrieval.manner import weighed
from haechi.engines.knowledge.retrieval.statutes import applied, references
from haechi.engines.knowledge.retrieval.views import heading, sentences

CITIZEN = Reader()


class LetterEmbedder:
    """Hashed character bigrams: a real, if simple, embedder."""

    name, version, dimensions = "letters", "1", 64

    def passages(self, texts: Sequence[str]) -> Vectors:
        rows = np.full((len(texts), self.dimensions), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for at in range(len(text) - 1):
                row[hashlib.sha1(text[at : at + 2].encode()).digest()[0] % self.dimensions] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    questions = passages


def passage(key: str, text: str, document: str = "", **more: object) -> Passage:
    return Passage(key, document or key, f"v-{document or key}", 0, text, str(more.pop("title", "")), **more)  # type: ignore[arg-type]


CITY = [
    passage("job", "구직급여는 실직한 사람에게 지급하는 실업급여이다. 고용센터에 신청한다."),
    passage("road", "포트홀 등 도로파손을 신고하면 도로보수를 한다."),
    passage("care", "노인장기요양보험의 방문요양을 신청한다."),
    passage("trash", "대형폐기물 배출신고 스티커를 붙인다."),
]


@pytest.fixture
def city() -> Retriever:
    retriever = Retriever(LetterEmbedder())
    retriever.add(CITY)
    return retriever


def test_a_new_passage_is_found_by_bigram_at_once_and_by_every_stage_after_enrichment(city: Retriever) -> None:
    before = city.search("도로파손 신고", CITIZEN, limit=2)
    assert before[0].passage.id == "road"
    assert set(before[0].parts) == {"bigram"}
    assert city.pending() == 4
    city.enrich()
    assert city.pending() == 0
    assert {"kiwi", "bigram", "whole", "sentence"} <= set(city.search("도로파손 신고", CITIZEN)[0].parts)


def test_a_citizen_who_tells_the_situation_reaches_the_service_without_naming_it() -> None:
    lexical = Retriever()
    lexical.add(CITY)
    lexical.enrich()
    assert lexical.search("회사에서 갑자기 잘렸어요", CITIZEN)[0].passage.id == "job"
    assert lexical.search("길에 구멍이 났는데 위험해요", CITIZEN)[0].passage.id == "road"


def test_the_same_word_for_mother_finds_the_same_situation() -> None:
    for word in ("어머니", "엄마"):
        matches = default_lexicon().matches([word, "돌보", "사람", "없"])
        assert any("요양등급" in match.situation.means for match in matches), word


def test_a_removed_document_is_gone_at_once(city: Retriever) -> None:
    city.enrich()
    city.remove_document("road")
    assert city.count(CITIZEN) == 3
    assert "road" not in [hit.passage.id for hit in city.search("도로파손 신고", CITIZEN)]


def test_what_a_reader_may_not_read_changes_no_hit_score_rank_or_count(city: Retriever) -> None:
    city.enrich()
    asked = ["구직급여 신청", "회사에서 잘렸어요", "도로파손", "제3조는 무엇인가", "비밀 감사 결과"]
    alone = [city.search(question, CITIZEN) for question in asked]
    secrets = [
        passage(
            f"s{number}",
            f"구직급여 비밀 감사 결과 도로파손 {number}",
            "audit",
            access=("bureau:감사과",),
            article="제3조",
        )
        for number in range(60)
    ]
    city.add(secrets)
    city.enrich()
    assert [city.search(question, CITIZEN) for question in asked] == alone
    assert city.count(CITIZEN) == 4
    auditor = Reader(frozenset({"public", "bureau:감사과"}))
    assert city.count(auditor) == 64
    assert city.search("비밀 감사 결과", auditor)[0].passage.document_id == "audit"


def test_an_old_version_answers_only_for_its_own_time() -> None:
    retriever = Retriever()
    old = passage("old", "수수료는 500원이다.", "fee", valid_from=date(2020, 1, 1), valid_to=date(2024, 1, 1))
    new = passage("new", "수수료는 700원이다.", "fee", valid_from=date(2024, 1, 1))
    retriever.add([old, new])
    assert [hit.passage.id for hit in retriever.search("수수료", CITIZEN)] == ["new"]
    then = Reader(as_of=date(2022, 5, 1))
    assert [hit.passage.id for hit in retriever.search("수수료", then)] == ["old"]


def test_an_article_asked_by_number_comes_first_and_brings_what_it_applies() -> None:
    retriever = Retriever()
    law = [
        ("제5조", "제5조(등록) 소유자는 구청장에게 등록하여야 한다."),
        ("제11조", "제11조(준용 등) 반려동물 보호를 위하여 필요한 사항을 정한다."),
        ("제12조", "제12조(준용) 변경신고에는 제5조를 준용한다."),
        ("제13조", "제13조(과태료) 제12조를 위반한 자에게 과태료를 부과한다."),
    ]
    for number, (article, text) in enumerate(law):
        retriever.add([Passage(article, "pets", "v1", number, text, "동물보호 조례", article=article, kind="statutes")])
    retriever.enrich()
    found = [hit.passage.article for hit in retriever.search("동물보호 조례 제12조는 무엇을 정하나?", CITIZEN)]
    assert found[:2] == ["제12조", "제5조"]


def test_references_are_read_as_people_write_them() -> None:
    assert [one.locator for one in references("12조 2항과 제3조의2제1항제4호")] == ["제12조제2항", "제3조의2제1항제4호"]
    assert references("2조원 규모") == []
    assert [one.article for one in applied("제3조부터 제5조까지의 규정을 준용한다.")] == ["제3조", "제4조", "제5조"]


def test_a_saved_index_comes_back_and_agrees_with_the_database(city: Retriever, tmp_path: Path) -> None:
    city.enrich()
    expected = city.search("방문요양 신청", CITIZEN)
    city.save(tmp_path)
    again = Retriever(LetterEmbedder())
    again.load(tmp_path, CITY)
    again.warm_up()
    assert again.pending() == 0
    assert again.search("방문요양 신청", CITIZEN) == expected
    fewer = Retriever(LetterEmbedder())
    fewer.load(tmp_path, CITY[:2])
    assert fewer.count(CITIZEN) == 2


def write_beir(folder: Path, qrels: str) -> tuple[Path, Path, Path]:
    paths = (folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels.tsv")
    paths[0].write_text("".join(json.dumps({"_id": p.id, "title": "", "text": p.text}) + "\n" for p in CITY), "utf-8")
    paths[1].write_text('{"_id": "q1", "text": "도로파손 신고"}\n{"_id": "q2", "text": "구직급여"}\n', "utf-8")
    paths[2].write_text("query-id\tcorpus-id\tscore\n" + qrels, "utf-8")
    return paths


def test_evaluation_tells_right_from_wrong(tmp_path: Path) -> None:
    good = evaluate_retrieval(*write_beir(tmp_path, "q1\troad\t1\nq2\tjob\t1\n"))
    assert good["ndcg@10"] == good["hit@1"] == good["recall@5"] == 1.0
    assert good["intervals"]["mrr"] == [1.0, 1.0]
    bad = evaluate_retrieval(*write_beir(tmp_path, "q1\tjob\t1\nq2\troad\t1\n"))
    assert bad["hit@1"] == 0.0


def test_measures_agree_with_a_hand_calculation() -> None:
    figures = measures(["a", "b", "c"], {"b": 1, "z": 1})
    assert figures["ndcg@10"] == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
    assert (figures["recall@5"], figures["hit@1"], figures["mrr"]) == (0.5, 0.0, 0.5)


@pytest.mark.parametrize(
    ("line", "says"), [("q1 road 1\n", "2번째 줄"), ("q1\tnowhere\t1\n", "nowhere"), ("q1\troad\t많음\n", "숫자")]
)
def test_a_malformed_file_is_named_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        evaluate_retrieval(*write_beir(tmp_path, line))


def test_in_a_large_collection_sentences_still_rank_what_the_other_stages_found() -> None:
    small, large = (
        Retriever(LetterEmbedder()),
        Retriever(LetterEmbedder(), tuning=replace(default_tuning(), sentence_search_up_to=0)),
    )
    for retriever in (small, large):
        retriever.add(CITY)
        retriever.enrich()
    found = [[hit.passage.id for hit in one.search("도로파손 신고", CITIZEN)] for one in (small, large)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "first", ["- 12 -", "○ (기간) 9월 30일부터", "수 있다. 다만, 다음은 제외한다.", "지원 대상은 다음과"]
)
def test_the_tail_of_a_sentence_on_top_of_a_chunk_names_nothing(first: str) -> None:
    chunk = passage("chunk", f"{first}\n같이 정하여 알린다.\n○ (장소) 시청 다목적홀")
    assert heading(chunk) == ""
    assert all(not text.startswith(first + ":") for text in sentences(chunk))


def test_a_line_set_apart_is_the_title_of_every_sentence() -> None:
    page = passage(
        "page", "생활안정 자금\n\n저소득 가구에 생활안정 자금을 낮은 이자로 빌려 주는 사업으로 구청에 신청합니다."
    )
    assert sentences(page)[0].startswith("생활안정 자금: 저소득")


def test_words_that_single_out_one_passage_silence_the_vectors_and_a_telling_does_not() -> None:
    tuning = default_tuning()
    told = weighed(tuning, {"kiwi": {"a": 0.06, "b": 0.05}, "bigram": {"a": 0.05, "b": 0.05}}, None)
    tie = weighed(tuning, {"kiwi": {"a": 0.30, "b": 0.30}, "bigram": {"a": 0.30, "b": 0.30}}, None)
    plain = weighed(tuning, {"kiwi": {"a": 0.30, "b": 0.10}, "bigram": {"a": 0.30, "b": 0.10}}, None)
    assert told == pytest.approx(dict(tuning.weights["colloquial"]))
    assert plain["sentence"] < 0.4 * tie["sentence"]
    assert (plain["kiwi"], plain["bigram"]) == (tie["kiwi"], tie["bigram"])
