"""Tickets as rows: read, locked in the one order of locks, moved, and every move written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from haechi.city.desk.rules import PRIORITIES, Rules
from haechi.core import audit, clock
from haechi.core.errors import Conflict, NotFound
from haechi.core.events import emit
from haechi.core.store import Row, Transaction

STATES = ("unanswered", "active", "pending", "history")
NAMES = {number: name for name, number in PRIORITIES.items()}
COLUMNS = """t.id::text as id, t.number, t.conversation_id::text as conversation_id, t.subject, t.bot, t.audience, t.office, t.serves, t.known_to,
t.reason, t.priority, t.state, t.opened_at, t.state_at, t.waits_since, t.answered_once, t.sla_due, t.overdue_at,
t.overdue_times, t.taken_by, t.taken_by_name, t.taken_at, t.closed_at, t.result, t.result_note, t.readable_until, t.reopened,
t.rating, t.rating_note, t.rated_at, t.summary, t.version"""


def found(tx: Transaction, ticket_id: str) -> Row:
    """The ticket, if the actor may know of it."""
    row = tx.one(f"select {COLUMNS} from tickets t where t.id = :id", id=_uuid(ticket_id))
    if row is None:
        raise no_ticket(ticket_id)
    return row


def locked(tx: Transaction, ticket_id: str) -> Row:
    """The ticket, its conversation and itself locked until the end of the transaction, so that nobody else moves it."""
    row = found(tx, ticket_id)
    if row["conversation_id"] is not None:
        lock_conversation(tx, row["conversation_id"])
        at_desk(tx, row["conversation_id"])
    again = tx.one(f"select {COLUMNS} from tickets t where t.id = :id for update", id=row["id"])
    if again is None:
        raise no_ticket(ticket_id)
    return again


def lock_conversation(tx: Transaction, conversation_id: str) -> None:
    """Before anything of it is changed: see the order of locks in the migration."""
    tx.run("select haechi_lock_conversation(cast(:id as uuid))", {"id": conversation_id})


def at_desk(tx: Transaction, conversation_id: str) -> None:
    """From here on this transaction reads that conversation as far as a ticket allows the actor to."""
    tx.run("select set_config('haechi.desk', :id, true)", {"id": conversation_id})


def change(tx: Transaction, ticket: Row, **values: Any) -> Row:
    """Write the columns and count the version up; the ticket as it stands now. `ticket` must come from `locked`."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    moved = tx.run(
        f"update tickets set {sets}, version = version + 1 where id = :id and version = :seen_version",
        {**values, "id": ticket["id"], "seen_version": ticket["version"]},
    )
    if moved != 1:
        raise Conflict(
            "그사이 이 상담이 바뀌었습니다.", next_step="화면을 새로 고친 뒤 다시 하세요.", record=ticket["id"]
        )
    return {**ticket, **values, "version": ticket["version"] + 1}


def count(tx: Transaction, ticket: Row, **values: Any) -> Row:
    """Write what the house itself counts (deadlines). The version stays: nothing changed that an agent decides on, and a
    step that they are about to take must not be refused for it. `ticket` must have been read for update."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(f"update tickets set {sets} where id = :id", {**values, "id": ticket["id"]})
    return {**ticket, **values}


def step(tx: Transaction, ticket: Row, act: str, *, key: str = "", **detail: Any) -> None:
    """Write down what was done, for the desk's own history, the outbox and the audit log; the last thing in a transaction.

    detail holds no word of the conversation: the audit log outlives it.
    """
    tx.run(
        """insert into ticket_steps (seq, ticket_id, conversation_id, at, act, by_subject, by_name, detail, key)
        values (0, :ticket, :conversation, :at, :act, :subject, :name, cast(:detail as jsonb), :key)""",
        {
            "ticket": ticket["id"],
            "conversation": ticket["conversation_id"],
            "at": clock.now(),
            "act": act,
            "subject": tx.actor.subject,
            "name": tx.actor.name,
            "detail": json.dumps(detail, ensure_ascii=False, default=str),
            "key": key or None,
        },
    )
    said = {"number": ticket["number"], "office": ticket["office"], "state": ticket["state"], **detail}
    emit(tx, f"desk.{act}", ticket["id"], said)
    audit.record(tx, f"desk.{act}", f"ticket:{ticket['id']}", said)


def done_before(tx: Transaction, ticket: Row, key: str) -> bool:
    """Whether this very request was carried out already; ask under the lock of `locked`."""
    sql = "select 1 from ticket_steps where ticket_id = :id and key = :key"
    return bool(key) and tx.value(sql, id=ticket["id"], key=key) is not None


def step_key(tx: Transaction, act: str, key: str) -> str:
    """A client's key, kept apart from the keys of others and of other acts."""
    return f"{tx.actor.subject}:{act}:{key[:100]}" if key else ""


def line_of(tx: Transaction, ticket: Row, rules: Rules) -> tuple[int, int | None]:
    """(position from 1, expected minutes until a person writes) of an unanswered ticket, from the line as it stands.

    Expected: conversations ahead of the free seats x median handling time of the last ones, over all seats. None while
    nobody is present or too few conversations were closed to know.
    """
    counted = tx.one(
        "select * from haechi_desk_line(:office, cast(:id as uuid), :since, :latest)",
        office=ticket["office"],
        id=ticket["id"],
        since=clock.now() - timedelta(seconds=rules.present_seconds),
        latest=rules.wait_latest,
    )
    assert counted is not None
    position = int(counted["ahead"]) + 1
    if not counted["seats"] or counted["samples"] < rules.wait_samples:
        return position, None
    free = max(0, int(counted["seats"]) - int(counted["busy"]))
    before = max(0, position - free)
    minutes = before * float(counted["handling_seconds"]) / 60 / int(counted["seats"])
    return position, max(1, -(-round(minutes * 10) // 10))


def say(tx: Transaction, ticket: Row, text: str, *, kind: str, author: str) -> str:
    """Put a turn of the desk into the conversation; its id. Needs `at_desk`, and a ticket that the actor holds."""
    turn_id = clock.new_id()
    tx.run(
        """insert into turns (id, conversation_id, number, asked_at, question, state, answer, kind, author, ticket_id)
        values (:id, :conversation, 0, :now, '', 'answered', :text, :kind, :author, :ticket)""",
        {
            "id": turn_id,
            "conversation": ticket["conversation_id"],
            "now": clock.now(),
            "text": text,
            "kind": kind,
            "author": author,
            "ticket": ticket["id"],
        },
    )
    return turn_id


def as_uuid(value: str) -> str | None:
    """The identifier, or None when it is none: nothing has it then."""
    return _uuid(value)


def _uuid(value: str) -> str | None:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return None


def no_ticket(ticket_id: str) -> NotFound:
    """The same words whether it is not there or not theirs."""
    return NotFound("그런 상담이 없습니다.", next_step="상담 목록에서 다시 고르세요.", record=ticket_id)


def public(ticket: Mapping[str, Any]) -> dict[str, Any]:
    """A ticket as its citizen may see it: never who else waits, nor what the desk notes."""
    keys = ("id", "number", "state", "opened_at", "taken_by_name", "closed_at", "result", "rating", "reopened")
    return {key: ticket[key] for key in keys}
