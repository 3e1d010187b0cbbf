"""What hangs on the flow 'alert': who may approve, whether the message is sound, what goes out with a step, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.core import clock
from haechi.core.errors import InvalidInput
from haechi.core.store import Row, Transaction
from haechi.office.alerts import outbox
from haechi.office.alerts.message import Message, Reference, faults_of, read_xml, to_xml
from haechi.office.alerts.writing import FORM, cancellation, compose, first_answers, identifier_of
from haechi.office.cases import Finding, Hooks, Policy, rows
from haechi.office.forms import check

VERDICTS = {"true_alarm": "정탐", "false_alarm": "오탐", "over_alarm": "과탐"}
WRITTEN = ("submit", "submit_update", "ask_cancel")
"""Steps whose doer is the author of what is approved next."""
SENT = ("send", "approve_update")
"""Steps with which a version went out; what is written after them belongs to the next."""
_ASKED = "select subject from case_steps where case_id = :id and act = any (:acts) order by number desc limit 1"
_WROTE = """select 1 from case_filing_changes h join case_filings f on f.id = h.filing_id
where f.case_id = :id and f.form = :form and h.subject = :me
and h.at > coalesce((select max(at) from case_steps where case_id = :id and act = any (:sent)), '-infinity') limit 1"""


@dataclass(frozen=True, slots=True)
class Originator:
    """Who sends alerts: the CAP sender (a domain name of the city), its name for people, and the address of the public pages."""

    sender: str
    name: str
    address: str = ""


def hooks(register: Hooks, policy: Policy, originator: Callable[[], Originator]) -> None:
    """The checks and effects of policy/flows/alert.yaml, and of the verdicts on incidents."""

    def valid(tx: Transaction, case: Row) -> Sequence[Finding]:
        return _valid(tx, case, originator())

    def begin(tx: Transaction, case: Row, sent: Mapping[str, Any]) -> None:
        _begin_form(tx, case, policy, sent)

    def send(tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
        _send(tx, case, originator())

    register.check("alert_four_eyes", _four_eyes)
    register.check("alert_valid", valid)
    register.check("alert_expired", _expired)
    register.effect("alert.accept", begin)
    register.effect("alert.send", send)
    register.effect("alert.approve_update", send)
    register.effect("alert.approve_cancel", _cancel)
    for flow in ("alert", "incident"):
        for step in VERDICTS:
            if step in policy.flow(flow).steps:
                register.effect(f"{flow}.{step}", _judge(step))
    register.effect("incident.refuse", _judge("false_alarm"))


# --- checks ------------------------------------------------------------------------------------------------------------


def _four_eyes(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Whoever wrote any of this version, or asked for its approval, does not approve it."""
    mine = tx.value(_ASKED, id=case["id"], acts=list(WRITTEN)) == tx.actor.subject
    if case["state"] != "cancelling":
        mine = mine or tx.value(_WROTE, id=case["id"], form=FORM, me=tx.actor.subject, sent=list(SENT)) is not None
    text = (
        "문안을 쓰거나 승인을 요청한 사람은 승인할 수 없습니다. 다른 관제원이 승인해야 합니다.",
        "Whoever wrote it cannot approve it; another operator must.",
    )
    return [Finding("alert_four_eyes", "block", text, ok=not mine)]


def _valid(tx: Transaction, case: Row, originator: Originator) -> Sequence[Finding]:
    try:
        wrong = faults_of(_composed(tx, case, originator))
    except InvalidInput as error:
        wrong = [f"{error.message} {error.next_step}"]
    good = ("CAP 1.2 형식에 맞습니다.", "Valid CAP 1.2.")
    return [Finding("alert_valid", "block", (text, text)) for text in wrong] or [
        Finding("alert_valid", "info", good, ok=True)
    ]


def _expired(tx: Transaction, case: Row) -> Sequence[Finding]:
    last = messages_of(tx, case)[-1]
    text = (
        f"{last['expires_at'].astimezone(clock.SEOUL):%H:%M}까지 유효한 경보입니다. 그 전에 끝내려면 해제를 요청하세요.",
        "It is still in force; ask to cancel it instead.",
    )
    return [Finding("alert_expired", "block", text, ok=last["expires_at"] <= clock.now())]


# --- effects -----------------------------------------------------------------------------------------------------------


def _begin_form(tx: Transaction, case: Row, policy: Policy, sent: Mapping[str, Any]) -> None:
    """Put what the service proposed, as the reviewer corrected it, into the form; the operator goes on from there."""
    form = policy.form(FORM, on=case["opened_at"].date())
    answers = first_answers(case["facts"], int(sent.get("severity") or case["severity"]), form.by_id)
    wrong = {fault.question for fault in check(form, answers)}
    answers = {id: value for id, value in answers.items() if id not in wrong}
    tx.run(
        """insert into case_filings (id, case_id, form, form_version, answers, version, begun_at, changed_at, changed_by)
        values (:id, :case, :form, :version, cast(:answers as jsonb), 1, :now, :now, :by) on conflict do nothing""",
        {
            "id": clock.new_id(), "case": case["id"], "form": FORM, "version": form.version, "now": clock.now(),
            "answers": rows.as_json(answers), "by": "machine",
        },
    )  # fmt: skip


