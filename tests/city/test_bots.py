"""A department makes a bot from its documents, tests it, publishes it and takes it back; what it may not say, it never says."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError, ProgrammingError

from haechi.city.asking import Asking
from haechi.city.bots import BotDraft, Bots, Building, Publishing, Questions, Scoring, draft_fence, fence
from haechi.city.bots.cards import read_cards
from haechi.city.bots.names import id_from
from haechi.city.bots.proposals import Paper, Piece
from haechi.city.bots.proposals import questions as proposed
from haechi.city.bots.questions import TestQuestion, read_file
from haechi.city.enriching import Enriching
from haechi.city.feedback import FeedbackDesk
from haechi.city.indexing import Indexing
from haechi.city.library import Library
from haechi.city.reading import ReadingDesk
from haechi.city.settings import Settings
from haechi.core import audit
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.ports import Reader

FEES = "# 대형폐기물 안내\n\n## 냉장고 수수료\n\n냉장고의 배출 수수료는 8,000원이다.\n\n## 배출 기한\n\n신고한 날부터 7일 안에 내놓는다.\n"
RENT = "# 청년 월세 지원\n\n## 청년 월세 지원 금액\n\n청년 월세 지원금은 한 달에 20만원이다.\n"
SECRET = "# 감사 대상\n\n감사 대상 사업의 암호 이름은 은하수이다. 감사 대상은 7건이다.\n"


class Office:
    """The parts of an installation that a department's bot needs, in one process."""

    def __init__(self, store: Store, worker_store: Store, library: Library, desk: ReadingDesk, home: Settings) -> None:
        self.library, self._desk = library, desk
        self._enriching = Enriching(worker_store, home)
        self._enriching.__dict__["_embedder"] = None
        self.indexing = Indexing(worker_store, home)
        self.indexing.__dict__["embedder"] = None
        self.knowledge = Knowledge.assemble(self.indexing.retriever)
        self.asking = Asking(store, self.knowledge, home, knowledge_version=lambda: self.indexing.applied)
        self.bots, self.building, self.questions = Bots(store), Building(store), Questions(store)
        self.publishing = Publishing(store)
        self.scoring = Scoring(
            store, self.knowledge, room=self.asking.waiting_room, knowledge_version=lambda: self.indexing.applied,
            wait_for_rights=lambda _: self.settle() or True,
        )  # fmt: skip

    def settle(self) -> None:
        while self._desk.read_next():
            pass
        while self._enriching.next_batch():
            pass
        self.indexing.follow()

    def put(self, actor: Actor, text: str, **described: Any) -> str:
        described = {"filename": f"{text[2:8]}.md", "bureau": actor.bureau, "grade": "public", **described}
        receipt = self.library.upload(actor, data=text.encode(), **described)
        self.settle()
        return receipt.document_id

    def ask(self, actor: Actor, question: str, within: str) -> list[dict[str, Any]]:
        self.settle()
        return list(self.asking.ask(actor, question, within=within))

    def bot(self, actor: Actor, *documents: str, audience: str = "citizen", name: str = "폐기물 도우미") -> str:
        bot_id = self.building.create(
            actor, BotDraft(name, audience, actor.bureau, greeting="안녕하세요.", phone="02-1")
        )
        self.building.put_in(actor, bot_id, documents)
        return bot_id

    def published(self, actor: Actor, *documents: str, **made: Any) -> str:
        bot_id = self.bot(actor, *documents, **made)
        self.publishing.publish(actor, bot_id, "시험 게시")
        self.settle()
        return bot_id


@pytest.fixture
def office(store: Store, worker_store: Store, library: Library, desk: ReadingDesk, settings: Settings) -> Office:
    """An office with two bureaux; lexical search."""
    settings.home.mkdir()
    return Office(store, worker_store, library, desk, settings)


# --- what a bot may answer from ----------------------------------------------------------------------------------------


def test_a_bot_answers_from_its_own_documents_and_from_nothing_else(
    office: Office, welfare: Actor, citizen: Actor
) -> None:
    fees, _ = office.put(welfare, FEES), office.put(welfare, RENT)
    bot_id = office.published(welfare, fees)
    said = office.ask(citizen, "냉장고 수수료는 얼마인가요?", fence(bot_id))
    assert "8,000원" in said[-1]["text"]
    outside = office.ask(citizen, "청년 월세 지원금은 얼마인가요?", fence(bot_id))
    assert (outside[-1]["answered"], outside[1]["hits"]) == (False, [])
    assert "20만원" in office.ask(citizen, "청년 월세 지원금은 얼마인가요?", "")[-1]["text"]


