"""What hangs on the flow impact_assessment: the score proposes a level, a person decides it, its duties become tasks.

Whether a system is high-impact AI under the Act is an answer with a name beside it; nothing here computes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.office.cases.checks import Finding, Hooks
from haechi.office.cases.policy import Policy
from haechi.office.cases.work import Working
from haechi.office.forms import assess
from haechi.office.letters import Paper
from haechi.office.trust.filed import filed, name_service
from haechi.office.trust.papers import impact_paper

FORM, DECISION = "impact_assessment", "impact_decision"


def hooks(register: Hooks, policy: Policy, work: Working) -> None:
    """Checks, the score that is kept, the tasks of the level, the notice."""
    register.check("impact_answered_by_a_person", partial(answered_by_a_person, policy))
    register.check("impact_not_lower", partial(not_lower, policy))
    register.check("impact_duties_done", duties_done)
    register.work["impact_assessment.submit"] = partial(scored, policy)
    register.work["impact_assessment.decide"] = partial(decided, policy)
    register.effect("impact_assessment.decide", partial(tasks, work))
    register.letters["impact_notice"] = _notice


def answered_by_a_person(policy: Policy, tx: Transaction, case: Row) -> Sequence[Finding]:
    """The answer on high impact has a name of more than one letter, and a day that is not in the future."""
    _, answers = filed(tx, case, policy, FORM)
    named = len(str(answers.get("high_impact_by", "")).strip()) > 1
    if named and str(answers.get("high_impact_on", "9999")) <= clock.today().isoformat():
        return []
    return [Finding("impact_answered_by_a_person", "block", ("고영향 여부를 판단한 사람의 이름과 지나간 날짜를 적어야 합니다.", "A name and a day that has come are needed."))]  # fmt: skip


def scored(policy: Policy, tx: Transaction, case: Row) -> Mapping[str, Any]:
    """Points, proposed level and what drove it, as they were when the assessment was handed in."""
    form, answers = filed(tx, case, policy, FORM)
    name_service(tx, case, answers)
    found = assess(form, answers, stage="plan")
    assert found.level is not None, "a filed assessment has no open question"
    chosen = {option.value: option.text[0] for option in form.by_id["high_impact"].options}
    return {
        "impact": {
            "level": found.level.id,
            "level_name": found.level.name[0],
            "share": found.share,
            "scales": [{"area": s.area, "points": s.points, "of": s.of} for s in found.scales],
            "drivers": [
                {"question": d.question, "text": form.by_id[d.question].text[0], "points": d.points,
                 "decisive": d.decisive, "unknown": d.unknown}
                for d in found.drivers
            ],
            "high_impact": {
                "answer": answers["high_impact"], "answer_ko": chosen[answers["high_impact"]],
                "by": answers["high_impact_by"], "on": answers["high_impact_on"], "basis": answers["high_impact_basis"],
            },
        }
    }  # fmt: skip


def not_lower(policy: Policy, tx: Transaction, case: Row) -> Sequence[Finding]:
    """A person may raise the level, not lower it: for that the answers must be given back and changed."""
    _, answers = filed(tx, case, policy, DECISION)
    proposed = case["facts"]["impact"]["level"]
    if int(answers["level"]) >= int(proposed):
        return []
    return [Finding("impact_not_lower", "block", (f"점수가 낸 {proposed}등급보다 낮게 정할 수 없습니다. 답이 틀렸으면 되돌려 고치게 하세요.", "Not lower than the score's level."))]  # fmt: skip


def decided(policy: Policy, tx: Transaction, case: Row) -> Mapping[str, Any]:
    """The level that a person decided, and its duties."""
    _, answers = filed(tx, case, policy, DECISION)
    form, _ = filed(tx, case, policy, FORM)
    assert form.score is not None
    level = next(level for level in form.score.levels if level.id == answers["level"])
    return {
        "impact": {
            **case["facts"]["impact"],
            "decided": level.id,
            "decided_name": level.name[0],
            "why": answers["why"],
            "duties": [duty[0] for duty in level.duties],
        }
    }


def tasks(work: Working, tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
    """One task a duty; those of an earlier decision stay and are not doubled."""
    known = {row["text"] for row in tx.all("select text from case_tasks where case_id = :id", id=case["id"])}
    for duty in case["facts"]["impact"]["duties"]:
        if duty not in known:
            work.task_in(tx, case, duty, source="impact_duty")


def duties_done(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Every duty was looked at."""
    waiting = tx.all("select text from case_tasks where case_id = :id and state in ('open', 'reported')", id=case["id"])
    if not waiting:
        return []
    told = ", ".join(row["text"] for row in waiting[:3])
    return [Finding("impact_duties_done", "block", (f"끝나지 않은 의무가 {len(waiting)}개 있습니다: {told}.", "Duties are open."))]  # fmt: skip


def _notice(_: Transaction, case: Row) -> Paper:
    return impact_paper(case, case["facts"]["impact"], clock.today())
