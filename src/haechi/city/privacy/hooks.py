"""What the flows of service 45 check and set: nobody on their own case, judges apart, look-ups by two, downloads by size."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from haechi.city.privacy.log import inquiry_rule
from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.office.cases import Hooks
from haechi.office.cases.checks import Finding

APPROVAL_FROM = 1000
"""Records from which a download is approved by another person (policy/detection/access.yaml: split_download, near_limit)."""
LONGEST_LOOK = 31


def register(hooks: Hooks) -> None:
    """Into the office's hooks."""
    for name, check in {
        "privacy_not_own": not_own, "privacy_people": people, "privacy_deciders": deciders, "privacy_overdue": overdue,
        "privacy_has_handler": has_handler, "privacy_appeal_open": appeal_open, "privacy_appeal_over": appeal_over,
        "privacy_lookup_sound": lookup_sound, "privacy_lookup_other": lookup_other,
        "privacy_download_small": download_small, "privacy_download_sound": download_sound,
    }.items():  # fmt: skip
        hooks.check(name, check)
    hooks.effect("privacy_alert.ask", _bring_in)
    hooks.work["privacy_alert.find_misuse"] = _told
    hooks.work["privacy_lookup.approve"] = _opened
    hooks.effect("privacy_download.record", _settle)
    hooks.effect("privacy_download.approve", _settle)


# --- alerts ----------------------------------------------------------------------------------------------------------


