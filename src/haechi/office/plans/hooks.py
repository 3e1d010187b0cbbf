"""What hangs on the flows of plans: they must hang together, and only the committee adopts them."""

from __future__ import annotations

from collections.abc import Sequence

from haechi.core.store import Row, Transaction
from haechi.office.cases import Finding, Hooks
from haechi.office.plans.content import faults
from haechi.office.rounds import answers_of

FORM = "plan"


def hang(hooks: Hooks) -> None:
    """Onto policy/flows/basic_plan.yaml and yearly_plan.yaml."""
    hooks.check("plan_sound", sound)
    hooks.check("plan_under_basic", under_basic)


def sound(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Whether goals, tasks, budget and indicators hang together."""
    return [Finding("plan_sound", "block", told) for told in faults(answers_of(tx, case["id"], FORM))]


def under_basic(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Whether every task of a yearly plan stands in the basic plan that it carries out."""
    basic = answers_of(tx, case["parent"], FORM) if case["parent"] else {}
    known = {row["code"] for row in basic.get("tasks") or ()}
    stray = sorted({row["code"] for row in answers_of(tx, case["id"], FORM).get("tasks") or ()} - known)
    if not case["parent"]:
        return [_block("어느 기본계획의 시행계획인지 없습니다. 기본계획의 화면에서 시작하세요.", "No basic plan.")]
    return (
        [
            _block(
                f"기본계획에 없는 과제입니다: {', '.join(stray)}.", f"Tasks not in the basic plan: {', '.join(stray)}."
            )
        ]
        if stray
        else []
    )


def _block(ko: str, en: str) -> Finding:
    return Finding("plan_under_basic", "block", (ko, en))