def test_the_cache_keeps_what_was_said_inside_a_collection_apart(
    office: Office, welfare: Actor, citizen: Actor
) -> None:
    rent = office.put(welfare, RENT)
    fees = office.put(welfare, FEES)
    narrow, wide = office.published(welfare, fees), office.published(welfare, fees, rent, name="생활 도우미")
    question = "청년 월세 지원금은 얼마인가요?"
    for _ in range(2):
        assert office.ask(citizen, question, fence(wide))[-1]["answered"]
        assert not office.ask(citizen, question, fence(narrow))[-1]["answered"]
        assert office.ask(citizen, question, "")[-1]["answered"]


def test_a_staff_bot_says_to_each_only_what_they_may_read(
    office: Office, welfare: Actor, traffic: Actor, citizen: Actor
) -> None:
    secret, fees = office.put(welfare, SECRET, grade="bureau"), office.put(welfare, FEES)
    bot_id = office.published(welfare, secret, fees, audience="staff")
    question = "감사 대상 사업의 암호 이름은?"
    assert "은하수" in office.ask(welfare, question, fence(bot_id))[-1]["text"]
    for stranger in (traffic, citizen):
        assert "은하수" not in str(office.ask(stranger, question, fence(bot_id)))
        assert [row["title"] for row in office.bots.documents(stranger, bot_id, edition="published")] in (
            [], ["대형폐기물 안내"],
        )  # fmt: skip


def test_a_draft_is_not_what_people_talk_to(office: Office, welfare: Actor, citizen: Actor) -> None:
    bot_id = office.published(welfare, office.put(welfare, FEES))
    rent = office.put(welfare, RENT)
    office.building.put_in(welfare, bot_id, [rent])
    question = "청년 월세 지원금은 얼마인가요?"
    assert not office.ask(citizen, question, fence(bot_id))[-1]["answered"]
    assert office.ask(welfare, question, draft_fence(bot_id))[-1]["answered"]
    assert office.bots.row(welfare, bot_id)["differs"]
    office.publishing.publish(welfare, bot_id, "월세를 더함")
    assert office.ask(citizen, question, fence(bot_id))[-1]["answered"]
    assert not office.bots.row(welfare, bot_id)["differs"]


def test_a_document_whose_grade_is_raised_leaves_the_citizens_bot_at_once(
    office: Office, welfare: Actor, citizen: Actor
) -> None:
    fees, rent = office.put(welfare, FEES), office.put(welfare, RENT)
    bot_id = office.published(welfare, fees, rent)
    staff = office.published(welfare, fees, audience="staff", name="직원 도우미")
    office.library.change_rights(welfare, fees, grade="staff")
    assert not office.ask(citizen, "냉장고 수수료는 얼마인가요?", fence(bot_id))[-1]["answered"]
    # Not for its owner either: it is no longer in the citizens' bot. The staff's bot keeps it.
    assert not office.ask(welfare, "냉장고 수수료는 얼마인가요?", fence(bot_id))[-1]["answered"]
    assert office.ask(welfare, "냉장고 수수료는 얼마인가요?", fence(staff))[-1]["answered"]
    for edition in ("draft", "published"):
        assert [row["id"] for row in office.bots.documents(welfare, bot_id, edition=edition)] == [rent]
    told = office.bots.events(welfare, bot_id)[0]
    assert (told["what"], told["title"]) == ("document_closed", "대형폐기물 안내")
    assert office.bots.row(welfare, bot_id)["differs"]


def test_a_deleted_document_leaves_every_bot(office: Office, welfare: Actor) -> None:
    fees = office.put(welfare, FEES)
    bot_id = office.published(welfare, fees, audience="staff")
    office.library.delete(welfare, fees)
    assert office.bots.documents(welfare, bot_id, edition="published") == []
    assert office.bots.events(welfare, bot_id)[0]["what"] == "document_deleted"


