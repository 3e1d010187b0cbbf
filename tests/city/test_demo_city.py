"""The demonstration city is complete, says that it is one, and its files say what its texts say."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest

from haechi.city.demo import CITY_NAME, demo_documents, demo_people, demo_questions
from haechi.city.demo.__main__ import main
from haechi.engines.knowledge.ingest import read_file

DOCUMENTS = demo_documents()
ROLES = {"citizen", "staff", "call_taker", "operator", "service_owner", "ai_team", "auditor", "admin"}


def _letters(text: str) -> Counter[str]:
    return Counter(re.findall(r"[가-힣]|\d", text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: f"{document.id}-{document.version}")
def test_the_file_says_what_the_text_says(document):
    (read,) = read_file(document.content, document.filename)
    found, wanted = _letters("".join(block.text for block in read.blocks)), _letters(document.text)
    assert sum((wanted & found).values()) / sum(wanted.values()) >= 0.99
    assert read.title == document.title
    assert read.warnings == ()
    words = {word for word in re.sub(r"[|#]|-{3,}|\*", " ", document.text).split() if len(word) > 1}
    text = " ".join(block.text for block in read.blocks)
    assert sum(word in text for word in words) / len(words) >= 0.97


def test_every_document_says_that_the_city_is_not_real():
    assert all("시연용 가상 도시" in document.text for document in DOCUMENTS)
    assert all(re.fullmatch(r"02-000-\d{4}", document.phone) for document in DOCUMENTS)
    assert "시연용" in CITY_NAME


def test_formats_grades_and_versions_are_all_there():
    assert {document.format for document in DOCUMENTS} >= {"hwpx", "pdf", "xlsx", "md"}
    assert {document.grade for document in DOCUMENTS} == {"public", "staff", "bureau", "named"}
    old, new = (document for document in DOCUMENTS if document.id == "library-ordinance")
    assert old.effective_to == new.effective_from == date(2026, 1, 1)


def test_a_reader_of_each_document_exists_and_citizens_read_only_what_is_public():
    people = demo_people()
    assert {person.role for person in people} == ROLES
    for document in DOCUMENTS:
        assert any(person.tags & set(document.readers) for person in people)
        citizens = [person for person in people if person.role == "citizen" and person.tags & set(document.readers)]
        assert bool(citizens) == (document.grade == "public")


def test_questions_name_real_files_and_their_answers_stand_in_them():
    questions = demo_questions()
    texts = {document.filename: document for document in DOCUMENTS}
    answerable = [question for question in questions if question.document]
    assert len(answerable) >= 55
    assert len(questions) - len(answerable) >= 25
    assert len({question.question for question in questions}) == len(questions)
    for question in answerable:
        document = texts[question.document]
        plain = re.sub(r"[|*\s]+", "", document.text)
        assert re.sub(r"\s+", "", question.answer) in plain, question
        assert question.reader in document.readers
        if question.as_of:
            assert document.effective_from <= question.as_of
            assert document.effective_to is None or question.as_of < document.effective_to


def test_two_pairs_of_documents_disagree_on_a_figure_with_different_dates():
    by_id = {document.id: document for document in DOCUMENTS}
    assert "12,000원" in by_id["faq"].text
    assert "냉장고 | 300L 이상 | 15,000원" in by_id["bulky-waste-fees"].text
    assert "월 최대 15만원" in by_id["welfare-guide"].text
    assert "월 최대 20만원" in by_id["youth-rent-notice"].text
    assert by_id["faq"].effective_from < by_id["bulky-waste-fees"].effective_from
    assert by_id["welfare-guide"].effective_from < by_id["youth-rent-notice"].effective_from


def test_the_plan_adds_up():
    text = next(document.text for document in DOCUMENTS if document.id == "ai-plan")
    rows = re.findall(r"\| (\d+)억(?: (\d)천만원|원) \|", text)
    assert len(rows) == 9
    assert sum(10 * int(whole) + int(part or 0) for whole, part in rows) == 846


def test_the_folder_is_written(tmp_path, capsys):
    assert main([str(tmp_path / "문서")]) == 0
    assert len(list((tmp_path / "문서").iterdir())) == len(DOCUMENTS)
    assert str(len(DOCUMENTS)) in capsys.readouterr().out
    assert main([]) == 2
