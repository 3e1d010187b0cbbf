"""A citizen says that another bot should have answered; the office reads how often that happens, and no words."""

from __future__ import annotations

import json

import pytest

from haechi.city.bots import Bots
from haechi.city.routing_report import RoutingDesk
from haechi.core import clock
from haechi.core.errors import Forbidden, InvalidInput, NotFound
from haechi.core.store import SYSTEM, Actor, Store


@pytest.fixture
def desk(store: Store, worker_store: Store) -> RoutingDesk:
    Bots(worker_store).keep_in_step()
    return RoutingDesk(store, worker_store, Bots(store))


def talked(store: Store, actor: Actor, bot: str) -> str:
    """A conversation in which the door chose `bot`, asked back once, and once found nothing."""
    conversation = clock.new_id()
    turns = [
        [{"event": "routed", "bot": bot}, {"event": "ended", "state": "answered", "reason": ""}],
        [{"event": "choices"}, {"event": "ended", "state": "asked", "reason": "which_bot"}],
        [{"event": "ended", "state": "refused", "reason": "out_of_scope"}],
    ]
    with store.transaction(actor) as tx:
        tx.run(
            "insert into conversations (id, subject, bot, purge_after) values (:id, :subject, :bot, now() + interval '1 day')",
            {"id": conversation, "subject": actor.subject, "bot": bot},
        )
        for number, events in enumerate(turns, 1):
            tx.run(
                """insert into turns (id, conversation_id, number, question, state, bot, events)
                values (:id, :conversation, :number, '비밀 이야기', 'answered', :bot, cast(:events as jsonb))""",
                {
                    "id": clock.new_id(),
                    "conversation": conversation,
                    "number": number,
                    "bot": bot,
                    "events": json.dumps(events),
                },
            )
    return conversation


def test_a_correction_is_counted_and_keeps_no_words(desk, store, worker_store, citizen, welfare):
    conversation = talked(store, citizen, "waterworks")
    kept = desk.correct(citizen, conversation, "seoul_talk")
    assert (kept.routed, kept.right) == ("waterworks", "seoul_talk")
    found = desk.report(welfare)
    by_bot = {row["bot"]: row for row in found["routed"]}
    assert by_bot["waterworks"]["n"] == 1
    assert by_bot["waterworks"]["corrected_away"] == 1
    assert by_bot["seoul_talk"]["corrected_to"] == 1
    assert (found["asked"], found["unknown"], found["emergency"]) == (1, 1, 0)
    assert found["corrections"] == [{"routed": "waterworks", "right": "seoul_talk", "n": 1}]
    with worker_store.transaction(SYSTEM) as tx:
        assert "비밀" not in str(tx.all("select * from events"))


def test_nobody_corrects_a_conversation_of_others_nor_towards_a_bot_they_may_not_see(desk, store, citizen):
    conversation = talked(store, citizen, "waterworks")
    other = Actor(subject="guest:other", name="다른 손님")
    with pytest.raises(NotFound):
        desk.correct(other, conversation, "seoul_talk")
    with pytest.raises(NotFound):
        desk.correct(citizen, conversation, "staff_manual")
    with pytest.raises(InvalidInput):
        desk.correct(citizen, conversation, "waterworks")


def test_the_counts_are_for_staff(desk, citizen, welfare):
    with pytest.raises(Forbidden):
        desk.report(citizen)
    with pytest.raises(InvalidInput):
        desk.report(welfare, days=0)