def test_a_new_version_and_new_readers_leave_a_document_in_its_bots(
    office: Office, welfare: Actor, citizen: Actor
) -> None:
    fees = office.put(welfare, FEES)
    bot_id = office.published(welfare, fees)
    office.put(welfare, FEES.replace("8,000원", "9,500원"), document_id=fees)
    office.library.change_rights(welfare, fees, grade="public", contact_name="새 담당")
    assert "9,500원" in office.ask(citizen, "냉장고 수수료는 얼마인가요?", fence(bot_id))[-1]["text"]
    assert office.library.document(welfare, fees)["access"] == ["public"], "a collection is no reader"


def test_neither_code_nor_sql_puts_a_closed_document_into_a_citizens_bot(
    office: Office, welfare: Actor, worker_store: Store
) -> None:
    secret = office.put(welfare, SECRET, grade="bureau")
    bot_id = office.bot(welfare)
    with pytest.raises(InvalidInput, match="공개 문서만"):
        office.building.put_in(welfare, bot_id, [secret])
    with pytest.raises(IntegrityError, match="public documents"), worker_store.transaction(SYSTEM) as tx:
        tx.run(
            "insert into bot_documents (bot_id, document_id, edition, added_by) values (:b, cast(:d as uuid), 'published', 'x')",
            {"b": bot_id, "d": secret},
        )
    staff = office.bot(welfare, secret, audience="staff", name="직원용")
    with pytest.raises(InvalidInput, match="공개 문서만"):
        office.building.describe(welfare, staff, BotDraft("직원용", "citizen", "복지과", greeting="안녕하세요."))
    with pytest.raises(IntegrityError, match="public documents"), worker_store.transaction(SYSTEM) as tx:
        tx.run("update bots set audience = 'citizen' where id = :id", {"id": staff})


def test_nobody_puts_in_what_they_may_not_read_nor_into_another_bureaus_bot(
    office: Office, welfare: Actor, traffic: Actor, store: Store
) -> None:
    secret, fees = office.put(welfare, SECRET, grade="bureau"), office.put(welfare, FEES)
    theirs = office.bot(traffic, audience="staff", name="교통 도우미")
    with pytest.raises(NotFound):
        office.building.put_in(traffic, theirs, [secret])
    mine = office.published(welfare, fees)
    with pytest.raises(Forbidden):
        office.building.put_in(traffic, mine, [fees])
    with pytest.raises(ProgrammingError, match="row-level security"), store.transaction(traffic) as tx:
        tx.run(
            "insert into bot_documents (bot_id, document_id, edition, added_by) values (:b, cast(:d as uuid), 'draft', 'x')",
            {"b": mine, "d": fees},
        )
    # A citizen's question in the traffic bureau's bot finds nothing of the welfare bureau's bot.
    office.building.put_in(traffic, theirs, [fees])
    assert not office.ask(traffic, "감사 대상은 몇 건인가요?", draft_fence(theirs))[-1]["answered"]


