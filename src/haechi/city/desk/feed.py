"""News of a conversation for its citizen, and of the desk for its agents, each after a cursor: reconnecting loses nothing.

A cursor names the last thing that was sent: '<number of the turn>.<number of the step>' for a citizen, the number of the
step for an agent. Both are given in the order of commits (see the migration), so that nothing appears behind a cursor later.
"""

from __future__ import annotations

import re
from typing import Any

from haechi.city.desk.citizen_side import CitizenSide
from haechi.city.desk.rules import Rules
from haechi.city.desk.tickets import as_uuid
from haechi.city.desk.timeline import of_turn
from haechi.core.errors import NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Store

Event = dict[str, Any]
TOLD_CITIZENS = ("opened", "taken", "replied", "asked", "transferred", "closed", "reopened")
AT_ONCE = 200
_CITIZEN = re.compile(r"(\d{1,9})\.(\d{1,18})")


class Feed:
    """Reads as haechi_app; row-level security decides what is news for whom."""

    def __init__(self, store: Store, rules: Rules, citizen: CitizenSide) -> None:
        self._store = store
        self._rules = rules
        self._citizen = citizen

    def of_conversation(self, actor: Actor, conversation_id: str, cursor: str = "") -> tuple[list[Event], str]:
        """(events, next cursor) for the one whose conversation it is; an event's `id` is the cursor after it. Without a cursor: 'standing' only, from now on.

        'turn': an entry of the timeline (by: citizen, bot, agent, system). 'ticket': what happened at the desk and how the
        ticket stands. NotFound for a conversation that is not theirs.
        """
        known = _CITIZEN.fullmatch(cursor)
        turn, seq = (int(known[1]), int(known[2])) if known else (0, 0)
        with self._store.transaction(actor, snapshot=True) as tx:
            own = tx.one(
                """select coalesce((select max(number) from turns where conversation_id = c.id), 0) as turn,
                coalesce((select max(s.seq) from ticket_steps s where s.conversation_id = c.id), 0) as seq
                from conversations c where c.id = :id and c.subject = haechi_subject()""",
                id=as_uuid(conversation_id),
            )
            if own is None:
                raise NotFound("그런 대화가 없습니다.", next_step="대화를 다시 여세요.", record=conversation_id)
            latest = f"{own['turn']}.{own['seq']}"
            if latest == cursor:
                return [], cursor
            standing = self._citizen._standing(tx, conversation_id)
            if known is None:
                return ([{"event": "standing", "ticket": standing}] if standing else []), latest
            rows = tx.all(
                "select * from turns where conversation_id = :id and number > :turn order by number",
                id=conversation_id,
                turn=turn,
            )
            steps = tx.all(
                """select seq, at, act from ticket_steps where conversation_id = :id and seq > :seq and act = any(:told)
                order by seq""",
                id=conversation_id,
                seq=seq,
                told=list(TOLD_CITIZENS),
            )
        events: list[Event] = []
        for row in rows:
            said = [{"event": "turn", "kind": row["kind"], **entry} for entry in of_turn(row)]
            events += said[:-1] + [{**one, "id": f"{row['number']}.{seq}"} for one in said[-1:]]
        for row in steps:
            events.append({"event": "ticket", "act": row["act"], "at": row["at"], "id": f"{own['turn']}.{row['seq']}"})
            events[-1] |= {key: value for key, value in (standing or {}).items() if key != "id"}
        return events, latest

    def place(self, actor: Actor, conversation_id: str) -> tuple[int, int | None] | None:
        """(position, expected minutes) while the citizen waits in the line, else None: it moves without a step of theirs."""
        standing = self._citizen.standing(actor, conversation_id)
        if standing is None or standing["state"] != "unanswered":
            return None
        return standing["position"], standing["expected_minutes"]

    def of_desk(self, actor: Actor, cursor: str = "") -> tuple[list[Event], str]:
        """(events, next cursor) for an agent: each step of the tickets that they may know of. Without a cursor: from now on."""
        require(actor, "desk.work", actor.bureau or None)
        after = int(cursor) if cursor.isdigit() and len(cursor) < 19 else None
        with self._store.transaction(actor, snapshot=True) as tx:
            if after is None:
                return [], str(tx.value("select coalesce(max(seq), 0) from ticket_steps"))
            rows = tx.all(
                """select s.seq, s.at, s.act, s.by_name, t.id::text as ticket, t.number, t.state, t.office, t.priority,
                t.version, t.taken_by = haechi_subject() as mine, s.by_subject = haechi_subject() as by_me
                from ticket_steps s join tickets t on t.id = s.ticket_id
                where s.seq > :after order by s.seq limit :most""",
                after=after,
                most=AT_ONCE,
            )
        events = [{"event": "ticket", **row, "mine": bool(row["mine"]), "id": str(row["seq"])} for row in rows]
        return events, str(rows[-1]["seq"]) if rows else cursor