def answers_of(tx: Transaction, case: Row) -> dict[str, Any]:
    """What stands in the form now."""
    found = tx.value("select answers from case_filings where case_id = :id and form = :form", id=case["id"], form=FORM)
    return dict(found or {})


def messages_of(tx: Transaction, case: Row) -> list[Row]:
    """The messages that were sent for a case, oldest first."""
    return tx.all(
        """select id::text as id, identifier, sender, number, msg_type, exercise, severity, sent_at, expires_at, headline_ko,
        headline_en, xml, replaced_at from alert_messages where case_id = :id order by number""",
        id=case["id"],
    )


def _composed(tx: Transaction, case: Row, originator: Originator) -> Message:
    before = messages_of(tx, case)
    identifier = identifier_of(originator.sender, case["number"], len(before) + 1)
    return compose(
        answers_of(tx, case), sender=originator.sender, sender_name=originator.name, identifier=identifier, sent=clock.now(),
        exercise=case["exercise"], kind="Update" if before else "Alert", references=_chain(before),
        incidents=case["number"].split("-", 1)[1], web=f"{originator.address}/alerts/{identifier}" if originator.address else "",
    )  # fmt: skip


def _chain(before: Sequence[Row]) -> list[Reference]:
    return [Reference(row["sender"], row["identifier"], row["sent_at"]) for row in before]


def _send(tx: Transaction, case: Row, originator: Originator) -> None:
    _put(tx, case, _composed(tx, case, originator))


def _cancel(tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
    before = messages_of(tx, case)
    last = read_xml(before[-1]["xml"].encode())
    why = tx.value(
        "select note from case_steps where case_id = :id and act = 'ask_cancel' order by number desc limit 1",
        id=case["id"],
    )
    identifier = identifier_of(last.sender, case["number"], len(before) + 1)
    _put(tx, case, cancellation(last, identifier=identifier, sent=clock.now(), references=_chain(before), why=str(why)))


def _put(tx: Transaction, case: Row, message: Message) -> None:
    """Keep the message as it goes out, replace the one before it, and put it into the outbox: one transaction with the step."""
    wrong = faults_of(message)
    if wrong:
        raise InvalidInput(wrong[0], next_step="문안을 고친 뒤 다시 승인을 받으세요.", record=case["number"])
    tx.run(
        "update alert_messages set replaced_at = :at, replaced_by = :by where case_id = :case and replaced_at is null",
        {"at": message.sent, "by": message.identifier, "case": case["id"]},
    )
    id, korean, english = clock.new_id(), message.in_language("ko"), message.in_language("en")
    tx.run(
        """insert into alert_messages (id, identifier, case_id, number, msg_type, exercise, severity, sender, sent_at, expires_at,
          headline_ko, headline_en, xml)
        values (:id, :identifier, :case, :number, :kind, :exercise, :severity, :sender, :sent, :expires, :ko, :en, :xml)""",
        {
            "id": id, "identifier": message.identifier, "case": case["id"], "number": len(message.references) + 1,
            "kind": message.kind, "exercise": case["exercise"], "severity": korean.severity, "sender": message.sender,
            "sent": message.sent, "expires": korean.expires, "ko": korean.headline, "en": english.headline,
            "xml": to_xml(message).decode(),
        },
    )  # fmt: skip
    outbox.put(tx, case, id, message.identifier, answers_of(tx, case).get("sinks") or ())


def _judge(step: str) -> Callable[[Transaction, Row, Mapping[str, Any]], None]:
    def judge(tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
        tx.run(
            """insert into alert_verdicts (case_id, service, outcome_id, verdict, exercise, at, subject, name)
            values (:case, :service, cast(:outcome as uuid), :verdict, :exercise, :now, :by, :name)""",
            {
                "case": case["id"], "service": case["service"], "outcome": case["facts"].get("outcome"),
                "verdict": VERDICTS[step], "exercise": case["exercise"], "now": clock.now(), "by": tx.actor.subject,
                "name": tx.actor.name,
            },
        )  # fmt: skip

    return judge


def verdict_of(tx: Transaction, case: Row) -> Row | None:
    """verdict, reason, name, at; None while nobody judged."""
    return tx.one(
        """select v.verdict, v.name, v.at, v.exercise, s.note as reason from alert_verdicts v
        left join case_steps s on s.case_id = v.case_id and s.act = any (:acts) where v.case_id = :id""",
        id=case["id"], acts=[*VERDICTS, "refuse"],
    )  # fmt: skip