def not_own(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Whoever the alert is about takes no step of those who judge."""
    own = bool(case["facts"].get("handler")) and tx.actor.subject == case["facts"]["handler"]
    return [
        _block(
            "privacy_not_own",
            not own,
            "자기에 관한 건은 누구도 판단할 수 없습니다. 다른 사람에게 맡기세요.",
            "Nobody judges their own alert.",
        )
    ]


def deciders(tx: Transaction, case: Row) -> Sequence[Finding]:
    """A manager and a privacy officer are named, two people, neither the handler."""
    parts = _parts(tx, case)
    manager, cpo, handler = parts.get("manager", ""), parts.get("cpo", ""), case["facts"].get("handler", "")
    return [
        _block("privacy_deciders", bool(manager), "부서 관리자가 정해지지 않았습니다.", "No manager is named."),
        _block("privacy_deciders", bool(cpo), "개인정보 보호책임자가 정해지지 않았습니다.", "No privacy officer is named."),
        _block("privacy_deciders", not manager or manager != cpo, "관리자와 책임자는 다른 사람이어야 합니다.", "Two people."),
        _block("privacy_deciders", not handler or handler not in (manager, cpo), "당사자를 관리자나 책임자로 정할 수 없습니다.", "Not the handler."),
    ]  # fmt: skip


def people(tx: Transaction, case: Row) -> Sequence[Finding]:
    """As `deciders`, and somebody who can be asked."""
    return [*deciders(tx, case), *has_handler(tx, case)]


def has_handler(tx: Transaction, case: Row) -> Sequence[Finding]:
    """The account belongs to a person who still works here."""
    known = tx.value(
        "select 1 from users where active and 'user:' || id::text = :who", who=case["facts"].get("handler", "")
    )
    why = "계정의 주인을 알 수 없어 물을 사람이 없습니다. ‘소명 없이 조사’로 가세요."
    return [_block("privacy_has_handler", known is not None, why, "Nobody can be asked.")]


def overdue(tx: Transaction, case: Row) -> Sequence[Finding]:
    """The time to explain has passed."""
    late = tx.value(
        """select 1 from case_deadlines where case_id = :id and deadline = 'explain' and met_at is null and due_at <= :now""",
        id=case["id"],
        now=clock.now(),
    )
    return [
        _block(
            "privacy_overdue", late is not None, "소명 기한이 아직 남아 있습니다.", "The time to answer is not over."
        )
    ]


def appeal_open(tx: Transaction, case: Row) -> Sequence[Finding]:  # noqa: ARG001
    """Within the days of an appeal."""
    over = _appeal_over(case)
    return [
        _block("privacy_appeal_open", not over, "이의를 낼 수 있는 기한이 지났습니다.", "The time to appeal is over.")
    ]


def appeal_over(tx: Transaction, case: Row) -> Sequence[Finding]:  # noqa: ARG001
    """Not before the handler could appeal."""
    until = case["facts"].get("appeal_until", "")
    return [
        _block(
            "privacy_appeal_over",
            _appeal_over(case),
            f"이의를 낼 수 있는 기한({until})이 지난 뒤에 확정합니다.",
            "An appeal is still possible.",
        )
    ]


def _appeal_over(case: Row) -> bool:
    until = case["facts"].get("appeal_until")
    return bool(until) and clock.today() > date.fromisoformat(until)


def _told(tx: Transaction, case: Row) -> dict[str, Any]:  # noqa: ARG001
    return {"appeal_until": (clock.today() + timedelta(days=int(inquiry_rule()["appeal_days"]))).isoformat()}


def _bring_in(tx: Transaction, case: Row, sent: Any) -> None:  # noqa: ARG001
    """From here on the handler sees the case, as the side whose case it is."""
    name = tx.value("select name from users where 'user:' || id::text = :who", who=case["facts"]["handler"])
    tx.run(
        """update case_people set part = 'handler', name = :name, party = true, recused_at = null, recused_kind = '', recused_why = ''
        where case_id = :case and part = 'recused' and subject = :who""",
        {"case": case["id"], "who": case["facts"]["handler"], "name": name},
    )


# --- look-ups --------------------------------------------------------------------------------------------------------


def lookup_sound(tx: Transaction, case: Row) -> Sequence[Finding]:
    """A known account that is not the asker's own, days in order, and for a manager the alert that they were given."""
    told = _answers(tx, case, "privacy_lookup")
    account, first, last = told.get("account", ""), _day(told.get("from")), _day(told.get("to"))
    owner = tx.value("select subject from access_handlers where account = :account", account=account)
    known = tx.value("select 1 from access_alerts where handler = :account limit 1", account=account)
    span = first is not None and last is not None and 0 <= (last - first).days < LONGEST_LOOK
    found = [
        _block("privacy_lookup_sound", owner is not None or known is not None, "접속 기록이나 인사 정보에 없는 계정입니다.", "Unknown account."),
        _block("privacy_lookup_sound", owner != case["subject"], "자기 계정의 기록은 조회할 수 없습니다.", "Nobody looks up their own account."),
        _block("privacy_lookup_sound", span, f"조회할 날은 차례가 맞아야 하고 {LONGEST_LOOK}일까지입니다.", "At most 31 days."),
    ]  # fmt: skip
    if not _at_desk(tx, case["subject"]):
        mine = tx.value(
            """select 1 from cases c join case_people p on p.case_id = c.id
            where c.flow = 'privacy_alert' and c.number = :number and c.facts ->> 'account' = :account
              and p.subject = :who and p.part in ('manager', 'cpo') and p.recused_at is null""",
            number=told.get("case", ""),
            account=account,
            who=case["subject"],
        )
        why = "맡은 오남용 의심 건의 계정만 조회할 수 있습니다. 건 번호를 확인하세요."
        found.append(
            _block("privacy_lookup_sound", mine is not None, why, "Only accounts of a case that was given to you.")
        )
    return found


def lookup_other(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Approved by somebody who neither asks nor is looked at."""
    account = _answers(tx, case, "privacy_lookup").get("account", "")
    owner = tx.value("select subject from access_handlers where account = :account", account=account)
    apart = tx.actor.subject not in (case["subject"], owner)
    why = "신청인도 당사자도 아닌 다른 사람이 승인해야 합니다."
    return [_block("privacy_lookup_other", apart, why, "Another person approves.")]


def _opened(tx: Transaction, case: Row) -> dict[str, Any]:
    told = _answers(tx, case, "privacy_lookup")
    until = clock.now() + timedelta(hours=float(inquiry_rule()["lookup_hours"]))
    return {"account": told["account"], "from": told["from"], "to": told["to"], "until": until.isoformat()}


def _at_desk(tx: Transaction, subject: str) -> bool:
    roles = tx.value("select roles from users where 'user:' || id::text = :who", who=subject) or []
    return bool({"ai_team", "admin", "auditor"} & set(roles))


# --- downloads -------------------------------------------------------------------------------------------------------


def download_small(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Below the limit from which another person approves; not of a day to come."""
    records = float(_answers(tx, case, "privacy_download").get("records") or 0)
    why = f"{APPROVAL_FROM:,}건 이상은 승인을 받아야 합니다. ‘승인 요청’을 누르세요."
    return [
        _block("privacy_download_small", records < APPROVAL_FROM, why, "From 1,000 records on somebody else approves."),
        *download_sound(tx, case),
    ]


def download_sound(tx: Transaction, case: Row) -> Sequence[Finding]:
    """A reason says more than a word."""
    told = _answers(tx, case, "privacy_download")
    enough = len("".join(str(told.get("reason", "")).split())) >= 10
    why = "사유가 너무 짧습니다. 어떤 업무에 왜 필요한지 열 자 이상 적으세요."
    return [_block("privacy_download_sound", enough, why, "The reason is too short.")]


def _settle(tx: Transaction, case: Row, sent: Any) -> None:  # noqa: ARG001
    """The notices about this person's downloads of that day have their reason."""
    tx.run("select haechi_reason_given(cast(:case as uuid))", {"case": case["id"]})


# --- small -----------------------------------------------------------------------------------------------------------


def _block(check: str, ok: bool, ko: str, en: str) -> Finding:
    return Finding(check, "block", (ko, en), ok=ok)


def _parts(tx: Transaction, case: Row) -> dict[str, str]:
    found = tx.all("select part, subject from case_people where case_id = :id and recused_at is null", id=case["id"])
    return {row["part"]: row["subject"] for row in found}


def _answers(tx: Transaction, case: Row, form: str) -> dict[str, Any]:
    told = tx.value("select answers from case_filings where case_id = :id and form = :form", id=case["id"], form=form)
    return dict(told or {})


def _day(told: Any) -> date | None:
    try:
        return date.fromisoformat(str(told))
    except ValueError:
        return None
