"""What those at the desk see: the lists behind the tabs, one ticket with its timeline, where it may be passed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from haechi.city.desk.rules import Office, Rules
from haechi.city.desk.summary import summarise
from haechi.city.desk.tickets import COLUMNS, NAMES, STATES, at_desk, found, line_of
from haechi.city.desk.timeline import entries, hidden
from haechi.core import audit, clock
from haechi.core.roles import actor_of, require
from haechi.core.sessions import user_of
from haechi.core.store import Actor, Row, Store

MOST = 100


class DeskViews:
    """Reads as haechi_app. Personal data is shown to the one who took the ticket, and masked for everybody else."""

    def __init__(self, store: Store, rules: Rules, *, hiding: Callable[[], Callable[[str], str]]) -> None:
        self._store = store
        self.rules = rules
        self._hiding = hiding

    def tickets(self, actor: Actor, state: str = "unanswered", *, limit: int = MOST) -> list[dict[str, Any]]:
        """One tab: those that wait by urgency and age, one's own first among those being talked to, the past newest first."""
        require(actor, "desk.work", actor.bureau or None)
        order = {
            "unanswered": "t.priority, t.opened_at, t.number",
            "history": "t.closed_at desc, t.number desc",
        }.get(state, "(t.taken_by = haechi_subject()) desc, t.waits_since nulls last, t.state_at")
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                f"""select {COLUMNS} from tickets t where t.state = :state
                and (haechi_serves(t.known_to) or t.taken_by = haechi_subject()) order by {order} limit :limit""",
                state=state if state in STATES else "unanswered",
                limit=min(limit, MOST),
            )
        return [self._row(row, actor) for row in rows]

    def counts(self, actor: Actor) -> dict[str, int]:
        """How many tickets lie behind each tab; 'mine': that the actor holds and whose citizen waits."""
        require(actor, "desk.work", actor.bureau or None)
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                """select t.state, count(*) as n, count(*) filter (where t.taken_by = haechi_subject()
                and t.waits_since is not null) as mine from tickets t
                where haechi_serves(t.known_to) or t.taken_by = haechi_subject() group by t.state"""
            )
        counted = {row["state"]: int(row["n"]) for row in rows}
        return {state: counted.get(state, 0) for state in STATES} | {"mine": sum(int(row["mine"]) for row in rows)}

    def ticket(self, actor: Actor, ticket_id: str) -> dict[str, Any]:
        """One ticket: itself, summary, timeline, steps. The first look of each agent is written into the audit log.

        timeline is [] and `closed_to_me` True where the actor may know of the ticket but not read the conversation (passed
        on, or closed and past its days)."""
        require(actor, "desk.work", actor.bureau or None)
        # One snapshot: words that are newer than the version beside them would make the next step fail as outdated.
        with self._store.transaction(actor, snapshot=True) as tx:
            row = found(tx, ticket_id)
            if row["subject"] == actor.subject or row["conversation_id"] is None:
                said = []
            else:
                at_desk(tx, row["conversation_id"])
                said = entries(tx, row["conversation_id"])
            held = row["taken_by"] == actor.subject
            steps = tx.all(
                """select seq, at, act, by_subject, by_name, detail from ticket_steps where ticket_id = :id order by seq""",
                id=row["id"],
            )
            line = line_of(tx, row, self.rules) if row["state"] == "unanswered" else (0, None)
            lines = [one.as_dict() for one in summarise(said)] if held and said else list(row["summary"])
            notes = [one for one in row["summary"] if one["kind"] == "note"]
        if said:
            self._write_down_the_look(actor, row)
        return {
            **self._row(row, actor),
            "summary": [*notes, *lines] if held and said else lines,
            "timeline": said if held else hidden(said, self._hiding()),
            "masked": bool(said) and not held,
            "closed_to_me": not said,
            "steps": steps,
            "position": line[0],
            "expected_minutes": line[1],
        }

    def _write_down_the_look(self, actor: Actor, row: Row) -> None:
        """Who has read whose conversation: the record of access to personal data. Once a person and ticket."""
        resource = f"ticket:{row['id']}"
        sql = "select 1 from audit_log where resource = :resource and action = 'desk.read' and actor = :who limit 1"
        with self._store.transaction(actor) as tx:
            if tx.value(sql, resource=resource, who=actor.subject) is None:
                audit.record(tx, "desk.read", resource, {"number": row["number"], "office": row["office"]})

    def offices(self, actor: Actor, ticket: Row) -> list[dict[str, Any]]:
        """Where this ticket may be passed on: desks, bureaux, agencies outside; each with its name, agency and hours now."""
        with self._store.transaction(actor) as tx:
            bureaux = [row["id"] for row in tx.all("select id from bureaux order by id")]
        offices = [*self.rules.named.values(), *(self.rules.office(bureau) for bureau in bureaux)]
        offered = [office for office in offices if self._takes(office, ticket)]
        return [self._office(office) for office in offered]

    def _takes(self, office: Office, ticket: Row) -> bool:
        return office.id != ticket["office"] and not (ticket["audience"] == "staff" and office.audience == "citizen")

    def _office(self, office: Office) -> dict[str, Any]:
        now = clock.now()
        is_open = office.hours.is_open(now)
        return {
            "id": office.id,
            "name": office.name,
            "agency": office.agency,
            "outside": office.outside,
            "phone": office.phone,
            "open": is_open or office.outside,
            "opens_at": None if is_open or office.outside else office.hours.opens_at(now),
        }

    def colleagues(self, actor: Actor, ticket: Row) -> list[dict[str, str]]:
        """Who else may take this ticket by name: id, name, bureau, state ('available', 'away', '' never seen today)."""
        require(actor, "desk.work", actor.bureau or None)
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                """select u.*, coalesce(p.state, '') as presence from users u
                left join desk_presence p on p.subject = 'user:' || u.id::text
                where u.active and u.roles && '{staff,call_taker,admin}' order by u.name limit 500"""
            )
        serving = set(ticket["serves"])
        found_ = [(row, actor_of(user_of(row))) for row in rows]
        return [
            {"id": str(row["id"]), "name": row["name"], "bureau": row["bureau"] or "", "state": row["presence"]}
            for row, one in found_
            if one.subject != ticket["taken_by"] and one.tags & serving
        ]

    def presence(self, actor: Actor) -> dict[str, Any]:
        """The actor's own: state and how many conversations at once."""
        with self._store.transaction(actor) as tx:
            row = tx.one("select state, at_once from desk_presence where subject = haechi_subject()")
        return dict(row) if row is not None else {"state": "away", "at_once": self.rules.at_once}

    def _row(self, row: Row, actor: Actor) -> dict[str, Any]:
        office = self.rules.office(row["office"])
        now = clock.now()
        kept = {key: value for key, value in row.items() if key != "subject"}
        wants = next((line["text"] for line in row["summary"] if line["kind"] == "wants"), "")
        return {
            **kept,
            "priority": NAMES[row["priority"]],
            "office_name": office.name,
            "agency": office.agency,
            "mine": row["taken_by"] == actor.subject,
            "wants": wants,
            "overdue": row["overdue_at"] is not None or bool(row["sla_due"] and row["sla_due"] < now),
            "minutes_left": _minutes(row["sla_due"], now),
            "reads_until": row["readable_until"],
        }


def _minutes(due: Any, now: Any) -> int | None:
    return None if due is None else round((due - now).total_seconds() / 60)


def tabs(counted: dict[str, int], states: Sequence[str] = STATES) -> list[tuple[str, int]]:
    """The tabs in order with their numbers."""
    return [(state, counted[state]) for state in states]
