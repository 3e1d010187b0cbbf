"""The outbox of alerts: what goes out stands in the database before it goes, and is tried until it went or its alert is over.

At least once, never silently twice: a delivery that was cut off is repeated with the same key, by which receivers know it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from haechi.core import clock
from haechi.core.store import SYSTEM, Row, Store, Transaction
from haechi.office.alerts.message import read_xml
from haechi.office.alerts.sinks import Failed, Going, Held, Missing, Sinks

WAITS = (5, 15, 60, 300, 900, 1800)
"""Seconds after the first, second … attempt that failed; the last one again and again."""
MOST_ATTEMPTS = 12
LOOK_AGAIN = 30
"""Seconds after which a sink that was not set up is looked at again."""
LEASE = 120
SINKS = ("screen", "siren", "sms", "email", "webhook")


def put(tx: Transaction, case: Row, message_id: str, identifier: str, chosen: Sequence[str]) -> None:
    """One line for each sink. The screen has it with this transaction; a drill's siren is held for good."""
    now = clock.now()
    for sink in [name for name in SINKS if name == "screen" or name in chosen]:
        state, said = "waiting", ""
        if sink == "screen":
            state, said = "sent", "경보 쪽과 공개 피드에 올렸습니다."
        elif sink == "siren" and case["exercise"]:
            state, said = "held", "훈련에서는 사이렌을 울리지 않습니다."
        tx.run(
            """insert into alert_outbox (id, message_id, case_id, sink, key, state, next_at, made_at, sent_at, said)
            values (:id, :message, :case, :sink, :key, :state, :now, :now, :sent, :said)""",
            {
                "id": clock.new_id(), "message": message_id, "case": case["id"], "sink": sink, "key": f"{identifier}/{sink}",
                "state": state, "now": now, "sent": now if state == "sent" else None, "said": said,
            },
        )  # fmt: skip


def of_case(tx: Transaction, case_id: str) -> list[Row]:
    """What went out for a case, or will."""
    return tx.all(
        """select o.id::text as id, o.sink, o.key, o.state, o.attempts, o.next_at, o.made_at, o.sent_at, o.said, o.next_step,
        m.identifier, m.number, m.msg_type from alert_outbox o join alert_messages m on m.id = o.message_id
        where o.case_id = :id order by m.number, o.sink""",
        id=case_id,
    )


def send_again(tx: Transaction, line_id: str) -> bool:
    """Try a line again now, if it is not out yet and may go."""
    return bool(
        tx.run(
            """update alert_outbox set state = 'waiting', next_at = :now where id = :id
            and state in ('waiting', 'missing', 'given_up')""",
            {"id": line_id, "now": clock.now()},
        )
    )


def deliver(store: Store, sinks: Sinks, *, most: int = 20) -> int:
    """One round of the worker: take what is due, send it, write down what came of it; how many lines it took.

    Between the two transactions nothing is locked; whoever dies there leaves a lease that runs out."""
    lines = _take(store, most)
    for line in lines:
        _record(store, line, *_tried(line, sinks))
    return len(lines)


def _take(store: Store, most: int) -> list[Row]:
    now = clock.now()
    with store.transaction(SYSTEM) as tx:
        return tx.all(
            """update alert_outbox o set leased_until = :lease, attempts = o.attempts + 1
            from alert_messages m where m.id = o.message_id and o.id in (
              select w.id from alert_outbox w where w.state in ('waiting', 'missing') and w.next_at <= :now
              and (w.leased_until is null or w.leased_until < :now) order by w.next_at limit :most for update skip locked)
            returning o.id::text as id, o.sink, o.key, o.attempts, m.xml, m.exercise, m.expires_at, m.replaced_at, m.replaced_by""",
            now=now, lease=now + timedelta(seconds=LEASE), most=most,
        )  # fmt: skip


def _tried(line: Row, sinks: Sinks) -> tuple[str, str, str, int]:
    """(state, what was said, next step, seconds until the next attempt)."""
    if line["replaced_at"] is not None:
        return "given_up", f"나가기 전에 {line['replaced_by']}(으)로 바뀌었습니다.", "", 0
    if line["expires_at"] <= clock.now():
        return "given_up", "나가기 전에 경보의 유효 시간이 지났습니다.", "", 0
    going = Going(line["key"], read_xml(line["xml"].encode()), line["xml"].encode(), line["exercise"])
    try:
        return "sent", sinks.deliver(line["sink"], going), "", 0
    except Held as held:
        return "held", str(held), "", 0
    except Missing as missing:
        return "missing", str(missing), missing.next_step, LOOK_AGAIN
    except Failed as failed:
        if line["attempts"] >= MOST_ATTEMPTS:
            return "given_up", str(failed), "원인을 고친 뒤 ‘다시 보내기’를 누르세요.", 0
        return "waiting", str(failed), failed.next_step, WAITS[min(line["attempts"], len(WAITS)) - 1]


def _record(store: Store, line: Row, state: str, said: str, next_step: str, wait: int) -> None:
    now = clock.now()
    with store.transaction(SYSTEM) as tx:
        tx.run(
            """update alert_outbox set state = :state, said = :said, next_step = :step, next_at = :next, leased_until = null,
            attempts = case when :state = 'missing' then 0 else attempts end, sent_at = :sent where id = :id""",
            {
                "state": state, "said": said[:500], "step": next_step, "next": now + timedelta(seconds=wait), "id": line["id"],
                "sent": now if state == "sent" else None,
            },
        )  # fmt: skip
