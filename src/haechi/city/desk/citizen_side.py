"""The citizen's side of the desk: into the queue, where one stands in it, how it was, and once more."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from haechi.city.desk.rules import PRIORITIES, Office, Priority, Rules
from haechi.city.desk.summary import summarise
from haechi.city.desk.tickets import (
    COLUMNS,
    as_uuid,
    change,
    done_before,
    line_of,
    lock_conversation,
    public,
    step,
    step_key,
)
from haechi.city.desk.timeline import entries
from haechi.core import clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.dialogue.ports import BotCard, HandedOff

NOTE_LIMIT = 2000


class CitizenSide:
    """What the one who asks may do. `store`: under haechi_app; row-level security keeps everybody to their own."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        *,
        card_of: Callable[[str], BotCard | None],
        hiding: Callable[[], Callable[[str], str]],
    ) -> None:
        self._store = store
        self.rules = rules
        self._card_of = card_of
        self._hiding = hiding

    def open_ticket(
        self,
        actor: Actor,
        conversation_id: str,
        bot: str,
        reason: str,
        summary: str = "",
        *,
        priority: Priority = "normal",
    ) -> HandedOff:
        """Put the conversation into the line of the right office; once: asked again, it is the same ticket and its place.

        actor: whose conversation it is. reason: why the bot hands over (one sentence). summary: what the bot adds, if
        anything; what was said is taken from the turns. Outside of office hours the ticket is kept and says when the
        office opens. NotFound for a conversation that is not theirs.
        """
        card = self._card_of(bot) if bot else None
        with self._store.transaction(actor) as tx:
            conversation_id = _own_conversation(tx, conversation_id)
            lock_conversation(tx, conversation_id)
            kept = _open_on(tx, conversation_id)
            if kept is None:
                office, audience = self._first_office(tx, conversation_id, bot, card)
                kept = self._open(tx, conversation_id, bot, office, audience, reason, summary, priority)
            return self._handed_off(tx, kept)

    def open_on(self, actor: Actor, conversation_id: str) -> HandedOff | None:
        """Where the conversation stands at the desk, or None while only the bot answers."""
        with self._store.transaction(actor) as tx:
            kept = _open_on(tx, as_uuid(conversation_id))
            return self._handed_off(tx, kept) if kept is not None else None

    def standing(self, actor: Actor, conversation_id: str) -> dict[str, Any] | None:
        """The newest ticket of the conversation as its citizen may see it, with the place in the line; None without one."""
        with self._store.transaction(actor) as tx:
            return self._standing(tx, as_uuid(conversation_id))

    def rate(self, actor: Actor, conversation_id: str, score: int, note: str = "") -> None:
        """How the closed conversation was, 1 to 5, with a word if they like; may be changed until it is purged."""
        if not 1 <= score <= 5:
            raise InvalidInput("점수는 1에서 5까지입니다.", next_step="점수를 다시 고르세요.", record="score")
        with self._store.transaction(actor) as tx:
            ticket = self._closed(tx, conversation_id)
            values = {"rating": score, "rating_note": note[:NOTE_LIMIT], "rated_at": clock.now()}
            step(tx, change(tx, ticket, **values), "rated", score=score)

    def reopen(self, actor: Actor, conversation_id: str, *, key: str = "") -> HandedOff:
        """The same ticket once more, at the office that closed it, within the days of the policy."""
        with self._store.transaction(actor) as tx:
            own = _own_conversation(tx, conversation_id)
            lock_conversation(tx, own)
            kept = _open_on(tx, own)
            if kept is None:
                kept = self._reopen(tx, own, key)
            return self._handed_off(tx, kept)

    # --- inside --------------------------------------------------------------------------------------------------------

    def _open(
        self,
        tx: Transaction,
        conversation_id: str,
        bot: str,
        office: Office,
        audience: str,
        reason: str,
        summary: str,
        priority: Priority,
    ) -> Row:
        now, ticket_id, hide = clock.now(), clock.new_id(), self._hiding()
        lines = [line.as_dict() for line in summarise(entries(tx, conversation_id), hide=hide)]
        if summary.strip():
            lines.insert(0, {"kind": "note", "text": hide(summary.strip())[:NOTE_LIMIT], "turn": "", "number": 0})
        tx.run(
            """insert into tickets (id, conversation_id, subject, bot, audience, office, serves, known_to, reason, priority,
              opened_at, state_at, waits_since, sla_due, summary)
            values (:id, :conversation, :subject, :bot, :audience, :office, :serves, :serves, :reason, :priority,
              :now, :now, :now, :due, cast(:summary as jsonb))""",
            {
                "id": ticket_id,
                "conversation": conversation_id,
                "subject": tx.actor.subject,
                "bot": bot,
                "audience": audience,
                "office": office.id,
                "serves": list(office.serves),
                "reason": hide(reason.strip())[:500] or "상담사 연결을 원함",
                "priority": PRIORITIES[priority],
                "now": now,
                "due": office.hours.due(now, self.rules.minutes(priority, "first")),
                "summary": json.dumps(lines, ensure_ascii=False),
            },
        )
        # The conversation outlives its ticket, however late in its days a person was called.
        keep = clock.today() + timedelta(days=self.rules.pending_days + self.rules.conversation_days)
        tx.run(
            "update conversations set purge_after = greatest(purge_after, :day), updated_at = :now where id = :id",
            {"day": keep, "now": now, "id": conversation_id},
        )
        ticket = _open_on(tx, conversation_id)
        assert ticket is not None
        step(tx, ticket, "opened", bot=bot, priority=priority)
        return ticket

    def _first_office(
        self, tx: Transaction, conversation_id: str, bot: str, card: BotCard | None
    ) -> tuple[Office, str]:
        """(office, audience). A department's own bot goes to its department; whatever staff ask never leaves for a
        citizens' desk."""
        kept = tx.value("select audience from conversations where id = :id", id=conversation_id)
        # Without a bot it is /ask, where staff read what citizens do not.
        staff = kept == "staff" or (card.audience == "staff" if card is not None else "staff" in tx.actor.tags)
        bureau = card.bureau if card is not None else ""
        known = tx.value("select 1 from bureaux where id = :id", id=bureau) is not None
        if staff:
            own = bureau if known else tx.actor.bureau
            if not own:
                raise NotFound(
                    "이 상담을 맡을 부서를 찾지 못했습니다.", next_step="챗봇 담당자에게 문의하세요.", record=bot
                )
            return self.rules.office(own), "staff"
        if card is not None and card.service is None and known:
            return self.rules.office(bureau), "citizen"
        return self.rules.office(self.rules.first_office), "citizen"

    def _reopen(self, tx: Transaction, conversation_id: str, key: str) -> Row:
        ticket = self._closed(tx, conversation_id)
        if ticket["closed_at"] < clock.now() - timedelta(days=self.rules.reopen_days):
            raise Conflict(
                f"마친 지 {self.rules.reopen_days}일이 지난 상담은 다시 열 수 없습니다.",
                next_step="새로 상담사 연결을 눌러 주세요.",
                record=ticket["id"],
            )
        key = step_key(tx, "reopened", key)
        if done_before(tx, ticket, key):
            return ticket
        now, office = clock.now(), self.rules.office(ticket["office"])
        ticket = change(
            tx,
            ticket,
            state="unanswered",
            state_at=now,
            waits_since=now,
            sla_due=office.hours.due(now, self.rules.minutes("normal", "next")),
            overdue_at=None,
            taken_by=None,
            taken_by_name="",
            taken_at=None,
            closed_at=None,
            readable_until=None,
            result="",
            serves=list(office.serves),
            reopened=ticket["reopened"] + 1,
        )
        step(tx, ticket, "reopened", key=key, times=ticket["reopened"])
        return ticket

    def _closed(self, tx: Transaction, conversation_id: str) -> Row:
        row = tx.one(
            f"""select {COLUMNS} from tickets t where t.conversation_id = :id and t.subject = haechi_subject()
            order by t.opened_at desc limit 1 for update""",
            id=as_uuid(conversation_id),
        )
        if row is None:
            raise NotFound(
                "이 대화에는 상담이 없습니다.", next_step="상담사 연결을 먼저 눌러 주세요.", record=conversation_id
            )
        if row["state"] != "history":
            raise Conflict(
                "상담이 아직 끝나지 않았습니다.", next_step="상담을 마친 뒤에 다시 해 주세요.", record=row["id"]
            )
        return row

    def _standing(self, tx: Transaction, conversation_id: str | None) -> dict[str, Any] | None:
        row = tx.one(
            f"""select {COLUMNS} from tickets t where t.conversation_id = :id and t.subject = haechi_subject()
            order by t.opened_at desc limit 1""",
            id=conversation_id,
        )
        if row is None:
            return None
        office = self.rules.office(row["office"])
        told = {**public(row), "office": office.name[0], "office_en": office.name[1]}
        if row["state"] == "history":
            until = row["closed_at"] + timedelta(days=self.rules.reopen_days)
            return {**told, "may_reopen": clock.now() < until}
        if row["state"] == "unanswered":
            told["position"], told["expected_minutes"] = line_of(tx, row, self.rules)
            now = clock.now()
            told["open"] = office.hours.is_open(now)
            told["opens_at"] = None if told["open"] else office.hours.opens_at(now)
        return told

    def _handed_off(self, tx: Transaction, ticket: Row) -> HandedOff:
        office, now = self.rules.office(ticket["office"]), clock.now()
        is_open = office.hours.is_open(now)
        position, minutes = line_of(tx, ticket, self.rules) if ticket["state"] == "unanswered" else (0, None)
        return HandedOff(
            ticket=ticket["id"],
            office=office.name[0],
            position=position,
            expected_minutes=minutes if is_open else None,
            open=is_open,
            opens_at=None if is_open else office.hours.opens_at(now),
        )


def _own_conversation(tx: Transaction, conversation_id: str) -> str:
    sql = "select id::text as id from conversations where id = :id and subject = haechi_subject()"
    row = tx.one(sql, id=as_uuid(conversation_id))
    if row is None:
        raise NotFound("그런 대화가 없습니다.", next_step="대화 목록에서 다시 고르세요.", record=conversation_id)
    return str(row["id"])


def _open_on(tx: Transaction, conversation_id: str | None) -> Row | None:
    return tx.one(
        f"""select {COLUMNS} from tickets t where t.conversation_id = :id and t.state <> 'history'
        and t.subject = haechi_subject()""",
        id=conversation_id,
    )
