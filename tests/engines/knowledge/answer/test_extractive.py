"""Staff and citizens of Hanbit ask; the built-in answerer answers from the district's documents, or says 모름."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from haechi.engines.knowledge.answer import Contact, ExtractiveAnswerer
from haechi.engines.knowledge.ports import Citation, Delta, Done, Grounding, Reader, Retrieval, Turn


def events(index, question, *, history=(), reader=None, **options):
    return list(ExtractiveAnswerer(index, **options).answer(question, reader or Reader(), history))


def test_a_driver_asks_the_fee_and_gets_the_cell_of_the_table(hanbit):
    found = events(hanbit, "승합차 1일 최대 주차 요금은?")
    assert isinstance(found[0], Retrieval)
    assert isinstance(found[-1], Done)
    assert "30,000원" in found[-1].text
    assert "15,000원" not in found[-1].text
    citation = next(event for event in found if isinstance(event, Citation))
    assert citation.quote in citation.passage.text
    assert citation.passage.document_id == "공영주차장_안내.md"
    assert "[1]" in found[-1].text


def test_deltas_concatenate_to_the_whole_and_every_sentence_is_cited(hanbit):
    found = events(hanbit, "예약된 자료도 대출 연장이 되나요?")
    deltas = [event for event in found if isinstance(event, Delta)]
    cited = {event.sentence for event in found if isinstance(event, Citation)}
    assert "".join(delta.text for delta in deltas) == found[-1].text
    assert cited == set(range(1, len(deltas) + 1))
    assert "연장할 수 없다" in found[-1].text
    assert "제7조" in found[-1].text


@pytest.mark.parametrize(
    "question", ["전기차 충전 요금은 얼마인가요?", "피아노 배출 수수료는 얼마인가요?", "구청장은 누구인가요?"]
)
def test_what_the_documents_do_not_say_is_unknown_and_names_the_person_in_charge(hanbit, question):
    found = events(
        hanbit, question, contact_for=lambda _question, _hits: Contact("이서연", "주택정책과", "02-555-3344")
    )
    assert found[-1].answered is False
    assert "모름" in found[-1].text
    assert "주택정책과 이서연(02-555-3344)" in found[-1].text
    assert found[-1].reason
    assert not [event for event in found if isinstance(event, Citation)]
    assert any(isinstance(event, Grounding) and event.supported == 0 for event in found)


def test_a_reader_without_rights_learns_nothing(small_index, hanbit):
    closed = small_index()
    found = events(closed, "승합차 1일 최대 주차 요금은?")
    assert found[0].hits == ()
    assert found[-1].answered is False
    assert (
        events(hanbit, "승합차 1일 최대 주차 요금은?", reader=Reader(frozenset({"nobody"})))[-1].text == found[-1].text
    )


def test_a_follow_up_is_understood_from_the_turn_before(hanbit):
    before = [Turn("승용차 최초 30분 주차 요금은 얼마인가요?", "1,200원입니다.")]
    assert "2,400원" in events(hanbit, "그럼 승합차는?", history=before)[-1].text


def test_one_answerer_serves_many_threads_alike(hanbit):
    answerer = ExtractiveAnswerer(hanbit)
    questions = ["어린이 자유수영 요금은?", "월 정기권은 어디에서 신청하나요?"] * 8
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda question: list(answerer.answer(question, Reader()))[-1].text, questions))
    assert set(texts[::2]) == {texts[0]}
    assert set(texts[1::2]) == {texts[1]}
    assert "2,000원" in texts[0]
