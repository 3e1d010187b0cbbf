"""What is seen of alerts: by anybody (in force, lately), and by the desk (open cases, one with its messages and outbox)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from haechi.core import clock
from haechi.core.errors import NotFound
from haechi.core.store import Actor, Row, Store
from haechi.office.alerts import outbox, sending
from haechi.office.cases import rows

KINDS = ("alert", "incident")
LATELY = timedelta(days=30)
SHOWN = 50
_COLUMNS = """m.identifier, m.number, m.msg_type, m.exercise, m.severity, m.sender, m.sent_at, m.expires_at, m.headline_ko,
m.headline_en, m.xml, m.replaced_at, m.replaced_by"""


class Board:
    """Reads alerts as the actor may see them. What was sent anybody may read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def in_force(self, actor: Actor) -> list[Row]:
        """Messages that hold now, the newest first: not replaced, not over, no cancellations."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"""select {_COLUMNS} from alert_messages m where m.replaced_at is null and m.expires_at > :now
                and m.msg_type <> 'Cancel' order by m.sent_at desc, m.number desc limit :most""",
                now=clock.now(), most=SHOWN,
            )  # fmt: skip

    def lately(self, actor: Actor) -> list[Row]:
        """Every message of the last 30 days, the newest first, at most 50."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"select {_COLUMNS} from alert_messages m where m.sent_at > :since order by m.sent_at desc, m.number desc limit :most",
                since=clock.now() - LATELY, most=SHOWN,
            )  # fmt: skip

    def message(self, actor: Actor, identifier: str) -> Row:
        """One. NotFound."""
        with self._store.transaction(actor) as tx:
            found = tx.one(f"select {_COLUMNS} from alert_messages m where m.identifier = :id", id=identifier)
        if found is None:
            raise NotFound("그런 경보가 없습니다.", next_step="경보 목록에서 다시 고르세요.", record=identifier)
        return found

    def open_cases(self, actor: Actor, kinds: Sequence[str] = KINDS) -> dict[str, list[Row]]:
        """Kind → open cases of the desk, the gravest and oldest first, at most 50 each; each kind by its own index."""
        with self._store.transaction(actor) as tx:
            return {
                kind: tx.all(
                    f"""select {rows.COLUMNS} from cases c where c.kind = :kind and c.closed_at is null
                    order by c.severity, c.opened_at limit :most""",
                    kind=kind, most=SHOWN,
                )
                for kind in kinds
            }  # fmt: skip

    def waiting_lines(self, actor: Actor) -> list[Row]:
        """What did not go out yet, or at all, in the last days."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select o.id::text as id, o.case_id::text as case_id, o.sink, o.state, o.said, o.next_step, o.attempts, o.next_at,
                m.identifier, m.headline_ko, m.headline_en from alert_outbox o join alert_messages m on m.id = o.message_id
                where o.state in ('waiting', 'missing', 'given_up') and o.made_at > :since order by o.made_at desc limit :most""",
                since=clock.now() - timedelta(days=3), most=SHOWN,
            )  # fmt: skip

    def of_case(self, actor: Actor, case_id: str) -> dict[str, Any]:
        """messages, lines (of the outbox), verdict, answers of a case."""
        with self._store.transaction(actor, snapshot=True) as tx:
            case = rows.found(tx, case_id)
            return {
                "messages": sending.messages_of(tx, case),
                "lines": outbox.of_case(tx, case["id"]),
                "verdict": sending.verdict_of(tx, case),
                "answers": sending.answers_of(tx, case),
            }

    def send_again(self, actor: Actor, line_id: str) -> None:
        """Try a line of the outbox again now. NotFound when it went already, or is not theirs."""
        with self._store.transaction(actor) as tx:
            line = tx.one(
                "select case_id::text as case_id, sink, key from alert_outbox where id = :id", id=rows.as_uuid(line_id)
            )
            if line is None or not outbox.send_again(tx, line_id):
                raise NotFound("다시 보낼 것이 없습니다.", next_step="화면을 새로 고치세요.", record=line_id)
            case = rows.found(tx, line["case_id"], lock=True)
            rows.step(tx, case, "sent_again", detail={"sink": line["sink"], "key": line["key"]})

    def verdicts(self, actor: Actor) -> list[Row]:
        """Per service: how many of its proposals were judged 정탐, 오탐, 과탐 in the last 30 days. Drills apart."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select service, count(*) filter (where verdict = '정탐') as hits, count(*) filter (where verdict = '오탐') as misses,
                count(*) filter (where verdict = '과탐') as overs, count(*) as judged from alert_verdicts
                where at > :since and not exercise and service is not null group by service order by service""",
                since=clock.now() - LATELY,
            )
