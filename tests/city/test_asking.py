"""From an officer's upload to a cited answer, and back to the officer when the answer was bad."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from haechi.city.asking import Asking
from haechi.city.enriching import Enriching
from haechi.city.feedback import FeedbackDesk
from haechi.city.indexing import Indexing
from haechi.city.library import Library
from haechi.city.outcomes import measured
from haechi.city.reading import ReadingDesk
from haechi.city.register import load_register
from haechi.city.settings import Settings
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.ports import Reader

FEES = "# 대형폐기물 수수료\n\n| 품목 | 수수료 |\n|---|---|\n| 냉장고 | 8,000원 |\n| 소파 | 5,000원 |\n".encode()
RENT_OLD = "# 청년 월세 지원\n\n청년 월세 지원금은 한 달에 15만원이다. 신청은 복지과에 한다.\n".encode()
RENT_NEW = "# 청년 월세 지원\n\n청년 월세 지원금은 한 달에 20만원이다. 신청은 복지과에 한다.\n".encode()
SECRET = "# 감사 대상\n\n감사 대상 사업의 암호 이름은 은하수이다. 감사 대상은 7건이다.\n".encode()


class Town:
    """The parts of a running installation, in one process."""

    def __init__(
        self, store: Store, worker_store: Store, library: Library, desk: ReadingDesk, settings: Settings
    ) -> None:
        self.library, self._desk = library, desk
        self._enriching = Enriching(worker_store, settings)
        self.indexing = Indexing(worker_store, settings)
        knowledge = Knowledge.assemble(self.indexing.retriever)
        self.asking = Asking(store, knowledge, settings, knowledge_version=lambda: self.indexing.applied)
        self.feedback = FeedbackDesk(store, knowledge)

    def put(self, actor: Actor, data: bytes, **described: Any) -> str:
        """Upload and have everything done; the document's id."""
        described = {"filename": "문서.md", "bureau": actor.bureau, "grade": "public", **described}
        receipt = self.library.upload(actor, data=data, **described)
        while self._desk.read_next():
            pass
        while self._enriching.next_batch():
            pass
        self.indexing.follow()
        return receipt.document_id

    def ask(self, actor: Actor, question: str, **more: Any) -> list[dict[str, Any]]:
        """All events of an answer."""
        return list(self.asking.ask(actor, question, **more))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The converted embedder, made once."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def town(
    store: Store, worker_store: Store, library: Library, desk: ReadingDesk, settings: Settings, cache: Path
) -> Town:
    """An empty town, lexical and dense."""
    settings.home.mkdir()
    settings.cache.symlink_to(cache)
    return Town(store, worker_store, library, desk, settings)


def test_an_answer_is_cited_kept_and_its_citation_opens(town: Town, welfare: Actor, citizen: Actor) -> None:
    document = town.put(welfare, FEES)
    events = town.ask(citizen, "냉장고 수수료는 얼마인가요?")
    assert [events[0]["event"], events[1]["event"], events[-1]["event"]] == ["accepted", "retrieval", "done"]
    assert "8,000원" in events[-1]["text"]
    cited = next(event for event in events if event["event"] == "citation")
    assert cited["document_id"] == document
    opened = town.library.passage(citizen, cited["passage_id"])
    assert cited["quote"] in opened["text"]
    turn = town.asking.conversation(citizen, events[0]["conversation_id"])["turns"][0]
    assert (turn["state"], turn["answer"]) == ("answered", events[-1]["text"])


def test_what_the_documents_do_not_say_is_not_answered(town: Town, welfare: Actor, citizen: Actor) -> None:
    town.put(welfare, FEES)
    done = town.ask(citizen, "화성 이주 지원금은 얼마인가요?")[-1]
    assert done["answered"] is False
    assert done["text"].startswith("모름")


def test_a_secret_changes_no_word_of_a_strangers_answer(
    town: Town, welfare: Actor, traffic: Actor, citizen: Actor
) -> None:
    town.put(traffic, FEES)
    questions = ("감사 대상 사업의 암호 이름은 무엇인가요?", "감사 대상은 몇 건인가요?", "냉장고 수수료는 얼마인가요?")
    before = [_shown(town.ask(citizen, question)) for question in questions]
    town.put(welfare, SECRET, grade="bureau")
    assert [_shown(town.ask(citizen, question)) for question in questions] == before
    assert "은하수" in town.ask(welfare, questions[0])[-1]["text"]
    assert "은하수" not in str(town.ask(traffic, questions[0]))


def test_an_old_version_answers_only_as_of_its_time(town: Town, welfare: Actor, citizen: Actor) -> None:
    document = town.put(welfare, RENT_OLD, effective_from=date(2024, 1, 1))
    town.put(welfare, RENT_NEW, document_id=document, effective_from=date(2025, 7, 1))
    question = "청년 월세 지원금은 한 달에 얼마인가요?"
    assert "20만원" in town.ask(citizen, question)[-1]["text"]
    then = town.ask(citizen, question, as_of=date(2024, 6, 1))[-1]["text"]
    assert "15만원" in then
    assert "20만원" not in then


def test_a_deleted_document_is_forgotten_at_once(town: Town, welfare: Actor, citizen: Actor) -> None:
    document = town.put(welfare, FEES)
    assert town.ask(citizen, "냉장고 수수료는 얼마인가요?")[-1]["answered"]
    town.library.delete(welfare, document)
    town.indexing.follow()
    events = town.ask(citizen, "냉장고 수수료는 얼마인가요?")
    assert events[-1]["answered"] is False
    assert "8,000" not in str(events)