def test_the_database_gives_nobody_a_key_to_a_collection(worker_store: Store) -> None:
    with pytest.raises(IntegrityError, match="no_collection_tags"), worker_store.transaction(SYSTEM) as tx:
        tx.run(
            """insert into api_keys (id, prefix, secret_hash, holder, tags, scopes, expires_at)
            values (gen_random_uuid(), 'x', '', 'service:39', '{public,bot:x}', '{ask}', now())"""
        )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_put_in_taken_out_regraded_or_published_the_bot_says_only_what_it_may(
    office: Office, welfare: Actor, traffic: Actor, citizen: Actor, data: st.DataObject
) -> None:
    """The oracle keeps its own books of grades and collections, and never asks the code under test."""
    marks = {
        office.put(welfare, f"# 안내\n\n공용 창고의 확인 번호는 표식{n}이다.\n", filename=f"{n}.md"): f"표식{n}"
        for n in "가나다"
    }
    grade, audience = dict.fromkeys(marks, "public"), data.draw(st.sampled_from(["citizen", "staff"]))
    bot_id = office.bot(welfare, audience=audience)
    draft: set[str] = set()
    live: set[str] = set()
    for _ in range(data.draw(st.integers(2, 7))):
        one = data.draw(st.sampled_from(sorted(marks)))
        match data.draw(st.sampled_from(["put", "take", "grade", "publish"])):
            case "put" if audience == "staff" or grade[one] == "public":
                office.building.put_in(welfare, bot_id, [one])
                draft.add(one)
            case "take" if one in draft:
                office.building.take_out(welfare, bot_id, one)
                draft.discard(one)
            case "grade":
                grade[one] = data.draw(st.sampled_from(["public", "staff", "bureau"]))
                office.library.change_rights(welfare, one, grade=grade[one])
                if audience == "citizen" and grade[one] != "public":
                    draft.discard(one)
                    live.discard(one)
            case "publish" if draft:
                office.publishing.publish(welfare, bot_id, "시험")
                live = set(draft)
    office.settle()
    for actor, open_to in (
        (citizen, {"public"}),
        (traffic, {"public", "staff"}),
        (welfare, {"public", "staff", "bureau"}),
    ):
        for inside, tag in ((live, fence(bot_id)), (draft, draft_fence(bot_id))):
            allowed = {marks[one] for one in inside if grade[one] in open_to}
            reader = Reader(tags=actor.tags, within=tag)
            found = office.knowledge.search("공용 창고의 확인 번호는?", reader, limit=50)
            assert {mark for mark in marks.values() if any(mark in hit.passage.text for hit in found)} == allowed
            assert office.indexing.retriever.count(reader) == len(found)
    office.building.put_in(welfare, bot_id, [])
    for one in marks:
        office.library.delete(welfare, one)
    office.settle()


# --- from a draft to a published bot, and back ---------------------------------------------------------------------------


def test_a_bot_is_made_tested_published_changed_and_withdrawn(
    office: Office, welfare: Actor, citizen: Actor, store: Store
) -> None:
    fees = office.put(welfare, FEES)
    bot_id = office.bot(welfare, fees)
    assert bot_id == "pyegimul_doumi"
    office.questions.add(
        welfare, bot_id,
        [TestQuestion("냉장고 수수료는 얼마인가요?", "8,000원", "대형폐기물 안내"), TestQuestion("화성 이주 지원금은?", "모름")],
    )  # fmt: skip
    office.scoring.run(welfare, bot_id)
    score = office.scoring.scores(welfare, bot_id)[0]
    assert (score["figures"]["right"]["count"], score["figures"]["right"]["n"]) == (2, 2)
    assert score["figures"]["right"]["low"] < 0.4, "two questions prove little, and the interval says so"
    assert score["rows"][0]["citations"][0]["quote"] in FEES
    assert not score["passed"]
    assert office.bots.row(welfare, bot_id)["state"] == "tested"
    standing = office.publishing.standing(welfare, bot_id)
    assert standing.warnings == ("score_few_questions",)
    with pytest.raises(Conflict, match="경고"):
        office.publishing.publish(welfare, bot_id)
    assert office.publishing.publish(welfare, bot_id, "질문은 다음 주에 더한다") == 1
    assert office.bots.get(bot_id).name_ko == "폐기물 도우미"
    office.building.describe(
        welfare, bot_id, BotDraft("폐기물 길잡이", "citizen", "복지과", greeting="반갑습니다.", phone="02-1")
    )
    assert (office.bots.get(bot_id).name_ko, office.bots.greeting(bot_id)) == ("폐기물 도우미", "안녕하세요.")
    assert office.publishing.publish(welfare, bot_id, "이름을 바꿈") == 2
    assert office.bots.get(bot_id, citizen).name_ko == "폐기물 길잡이"
    versions = office.publishing.versions(welfare, bot_id)
    assert [row["number"] for row in versions] == [2, 1]
    assert {one["what"]: one.get("before") for one in versions[0]["changes"]}["name_ko"] == "폐기물 도우미"
    office.publishing.withdraw(welfare, bot_id, "업무가 옮겨졌다")
    with pytest.raises(NotFound):
        office.bots.get(bot_id)
    assert not office.ask(welfare, "냉장고 수수료는 얼마인가요?", fence(bot_id))[-1]["answered"]
    assert len(office.publishing.versions(welfare, bot_id)) == 2
    with store.transaction(SYSTEM) as tx:
        assert audit.verify(tx).ok


