"""What was filed in a case, read inside the transaction of a step."""

from __future__ import annotations

from datetime import date
from typing import Any

from haechi.core.store import Row, Transaction
from haechi.office.cases.policy import Policy
from haechi.office.forms import UNKNOWN, Form


def filed(tx: Transaction, case: Row, policy: Policy, form_id: str) -> tuple[Form, dict[str, Any]]:
    """The questionnaire of the version that was begun, and its answers ({} when nobody began it)."""
    row = tx.one(
        """select form_version, answers from case_filings where case_id = :id and form = :form
        order by changed_at desc limit 1""",
        id=case["id"],
        form=form_id,
    )
    if row is None:
        return policy.form(form_id), {}
    return policy.form(form_id, row["form_version"]), dict(row["answers"])


def attached(tx: Transaction, case: Row) -> dict[str, set[str]]:
    """Question → kinds of evidence beside it."""
    found: dict[str, set[str]] = {}
    for row in tx.all("select question, kind from case_evidence where case_id = :id and question <> ''", id=case["id"]):
        found.setdefault(row["question"], set()).add(row["kind"])
    return found


def name_service(tx: Transaction, case: Row, answers: dict[str, Any]) -> None:
    """Put the number that was answered on the case, so that lists find it."""
    number = answers.get("service")
    if number not in (None, UNKNOWN):
        tx.run("update cases set service = :service where id = :id", {"service": int(number), "id": case["id"]})


def past(day: Any, today: date) -> bool:
    """Whether an answered day has gone by already."""
    return isinstance(day, str) and date.fromisoformat(day) < today