def test_a_follow_up_takes_its_subject_from_the_conversation(town: Town, welfare: Actor, citizen: Actor) -> None:
    town.put(welfare, FEES)
    first = town.ask(citizen, "냉장고 수수료는 얼마인가요?")
    second = town.ask(citizen, "그럼 소파는?", conversation_id=first[0]["conversation_id"])
    assert "5,000원" in second[-1]["text"]


def test_a_conversation_belongs_to_its_owner(town: Town, welfare: Actor, traffic: Actor, citizen: Actor) -> None:
    town.put(welfare, FEES)
    mine = town.ask(citizen, "냉장고 수수료는 얼마인가요?")[0]["conversation_id"]
    assert town.asking.conversations(traffic) == []
    with pytest.raises(NotFound):
        town.asking.conversation(traffic, mine)
    with pytest.raises(NotFound):
        town.ask(traffic, "그럼 소파는?", conversation_id=mine)
    town.asking.forget(citizen, mine)
    assert town.asking.conversations(citizen) == []


def test_a_bad_answer_is_mended_at_its_source_asked_again_and_closed(
    town: Town, welfare: Actor, traffic: Actor, citizen: Actor
) -> None:
    document = town.put(welfare, RENT_OLD)
    events = town.ask(citizen, "청년 월세 지원금은 한 달에 얼마인가요?")
    with pytest.raises(InvalidInput, match="사유"):
        town.feedback.give(citizen, events[0]["turn_id"], helpful=False)
    given = town.feedback.give(citizen, events[0]["turn_id"], helpful=False, reason="outdated")
    assert [row["id"] for row in town.feedback.desk(welfare)] == [given]
    assert town.feedback.desk(traffic) == []
    with pytest.raises(NotFound):
        town.feedback.mend(traffic, given)
    town.put(welfare, RENT_NEW, document_id=document)
    mended = town.feedback.mend(welfare, given, "2025년 기준으로 고쳤습니다.")
    assert "15만원" in mended["answer_before"]
    assert "20만원" in mended["answer_after"]
    town.feedback.close(welfare, given)
    assert town.feedback.desk(welfare) == []
    seen = town.feedback.desk(citizen, state="closed")
    assert seen[0]["closing_note"] == "2025년 기준으로 고쳤습니다."


def test_a_restart_takes_the_snapshot_and_what_changed_after_it(
    town: Town, welfare: Actor, citizen: Actor, worker_store: Store, settings: Settings
) -> None:
    town.put(welfare, FEES)
    town.indexing._save()
    kept = town.put(welfare, RENT_NEW)
    town.library.change_rights(welfare, kept, grade="bureau")
    again = Indexing(worker_store, settings)
    again.fill()
    assert len(again.retriever.shelf.ids_of(kept)) == 0
    again.follow()
    town.indexing.follow()
    assert again.applied == town.indexing.applied
    fresh = Knowledge.assemble(again.retriever)
    assert [hit.passage.text for hit in fresh.search("청년 월세", Reader())] == [
        hit.passage.text for hit in town.asking._knowledge.search("청년 월세", Reader())
    ]
    assert not any("월세" in hit.passage.text for hit in fresh.search("청년 월세", Reader(tags=citizen.tags)))
    assert any("월세" in hit.passage.text for hit in fresh.search("청년 월세", Reader(tags=welfare.tags)))


def test_a_torn_snapshot_is_built_anew(town: Town, welfare: Actor, worker_store: Store, settings: Settings) -> None:
    town.put(welfare, FEES)
    town.indexing._save()
    for path in (settings.cache / "index").rglob("*"):
        if path.is_file() and path.name != "marker.json":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again = Indexing(worker_store, settings)
    retriever = again.retriever
    again.fill()
    assert again.retriever is retriever
    assert len(retriever.stages.bigram) == len(town.indexing.retriever.stages.bigram) > 0


def test_a_question_cut_off_says_so_after_the_restart(
    town: Town, citizen: Actor, worker_store: Store, settings: Settings
) -> None:
    stream = town.asking.ask(citizen, "냉장고 수수료는 얼마인가요?")
    accepted = next(stream)
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select state from turns where id = :id", id=accepted["turn_id"]) == "accepted"
    assert Asking(worker_store, town.asking._knowledge, settings).mark_interrupted() == 1
    stream.close()
    turn = town.asking.conversation(citizen, accepted["conversation_id"])["turns"][0]
    assert (turn["question"], turn["state"]) == ("냉장고 수수료는 얼마인가요?", "interrupted")


@pytest.mark.parametrize("question", ["", "   ", "\x00", "가" * 2001])
def test_an_unusable_question_is_refused_with_a_next_step(town: Town, citizen: Actor, question: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        town.ask(citizen, question)
    assert refused.value.next_step


def _shown(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a person could tell two answers apart by: everything but times and names of the turn."""
    hidden = {"elapsed_ms", "conversation_id", "turn_id"}
    return [{key: value for key, value in event.items() if key not in hidden} for event in events]


def test_the_service_is_measured_from_what_it_really_did(
    town: Town, welfare: Actor, citizen: Actor, worker_store: Store
) -> None:
    staff_chatbot = load_register().get(39)
    assert measured(worker_store, staff_chatbot)["answered_share"].value is None
    town.put(welfare, FEES)
    for question in ("냉장고 수수료는 얼마인가요?", "냉장고 수수료는 얼마인가요?", "화성 이주 지원금은 얼마인가요?"):
        town.ask(citizen, question)
    readings = measured(worker_store, staff_chatbot)
    assert (readings["answered_share"].value, readings["answered_share"].n) == (pytest.approx(2 / 3), 3)
    assert readings["cited_share"].value == 1.0
    with worker_store.transaction(SYSTEM) as tx:
        assert "냉장고" not in tx.value("select string_agg(outcome::text, ' ') from outcomes")
