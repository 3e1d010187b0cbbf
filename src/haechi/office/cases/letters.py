"""Letters of a case: written in the transaction of the step that sends them, kept as they went out."""

from __future__ import annotations

from contextlib import suppress

from haechi.core import clock
from haechi.core.errors import MissingPart
from haechi.core.store import Row, Transaction
from haechi.office.cases.checks import Hooks
from haechi.office.cases.policy import Policy
from haechi.office.forms.words import told
from haechi.office.letters import Paper, to_docx, to_hwpx, to_pdf
from haechi.office.letters.template import Template, fill


def paper_of(tx: Transaction, case: Row, template: str, policy: Policy, hooks: Hooks, *, note: str = "") -> Paper:
    """The letter that a step names: a module's, or one of policy/letters. KeyError when there is neither."""
    if template in hooks.letters:
        return hooks.letters[template](tx, case)
    wording = policy.letters[template]
    return fill(
        wording,
        _places(case, policy, hooks.city, note),
        answers=_answers(tx, case, wording, policy),
        tasks=[
            (row["text"], f"{row['due_on']:%Y. %-m. %-d.}" if row["due_on"] else "없음")
            for row in tx.all(
                "select text, due_on from case_tasks where case_id = :id and state <> 'dropped' order by made_at, id",
                id=case["id"],
            )
        ],
        exercise=case["exercise"],
    )


def _places(case: Row, policy: Policy, city: str, note: str) -> dict[str, str]:
    flow = policy.flow(case["flow"], case["flow_version"])
    opened, due = case["opened_at"].astimezone(clock.SEOUL), case["due_at"]
    return {
        "number": case["number"],
        "title": case["title"],
        "state": flow.states[case["state"]].name[0],
        "bureau": case["bureau"] or "없음",
        "subject_name": case["subject_name"] or "신청인",
        "note": note or "없음",
        "opened_on": f"{opened:%Y년 %-m월 %-d일}",
        "today": f"{clock.today():%Y. %-m. %-d.}",
        "due_on": f"{due.astimezone(clock.SEOUL):%Y. %-m. %-d.}" if due else "없음",
        "city": city or "시장",
        **{f"facts.{name}": str(value) for name, value in case["facts"].items()},
    }


def _answers(tx: Transaction, case: Row, wording: Template, policy: Policy) -> dict[str, list[tuple[str, str]]]:
    found = {}
    for form in wording.forms:
        filing = tx.one(
            "select form_version, answers from case_filings where case_id = :id and form = :form and author = ''",
            id=case["id"],
            form=form,
        )
        found[form] = told(policy.form(form, filing["form_version"]), filing["answers"]) if filing else []
    return found


def write_letter(tx: Transaction, case: Row, template: str, paper: Paper) -> str:
    """Render and keep it; its id. Without a Korean font there is no PDF, and the case's page offers the other two."""
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
