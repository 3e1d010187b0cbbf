"""A clerk looks for 제5조의2제1항제2호 and finds it, in the statute as it stood on a day."""

from __future__ import annotations

from haechi.engines.knowledge.ingest import read_file, split
from haechi.engines.knowledge.ingest.statute import clauses

ORDINANCE = """# 해치시 자전거 이용 조례

[시행 2024. 3. 1.] [해치시조례 제77호, 2024. 2. 5., 일부개정]

제1장 총칙

제1조(목적) 이 조례는 자전거 이용을 늘리는 데 필요한 사항을 정한다.

제2장 대여

제5조(이용) ① 누구나 자전거를 빌릴 수 있다. ② 제1항에도 불구하고 13세 미만은 보호자와 함께하여야 한다.

제5조의2(이용 제한) ① 다음 각 호의 사람은 빌릴 수 없다. <신설 2024. 2. 5.>
1. 술에 취한 사람
2. 요금을 3회 이상 내지 않은 사람
 가. 1년 안의 것만 센다
 나. 소송 중인 것은 뺀다
② 제한 기간은 30일로 한다.

제9조 삭제 <2023. 1. 2.>

부칙

제1조(시행일) 이 조례는 2024년 3월 1일부터 시행한다.
"""


def _places() -> dict[str, str]:
    (document,) = read_file(ORDINANCE.encode(), "조례.md")
    return {block.article: block.text for block in document.blocks if block.kind == "article"}


def test_each_level_has_its_place():
    places = _places()
    assert places["제5조제2항"].startswith("② 제1항에도")
    assert places["제5조의2제1항제2호"] == "2. 요금을 3회 이상 내지 않은 사람"
    assert places["제5조의2제1항제2호나목"] == "나. 소송 중인 것은 뺀다"
    assert places["제5조의2제2항"] == "② 제한 기간은 30일로 한다."
    assert places["제9조"].startswith("제9조 삭제")
    assert places["부칙 제1조"].startswith("제1조(시행일)")


def test_an_article_stands_under_its_chapter_and_the_addenda_under_none():
    (document,) = read_file(ORDINANCE.encode(), "조례.md")
    paths = {block.article: block.heading_path for block in document.blocks if block.kind == "article"}
    assert paths["제5조제1항"] == ("해치시 자전거 이용 조례", "제2장 대여", "제5조(이용)")
    assert paths["부칙 제1조"] == ("해치시 자전거 이용 조례", "부칙", "제1조(시행일)")


def test_dates_in_force_and_of_revision_are_read():
    (document,) = read_file(ORDINANCE.encode(), "조례.md")
    assert document.metadata["effective_from"] == "2024-03-01"
    assert document.metadata["revised_on"] == "2024-02-05"


def test_an_article_that_fits_is_one_passage_and_a_long_one_is_split_by_clause():
    (document,) = read_file(ORDINANCE.encode(), "조례.md")
    passages = split(document, document_id="d", version_id="v")
    assert {passage.kind for passage in passages} == {"statutes"}
    assert [passage.article for passage in passages if "5조" in passage.article] == ["제5조", "제5조의2"]

    long = ORDINANCE.replace("자전거를 빌릴 수 있다.", "자전거를 빌릴 수 있다. " + "시장은 이를 널리 알린다. " * 30)
    (document,) = read_file(long.encode(), "조례.md")
    articles = [passage.article for passage in split(document, document_id="d", version_id="v")]
    assert "제5조제2항" in articles
    assert articles.count("제5조의2") == 1


def test_a_manual_that_quotes_an_article_is_no_statute():
    (document,) = read_file("# 편람\n\n제5조에 따라 처리한다.\n\n① 접수한다.\n".encode(), "편람.md")
    assert all(block.article == "" for block in document.blocks)


def test_references_to_clauses_are_not_cut():
    text = "① 시장은 제2조 ①, ② 및 ③의 사람을 부른다. ② 제3조 ①을 준용한다. ③ 끝."
    assert clauses(text) == ["① 시장은 제2조 ①, ② 및 ③의 사람을 부른다.", "② 제3조 ①을 준용한다.", "③ 끝."]
    assert clauses("제5조(이용) ① 가. 나른다 ② 다른다") == ["제5조(이용)", "① 가. 나른다", "② 다른다"]
