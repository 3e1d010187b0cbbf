"""What the flow `service_check` asks of this module: own figures only where nothing was measured, actions that are followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from haechi.core.errors import InvalidInput
from haechi.core.store import Row, Store, Transaction
from haechi.office.cases import Finding, Hooks
from haechi.office.cases.work import Working

FLOW = "service_check"
MOST_ACTIONS = 30


def hang(hooks: Hooks, store: Store) -> None:
    """Register the checks of the flow and the tasks that asking for actions makes."""
    work = Working(store)
    hooks.check("check_own_figures", own_figures)
    hooks.check("check_actions_reported", lambda tx, case: _tasks(tx, case, ("open",), "check_actions_reported"))
    hooks.check(
        "check_actions_settled", lambda tx, case: _tasks(tx, case, ("open", "reported"), "check_actions_settled")
    )
    hooks.effect(f"{FLOW}.ask_action", lambda tx, case, sent: ask_actions(work, tx, case, str(sent["note"])))


def own_figures(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Blocks a figure for a KPI that the platform measured, for one that does not exist, twice the same, or without a source."""
    known = {
        row["kpi"]: row
        for row in tx.all(
            "select kpi, name, value from check_readings where round = :round and service = :service",
            round=case["round"], service=case["service"],
        )
    }  # fmt: skip
    answers = tx.value(
        "select answers from case_filings where case_id = :id and form = :form", id=case["id"], form=FLOW
    )
    seen: set[str] = set()
    found = []
    for line in (answers or {}).get("own_figures") or []:
        text = _fault(line, known, seen)
        seen.add(str(line.get("kpi") or "").strip())
        if text:
            found.append(Finding("check_own_figures", "block", text))
    return found


def _fault(line: Mapping[str, Any], known: Mapping[str, Row], seen: set[str]) -> tuple[str, str] | None:
    kpi = str(line.get("kpi") or "").strip()
    if kpi not in known:
        names = ", ".join(known) or "없음"
        return f"‘{kpi}’은(는) 이 서비스의 지표가 아닙니다(지표: {names}).", f"{kpi!r} is no KPI of this service."
    name = known[kpi]["name"]
    if known[kpi]["value"] is not None:
        return (
            f"‘{name}’은(는) 플랫폼이 이미 쟀으므로 따로 적지 않습니다.",
            f"{kpi} is measured by the platform already.",
        )
    if kpi in seen:
        return f"‘{name}’이(가) 두 번 적혔습니다.", f"{kpi} stands twice."
    if line.get("value") in (None, "") or not str(line.get("source") or "").strip():
        return f"‘{name}’의 값과 근거 자료를 모두 적으세요.", f"{kpi} needs a value and its source."
    return None


def _tasks(tx: Transaction, case: Row, states: Sequence[str], check: str) -> Sequence[Finding]:
    rows = tx.all(
        "select text from case_tasks where case_id = :id and state = any (:states) order by made_at",
        id=case["id"],
        states=list(states),
    )
    if not rows:
        return []
    what = "보고하지 않은" if check == "check_actions_reported" else "끝나지 않은"
    text = f"{what} 조치가 {len(rows)}건 있습니다: " + ", ".join(row["text"][:40] for row in rows[:3])
    return [Finding(check, "block", (text, f"{len(rows)} actions are not settled."))]


def ask_actions(work: Working, tx: Transaction, case: Row, note: str) -> None:
    """The verifier's note, one action a line, as tasks of the bureau. InvalidInput for none, or too many to follow."""
    lines = [line.strip(" -·○") for line in note.splitlines()]
    lines = [line for line in lines if line]
    if not lines or len(lines) > MOST_ACTIONS:
        raise InvalidInput(
            f"조치는 1건에서 {MOST_ACTIONS}건까지 적습니다.", next_step="한 줄에 하나씩 적으세요.", record="note"
        )
    for line in lines:
        work.task_in(tx, case, line, source="service_check.ask_action")
