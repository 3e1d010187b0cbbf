"""Nothing that a document says is lost on its way to the index."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.engines.knowledge.ingest import sentences, split
from haechi.engines.knowledge.ingest.outline import build
from haechi.engines.knowledge.ingest.passages import LONGEST
from haechi.engines.knowledge.ingest.pieces import Piece, clean, table_text
from haechi.engines.knowledge.ports import ParsedDocument, Table

words = st.text("가나다라마바사아자차카타파하 .,()①②1234567890제조항장abc", min_size=1, max_size=700).map(clean)
cells = st.text("가나다라 원1234,", max_size=30).map(lambda text: clean(text).replace("\n", " "))


@st.composite
def tables(draw) -> Piece:
    width = draw(st.integers(1, 5))
    row = st.tuples(*[cells] * width)
    table = Table(draw(row), tuple(draw(st.lists(row, min_size=1, max_size=30))), draw(cells))
    return Piece("table", table_text(table), table=table, page=draw(st.sampled_from([None, 1, 2])))


texts = st.builds(
    Piece,
    st.sampled_from(["heading", "paragraph", "list", "footnote"]),
    words,
    level=st.integers(1, 4),
    page=st.sampled_from([None, 1, 2]),
)
documents = st.lists(st.one_of(texts, tables()), min_size=1, max_size=20)


def _squeezed(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=150, deadline=None)
@given(documents)
def test_every_character_is_in_some_passage_in_order(pieces):
    pieces = [piece for piece in pieces if piece.text]
    blocks = build(pieces)
    document = ParsedDocument(title="문서", blocks=blocks, media_type="text/plain")
    passages = split(document, document_id="d", version_id="v")
    assert _squeezed("".join(block.text for block in blocks)) == _squeezed("".join(piece.text for piece in pieces))
    assert _squeezed("".join(passage.text for passage in passages)) == _squeezed(
        "".join(block.text for block in blocks)
    )
    assert [passage.id for passage in passages] == [f"v:{number}" for number in range(len(passages))]
    rows = [row for passage in passages if passage.table for row in passage.table.rows]
    wanted = [row for block in blocks if block.table for row in block.table.rows if any(row)]
    assert rows == wanted


@settings(max_examples=100, deadline=None)
@given(documents)
def test_passages_stay_short(pieces):
    document = ParsedDocument(title="문서", blocks=build([p for p in pieces if p.text]), media_type="text/plain")
    for passage in split(document, document_id="d", version_id="v"):
        assert len(passage.text) <= 2 * LONGEST


@given(st.text("가나다. !?()1234\n ", max_size=200))
def test_sentences_join_to_the_text(text):
    assert "".join(sentences(text)) == text


def test_sentences_end_where_an_official_ends_them():
    text = "시행일은 2024. 1. 1.이다. 다만, 제5조는 뺀다(별표 참조). 문의는 총무과로 한다."
    assert [part.strip() for part in sentences(text)] == [
        "시행일은 2024. 1. 1.이다.",
        "다만, 제5조는 뺀다(별표 참조).",
        "문의는 총무과로 한다.",
    ]


def test_a_passage_carries_readers_and_days_in_force():
    document = ParsedDocument(
        title="지침", blocks=build([Piece("paragraph", "본문이다.", page=3)]), media_type="text/plain"
    )
    (passage,) = split(
        document,
        document_id="d",
        version_id="v",
        access=("bureau:복지실",),
        valid_from=date(2024, 1, 1),
        valid_to=date(2025, 1, 1),
    )
    assert passage.access == ("bureau:복지실",)
    assert (passage.valid_from, passage.valid_to) == (date(2024, 1, 1), date(2025, 1, 1))
    assert passage.locator == "3쪽"


def test_a_sentence_of_one_page_is_never_cited_to_another():
    pieces = [Piece("paragraph", "첫째 쪽이다.", page=1), Piece("paragraph", "둘째 쪽이다.", page=2)]
    document = ParsedDocument(title="지침", blocks=build(pieces), media_type="application/pdf", pages=2)
    passages = split(document, document_id="d", version_id="v")
    assert [(passage.page, passage.text) for passage in passages] == [(1, "첫째 쪽이다."), (2, "둘째 쪽이다.")]


def test_a_long_table_repeats_its_columns_in_every_passage():
    rows = tuple((f"품목 {number}", f"{number},000원") for number in range(1, 60))
    table = Table(("품목", "수수료"), rows)
    document = ParsedDocument("수수료", build([Piece("table", table_text(table), table=table)]), "text/csv")
    passages = split(document, document_id="d", version_id="v")
    assert len(passages) > 2
    assert all("품목: 품목" in passage.text and passage.table.header == ("품목", "수수료") for passage in passages)
