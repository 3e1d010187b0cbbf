"""Letters of a case: written in the transaction of the step that sends them, kept as they went out."""

from __future__ import annotations

from contextlib import suppress

from haechi.core import clock
from haechi.core.errors import MissingPart
from haechi.core.store import Row, Transaction
from haechi.office.cases.checks import Letter
from haechi.office.letters import to_docx, to_hwpx, to_pdf


def write_letter(tx: Transaction, case: Row, template: str, letter: Letter) -> str:
    """Render and keep it; its id. Without a Korean font there is no PDF, and the case's page offers the other two."""
    paper = letter(tx, case)
    pdf: bytes | None = None
    with suppress(MissingPart):
        pdf = to_pdf(paper)
    number = 1 + int(tx.value("select count(*) from case_letters where case_id = :id", id=case["id"]))
    id = clock.new_id()
    tx.run(
        """insert into case_letters (id, case_id, template, number, name, hwpx, docx, pdf, made_at, made_by)
        values (:id, :case, :template, :number, :name, :hwpx, :docx, :pdf, :now, :by)""",
        {
            "id": id,
            "case": case["id"],
            "template": template,
            "number": f"{case['number']}-{number}",
            "name": paper.title,
            "hwpx": to_hwpx(paper),
            "docx": to_docx(paper),
            "pdf": pdf,
            "now": clock.now(),
            "by": tx.actor.subject,
        },
    )
    return id