def test_only_the_owners_bureau_publishes(office: Office, welfare: Actor, traffic: Actor, citizen: Actor) -> None:
    bot_id = office.bot(welfare, office.put(welfare, FEES))
    with pytest.raises(NotFound):
        office.publishing.publish(traffic, bot_id, "남의 것")
    office.publishing.publish(welfare, bot_id, "시험")
    with pytest.raises(Forbidden):
        office.publishing.publish(traffic, bot_id, "남의 것")
    head = Actor("user:head", tags=frozenset({"public", "staff"}), roles=frozenset({"admin"}), bureau="교통과")
    with pytest.raises(Forbidden):
        office.publishing.publish(head, bot_id, "관리자라도")
    with pytest.raises(NotFound):
        office.building.describe(Actor("user:x", bureau="복지과"), office.bot(welfare, name="초안"), BotDraft("x"))
    with pytest.raises(Forbidden):
        office.building.create(citizen, BotDraft("시민이 만든 봇", "citizen", "복지과"))


def test_an_empty_bot_is_not_published(office: Office, welfare: Actor) -> None:
    bot_id = office.bot(welfare)
    with pytest.raises(Conflict, match="담긴 문서가 없습니다"):
        office.publishing.publish(welfare, bot_id, "비었어도")


def test_a_bot_is_switched_off_with_a_reason_and_says_whom_to_ask(
    office: Office, welfare: Actor, traffic: Actor, citizen: Actor, store: Store
) -> None:
    bot_id = office.published(welfare, office.put(welfare, FEES))
    with pytest.raises(InvalidInput, match="까닭"):
        office.bots.switch(welfare, bot_id, False, "  ")
    with pytest.raises(Forbidden):
        office.bots.switch(traffic, bot_id, False, "남의 것")
    office.bots.switch(welfare, bot_id, False, "수수료 고시를 고치는 중입니다")
    card = office.bots.get(bot_id, citizen)
    assert (card.on, card.office, card.phone) == (False, "복지과", "02-1")
    assert card.off_why == "수수료 고시를 고치는 중입니다"
    assert not next(one for one in office.bots.all(citizen) if one.id == bot_id).on
    office.bots.switch(welfare, bot_id, True, "")
    assert office.bots.get(bot_id).on
    with store.transaction(SYSTEM) as tx:
        entries = tx.all("select detail from audit_log where action = 'bot.switch' order by seq")
    assert [entry["detail"]["on"] for entry in entries] == [False, True]
    assert entries[0]["detail"]["why"] == "수수료 고시를 고치는 중입니다"


def test_citizens_never_see_bots_of_the_staff_nor_drafts(
    office: Office, welfare: Actor, traffic: Actor, citizen: Actor
) -> None:
    fees = office.put(welfare, FEES)
    staff = office.published(welfare, fees, audience="staff", name="직원 도우미")
    draft = office.bot(welfare, fees, name="초안")
    assert staff in [card.id for card in office.bots.all(traffic)]
    assert office.bots.all(citizen) == []
    assert draft not in [row["id"] for row in office.bots.listed(traffic)]
    for hidden in (staff, draft):
        with pytest.raises(NotFound):
            office.bots.row(citizen, hidden)
    with pytest.raises(NotFound):
        office.bots.get(staff, citizen)
    with pytest.raises(NotFound):
        office.bots.get(draft)


# --- questions and proposals ---------------------------------------------------------------------------------------------


def test_proposals_come_from_the_documents_and_count_only_once_a_person_accepts_them(
    office: Office, welfare: Actor
) -> None:
    bot_id = office.bot(welfare, office.put(welfare, FEES), office.put(welfare, RENT))
    greeting, examples = office.building.proposed_greeting(welfare, bot_id)
    assert "대형폐기물" in greeting
    assert "냉장고 수수료는 얼마인가요?" in " ".join(examples)
    assert office.questions.propose(welfare, bot_id) > 2
    assert office.questions.propose(welfare, bot_id) == 0
    with pytest.raises(Conflict, match="시험 질문이 없습니다"):
        office.scoring.run(welfare, bot_id)
    assert office.publishing.standing(welfare, bot_id).warnings[0] == "no_questions"
    rows = office.questions.listed(welfare, bot_id)
    chosen = next(row for row in rows if row["expected"] == "8,000원")
    assert office.questions.accept(welfare, bot_id, [chosen["id"]]) == 1
    office.scoring.run(welfare, bot_id)
    assert office.scoring.scores(welfare, bot_id)[0]["figures"]["right"]["n"] == 1


