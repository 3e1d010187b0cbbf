"""What happens at the desk by itself: deadlines counted, missed ones marked and passed up once, silent ones closed.

The due times stand in the database; the worker looks at them every few seconds, and after a restart finds what it left.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from haechi.city.desk.rules import Rules
from haechi.city.desk.tickets import COLUMNS, change, count, step
from haechi.core import clock
from haechi.core.store import SYSTEM, Row, Store, Transaction

AT_A_TIME = 200


def look_over(store: Store, rules: Rules) -> dict[str, int]:
    """One round; counts by name. `store`: the worker's. Each ticket is a transaction of its own, skipped while somebody
    else moves it, so that two workers do nothing twice."""
    now = clock.now()
    silent = now - timedelta(days=rules.pending_days)
    return {
        "desk_timed": _each(store, "waits_since is not null and sla_due is null", _time(rules)),
        "desk_overdue": _each(store, "sla_due <= :now and overdue_at is null", _mark(rules), now=now),
        "desk_silent": _each(store, "state = 'pending' and state_at <= :silent", _close(rules), silent=silent),
    }


def purge(tx: Transaction) -> dict[str, int]:
    """Tickets past their day. Called by the daily chores."""
    sql = "delete from tickets where state = 'history' and purge_after <= :today"
    return {"tickets": tx.run(sql, {"today": clock.today()})}


def _each(store: Store, where: str, work: Callable[[Transaction, Row], bool], **values: object) -> int:
    condition = f"t.state <> 'history' and t.{where}"
    with store.transaction(SYSTEM) as tx:
        ids = tx.all(f"select t.id::text as id from tickets t where {condition} limit :most", most=AT_A_TIME, **values)
    done = 0
    for one in ids:
        with store.transaction(SYSTEM) as tx:
            sql = f"select {COLUMNS} from tickets t where t.id = :id and {condition} for update skip locked"
            row = tx.one(sql, id=one["id"], **values)
            done += row is not None and work(tx, row)
    return done


def _time(rules: Rules) -> Callable[[Transaction, Row], bool]:
    """The citizen wrote again: by when must they be answered?"""

    def work(tx: Transaction, ticket: Row) -> bool:
        which = "next" if ticket["answered_once"] else "first"
        minutes = rules.minutes("normal" if ticket["priority"] != 1 else "urgent", which)
        due = rules.office(ticket["office"]).hours.due(ticket["waits_since"], minutes)
        if due is not None:
            count(tx, ticket, sla_due=due)
        return due is not None

    return work


def _mark(rules: Rules) -> Callable[[Transaction, Row], bool]:
    """A deadline has passed: say so once, make it urgent, and let the office above see it too."""

    def work(tx: Transaction, ticket: Row) -> bool:
        up = rules.named.get(rules.escalate_to)
        climbs = up is not None and ticket["audience"] == "citizen" and ticket["state"] == "unanswered"
        serves = sorted({*ticket["serves"], *(up.serves if climbs and up is not None else ())})
        ticket = count(
            tx,
            ticket,
            overdue_at=clock.now(),
            overdue_times=ticket["overdue_times"] + 1,
            priority=1,
            serves=serves,
            known_to=sorted({*ticket["known_to"], *serves}),
        )
        also = rules.escalate_to if climbs and rules.escalate_to != ticket["office"] else ""
        step(tx, ticket, "overdue", due=ticket["sla_due"].isoformat(), also=also, times=ticket["overdue_times"])
        return True

    return work


def _close(rules: Rules) -> Callable[[Transaction, Row], bool]:
    """Asked, and no answer for days: the ticket ends by itself; the citizen can open it again."""

    def work(tx: Transaction, ticket: Row) -> bool:
        now = clock.now()
        ticket = change(
            tx,
            ticket,
            state="history",
            state_at=now,
            closed_at=now,
            result="no_reply",
            waits_since=None,
            sla_due=None,
            readable_until=now + timedelta(days=rules.agent_reads_days),
            purge_after=clock.today() + timedelta(days=rules.ticket_days),
        )
        step(tx, ticket, "closed", result="no_reply")
        return True

    return work
