"""The agent's side of the desk: take, answer, ask back, pass on, close. Each step once, whatever is sent twice or cut off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from haechi.city.desk.rules import Office, Rules
from haechi.city.desk.tickets import change, done_before, found, locked, say, step, step_key
from haechi.core import clock
from haechi.core.errors import Conflict, InvalidInput
from haechi.core.roles import actor_of, require
from haechi.core.sessions import user_of
from haechi.core.store import Actor, Row, Store, Transaction

TEXT_LIMIT = 4000
REASON_LIMIT = 500
SERVING = ("staff", "call_taker", "admin")


class AgentSide:
    """What those at the desk may do. `store`: under haechi_app. Every act takes `key`: sent again with the same key (after a
    cut line, a double click), it changes nothing and answers as the first time. `version`: the ticket as the agent saw it;
    Conflict when it has changed since."""

    def __init__(self, store: Store, rules: Rules, *, hiding: Callable[[], Callable[[str], str]]) -> None:
        self._store = store
        self.rules = rules
        self._hiding = hiding

    # --- presence ------------------------------------------------------------------------------------------------------

    def present(self, actor: Actor, state: str, at_once: int | None = None) -> None:
        """Say that one is 'available' or 'away', and how many conversations one holds at a time."""
        require(actor, "desk.work", actor.bureau or None)
        if state not in ("available", "away") or not 1 <= (at_once or 1) <= 20:
            raise InvalidInput(
                "상담 상태를 알 수 없습니다.", next_step="상담 가능 또는 자리 비움을 고르세요.", record="state"
            )
        with self._store.transaction(actor) as tx:
            self._present(tx, state, at_once)

    def seen(self, actor: Actor) -> None:
        """The desk is open in front of them: an available agent stays available."""
        with self._store.transaction(actor) as tx:
            tx.run("update desk_presence set seen_at = :now where subject = haechi_subject()", {"now": clock.now()})

    def _present(self, tx: Transaction, state: str, at_once: int | None = None) -> int:
        """How many conversations the agent holds at a time; their row stays locked, so that two takes count one another."""
        return int(
            tx.value(
                """insert into desk_presence (subject, name, tags, state, at_once, seen_at)
                values (:subject, :name, haechi_tags(), :state, coalesce(cast(:at_once as integer), :usual), :now)
                on conflict (subject) do update set name = excluded.name, tags = excluded.tags, state = excluded.state,
                  at_once = coalesce(cast(:at_once as integer), desk_presence.at_once), seen_at = excluded.seen_at
                returning at_once""",
                subject=tx.actor.subject,
                name=tx.actor.name,
                state=state,
                at_once=at_once,
                usual=self.rules.at_once,
                now=clock.now(),
            )
        )

    # --- taking --------------------------------------------------------------------------------------------------------

    def take(self, actor: Actor, ticket_id: str, *, key: str = "", version: int | None = None) -> Row:
        """The ticket is theirs from now on. Conflict when somebody else has it, unless that one has left the desk or the
        actor is an administrator; Conflict when they hold as many as they may."""
        with self._act(actor) as tx:
            ticket = locked(tx, ticket_id)
            key = step_key(tx, "taken", key)
            if done_before(tx, ticket, key) or (ticket["taken_by"] == actor.subject and ticket["state"] != "history"):
                return ticket
            self._check_version(ticket, version)
            return self._take(tx, ticket, key)

    def take_next(self, actor: Actor, *, key: str = "") -> Row | None:
        """The most urgent ticket that has waited longest, or None when nobody waits."""
        with self._act(actor) as tx:
            waiting = tx.all(
                """select t.id::text as id from tickets t where t.state = 'unanswered' and haechi_serves(t.serves)
                order by t.priority, t.opened_at, t.number limit 20"""
            )
        for one in waiting:
            try:
                return self.take(actor, one["id"], key=key)
            except Conflict:
                with self._act(actor) as tx:
                    if found(tx, one["id"])["state"] == "unanswered":
                        raise
        return None

    def _take(self, tx: Transaction, ticket: Row, key: str) -> Row:
        if ticket["state"] == "history":
            raise Conflict("이미 마친 상담입니다.", next_step="지난 상담에서 확인하세요.", record=ticket["id"])
        if ticket["state"] != "unanswered" and not self._may_take_over(tx, ticket):
            raise Conflict(
                f"{ticket['taken_by_name']} 님이 먼저 맡았습니다.",
                next_step="다른 상담을 고르세요.",
                record=ticket["id"],
            )
        if not tx.value("select haechi_serves(cast(:tags as text[]))", tags=list(ticket["serves"])):
            raise Conflict("다른 창구로 옮겨진 상담입니다.", next_step="목록을 새로 고치세요.", record=ticket["id"])
        at_once = self._present(tx, "available")
        held = tx.value("select count(*) from tickets where taken_by = haechi_subject() and state = 'active'")
        if held >= at_once:
            raise Conflict(
                f"동시에 맡을 수 있는 상담은 {at_once}건입니다.",
                next_step="맡은 상담을 마치거나 되묻거나 옮긴 뒤에 맡으세요.",
                record=ticket["id"],
            )
        name, now = tx.actor.name, clock.now()
        ticket = change(
            tx, ticket, state="active", state_at=now, taken_by=tx.actor.subject, taken_by_name=name, taken_at=now
        )
        say(tx, ticket, f"상담사 {name} 님과 연결되었습니다.", kind="system", author="")
        step(tx, ticket, "taken", key=key)
        return ticket

    def _may_take_over(self, tx: Transaction, ticket: Row) -> bool:
        if "admin" in tx.actor.roles:
            return True
        since = clock.now() - timedelta(seconds=self.rules.present_seconds)
        here = "select 1 from desk_presence where subject = :who and state = 'available' and seen_at >= :since"
        return tx.value(here, who=ticket["taken_by"], since=since) is None

    # --- answering -----------------------------------------------------------------------------------------------------

    def reply(self, actor: Actor, ticket_id: str, text: str, *, key: str = "", saved: str = "") -> Row:
        """Say `text` to the citizen. saved: which saved reply it began from, for the desk's own figures."""
        return self._say(actor, ticket_id, text, "replied", "active", key, {"saved": saved} if saved else {})

    def ask_back(self, actor: Actor, ticket_id: str, text: str, *, key: str = "") -> Row:
        """Ask the citizen; the ticket waits for their answer and takes no place of the agent's meanwhile."""
        return self._say(actor, ticket_id, text, "asked", "pending", key, {})

    def _say(
        self, actor: Actor, ticket_id: str, text: str, act: str, state: str, key: str, detail: dict[str, Any]
    ) -> Row:
        text = _checked(text, TEXT_LIMIT, "답변")
        with self._act(actor) as tx:
            ticket = locked(tx, ticket_id)
            key = step_key(tx, act, key)
            if done_before(tx, ticket, key):
                return ticket
            self._check_held(ticket, actor)
            self._present(tx, "available")
            turn = say(tx, ticket, text, kind="agent", author=actor.name)
            ticket = change(
                tx,
                ticket,
                state=state,
                state_at=clock.now() if state != ticket["state"] else ticket["state_at"],
                answered_once=True,
                waits_since=None,
                sla_due=None,
                overdue_at=None,
            )
            step(tx, ticket, act, key=key, turn=turn, **detail)
            return ticket

    # --- passing on ----------------------------------------------------------------------------------------------------

    def transfer(
        self,
        actor: Actor,
        ticket_id: str,
        *,
        office: str = "",
        person: str = "",
        reason: str,
        key: str = "",
        version: int | None = None,
    ) -> Row:
        """To a colleague (`person`: id of the account), to another office, or to an agency outside, which the citizen is
        told to call. Exactly one of the two; the reason is for colleagues and never shown to the citizen."""
        reason = _checked(reason, REASON_LIMIT, "옮기는 까닭")
        if bool(office) == bool(person):
            raise InvalidInput(
                "옮길 곳을 하나만 고르세요.", next_step="동료나 창구 가운데 하나를 고르세요.", record="office"
            )
        with self._act(actor) as tx:
            ticket = locked(tx, ticket_id)
            key = step_key(tx, "transferred", key)
            if done_before(tx, ticket, key):
                return ticket
            self._check_held(ticket, actor)
            self._check_version(ticket, version)
            if person:
                return self._to_person(tx, ticket, person, reason, key)
            return self._to_office(tx, ticket, self._office(tx, ticket, office), reason, key)

    def _to_person(self, tx: Transaction, ticket: Row, person: str, reason: str, key: str) -> Row:
        row = tx.one("select * from users where id::text = :id and active", id=person)
        colleague = actor_of(user_of(row)) if row is not None else None
        serves = colleague is not None and bool(
            colleague.tags & set(ticket["serves"]) or "admin" in colleague.roles
        )  # fmt: skip
        if colleague is None or not serves or not colleague.roles & set(SERVING):
            raise InvalidInput(
                "이 창구에서 일하는 동료가 아닙니다.", next_step="동료를 다시 고르세요.", record="person"
            )
        if colleague.subject == ticket["taken_by"]:
            raise InvalidInput("지금 이 상담을 맡은 사람입니다.", next_step="다른 동료를 고르세요.", record="person")
        say(tx, ticket, f"상담사 {colleague.name} 님이 상담을 이어 갑니다.", kind="system", author="")
        now = clock.now()
        ticket = change(
            tx,
            ticket,
            state="active",
            state_at=now,
            taken_by=colleague.subject,
            taken_by_name=colleague.name,
            taken_at=now,
            **self._waits_again(ticket, self.rules.office(ticket["office"])),
        )
        step(
            tx,
            ticket,
            "transferred",
            key=key,
            to=colleague.subject,
            to_name=colleague.name,
            reason=self._hiding()(reason),
        )
        return ticket

    def _to_office(self, tx: Transaction, ticket: Row, office: Office, reason: str, key: str) -> Row:
        if office.outside:
            said = f"이 일은 {office.name[0]}에서 맡습니다. {office.phone}번으로 전화해 주세요. 이 상담은 마치겠습니다."
            say(tx, ticket, said, kind="agent", author=tx.actor.name)
            return self._close(tx, ticket, "referred", reason, key, to=office.id)
        say(tx, ticket, f"{office.name[0]}에서 상담을 이어 갑니다.", kind="system", author="")
        before = ticket["office"]
        ticket = change(
            tx,
            ticket,
            state="unanswered",
            state_at=clock.now(),
            office=office.id,
            serves=list(office.serves),
            known_to=sorted({*ticket["known_to"], *office.serves}),
            taken_by=None,
            taken_by_name="",
            taken_at=None,
            **self._waits_again(ticket, office),
        )
        step(tx, ticket, "transferred", key=key, before=before, to=office.id, reason=self._hiding()(reason))
        return ticket

    def _waits_again(self, ticket: Row, office: Office) -> dict[str, Any]:
        """The citizen waits for the next person; a deadline that runs already goes on running."""
        if ticket["sla_due"] is not None:
            return {}
        now = clock.now()
        minutes = self.rules.minutes("normal", "next")
        return {"waits_since": ticket["waits_since"] or now, "sla_due": office.hours.due(now, minutes)}

    def _office(self, tx: Transaction, ticket: Row, named: str) -> Office:
        if named not in self.rules.named and tx.value("select 1 from bureaux where id = :id", id=named) is None:
            raise InvalidInput(f"그런 창구가 없습니다: {named}", next_step="창구를 다시 고르세요.", record="office")
        office = self.rules.office(named)
        if named == ticket["office"]:
            raise InvalidInput("지금 이 창구의 상담입니다.", next_step="다른 창구를 고르세요.", record="office")
        if ticket["audience"] == "staff" and office.audience == "citizen":
            raise InvalidInput(
                "직원 상담은 시민 창구로 옮길 수 없습니다.", next_step="부서 창구를 고르세요.", record="office"
            )
        return office

    # --- closing -------------------------------------------------------------------------------------------------------

    def close(
        self, actor: Actor, ticket_id: str, result: str, note: str = "", *, key: str = "", version: int | None = None
    ) -> Row:
        """End the conversation with a result of the policy; the note stays at the desk."""
        if result not in self.rules.results:
            raise InvalidInput("상담 결과를 고르지 않았습니다.", next_step="결과를 고르세요.", record="result")
        with self._act(actor) as tx:
            ticket = locked(tx, ticket_id)
            key = step_key(tx, "closed", key)
            if done_before(tx, ticket, key):
                return ticket
            self._check_held(ticket, actor)
            self._check_version(ticket, version)
            days = self.rules.reopen_days
            said = f"상담을 마쳤습니다. {days}일 안에는 이 대화에서 다시 이어 갈 수 있습니다."
            say(tx, ticket, said, kind="system", author="")
            return self._close(tx, ticket, result, note, key)

    def _close(self, tx: Transaction, ticket: Row, result: str, note: str, key: str, **detail: Any) -> Row:
        now = clock.now()
        ticket = change(
            tx,
            ticket,
            state="history",
            state_at=now,
            closed_at=now,
            result=result,
            result_note=note.strip()[:TEXT_LIMIT],
            waits_since=None,
            sla_due=None,
            overdue_at=None,
            readable_until=now + timedelta(days=self.rules.agent_reads_days),
            purge_after=clock.today() + timedelta(days=self.rules.ticket_days),
        )
        step(tx, ticket, "closed", key=key, result=result, **detail)
        return ticket

    # --- inside --------------------------------------------------------------------------------------------------------

    def _act(self, actor: Actor) -> Any:
        require(actor, "desk.work", actor.bureau or None)
        return self._store.transaction(actor)

    def _check_held(self, ticket: Row, actor: Actor) -> None:
        if ticket["state"] == "history":
            raise Conflict("이미 마친 상담입니다.", next_step="지난 상담에서 확인하세요.", record=ticket["id"])
        if ticket["taken_by"] != actor.subject:
            who = (
                f"{ticket['taken_by_name']} 님이 맡고 있습니다."
                if ticket["taken_by"]
                else "아직 아무도 맡지 않았습니다."
            )
            raise Conflict(f"이 상담은 {who}", next_step="먼저 상담을 맡으세요.", record=ticket["id"])

    def _check_version(self, ticket: Row, version: int | None) -> None:
        if version is not None and version != ticket["version"]:
            raise Conflict(
                "그사이 이 상담이 바뀌었습니다.",
                next_step="화면을 새로 고쳐 바뀐 내용을 보고 다시 하세요.",
                record=ticket["id"],
            )


def _checked(text: str, limit: int, what: str) -> str:
    text = text.strip()
    if not text:
        raise InvalidInput(f"{what}이(가) 비어 있습니다.", next_step="내용을 적어 다시 보내세요.", record="text")
    if len(text) > limit:
        raise InvalidInput(f"{what}은(는) {limit:,}자까지입니다.", next_step="나누어 보내세요.", record="text")
    return text
