"""What hangs on policy/flows/pilot.yaml: the plan, people enough, surveys in time, raters who have rated, the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import Finding, Hooks
from haechi.office.cases.people import standing_of
from haechi.office.letters import Paper
from haechi.office.pilots.papers import report_paper
from haechi.office.pilots.trials import counts, questions, results_in
from haechi.office.rounds import answers_of

FLOW, PLAN, FINDINGS, DECISION = "pilot", "pilot_plan", "pilot_findings", "pilot_decision"


def hang(hooks: Hooks) -> None:
    """Onto the flow's steps."""
    for name, check in {
        "pilot_plan": plan, "pilot_people": people, "pilot_before": before, "pilot_over": over, "pilot_after": after,
        "pilot_rated": rated, "pilot_extension": extension,
    }.items():  # fmt: skip
        hooks.check(name, check)
    hooks.work[f"{FLOW}.approve"] = period
    hooks.work[f"{FLOW}.measure"] = figures
    hooks.work[f"{FLOW}.extend"] = new_end
    hooks.letters["pilot_report"] = report_letter


def plan(tx: Transaction, case: Row) -> Sequence[Finding]:
    """The plan holds together: an end after the start, and what its instruments need."""
    told = answers_of(tx, case["id"], PLAN)
    found = []
    if str(told.get("ends_on") or "") <= str(told.get("starts_on") or ""):
        found.append(_block("pilot_plan", "종료일이 시작일보다 뒤여야 합니다.", "It must end after it begins."))
    wanted = set(told.get("instruments") or ())
    if "survey" in wanted and not questions(told):
        found.append(_block("pilot_plan", "설문으로 잰다고 했는데 문항이 없습니다.", "The survey has no questions."))
    if wanted & {"diary", "survey", "raters"} and int(told.get("people") or 0) < 2:
        found.append(_block("pilot_plan", "사람으로 재려면 참여자가 두 명 이상이어야 합니다.", "At least two people."))
    return found


def people(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Enough of the planned people have agreed, and the blind raters are named."""
    told = answers_of(tx, case["id"], PLAN)
    planned, share = int(told.get("people") or 0), _share()
    found = []
    if planned:
        agreed = int(counts(tx, case["id"])["agreed"])
        if agreed < planned * share:
            found.append(
                _block("pilot_people", f"참여에 동의한 사람이 {agreed}명입니다(계획 {planned}명의 {share:.0%} 이상 필요).",
                       f"{agreed} of {planned} people have agreed.")
            )  # fmt: skip
    if "raters" in (told.get("instruments") or ()):
        needed = int(parameter("pilot.raters", on=clock.today()).value)
        named = len(standing_of(tx, case).parts.get("rater", ()))
        if named < needed:
            found.append(
                _block("pilot_people", f"평가자 {needed}명이 필요합니다(지금 {named}명).", f"{needed} raters needed.")
            )
    return found


def before(tx: Transaction, case: Row) -> Sequence[Finding]:
    """The survey before was answered: afterwards it would be too late."""
    return _answered(tx, case, "before", "시작 전")


def after(tx: Transaction, case: Row) -> Sequence[Finding]:
    """The survey after was answered, the diary is not empty, and texts stand in pairs, where the plan measures by them."""
    wanted = set(answers_of(tx, case["id"], PLAN).get("instruments") or ())
    there = counts(tx, case["id"])
    found = list(_answered(tx, case, "after", "끝난 뒤"))
    if "diary" in wanted and not there["entries"]:
        found.append(_block("pilot_after", "업무 일지가 비었습니다.", "The diary is empty."))
    if "raters" in wanted and there["pairs"] < 2:
        found.append(
            _block(
                "pilot_after",
                f"도구 없이 쓴 것과 함께 쓴 것의 쌍이 {there['pairs']}개입니다(2개 이상 필요).",
                "Too few pairs.",
            )
        )
    return found


def _answered(tx: Transaction, case: Row, moment: str, name: str) -> Sequence[Finding]:
    if "survey" not in (answers_of(tx, case["id"], PLAN).get("instruments") or ()):
        return []
    there, share = counts(tx, case["id"]), _share()
    if there[moment] < there["agreed"] * share:
        return [_block(f"pilot_{moment}", f"{name} 설문에 {there['agreed']}명 가운데 {there[moment]}명이 답했습니다({share:.0%} 이상 필요).",
                       f"{there[moment]} of {there['agreed']} answered the survey {moment}.")]  # fmt: skip
    return []


def over(tx: Transaction, case: Row) -> Sequence[Finding]:  # noqa: ARG001 - a check's form
    """A trial is not ended early because its figures look good; halting it is another step, with its reason."""
    ends = str(case["facts"].get("ends_on") or "")
    if clock.today().isoformat() <= ends:
        return [_block("pilot_over", f"실증은 {ends}까지입니다. 일찍 그만두려면 ‘즉시 멈춤’을 누르고 까닭을 적으세요.",
                       f"The trial runs until {ends}.")]  # fmt: skip
    return []


def rated(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Both raters have rated every text; the indicators that the plan promised are written."""
    wanted = set(answers_of(tx, case["id"], PLAN).get("instruments") or ())
    found = []
    if "raters" in wanted:
        owed = sum(counts(tx, case["id"])["owed"].values())
        if owed:
            found.append(
                _block("pilot_rated", f"채점하지 않은 것이 {owed}건 남았습니다.", f"{owed} ratings are missing.")
            )
    if "kpi" in wanted and not answers_of(tx, case["id"], FINDINGS).get("kpi"):
        found.append(
            _block("pilot_rated", "계획에 있는 성과 지표의 결과를 적지 않았습니다.", "No indicator is written.")
        )
    return found


def extension(tx: Transaction, case: Row) -> Sequence[Finding]:
    """An extension has a new end in the days to come."""
    new = str(answers_of(tx, case["id"], DECISION).get("new_end") or "")
    if new <= clock.today().isoformat():
        return [_block("pilot_extension", "연장하려면 앞날의 새 종료일이 필요합니다.", "An extension needs a new end.")]
    return []


def period(tx: Transaction, case: Row) -> Mapping[str, Any]:
    """When it runs, as approved."""
    told = answers_of(tx, case["id"], PLAN)
    return {"starts_on": told["starts_on"], "ends_on": told["ends_on"]}


def new_end(tx: Transaction, case: Row) -> Mapping[str, Any]:
    """The new end of an extended trial."""
    return {"ends_on": answers_of(tx, case["id"], DECISION)["new_end"]}


def figures(tx: Transaction, case: Row) -> Mapping[str, Any]:
    """The figures as they were when they were worked out."""
    return {"results": results_in(tx, case["id"]).as_dict()}


def report_letter(tx: Transaction, case: Row) -> Paper:
    """The report of a decided trial, from what is stored now: the same rows as when they were worked out."""
    id = case["id"]
    return report_paper(
        case, answers_of(tx, id, PLAN), answers_of(tx, id, FINDINGS), answers_of(tx, id, DECISION), results_in(tx, id)
    )


def _share() -> float:
    return float(parameter("pilot.least_answered", on=clock.today()).value)


def _block(check: str, ko: str, en: str) -> Finding:
    return Finding(check, "block", (ko, en))
