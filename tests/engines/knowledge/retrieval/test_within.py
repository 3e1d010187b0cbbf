"""A bot searches its own collection: nothing from outside of it, and nothing that its asker may not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_fields

from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.engines.knowledge.ports import Hit, Passage, Reader
from haechi.engines.knowledge.retrieval import Retriever

READERS = ("public", "staff", "bureau:복지실", "bureau:재무국", "user:7")
BOTS = ("bot:welfare", "bot:rent", "bot:welfare:draft")
WORDS = ("보육료", "월세", "수수료", "신청", "기한", "창구", "서류", "환급")


@dataclass(frozen=True)
class Paper:
    """A passage as the oracle knows it."""

    readers: frozenset[str]
    bots: frozenset[str]
    words: tuple[str, ...]

    def open_to(self, tags: frozenset[str], bot: str) -> bool:
        """As a person would decide: in the bot's collection, and for this reader."""
        return bot in self.bots and any(tag in self.readers for tag in tags)


papers = st.lists(
    st.builds(
        Paper,
        readers=st.frozensets(st.sampled_from(READERS), min_size=1, max_size=2),
        bots=st.frozensets(st.sampled_from(BOTS), max_size=2),
        words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(tuple),
    ),
    min_size=1,
    max_size=12,
)
tags = st.frozensets(st.sampled_from(READERS), max_size=3)
questions = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)


def shelf(found: Sequence[Paper], chosen: Sequence[int] | None = None) -> Retriever:
    retriever = Retriever()
    retriever.add(
        [
            Passage(f"p{n}", f"d{n}", f"v{n}", 0, " ".join(paper.words), "", access=(*paper.readers, *paper.bots))
            for n, paper in enumerate(found)
            if chosen is None or n in chosen
        ]
    )
    return retriever


def told(hits: Sequence[Hit]) -> list[tuple[str, float, Mapping[str, tuple[int, float]]]]:
    return [(hit.passage.id, hit.score, dict(hit.parts)) for hit in hits]


@settings(max_examples=300, deadline=None)
@given(papers, tags, st.sampled_from(BOTS), questions)
def test_what_is_outside_of_the_collection_or_closed_changes_no_hit_rank_score_or_count(
    city: list[Paper], held: frozenset[str], bot: str, question: str
) -> None:
    reader = Reader(tags=held, within=bot)
    mine = [n for n, paper in enumerate(city) if paper.open_to(held, bot)]
    whole, twin = shelf(city), shelf(city, mine)
    assert whole.count(reader) == len(mine)
    found = told(whole.search(question, reader))
    assert {key for key, _, _ in found} <= {f"p{n}" for n in mine}
    assert found == told(twin.search(question, reader))


@settings(max_examples=200, deadline=None)
@given(papers, tags, st.frozensets(st.sampled_from(BOTS), min_size=1), questions)
def test_the_tag_of_a_collection_opens_nothing_to_whoever_holds_it(
    city: list[Paper], held: frozenset[str], stolen: frozenset[str], question: str
) -> None:
    index = shelf(city)
    honest, thief = Reader(tags=held), Reader(tags=held | stolen)
    assert index.count(thief) == index.count(honest)
    assert told(index.search(question, thief)) == told(index.search(question, honest))
    for bot in stolen:
        inside = with_fields(honest, within=bot)
        assert told(index.search(question, with_fields(thief, within=bot))) == told(index.search(question, inside))


def test_a_collection_of_statutes_does_not_follow_an_article_out_of_it() -> None:
    """제3조 applies 제9조, which stands in the same law but in a part that only the finance bureau may read."""
    index = Retriever()
    law = {"title": "주차장 조례", "kind": "statutes"}
    index.add(
        [
            Passage("a", "d", "v", 0, "주차요금의 감면은 제9조를 준용한다.", article="제3조",
                    access=("public", "bot:parking"), **law),
            Passage("b", "d", "v", 1, "감면 대상자의 명부는 따로 정한다.", article="제9조",
                    access=("bureau:재무국", "bot:parking"), **law),
        ]
    )  # fmt: skip
    hits = index.search("주차장 조례 제3조의 주차요금 감면은?", Reader(within="bot:parking"))
    assert [hit.passage.id for hit in hits] == ["a"]
    officer = Reader(tags=frozenset({"public", "bureau:재무국"}), within="bot:parking")
    assert [hit.passage.id for hit in index.search("주차장 조례 제3조의 주차요금 감면은?", officer)] == ["a", "b"]
    assert index.search("주차장 조례 제3조의 주차요금 감면은?", with_fields(officer, within="bot:other")) == []
