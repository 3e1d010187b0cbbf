"""What hangs on policy/flows/consulting.yaml: the survey's window, the seats, the consultant, the report and its day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.office.cases import Finding, Hooks
from haechi.office.cases.people import standing_of
from haechi.office.consulting.papers import report_letter, result_letter
from haechi.office.consulting.ranking import CHOSEN
from haechi.office.rounds import answers_of, into_round, lock_round, members, related, round_for

FLOW = "consulting"


def hang(hooks: Hooks) -> None:
    """Onto the flow's steps."""
    hooks.check("consulting_window", window)
    hooks.check("consulting_all_scored", all_scored)
    hooks.check("consulting_seats", seats)
    hooks.check("consulting_consultant", consultant)
    hooks.check("consulting_visited", visited)
    hooks.work[f"{FLOW}.select"] = report_day
    hooks.effect(f"{FLOW}.submit", lambda tx, case, _: into_round(tx, case, FLOW))
    hooks.letters["consulting_result"] = result_letter
    hooks.letters["consulting_report"] = report_letter


def window(tx: Transaction, case: Row) -> Sequence[Finding]:
    """A survey takes demands today. Conflict with the days otherwise."""
    round_for(tx, case, FLOW)
    return []


def all_scored(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Nobody is chosen or declined while another demand of the round has no points yet: they are compared."""
    waiting = int(
        tx.value("select count(*) from cases where kind = 'consulting' and round = :round and state = 'submitted'",
                 round=case["round"])
    )  # fmt: skip
    if waiting:
        return [_block("consulting_all_scored", f"아직 점수를 매기지 않은 수요가 {waiting}건 있습니다. 모두 매긴 뒤에 고르세요.",
                       f"{waiting} demands have no points yet.")]  # fmt: skip
    return []


def seats(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Whether a seat is left; held until the selection is written, so that two people do not give the last one twice."""
    found = lock_round(tx, case["round"])
    taken = int(
        tx.value("select count(*) from cases where kind = 'consulting' and round = :round and state = any (:chosen)",
                 round=found["id"], chosen=list(CHOSEN))
    )  # fmt: skip
    if found["seats"] is not None and taken >= found["seats"]:
        return [_block("consulting_seats", f"‘{found['title']}’의 {found['seats']}자리가 모두 찼습니다.",
                       f"All {found['seats']} seats are taken.")]  # fmt: skip
    return []


def consultant(tx: Transaction, case: Row) -> Sequence[Finding]:
    """A consultant in term is named who is not of the bureau's side."""
    named = standing_of(tx, case).parts.get("consultant", ())
    if not named:
        return [_block("consulting_consultant", "컨설턴트를 지정하지 않았습니다.", "No consultant is named.")]
    in_term = {member.subject: member for member in members(tx, "consultant", clock.today())}
    found = []
    for subject in sorted(named):
        if subject not in in_term:
            found.append(_block("consulting_consultant", "지정한 사람이 컨설턴트 명단에 없거나 임기가 아닙니다.",
                                "Not a consultant in term."))  # fmt: skip
        elif why := related(in_term[subject], case["bureau"], {case["subject"]}):
            found.append(
                _block(
                    "consulting_consultant", f"{in_term[subject].name} 님은 맡을 수 없습니다: {why}", "Related to it."
                )
            )
    return found


def visited(tx: Transaction, case: Row) -> Sequence[Finding]:
    """A visit is not reported before it took place, nor one from before the case was opened."""
    opened = case["opened_at"].astimezone(clock.SEOUL).date()
    for visit in answers_of(tx, case["id"], "consulting_report").get("visits") or []:
        day = date.fromisoformat(visit["day"])
        if not opened <= day <= clock.today():
            return [_block("consulting_visited", f"방문한 날 {day}이(가) 이 건이 열린 동안({opened}~오늘)이 아닙니다.",
                           "A visit lies outside the case's time.")]  # fmt: skip
    return []


def report_day(tx: Transaction, case: Row) -> Mapping[str, Any]:
    """The reports' last day of the round."""
    due = tx.value("select due_on from review_rounds where id = :id", id=case["round"])
    return {"report_due": due.isoformat()} if due is not None else {}


def _block(check: str, ko: str, en: str) -> Finding:
    return Finding(check, "block", (ko, en))
