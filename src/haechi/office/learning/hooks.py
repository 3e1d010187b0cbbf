"""What the flow of exceptions from the duty does: policy/flows/duty_exception.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.office.cases import Finding, Hooks
from haechi.office.learning.duty import HOUR, required_minutes, role_minutes

REASONS = {"leave": "휴직", "sick": "병가", "abroad": "파견·국외훈련", "joined": "연중 임용", "other": "그 밖의 사유"}


def hooks(register: Hooks) -> None:
    """The check and the effect of the flow."""
    register.check("duty_exception_sound", _sound)
    register.effect("duty_exception.grant", _grant)


def _answers(tx: Transaction, case: Row) -> Mapping[str, Any]:
    found = tx.value("select answers from case_filings where case_id = :id and form = 'duty_exception'", id=case["id"])
    return found or {}


def _sound(tx: Transaction, case: Row) -> Sequence[Finding]:
    told = _answers(tx, case)
    roles = tx.value("select roles from users where 'user:' || id = :subject", subject=case["subject"]) or ()
    year = int(float(told.get("year") or clock.today().year))
    owed = required_minutes(roles, role_minutes(max(year, date(2025, 1, 1).year)))
    wanted = round(float(told.get("hours") or 0) * HOUR)
    less = (f"그래도 이수할 시간은 의무({owed // HOUR}시간)보다 적어야 합니다.", "It must be less than the duty.")
    near = (f"{year}년은 예외를 청할 수 있는 해가 아닙니다.", "Not a year that one can be excused from.")
    return [
        Finding("duty_exception_sound", "block", less, ok=wanted < owed),
        Finding("duty_exception_sound", "block", near, ok=abs(year - clock.today().year) <= 1),
    ]


def _grant(tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
    told = _answers(tx, case)
    tx.run(
        """insert into duty_exceptions (year, subject, minutes, why, case_id, decided_by, at)
        values (:year, :subject, :minutes, :why, :case, :by, :now)
        on conflict (year, subject) do update set minutes = excluded.minutes, why = excluded.why, case_id = excluded.case_id,
          decided_by = excluded.decided_by, at = excluded.at""",
        {
            "year": int(float(told["year"])), "subject": case["subject"], "minutes": round(float(told["hours"]) * HOUR),
            "why": REASONS[told["reason"]], "case": case["id"], "by": tx.actor.subject, "now": clock.now(),
        },
    )  # fmt: skip