def test_proposals_speak_as_people_ask() -> None:
    def asked(title: str, *headings: str) -> list[str]:
        pieces = tuple(Piece((one,), "이용 요금은 3,000원이다. 기한은 7일이다.") for one in headings)
        return [one.question for one in proposed([Paper("d", title, pieces)], 9)]

    assert asked("2026년 청년 월세 지원 공고", "2026년 청년 월세 지원 공고", "1. 지원 대상", "제3조(신청 기한)", "문의") == [
        "청년 월세 지원 대상은 누구인가요?", "청년 월세 지원 신청 기한은 언제까지인가요?",
    ]  # fmt: skip
    assert asked("자주 묻는 질문", "가로등이 꺼졌어요", "여권을 급하게 만들 수 있나요?") == [
        "가로등이 꺼졌어요. 어떻게 해야 하나요?", "여권을 급하게 만들 수 있나요?",
    ]  # fmt: skip
    made = proposed([Paper("d", "체육관 안내", (Piece(("이용 요금",), "이용 요금은 3,000원이다."),))], 9)
    assert [(one.question, one.expected) for one in made] == [("체육관 이용 요금은 얼마인가요?", "3,000원")]


def test_a_wrong_answer_lowers_the_score(office: Office, welfare: Actor) -> None:
    bot_id = office.bot(welfare, office.put(welfare, FEES), office.put(welfare, RENT))
    office.questions.add(
        welfare, bot_id,
        [
            TestQuestion("냉장고 수수료는 얼마인가요?", "9,900원"),
            TestQuestion("냉장고 배출 수수료는?", "", "청년 월세 지원"),
            TestQuestion("청년 월세 지원금은 얼마인가요?", "모름"),
            TestQuestion("화성 이주 지원금은 얼마인가요?", "100만원"),
        ],
    )  # fmt: skip
    office.scoring.run(welfare, bot_id)
    score = office.scoring.scores(welfare, bot_id)[0]
    found = {name: (one["count"], one["n"]) for name, one in score["figures"].items()}
    assert found == {"right": (0, 4), "answered": (2, 3), "document": (0, 1), "citation": (3, 3), "unknown": (0, 1)}
    assert [row["matched"] for row in score["rows"]] == [False, None, None, False]
    assert not score["passed"]


def test_a_long_test_runs_in_the_background_and_tells_how_far_it_is(
    office: Office, welfare: Actor, traffic: Actor
) -> None:
    bot_id = office.bot(welfare, office.put(welfare, FEES))
    with pytest.raises(Conflict, match="시험 질문이 없습니다"):
        office.scoring.start(welfare, bot_id)
    office.questions.add(welfare, bot_id, [TestQuestion(f"냉장고 {n}대의 수수료는?", "8,000원") for n in range(1, 8)])
    with pytest.raises(NotFound):
        office.scoring.start(traffic, bot_id)
    # Somebody sits in every seat of the waiting room: the test waits its turn.
    with ExitStack() as seats:
        for _ in range(office.asking.waiting_room.seats):
            assert list(seats.enter_context(office.asking.waiting_room.enter()).wait()) == []
        office.scoring.start(welfare, bot_id)
        with pytest.raises(Conflict, match="이미 채점"):
            office.scoring.start(welfare, bot_id)
        under = office.scoring.under_way(bot_id)
        assert under is not None
        assert (under.done, under.of) == (0, 7)
    deadline = time.monotonic() + 60
    while office.scoring.under_way(bot_id) is not None:
        assert under.problem is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert office.scoring.scores(welfare, bot_id)[0]["figures"]["right"]["n"] == 7


def test_its_page_counts_what_people_said_of_it_and_shows_nobody_whose_words(
    office: Office, welfare: Actor, traffic: Actor, citizen: Actor, store: Store, worker_store: Store
) -> None:
    bot_id = office.published(welfare, office.put(welfare, FEES))
    turn = office.ask(citizen, "냉장고 수수료는 얼마인가요?", fence(bot_id))[0]["turn_id"]
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("update turns set bot = :bot where id = :id", {"bot": bot_id, "id": turn})
    FeedbackDesk(store, office.knowledge).give(citizen, turn, helpful=False, reason="wrong", note="비밀 이야기")
    assert office.bots.feedback(traffic, bot_id) == (0, 1)


