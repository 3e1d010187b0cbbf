"""An official pastes a citizen's letter and gets a reply whose sentences stand in public documents."""

from __future__ import annotations

import io
from zipfile import ZipFile

import pytest

from haechi.city.drafting import Drafting
from haechi.city.replies import Replies
from haechi.city.settings import Settings
from haechi.core.errors import InvalidInput
from haechi.core.store import Actor, Store
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.answer import Contact
from haechi.engines.knowledge.ingest import split
from haechi.engines.knowledge.ports import Block, ParsedDocument
from haechi.engines.knowledge.retrieval import Retriever
from haechi.engines.text.drafting.reply import questions_of

LETTER = """안녕하세요. 수고 많으십니다.
저는 텃밭을 처음 해 보려는 주민입니다. 도시 텃밭 분양료는 얼마인가요? 신청은 언제까지 해야 하는지 궁금합니다.
그리고 반려견 놀이터는 밤 몇 시까지 여나요?
답변 부탁드립니다. 감사합니다."""


def test_the_questions_of_a_letter_without_its_courtesies() -> None:
    assert questions_of(LETTER) == (
        "도시 텃밭 분양료는 얼마인가요?",
        "신청은 언제까지 해야 하는지 궁금합니다.",
        "그리고 반려견 놀이터는 밤 몇 시까지 여나요?",
    )
    assert questions_of("가로등이 꺼져 있습니다.") == ("가로등이 꺼져 있습니다.",)
    assert questions_of("   ") == ()


@pytest.fixture
def knowledge() -> Knowledge:
    """A public notice and an internal guide that says something else."""
    retriever = Retriever(None)
    for name, access, sentences in (
        ("도시 텃밭 분양 안내", ("public",), ["도시 텃밭 분양료는 한 구획에 30,000원이다.", "도시 텃밭 신청은 3월 15일까지 한다."]),
        ("반려견 놀이터 내부 지침", ("staff",), ["반려견 놀이터는 밤 9시까지 연다. 단속은 밤 11시에 한다."]),
    ):  # fmt: skip
        blocks = tuple(Block("paragraph", text) for text in sentences)
        parsed = ParsedDocument(name, blocks, "text/markdown")
        retriever.add([*split(parsed, document_id=name, version_id=name, access=access)])
    retriever.enrich()
    return Knowledge.assemble(retriever)


def test_a_reply_says_what_public_documents_say_and_leaves_the_rest_open(
    store: Store, settings: Settings, welfare: Actor, knowledge: Knowledge
) -> None:
    replies = Replies(
        Drafting(store, settings), knowledge, lambda *_: Contact(name="김해솔", bureau="복지과", phone="02-000-0001")
    )
    kept = replies.draft(welfare, LETTER, "20261122-7")
    text = "\n".join(sentence["text"] for one in kept["draft"]["paragraphs"] for sentence in one["sentences"])
    assert "30,000원" in text
    assert "3월 15일" in text
    assert "밤 9시" not in text.replace("밤 몇 시", ""), "an internal document left the house"
    assert "답을 찾지 못하였습니다" in text
    assert kept["draft"]["warnings"] == ["답을 찾지 못한 물음: 그리고 반려견 놀이터는 밤 몇 시까지 여나요?"]
    assert "02-000-0001" in text
    assert kept["verified"], kept["failures"]
    assert {figure["text"] for figure in kept["figures"]} >= {"30,000원", "3월 15일"}
    assert kept["label"].startswith("AI가 만든 초안입니다")
    assert [fault["rule"] for fault in kept["form_faults"] if fault["severity"] == "error"] == []

    drafting = Drafting(store, settings)
    for format, member in (("hwpx", "Contents/section0.xml"), ("docx", "word/document.xml")):
        name, _, data = drafting.export(welfare, kept["id"], format)
        assert name.startswith("민원회신_초안_")
        assert "30,000원" in ZipFile(io.BytesIO(data)).read(member).decode()


@pytest.mark.parametrize("letter", ["", "  \n", "가" * 5001])
def test_a_letter_that_cannot_be_answered_says_what_to_do(
    store: Store, settings: Settings, welfare: Actor, knowledge: Knowledge, letter: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        Replies(Drafting(store, settings), knowledge, lambda *_: None).draft(welfare, letter)
    assert error.value.next_step
