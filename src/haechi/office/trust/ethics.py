"""What hangs on the flow ethics_check: gaps with a day, tasks from them, and when the next check is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases.checks import Finding, Hooks
from haechi.office.cases.policy import Policy
from haechi.office.cases.work import Working
from haechi.office.forms import Form
from haechi.office.trust.filed import filed, name_service, past

MOMENTS: Mapping[str, tuple[str, str]] = {
    "plan": ("기획", "Planning"),
    "data": ("데이터", "Data"),
    "development": ("개발", "Development"),
    "operation": ("운영", "Operation"),
    "retirement": ("종료", "Retirement"),
}
"""The five moments, in order; each is a state of the flow and a questionnaire 'ethics_<moment>'."""
LACKING = ("partly", "no")


def hooks(register: Hooks, policy: Policy, work: Working) -> None:
    """Checks before a moment is filed, and what follows when it is confirmed."""
    register.check("ethics_gaps_dated", partial(gaps_dated, policy))
    register.check("ethics_tasks_in_time", tasks_in_time)
    for moment in MOMENTS:
        register.work[f"ethics_check.confirm_{moment}"] = partial(confirmed, policy, moment)
        register.effect(f"ethics_check.confirm_{moment}", partial(tasks, policy, work, moment))
    register.effect("ethics_check.file_plan", partial(_service, policy))


def lacking(form: Form, answers: Mapping[str, Any]) -> list[tuple[str, str, date]]:
    """(question, what will be mended, by when) of everything that is not kept."""
    return [
        (q.id, str(answers[f"{q.id}_plan"]), date.fromisoformat(answers[f"{q.id}_due"]))
        for q in form.questions
        if answers.get(q.id) in LACKING and answers.get(f"{q.id}_due")
    ]


def gaps_dated(policy: Policy, tx: Transaction, case: Row) -> Sequence[Finding]:
    """What is not kept is to be mended on a day that is still to come."""
    form, answers = filed(tx, case, policy, f"ethics_{case['state']}")
    late = [id for id, _, due in lacking(form, answers) if past(due.isoformat(), clock.today())]
    if not late:
        return []
    names = ", ".join(f"‘{form.by_id[id].text[0]}’" for id in late)
    return [
        Finding("ethics_gaps_dated", "block", (f"고칠 날이 이미 지난 문항이 있습니다: {names}.", "A day has gone by."))
    ]


def tasks_in_time(tx: Transaction, case: Row) -> Sequence[Finding]:
    """No task of an earlier moment is late."""
    late = tx.all(
        "select text from case_tasks where case_id = :id and state in ('open', 'reported') and due_on < :today",
        id=case["id"],
        today=clock.today(),
    )
    if not late:
        return []
    told = ", ".join(row["text"] for row in late[:3])
    return [Finding("ethics_tasks_in_time", "block", (f"앞선 점검의 할 일 {len(late)}개가 기한을 넘겼습니다: {told}.", "Tasks are late."))]  # fmt: skip


def confirmed(policy: Policy, moment: str, tx: Transaction, case: Row) -> Mapping[str, Any]:
    """How the moment stands, kept in the case; in operation, the day of the next check."""
    form, answers = filed(tx, case, policy, f"ethics_{moment}")
    asked = [q.id for q in form.questions if q.evidence]
    told = {
        "kept": sum(answers.get(id) == "yes" for id in asked),
        "gaps": len(lacking(form, answers)),
        "asked": len(asked),
        "on": clock.today().isoformat(),
    }
    facts: dict[str, Any] = {"ethics": {**case["facts"].get("ethics", {}), moment: told}}
    if moment in ("development", "operation"):
        days = int(parameter("trust.ethics_cycle_days", on=clock.today()).value)
        facts["next_check_on"] = (clock.today() + timedelta(days=days)).isoformat()
    return facts


def tasks(policy: Policy, work: Working, moment: str, tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
    """A task for each thing that is not kept, once while it is open."""
    form, answers = filed(tx, case, policy, f"ethics_{moment}")
    known = {
        row["source"]
        for row in tx.all(
            "select source from case_tasks where case_id = :id and state in ('open', 'reported')", id=case["id"]
        )
    }
    for id, plan, due in lacking(form, answers):
        if id not in known:
            work.task_in(tx, case, f"{MOMENTS[moment][0]}: {plan}", due_on=due, source=id)


def _service(policy: Policy, tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
    name_service(tx, case, filed(tx, case, policy, "ethics_plan")[1])
