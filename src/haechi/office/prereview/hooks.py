"""What hangs on policy/flows/pre_review.yaml: checks that refuse, the machine's findings, reviewers, money, conditions, letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from haechi.core import clock
from haechi.core.errors import Conflict
from haechi.core.store import Row, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import Finding, Hooks, Policy, rows
from haechi.office.cases.people import People, standing_of
from haechi.office.cases.work import Working
from haechi.office.prereview import findings
from haechi.office.prereview.letter import result_letter
from haechi.office.prereview.projects import Services, move_filing, put_filing, similar
from haechi.office.prereview.similar import Hit
from haechi.office.rounds import able, answers_of, assign, filed_by, into_round, lock_round, members, round_for

FLOW, FORM, SHEET, DECISION = "pre_review", "pre_review", "pre_review_score", "pre_review_decision"
MOST_SIMILAR = 5


def _value(id: str, on: date | None = None) -> Any:
    return parameter(id, on=on or clock.today()).value


class PreReview:
    """Checks, effects and letters of the flow, on one policy, with the portfolio's services to compare with."""

    def __init__(self, policy: Policy, services: Services, people: People, work: Working) -> None:
        self._policy = policy
        self._services = services
        self._people = people
        self._work = work

    def hang(self, hooks: Hooks) -> None:
        """Onto the flow's steps."""
        for name, check in {
            "pre_review_window": self.window, "pre_review_budget": self.budget, "pre_review_answers": self.answers,
            "pre_review_reviewers": self.reviewers, "pre_review_scored": self.scored,
            "pre_review_no_conditions": self.no_conditions, "pre_review_conditions": self.conditions,
            "pre_review_within_cap": self.within_cap, "pre_review_conditions_met": self.conditions_met,
        }.items():  # fmt: skip
            hooks.check(name, check)
        hooks.work[f"{FLOW}.check"] = self.look
        hooks.work[f"{FLOW}.approve_with_conditions"] = self.last_day
        hooks.effect(f"{FLOW}.submit", lambda tx, case, _: into_round(tx, case, FLOW))
        hooks.effect(f"{FLOW}.assign", self.name_reviewers)
        hooks.effect(f"{FLOW}.assign_again", self.name_reviewers)
        hooks.effect(f"{FLOW}.approve_with_conditions", self.make_tasks)
        for step in self._policy.flow(FLOW).steps:
            hooks.effect(f"{FLOW}.{step}", lambda tx, case, _: move_filing(tx, case))
        hooks.letters["pre_review_result"] = result_letter

    # --- before it is handed in --------------------------------------------------------------------------------------

    def window(self, tx: Transaction, case: Row) -> Sequence[Finding]:
        """A round takes filings today. Conflict with the days otherwise."""
        found = round_for(tx, case, FLOW)
        return [Finding("pre_review_window", "info", (f"{found['title']} 접수 중", "The round is open."), ok=True)]

    def budget(self, tx: Transaction, case: Row) -> Sequence[Finding]:
        """The sums and the caps."""
        return findings.budget(answers_of(tx, case["id"], FORM), cap_won=_value("pre_review.project_cap_won"))

    def answers(self, tx: Transaction, case: Row) -> Sequence[Finding]:
        """What the written answers lack: alternatives, a named person for high impact; secrets that must go."""
        return self._said(answers_of(tx, case["id"], FORM), case)

    def _said(self, answers: Mapping[str, Any], case: Row) -> list[Finding]:
        form = self._policy.form(FORM, on=case["opened_at"].date())
        return [
            *findings.dates(answers),
            *findings.alternatives(answers, least=int(_value("pre_review.alternative_letters"))),
            *findings.personal(form, answers),
            *findings.impact(answers, today=clock.today()),
        ]

    # --- at once after it --------------------------------------------------------------------------------------------

    def look(self, tx: Transaction, case: Row) -> Mapping[str, Any]:
        """All findings, those of likeness among them, kept with the case; the filing enters the index of projects."""
        answers = answers_of(tx, case["id"], FORM)
        self._services.put(tx)
        round_id = tx.value("select round from cases where id = :id", id=case["id"])
        project = put_filing(tx, case, answers, round=round_id or "")
        hits = similar(tx, project, least=float(_value("pre_review.similar_shown")), most=MOST_SIMILAR)
        found = [
            *self.budget(tx, case),
            *_likeness(hits, float(_value("pre_review.similar_warn"))),
            *self._said(answers, case),
        ]
        return {"findings": [one.as_dict() for one in found], "checked_on": clock.today().isoformat()}

    # --- reviewers ---------------------------------------------------------------------------------------------------

    def _candidates(self, tx: Transaction, case: Row) -> tuple[list[str], list[Any], int]:
        """Those who have it already, those who may get it, and how many it needs."""
        standing = standing_of(tx, case)
        owners = standing.parts.get("owner", ())
        supplier = str(answers_of(tx, case["id"], FORM).get("supplier") or "")
        roster = members(tx, "reviewer", clock.today())
        free = able(roster, case["bureau"], {case["subject"], *owners, supplier}, standing.recused)
        return sorted(standing.parts.get("reviewer", ())), list(free), int(_value("pre_review.reviewers"))

    def reviewers(self, tx: Transaction, case: Row) -> Sequence[Finding]:
        """Whether enough people are in term who are not related to it."""
        kept, free, n = self._candidates(tx, case)
        there = len({*kept, *(member.subject for member in free)})
        if there < n:
            return [Finding("pre_review_reviewers", "block", (
                f"이 건을 심사할 수 있는 위원이 {there}명뿐입니다({n}명 필요, 제척·회피 제외).",
                f"Only {there} of {n} reviewers are free to judge it."))]  # fmt: skip
        if len(kept) >= n:
            raise Conflict("빈 심사위원 자리가 없습니다.", next_step="이미 모두 배정되었습니다.", record=case["number"])
        return []

    def name_reviewers(self, tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
        """Name those whom the rule gives; who is named already stays."""
        kept, free, n = self._candidates(tx, case)
        load = {row["subject"]: int(row["cases"]) for row in tx.all("select * from haechi_review_load('reviewer')")}
        chosen = assign(case["number"], free, n, kept=kept, load=load)
        names = {member.subject: member.name for member in free}
        for subject in chosen:
            if subject not in kept:
                self._people.put(tx, case, "reviewer", subject, names[subject])
                text = (f"{case['number']} ‘{case['title']}’의 심사위원으로 배정되었습니다.",
                        f"{case['number']}: you are a reviewer.")  # fmt: skip
                rows.notify(tx, [subject], "case_named", text, case=case, key=f"{case['id']}:reviewer:{subject}")

    def scored(self, tx: Transaction, case: Row) -> Sequence[Finding]:
        """Whether every reviewer who is still in the case has filed."""
        standing = standing_of(tx, case)
        done = {row["author"] for row in filed_by(tx, case["id"], SHEET)}
        waiting = [one for one in standing.parts.get("reviewer", ()) if one not in done]
        n = int(_value("pre_review.reviewers"))
        if waiting or len(done) < n:
            return [Finding("pre_review_scored", "block", (
                f"심사표가 {len(done)}건 들어왔습니다. {max(n, len(done) + len(waiting))}건이 필요합니다.",
                f"{len(done)} score sheets are in."))]  # fmt: skip
        return []

    # --- the decision ------------------------------------------------------------------------------------------------

    def no_conditions(self, tx: Transaction, case: Row) -> Sequence[Finding]:
        """A project with conditions is not simply approved."""
        if answers_of(tx, case["id"], DECISION).get("conditions"):
            return [Finding("pre_review_no_conditions", "block", (
                "조건이 적혀 있습니다. ‘조건부추진’으로 정하거나 조건을 지우세요.", "There are conditions."))]  # fmt: skip
        return []

    def conditions(self, tx: Transaction, case: Row) -> Sequence[Finding]:
        """At least one condition, each due on a day to come."""
        told = answers_of(tx, case["id"], DECISION).get("conditions") or []
        if not told:
            return [Finding("pre_review_conditions", "block", ("조건이 비었습니다.", "No condition is written."))]
        today = clock.today().isoformat()
        return [
            Finding("pre_review_conditions", "block",
                    (f"조건 ‘{one['what']}’의 기한 {one['due_on']}이(가) 지났습니다.", "A condition is due in the past."))
            for one in told if one["due_on"] < today
        ]  # fmt: skip

    def within_cap(self, tx: Transaction, case: Row) -> Sequence[Finding]:
        """What the round has promised and this project, against the round's cap; held until the decision is written."""
        found = lock_round(tx, case["round"])
        total = int(answers_of(tx, case["id"], FORM).get("total_won") or 0)
        promised = int(tx.value("select haechi_round_promised(:round)", round=found["id"]) or 0)
        if found["cap_won"] is None or promised + total <= found["cap_won"]:
            return []
        over = promised + total - found["cap_won"]
        return [Finding("pre_review_within_cap", "block", (
            f"‘{found['title']}’ 한도 {found['cap_won']:,}원 가운데 {promised:,}원을 이미 추진하기로 했습니다. "
            f"이 사업 {total:,}원을 더하면 {over:,}원 넘습니다.", f"{over:,} won above the round's cap."))]  # fmt: skip

    def last_day(self, tx: Transaction, case: Row) -> Mapping[str, Any]:
        """The day by which all conditions are due."""
        told = answers_of(tx, case["id"], DECISION).get("conditions") or []
        return {"conditions_due": max(one["due_on"] for one in told)} if told else {}

    def make_tasks(self, tx: Transaction, case: Row, _: Mapping[str, Any]) -> None:
        """Each condition is a task of the owner's bureau."""
        for one in answers_of(tx, case["id"], DECISION).get("conditions") or []:
            owner = "" if case["bureau"] else case["subject"]
            due = date.fromisoformat(one["due_on"])
            self._work.task_in(tx, case, one["what"], owner=owner, due_on=due, source="approve_with_conditions")

    def conditions_met(self, tx: Transaction, case: Row) -> Sequence[Finding]:
        """Every condition's task accepted."""
        left = tx.value(
            "select count(*) from case_tasks where case_id = :id and source = 'approve_with_conditions' and state <> 'done'",
            id=case["id"],
        )
        if left:
            return [Finding("pre_review_conditions_met", "block", (
                f"아직 확인하지 않은 조건이 {left}개 있습니다.", f"{left} conditions are not accepted."))]  # fmt: skip
        return []


def _likeness(hits: Sequence[Hit], warns: float) -> list[Finding]:
    if not hits:
        return [
            Finding("pre_review_similar", "info", ("비슷한 사업을 찾지 못했습니다.", "No similar project."), ok=True)
        ]
    return [
        Finding("pre_review_similar", "warn" if hit.score >= warns else "info", (
            f"비슷한 사업: {hit.project.number} {hit.project.title}({hit.project.bureau or '미상'}, 유사도 {hit.score:.2f}). {hit.reason[0]}",
            f"Similar: {hit.project.title} ({hit.score:.2f}). {hit.reason[1]}"),
            detail={"ref": hit.project.ref, "score": hit.score, "words": list(hit.words), "title": hit.project.title})
        for hit in hits
    ]  # fmt: skip
