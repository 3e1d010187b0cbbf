"""A citizen asks for a person; the people at the desk take it, answer, pass it on, close; nobody else reads along."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from haechi.city.chores import daily
from haechi.city.desk import Desk, deadlines
from haechi.city.desk.hours import read_hours
from haechi.city.desk.rules import Rules, rules_in_force
from haechi.city.settings import Settings
from haechi.core import audit, clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.identity import Accounts
from haechi.core.roles import actor_of
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.dialogue.ports import BotCard

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 10:00 in Seoul
PHONE = "010-2345-6789"
CARDS = {
    "seoul_talk": BotCard("seoul_talk", "서울톡", "Seoul Talk", "citizen", "디지털도시국", "안내", service=11),
    "staff_manual": BotCard("staff_manual", "업무편람", "Manual", "staff", "복지과", "편람", service=39),
    "park": BotCard("park", "공원 안내", "Parks", "citizen", "교통과", "공원"),
}


def agent(name: str, role: str, bureau: str) -> Actor:
    tags = frozenset({"public", "staff", f"user:{name}", f"role:{role}", f"bureau:{bureau}"})
    return Actor(f"user:{name}", name, tags, frozenset({role}), bureau)


NOEUL = agent("노을빛", "call_taker", "행정국")
DASOM = agent("다솜", "call_taker", "행정국")
CLERK = agent("정보슬", "staff", "복지과")
OTHER = agent("이교통", "staff", "교통과")
CITIZEN = Actor("guest:abc", "손님")
STRANGER = Actor("guest:xyz", "손님")


@pytest.fixture
def desk(store: Store, worker_store: Store) -> Desk:
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지과'), ('교통과'), ('강남구')")
    return Desk(store, card_of=CARDS.get)


@pytest.fixture(autouse=True)
def morning() -> Iterator[None]:
    with clock.frozen(MONDAY):
        yield


def talk(
    store: Store, actor: Actor, *turns: tuple[str, str], audience: str = "citizen", bot: str = "seoul_talk"
) -> str:
    """A conversation with a bot, as the dialogue keeps it; an answer '' is one that the bot did not have."""
    conversation = clock.new_id()
    with store.transaction(actor) as tx:
        tx.run(
            """insert into conversations (id, subject, bot, audience, purge_after)
            values (:id, :subject, :bot, :audience, :day)""",
            {
                "id": conversation,
                "subject": actor.subject,
                "bot": bot,
                "audience": audience,
                "day": date(2026, 12, 1),
            },
        )
        for question, answer in turns:
            say(tx, conversation, question, answer)
    return conversation


def say(tx: Any, conversation: str, question: str, answer: str = "", kind: str = "turn") -> None:
    tx.run(
        """insert into turns (id, conversation_id, number, asked_at, question, answer, state, kind, citations)
        values (:id, :conversation, 0, :now, :question, :answer, :state, :kind,
          case when :answer = '' then '[]' else '[{"title": "대형폐기물 수수료", "quote": "3천원"}]' end::jsonb)""",
        {
            "id": clock.new_id(),
            "conversation": conversation,
            "now": clock.now(),
            "question": question,
            "answer": answer,
            "state": "answered" if answer else "unknown",
            "kind": kind,
        },
    )


def opened(desk: Desk, store: Store, actor: Actor = CITIZEN, **more: Any) -> tuple[str, str]:
    """(conversation, ticket) of somebody who wants a person."""
    conversation = talk(
        store,
        actor,
        ("소파를 버리려면 얼마인가요?", "3천원입니다."),
        (f"{PHONE}로 전화해 주세요. 수거는 언제인가요?", ""),
    )
    ticket = desk.open_ticket(actor, conversation, "seoul_talk", "상담사 연결을 원함", **more).ticket
    return conversation, ticket


def acts(store: Store, ticket: str) -> list[str]:
    with store.transaction(replace(NOEUL, roles=frozenset({"admin"}))) as tx:
        return [
            row["act"] for row in tx.all("select act from ticket_steps where ticket_id = :id order by seq", id=ticket)
        ]


# --- one story ---------------------------------------------------------------------------------------------------------


def test_from_the_wish_for_a_person_to_the_citizens_rating(desk: Desk, store: Store, worker_store: Store) -> None:
    conversation, ticket = opened(desk, store)
    told = desk.open_on(CITIZEN, conversation)
    assert told is not None
    assert (told.position, told.office, told.open, told.expected_minutes) == (1, "120 상담센터", True, None)

    (row,) = desk.views.tickets(NOEUL, "unanswered")
    assert row["id"] == ticket
    assert row["minutes_left"] == 30
    taken = desk.take(NOEUL, ticket, version=row["version"])
    assert (taken["state"], taken["taken_by"]) == ("active", NOEUL.subject)
    desk.reply(NOEUL, ticket, "안녕하세요. 수거는 수요일입니다.", key="r1")
    desk.ask_back(NOEUL, ticket, "주소를 알려 주시겠어요?", key="a1")
    assert desk.views.ticket(NOEUL, ticket)["state"] == "pending"

    with store.transaction(CITIZEN) as tx:
        say(tx, conversation, "세종대로 110입니다.", kind="citizen")
    now = desk.views.ticket(NOEUL, ticket)
    assert now["state"] == "active", "the citizen's word calls the ticket back"
    deadlines.look_over(worker_store, desk.rules)
    assert desk.views.ticket(NOEUL, ticket)["minutes_left"] == 30, "the next deadline runs"
    desk.reply(NOEUL, ticket, "접수했습니다.", key="r2")
    desk.close(NOEUL, ticket, "received", "응답소 접수", key="c1")

    with store.transaction(CITIZEN) as tx:
        said = tx.all(
            "select number, kind, author, answer from turns where conversation_id = :id order by number",
            id=conversation,
        )
    assert [row["number"] for row in said] == list(range(1, len(said) + 1))
    assert [(row["kind"], row["author"]) for row in said if row["kind"] == "agent"] == [("agent", "노을빛")] * 3
    assert said[-1]["answer"].startswith("상담을 마쳤습니다.")
    desk.rate(CITIZEN, conversation, 5, "고맙습니다")
    standing = desk.standing(CITIZEN, conversation)
    assert standing is not None
    assert (standing["state"], standing["rating"], standing["may_reopen"]) == ("history", 5, True)
    assert acts(store, ticket) == ["opened", "taken", "replied", "asked", "said", "replied", "closed", "rated"]
    with worker_store.transaction(SYSTEM) as tx:
        written = [row["action"] for row in audit.entries(tx, resource=f"ticket:{ticket}")][::-1]
        assert audit.verify(tx).ok
    assert [name for name in written if name != "desk.read"] == [
        "desk.opened", "desk.taken", "desk.replied", "desk.asked", "desk.replied", "desk.closed", "desk.rated",
    ]  # fmt: skip


def test_the_citizen_opens_a_closed_ticket_again_within_its_days(desk: Desk, store: Store) -> None:
    conversation, ticket = opened(desk, store)
    desk.take(NOEUL, ticket)
    desk.close(NOEUL, ticket, "answered")
    again = desk.reopen(CITIZEN, conversation, key="x")
    assert (again.ticket, again.position) == (ticket, 1)
    assert desk.reopen(CITIZEN, conversation, key="x").ticket == ticket, "asked twice, opened once"
    assert desk.views.ticket(NOEUL, ticket)["reopened"] == 1
    desk.take(DASOM, ticket)
    desk.close(DASOM, ticket, "answered")
    with clock.frozen(MONDAY + timedelta(days=8)), pytest.raises(Conflict) as error:
        desk.reopen(CITIZEN, conversation)
    assert error.value.next_step


# --- the queue ---------------------------------------------------------------------------------------------------------


def test_two_agents_never_get_one_ticket(desk: Desk, store: Store) -> None:
    _, ticket = opened(desk, store)
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def take(who: Actor) -> None:
        together.wait()
        try:
            outcomes.append(str(desk.take(who, ticket)["taken_by"]))
        except Conflict as error:
            outcomes.append(error.message)

    people = [threading.Thread(target=take, args=(who,)) for who in (NOEUL, DASOM)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    winners = [one for one in outcomes if one.startswith("user:")]
    assert len(winners) == 1, outcomes
    assert next(one for one in outcomes if one not in winners) == f"{winners[0][5:]} 님이 먼저 맡았습니다."
    assert acts(store, ticket).count("taken") == 1


def test_an_agent_holds_no_more_than_they_may_and_the_most_urgent_comes_first(desk: Desk, store: Store) -> None:
    people = [Actor(f"guest:{n}", "손님") for n in range(5)]
    tickets = [opened(desk, store, one)[1] for one in people]
    urgent = opened(desk, store, STRANGER, priority="urgent")[1]
    desk.present(NOEUL, "available", 2)
    first = desk.take_next(NOEUL)
    assert first is not None
    assert first["id"] == urgent
    second = desk.take_next(NOEUL)
    assert second is not None
    assert second["id"] == tickets[0]
    with pytest.raises(Conflict, match="동시에 맡을 수 있는 상담은 2건"):
        desk.take_next(NOEUL)
    desk.ask_back(NOEUL, urgent, "어디인가요?")
    assert desk.take_next(NOEUL) is not None, "one that waits for the citizen takes no place"


def test_position_and_expected_minutes_come_from_the_line_as_it_is(desk: Desk, store: Store) -> None:
    for n in range(3):
        _, ticket = opened(desk, store, Actor(f"guest:past{n}", "손님"))
        desk.take(NOEUL, ticket)
        with clock.frozen(MONDAY + timedelta(minutes=10)):
            desk.close(NOEUL, ticket, "answered")
    desk.present(NOEUL, "available", 1)
    desk.take(NOEUL, opened(desk, store, Actor("guest:now", "손님"))[1])
    waiting = [opened(desk, store, Actor(f"guest:w{n}", "손님")) for n in range(3)]
    places = [desk.open_on(Actor(f"guest:w{n}", "손님"), waiting[n][0]) for n in range(3)]
    assert [(one.position, one.expected_minutes) for one in places if one] == [(1, 10), (2, 20), (3, 30)]
    desk.present(DASOM, "available", 2)
    relieved = desk.open_on(Actor("guest:w2", "손님"), waiting[2][0])
    assert relieved is not None
    assert relieved.expected_minutes == 4, "three seats, two of them free: one conversation ahead of the third"
    with clock.frozen(MONDAY + timedelta(hours=3)):
        nobody = desk.open_on(Actor("guest:w2", "손님"), waiting[2][0])
    assert nobody is not None
    assert (nobody.position, nobody.expected_minutes) == (3, None), "nobody is at the desk: no guess"


def test_outside_office_hours_the_ticket_is_kept_and_says_when_the_office_opens(desk: Desk, store: Store) -> None:
    friday_night = datetime(2026, 12, 24, 12, 0, tzinfo=UTC)  # Thursday 21:00 in Seoul; Friday is Christmas
    with clock.frozen(friday_night):
        conversation = talk(store, CITIZEN, ("공원은 몇 시까지 여나요?", ""), bot="park")
        told = desk.open_ticket(CITIZEN, conversation, "park", "답을 찾지 못함")
        assert (told.office, told.open) == ("교통과", False)
        assert told.opens_at == datetime(2026, 12, 28, 0, 0, tzinfo=UTC)
        (row,) = desk.views.tickets(OTHER, "unanswered")
    assert row["sla_due"] == datetime(2026, 12, 28, 0, 30, tzinfo=UTC), "the deadline counts open minutes only"


def test_the_same_conversation_is_handed_over_once(desk: Desk, store: Store) -> None:
    conversation, ticket = opened(desk, store)
    assert desk.open_ticket(CITIZEN, conversation, "seoul_talk", "다시").ticket == ticket
    assert acts(store, ticket) == ["opened"]
    with pytest.raises(NotFound):
        desk.open_ticket(STRANGER, conversation, "seoul_talk", "남의 대화")


# --- who may read ------------------------------------------------------------------------------------------------------


def test_personal_data_is_shown_to_the_one_who_took_the_ticket_alone(
    desk: Desk, store: Store, worker_store: Store
) -> None:
    _, ticket = opened(desk, store)
    before = desk.views.ticket(NOEUL, ticket)
    assert PHONE not in str(before)
    assert before["masked"]
    desk.take(NOEUL, ticket)
    mine, theirs = desk.views.ticket(NOEUL, ticket), desk.views.ticket(DASOM, ticket)
    assert PHONE in str(mine["timeline"])
    assert PHONE in str(mine["summary"])
    assert theirs["timeline"], "the office reads along"
    assert PHONE not in str(theirs)
    with worker_store.transaction(SYSTEM) as tx:
        read = [row["actor"] for row in audit.entries(tx, action="desk.read", resource=f"ticket:{ticket}")]
        everything = str([dict(row) for row in tx.all("select * from audit_log")]) + str(
            tx.all("select data from events")
        )
    assert sorted(read) == sorted([NOEUL.subject, DASOM.subject]), "once a person"
    assert PHONE not in everything


def test_the_summary_is_made_of_pieces_of_the_turns_it_points_to(desk: Desk, store: Store) -> None:
    conversation, ticket = opened(desk, store)
    desk.take(NOEUL, ticket)
    lines = desk.views.ticket(NOEUL, ticket)["summary"]
    with store.transaction(CITIZEN) as tx:
        turns = {
            row["id"]: f"{row['question']} {row['answer']} {row['citations']}"
            for row in tx.all(
                "select id::text as id, question, answer, citations from turns where conversation_id = :id",
                id=conversation,
            )
        }
    assert [line["kind"] for line in lines] == ["wants", "said", "cited", "question"]
    assert all(line["text"] in turns[line["turn"]] for line in lines)
    assert lines[-1]["text"].endswith("수거는 언제인가요?")


def test_the_desk_reads_a_conversation_only_for_its_ticket(desk: Desk, store: Store) -> None:
    conversation, ticket = opened(desk, store)

    def reads(who: Actor, at: str = "") -> int:
        with store.transaction(who) as tx:
            if at:
                tx.run("select set_config('haechi.desk', :id, true)", {"id": at})
            return int(tx.value("select count(*) from turns where conversation_id = :id", id=conversation))

    assert reads(NOEUL) == 0, "not without having opened it at the desk"
    assert reads(NOEUL, conversation) == 2
    assert reads(CLERK, conversation) == 0, "not another office"
    assert reads(STRANGER, conversation) == 0
    with store.transaction(NOEUL) as tx:
        assert tx.all("select id from conversations") == [], "an agent's own list of conversations stays their own"
    desk.take(NOEUL, ticket)
    desk.transfer(NOEUL, ticket, office="복지과", reason="복지과 소관")
    assert (reads(NOEUL, conversation), reads(CLERK, conversation)) == (0, 4)
    assert desk.views.ticket(NOEUL, ticket)["closed_to_me"]
    desk.take(CLERK, ticket)
    desk.close(CLERK, ticket, "answered")
    assert reads(CLERK, conversation) > 0, "who closed it, for the days of the policy"
    assert reads(agent("다른직원", "staff", "복지과"), conversation) == 0
    with store.transaction(SYSTEM) as tx:
        now = tx.value("select now()")
    with clock.frozen(now - timedelta(days=desk.rules.agent_reads_days, minutes=1)):
        again = desk.reopen(CITIZEN, conversation).ticket
        desk.take(CLERK, again)
        desk.close(CLERK, again, "answered")
    assert reads(CLERK, conversation) == 0, "and no longer"


def test_nobody_writes_into_a_conversation_whose_ticket_they_do_not_hold(desk: Desk, store: Store) -> None:
    conversation, ticket = opened(desk, store)
    statement = """insert into turns (id, conversation_id, number, question, answer, state, kind, author)
    values (:id, :conversation, 0, '', '속았지', 'answered', :kind, '상담사')"""

    def write(who: Actor, values: dict[str, str]) -> None:
        with store.transaction(who) as tx:
            tx.run("select set_config('haechi.desk', :id, true)", {"id": conversation})
            tx.run(statement, values)

    desk.take(NOEUL, ticket)
    for who, kind in ((DASOM, "agent"), (CITIZEN, "agent"), (CITIZEN, "system"), (NOEUL, "turn"), (STRANGER, "turn")):
        values = {"id": clock.new_id(), "conversation": conversation, "kind": kind}
        with pytest.raises(DBAPIError, match="row-level security"):
            write(who, values)
    with store.transaction(NOEUL) as tx:
        tx.run("select set_config('haechi.desk', :id, true)", {"id": conversation})
        assert tx.run("update turns set answer = '고침' where conversation_id = :id", {"id": conversation}) == 0
        assert tx.run("delete from turns where conversation_id = :id", {"id": conversation}) == 0
    with pytest.raises(DBAPIError, match="only the desk moves"), store.transaction(CITIZEN) as tx:
        tx.run("update tickets set state = 'history' where id = :id", {"id": ticket})


def test_what_staff_say_to_a_staff_bot_never_comes_to_a_citizens_desk(desk: Desk, store: Store) -> None:
    conversation = talk(store, OTHER, ("징계 절차를 알려 주세요", ""), audience="staff", bot="staff_manual")
    told = desk.open_ticket(OTHER, conversation, "staff_manual", "답을 찾지 못함")
    assert told.office == "복지과"
    assert desk.views.tickets(NOEUL, "unanswered") == []
    (row,) = desk.views.tickets(CLERK, "unanswered")
    desk.take(CLERK, row["id"])
    assert "120" not in [office["id"] for office in desk.views.offices(CLERK, row)]
    with pytest.raises(InvalidInput, match="시민 창구로 옮길 수 없습니다"):
        desk.transfer(CLERK, row["id"], office="120", reason="모름")
    with pytest.raises(DBAPIError, match="check constraint"), store.transaction(CLERK) as tx:
        tx.run("update tickets set serves = '{role:call_taker}' where id = :id", {"id": row["id"]})


def test_citizens_auditors_and_other_bureaux_have_no_desk_here(desk: Desk, store: Store) -> None:
    _, ticket = opened(desk, store)
    for who in (CITIZEN, agent("남도담", "auditor", "감사과")):
        with pytest.raises(Forbidden):
            desk.views.tickets(who, "unanswered")
    with pytest.raises(NotFound):
        desk.take(CLERK, ticket)


# --- passing on --------------------------------------------------------------------------------------------------------


def test_a_ticket_goes_to_a_colleague_an_office_and_an_agency_outside(desk: Desk, store: Store) -> None:
    accounts = Accounts(store)
    user = accounts.create("dasom", "다솜", password="해치는-여섯-시에-일어난다", roles=("call_taker",), bureau=None)
    conversation, ticket = opened(desk, store)
    desk.take(NOEUL, ticket)
    with pytest.raises(InvalidInput):
        desk.transfer(NOEUL, ticket, person=user.id, reason=" ")
    assert [one["name"] for one in desk.views.colleagues(NOEUL, desk.views.ticket(NOEUL, ticket))] == ["다솜"]
    moved = desk.transfer(NOEUL, ticket, person=user.id, reason=f"근무 끝. {PHONE}", key="t1")
    assert (moved["taken_by"], moved["state"]) == (f"user:{user.id}", "active")
    assert desk.transfer(NOEUL, ticket, person=user.id, reason="근무 끝", key="t1")["version"] == moved["version"]
    with pytest.raises(Conflict):
        desk.reply(NOEUL, ticket, "아직 내 것?")
    dasom = actor_of(user)
    desk.transfer(dasom, ticket, office="강남구", reason="강남구 소관")
    gangnam = agent("김강남", "staff", "강남구")
    (row,) = desk.views.tickets(gangnam, "unanswered")
    assert row["agency"] == ("자치구", "District office")
    desk.take(gangnam, ticket)
    desk.transfer(gangnam, ticket, office="182", reason="경찰 소관")
    with store.transaction(CITIZEN) as tx:
        last = tx.value(
            "select answer from turns where conversation_id = :id order by number desc limit 1", id=conversation
        )
    assert "182번으로 전화해 주세요" in last
    standing = desk.standing(CITIZEN, conversation)
    assert standing is not None
    assert (standing["state"], standing["result"]) == ("history", "referred")
    with store.transaction(SYSTEM) as tx:
        assert PHONE not in str(tx.all("select detail from audit_log"))


def test_who_has_left_the_desk_does_not_keep_the_citizen_waiting(desk: Desk, store: Store) -> None:
    _, ticket = opened(desk, store)
    desk.take(NOEUL, ticket)
    with pytest.raises(Conflict, match="노을빛 님이 먼저 맡았습니다"):
        desk.take(DASOM, ticket)
    with clock.frozen(MONDAY + timedelta(minutes=5)):
        assert desk.take(DASOM, ticket)["taken_by"] == DASOM.subject
    with pytest.raises(Conflict):
        desk.reply(NOEUL, ticket, "돌아왔습니다")


def test_a_step_sent_twice_is_done_once(desk: Desk, store: Store) -> None:
    conversation, ticket = opened(desk, store)
    for _ in range(2):
        desk.take(NOEUL, ticket, key="k")
        desk.reply(NOEUL, ticket, "한 번만", key="k")
        desk.ask_back(NOEUL, ticket, "이것도", key="k")
        desk.close(NOEUL, ticket, "answered", key="k")
    assert acts(store, ticket) == ["opened", "taken", "replied", "asked", "closed"]
    with store.transaction(CITIZEN) as tx:
        said = tx.all("select answer from turns where conversation_id = :id and kind = 'agent'", id=conversation)
    assert [row["answer"] for row in said] == ["한 번만", "이것도"]


def test_an_older_view_of_a_ticket_moves_nothing(desk: Desk, store: Store) -> None:
    conversation, ticket = opened(desk, store)
    seen = desk.take(NOEUL, ticket)["version"]
    with store.transaction(CITIZEN) as tx:
        say(tx, conversation, "아, 하나 더 있어요", kind="citizen")
    with pytest.raises(Conflict, match="그사이"):
        desk.close(NOEUL, ticket, "answered", version=seen)
    assert desk.views.ticket(NOEUL, ticket)["state"] == "active"


def test_what_the_house_counts_by_itself_refuses_nobody(desk: Desk, store: Store, worker_store: Store) -> None:
    conversation, ticket = opened(desk, store)
    desk.take(NOEUL, ticket)
    desk.reply(NOEUL, ticket, "확인해 보겠습니다.")
    with store.transaction(CITIZEN) as tx:
        say(tx, conversation, "아, 하나 더 있어요", kind="citizen")
    seen = desk.views.ticket(NOEUL, ticket)["version"]
    assert deadlines.look_over(worker_store, desk.rules)["desk_timed"] == 1
    with clock.frozen(MONDAY + timedelta(hours=7)):
        assert deadlines.look_over(worker_store, desk.rules)["desk_overdue"] == 1
    assert desk.close(NOEUL, ticket, "answered", version=seen)["state"] == "history"


# --- what happens by itself --------------------------------------------------------------------------------------------


def test_a_missed_deadline_is_marked_and_passed_up_exactly_once(desk: Desk, store: Store, worker_store: Store) -> None:
    conversation = talk(store, CITIZEN, ("공원은?", ""), bot="park")
    ticket = desk.open_ticket(CITIZEN, conversation, "park", "답을 찾지 못함").ticket
    assert deadlines.look_over(worker_store, desk.rules)["desk_overdue"] == 0
    assert desk.views.tickets(NOEUL, "unanswered") == []
    with clock.frozen(MONDAY + timedelta(minutes=31)):
        rounds: list[int] = []
        workers = [
            threading.Thread(
                target=lambda: rounds.append(deadlines.look_over(worker_store, desk.rules)["desk_overdue"])
            )
            for _ in range(3)
        ]
        for one in workers:
            one.start()
        for one in workers:
            one.join()
        assert sum(rounds) == 1, "three workers, one mark"
        (row,) = desk.views.tickets(NOEUL, "unanswered")
    assert (row["id"], row["priority"], row["overdue"]) == (ticket, "urgent", True)
    with worker_store.transaction(SYSTEM) as tx:
        told = tx.all("select data from events where type = 'desk.overdue'")
    assert len(told) == 1
    assert told[0]["data"]["also"] == "120"
    with clock.frozen(MONDAY + timedelta(minutes=40)):
        desk.take(OTHER, ticket)
        desk.reply(OTHER, ticket, "늦어서 죄송합니다.")
        assert deadlines.look_over(worker_store, desk.rules)["desk_overdue"] == 0


def test_a_question_that_stays_without_an_answer_ends_by_itself(desk: Desk, store: Store, worker_store: Store) -> None:
    conversation, ticket = opened(desk, store)
    desk.take(NOEUL, ticket)
    desk.ask_back(NOEUL, ticket, "주소는요?")
    with clock.frozen(MONDAY + timedelta(days=desk.rules.pending_days, minutes=1)):
        assert deadlines.look_over(worker_store, desk.rules)["desk_silent"] == 1
        assert deadlines.look_over(worker_store, desk.rules)["desk_silent"] == 0
        standing = desk.standing(CITIZEN, conversation)
    assert standing is not None
    assert (standing["state"], standing["result"], standing["may_reopen"]) == ("history", "no_reply", True)


def test_conversations_wait_for_their_tickets_and_leave_only_numbers(
    desk: Desk, store: Store, worker_store: Store, tmp_path: Any
) -> None:
    conversation, ticket = opened(desk, store)
    desk.take(NOEUL, ticket)
    installation = SimpleNamespace(worker_store=worker_store, settings=Settings(home=tmp_path))
    with clock.frozen(MONDAY + timedelta(days=400)):
        daily(installation)  # type: ignore[arg-type]
        with store.transaction(CITIZEN) as tx:
            assert tx.value("select count(*) from conversations") == 1, "somebody is still talking"
        desk.close(NOEUL, ticket, "answered", "메모")
        daily(installation)  # type: ignore[arg-type]
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from conversations where id = :id", id=conversation) == 0
        kept = tx.one("select conversation_id, summary, result, result_note from tickets where id = :id", id=ticket)
        assert kept == {"conversation_id": None, "summary": [], "result": "answered", "result_note": ""}
    with clock.frozen(MONDAY + timedelta(days=400 + desk.rules.ticket_days)):
        daily(installation)  # type: ignore[arg-type]
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from tickets") == 0


# --- news --------------------------------------------------------------------------------------------------------------


def test_whoever_reconnects_with_the_last_number_misses_nothing(desk: Desk, store: Store) -> None:
    conversation, ticket = opened(desk, store)
    events, mine = desk.feed.of_conversation(CITIZEN, conversation)
    assert [event["event"] for event in events] == ["standing"]
    _, theirs = desk.feed.of_desk(NOEUL)
    desk.take(NOEUL, ticket)
    desk.reply(NOEUL, ticket, "하나")
    first, mine = desk.feed.of_conversation(CITIZEN, conversation, mine)
    desk.reply(NOEUL, ticket, "둘")
    desk.close(NOEUL, ticket, "answered")
    second, mine = desk.feed.of_conversation(CITIZEN, conversation, mine)
    texts = [event["text"] for event in [*first, *second] if event["event"] == "turn" and event["by"] == "agent"]
    assert texts == ["하나", "둘"]
    assert [event["act"] for event in [*first, *second] if event["event"] == "ticket"] == [
        "taken",
        "replied",
        "replied",
        "closed",
    ]
    assert desk.feed.of_conversation(CITIZEN, conversation, mine) == ([], mine)
    with pytest.raises(NotFound):
        desk.feed.of_conversation(STRANGER, conversation, mine)
    for who in (NOEUL, DASOM):
        steps, after = desk.feed.of_desk(who, theirs)
        assert [event["act"] for event in steps] == ["taken", "replied", "replied", "closed"]
        assert desk.feed.of_desk(who, after) == ([], after)
    assert desk.feed.of_desk(CLERK, theirs)[0] == []


def test_the_hours_of_a_policy_are_read_or_refused() -> None:
    hours = read_hours({"mon-fri": ["09:00-12:00", "13:00-18:00"]}, frozenset({date(2026, 11, 24)}))
    noon = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)  # Monday 12:30
    assert not hours.is_open(noon)
    assert hours.opens_at(noon) == datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    assert hours.due(datetime(2026, 11, 23, 8, 45, tzinfo=UTC), 30) == datetime(2026, 11, 25, 0, 15, tzinfo=UTC)
    assert read_hours({}, frozenset()).opens_at(noon) is None
    for wrong in ({"mon-foo": ["09:00-18:00"]}, {"mon": ["18:00-09:00"]}, {"mon": ["09:00-12:00", "11:00-13:00"]}):
        with pytest.raises(ValueError):
            read_hours(wrong, frozenset())
    in_force: Rules = rules_in_force()
    assert in_force.holidays_until >= date(2026, 12, 31)