RENT_OLD, RENT_NEW = RENT.replace("20만원", "15만원"), RENT.replace("20만원", "25만원")


def test_a_mended_answer_is_asked_again_inside_the_same_bot(
    office: Office, welfare: Actor, citizen: Actor, store: Store, worker_store: Store
) -> None:
    fees, elsewhere = office.put(welfare, FEES), office.put(welfare, RENT_OLD)
    rent = office.put(welfare, RENT, filename="월세.md")
    narrow, other = office.published(welfare, fees, rent), office.published(welfare, elsewhere, name="월세 도우미")
    feedback = FeedbackDesk(store, office.knowledge)
    question = "청년 월세 지원금은 얼마인가요?"

    def complain(bot_id: str) -> str:
        said = office.ask(citizen, question, fence(bot_id))
        with worker_store.transaction(SYSTEM) as tx:
            tx.run("update turns set bot = :bot where id = :id", {"bot": bot_id, "id": said[0]["turn_id"]})
        return feedback.give(citizen, said[0]["turn_id"], helpful=False, reason="outdated")

    of_narrow, of_other = complain(narrow), complain(other)
    office.library.upload(
        welfare, filename="월세.md", data=RENT_NEW.encode(), bureau="복지과", grade="public", document_id=rent
    )
    office.settle()
    mended = feedback.mend(welfare, of_narrow)
    assert ("20만원" in mended["answer_before"], "25만원" in mended["answer_after"]) == (True, True)
    # The other bot knows nothing of the new amount: its own paper is as it was, also after the bot was taken back.
    office.publishing.withdraw(welfare, other, "시험 철회")
    office.settle()
    again = feedback.mend(welfare, of_other)["answer_after"]
    assert "25만원" not in again
    with worker_store.transaction(SYSTEM) as tx:
        kept = tx.one("select tags, within from feedback where id = :id", id=of_other)
    assert kept == {"tags": ["public"], "within": fence(other)}


def test_a_document_that_is_still_being_read_is_not_scored(office: Office, welfare: Actor, store: Store) -> None:
    bot_id = office.bot(welfare, office.put(welfare, FEES))
    office.questions.add(welfare, bot_id, [TestQuestion("냉장고 수수료는 얼마인가요?", "8,000원")])
    fresh = office.library.upload(welfare, filename="새.md", data=RENT.encode(), bureau="복지과", grade="public")
    office.building.put_in(welfare, bot_id, [fresh.document_id])
    hasty = Scoring(
        store,
        office.knowledge,
        room=office.asking.waiting_room,
        knowledge_version=lambda: office.indexing.applied,
        patience=0.3,
    )
    with pytest.raises(Unavailable, match="1건"):
        hasty.run(welfare, bot_id)
    assert "unread" in office.publishing.standing(welfare, bot_id).warnings
    office.scoring.run(welfare, bot_id)
    assert office.scoring.scores(welfare, bot_id)[0]["figures"]["right"]["count"] == 1


def test_a_score_is_shown_only_to_whom_its_answers_may_be_shown(office: Office, welfare: Actor) -> None:
    bot_id = office.bot(welfare, office.put(welfare, SECRET, grade="bureau"), audience="staff")
    office.questions.add(welfare, bot_id, [TestQuestion("감사 대상 사업의 암호 이름은?", "은하수")])
    office.scoring.run(welfare, bot_id)
    assert "은하수" in office.scoring.scores(welfare, bot_id)[0]["rows"][0]["text"]
    head = Actor("user:head", tags=frozenset({"public", "staff"}), roles=frozenset({"staff", "admin"}), bureau="교통과")
    assert office.scoring.scores(head, bot_id) == []


