"""What was filed in a case, read inside the transaction that asks."""

from __future__ import annotations

from typing import Any

from haechi.core.store import Row, Transaction


def answers_of(tx: Transaction, case_id: str, form: str) -> dict[str, Any]:
    """The answers of a case's one filing of a form; empty when there is none."""
    row = tx.one(
        "select answers from case_filings where case_id = :id and form = :form and author = ''", id=case_id, form=form
    )
    return dict(row["answers"]) if row is not None else {}


def filed_by(tx: Transaction, case_id: str, form: str) -> list[Row]:
    """The closed filings of everybody who files this form for themselves, oldest first: id, author, author_name, answers,
    filed_at. Those of people who were taken out of the case since do not count."""
    return tx.all(
        """select f.id::text as id, f.author, f.author_name, f.answers, f.filed_at from case_filings f
        where f.case_id = :id and f.form = :form and f.state = 'filed' and f.author <> '' and not exists (
          select from case_people p where p.case_id = f.case_id and p.subject = f.author and p.recused_at is not null)
        order by f.filed_at, f.author""",
        id=case_id,
        form=form,
    )