def test_questions_come_from_a_spreadsheet_or_a_file_of_json_lines() -> None:
    csv = '질문,기대 답,문서\n냉장고 수수료는?,"8,000원",대형폐기물 안내\n화성 이주는?,모름,\n'.encode("cp949")
    first, second = read_file("질문.csv", csv)
    assert (first.answer, first.document, second.unknown) == ("8,000원", "대형폐기물 안내", True)
    lines = b'{"question": "a?", "answer": "b", "document": "c"}\n\n{"question": "d?", "document": null}\n'
    assert [one.unknown for one in read_file("q.jsonl", lines)] == [False, True]
    for name, bad in (
        ("q.csv", b"a,b\n1,2\n"),
        ("q.jsonl", b"[1]\n"),
        ("q.jsonl", b"{"),
        ("q.csv", b""),
        ("q.jsonl", b'{"question": 3}'),
    ):
        with pytest.raises(InvalidInput) as refused:
            read_file(name, bad)
        assert refused.value.next_step


def test_a_question_names_only_documents_of_its_bot(office: Office, welfare: Actor) -> None:
    bot_id = office.bot(welfare, office.put(welfare, FEES))
    with pytest.raises(InvalidInput, match="담긴 문서가 아닙니다"):
        office.questions.add(welfare, bot_id, [TestQuestion("월세는?", "20만원", "청년 월세 지원")])
    with pytest.raises(InvalidInput, match="기대하는 것이 없습니다"):
        office.questions.add(welfare, bot_id, [TestQuestion("월세는?")])


# --- the cards of the services --------------------------------------------------------------------------------------------

CARDS = """
bots:
  - {id: seoul_talk, name_ko: 서울톡, name_en: Seoul Talk, audience: citizen, bureau: 디지털도시국, purpose: 시민 안내, service: 11,
     built: true, office: 120다산콜, phone: 120, does: [민원 안내], examples: ["따릉이 어떻게 빌려요?"], router_note: 1}
  - {id: staff_manual, name_ko: 서우리주무관, name_en: Clerk, audience: staff, bureau: 디지털도시국, purpose: 업무 편람, service: 39}
  - {id: out_of_scope}
"""


def test_cards_of_services_are_taken_over_and_a_switch_stays(
    office: Office, worker_store: Store, citizen: Actor, welfare: Actor, tmp_path: Path
) -> None:
    source = tmp_path / "cards.yaml"
    assert Bots(worker_store).keep_in_step(source) == 0
    source.write_text(CARDS, encoding="utf-8")
    assert Bots(worker_store).keep_in_step(source) == 2
    assert [card.id for card in office.bots.all(citizen)] == ["seoul_talk"]
    assert [card.id for card in office.bots.all(welfare)] == ["seoul_talk", "staff_manual"]
    team = Actor(
        "user:ai", name="AI팀", tags=frozenset({"public", "staff"}), roles=frozenset({"ai_team"}), bureau="교통과"
    )
    office.bots.switch(team, "seoul_talk", False, "점검")
    Bots(worker_store).keep_in_step(source)
    card = office.bots.get("seoul_talk", citizen)
    assert (card.on, card.phone, card.examples, card.built) == (False, "120", ("따릉이 어떻게 빌려요?",), True)
    with pytest.raises(Forbidden):
        office.building.describe(welfare, "seoul_talk", BotDraft("바꾼 이름"))
    source.write_text(
        "bots: [{id: staff_manual, name_ko: 서우리주무관, name_en: Clerk, audience: staff, bureau: 디지털도시국, purpose: 편람}]"
    )
    Bots(worker_store).keep_in_step(source)
    assert office.bots.all(citizen) == []
    source.write_text("bots: [{id: broken}]")
    assert Bots(worker_store).keep_in_step(source) == 0
    assert [card.id for card in office.bots.all(welfare)] == ["staff_manual"]
    with pytest.raises(InvalidInput, match="broken"):
        read_cards(source)


@pytest.mark.parametrize(
    ("name", "expected"), [("출산지원 안내", "chulsanjiwon_annae"), ("2026 월세", "bot_2026_wolse"), ("★", "bot")]
)
def test_a_korean_name_gives_a_readable_id(name: str, expected: str) -> None:
    assert id_from(name) == expected


def test_two_bots_of_one_name_have_two_ids(office: Office, welfare: Actor, traffic: Actor) -> None:
    assert [office.bot(one, name="도우미") for one in (welfare, traffic, welfare)] == ["doumi", "doumi_2", "doumi_3"]
