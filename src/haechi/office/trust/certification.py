"""What hangs on the flow trust_cert: the platform's evidence, what stops a certificate, and the papers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from haechi.core import clock
from haechi.core.errors import NotFound
from haechi.core.store import Row as CaseRow
from haechi.core.store import Store, Transaction
from haechi.engines.rules.catalogue import catalogue_in_force
from haechi.engines.rules.dated import parameter
from haechi.office.cases.checks import Finding, Hooks, Weight
from haechi.office.cases.policy import Policy
from haechi.office.cases.work import Working
from haechi.office.letters import Paper
from haechi.office.trust import ethics, impact
from haechi.office.trust.filed import attached, filed, name_service, past
from haechi.office.trust.papers import trust_paper
from haechi.office.trust.proofs import VERDICTS, Proof, proof_from
from haechi.office.trust.requirements import Row, rows

JUDGED = (("proportion", "비례성"), ("basis", "법적 근거"), ("acceptable", "수용성"))


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the platform found about a service, and files worth keeping with the case (name → content)."""

    proofs: tuple[Proof, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)


class Gather(Protocol):
    """Who is asked for evidence: the running platform."""

    def know(self, service: int) -> None:
        """NotFound for a number that nobody registered."""
        ...

    def gather(self, service: int) -> Gathered:
        """Its evidence now. NotFound as `know`."""
        ...


def hooks(register: Hooks, policy: Policy, gather: Gather, store: Store) -> None:
    """Register everything of ethics, impact and trust. store: the one under which people work."""
    work = Working(store)
    ethics.hooks(register, policy, work)
    impact.hooks(register, policy, work)
    desk = Certification(policy, gather, work)
    register.check("trust_service", desk.service_known)
    register.check("trust_gaps_dated", desk.gaps_dated)
    register.check("trust_no_open_gap", desk.no_open_gap)
    register.check("trust_nothing_fails", desk.nothing_fails)
    register.check("trust_judged", desk.judged)
    register.check("trust_fresh", desk.fresh)
    register.work["trust_cert.apply"] = desk.applied
    register.work["trust_cert.collect"] = desk.collect
    register.work["trust_cert.test"] = desk.test
    register.effect("trust_cert.ask_fix", desk.tasks)
    register.letters["trust_report"] = desk.report
    register.letters["trust_certificate"] = desk.certificate


class Certification:
    """The steps of one certification after another; keeps nothing between them."""

    def __init__(self, policy: Policy, gather: Gather, work: Working) -> None:
        self._policy = policy
        self._gather = gather
        self._work = work

    # --- work of the machine -----------------------------------------------------------------------------------------

    def applied(self, tx: Transaction, case: CaseRow) -> Mapping[str, Any]:
        """The number of the service, on the case."""
        _, answers = filed(tx, case, self._policy, "trust_scope")
        name_service(tx, case, answers)
        return {"service": int(answers["service"])}

    def collect(self, tx: Transaction, case: CaseRow) -> Mapping[str, Any]:
        """Gather; put each requirement's passing evidence beside its question, so that the owner can refer to it."""
        facts, gathered = self._gathered(tx, case)
        for row in rows(catalogue_in_force(), gathered.proofs):
            if not row.failing and any(proof.verdict == "pass" for proof in row.proofs):
                told = [proof.as_dict() for proof in row.proofs]
                self._work.evidence_in(
                    tx, case, kind="run", name=f"플랫폼 증거: {row.requirement.title[0]}", question=row.question,
                    content=json.dumps(told, ensure_ascii=False, indent=1).encode(),
                )  # fmt: skip
        return facts

    def test(self, tx: Transaction, case: CaseRow) -> Mapping[str, Any]:
        """Gather once more: what was filed is judged against the platform as it stands now."""
        facts, _ = self._gathered(tx, case)
        return facts

    def _gathered(self, tx: Transaction, case: CaseRow) -> tuple[dict[str, Any], Gathered]:
        gathered = self._gather.gather(int(case["facts"]["service"]))
        told = [proof.as_dict() for proof in gathered.proofs]
        files = {"platform-evidence.json": json.dumps(told, ensure_ascii=False, indent=1).encode(), **gathered.files}
        for name, content in files.items():
            self._work.evidence_in(tx, case, kind="run", name=name, content=content)
        findings = [_finding(proof).as_dict() for proof in gathered.proofs]
        return {"trust": {"at": clock.now().isoformat(), "proofs": told}, "findings": findings}, gathered

    # --- what stops a step -------------------------------------------------------------------------------------------

    def service_known(self, tx: Transaction, case: CaseRow) -> Sequence[Finding]:
        """The service is registered."""
        _, answers = filed(tx, case, self._policy, "trust_scope")
        try:
            self._gather.know(int(answers["service"]))
        except NotFound as error:
            return [Finding("trust_service", "block", (str(error), "No such service."))]
        return []

    def gaps_dated(self, tx: Transaction, case: CaseRow) -> Sequence[Finding]:
        """A gap is to be closed on a day that is still to come."""
        today = clock.today()
        late = [row for row in self.rows(tx, case) if row.due is not None and past(row.due.isoformat(), today)]
        return [_block("trust_gaps_dated", f"{_named(late)}의 보완 기한이 이미 지났습니다.", "A gap is due in the past.")] * bool(late)  # fmt: skip

    def no_open_gap(self, tx: Transaction, case: CaseRow) -> Sequence[Finding]:
        """Nothing is still being mended."""
        gaps = [row for row in self.rows(tx, case) if row.state == "gap"]
        told = ", ".join(f"{row.requirement.title[0]}({row.due}까지)" for row in gaps)
        return [_block("trust_no_open_gap", f"보완이 끝나지 않은 요구사항이 {len(gaps)}개 있습니다: {told}.", "Gaps are open.")] * bool(gaps)  # fmt: skip

    def nothing_fails(self, tx: Transaction, case: CaseRow) -> Sequence[Finding]:
        """No evidence contradicts what was filed, and nothing is unanswered."""
        found = self.rows(tx, case)
        told = [
            f"{row.requirement.title[0]} — {proof.title[0]}: {proof.value}"
            for row in found if row.state == "failing" for proof in row.failing
        ]  # fmt: skip
        told += [f"{row.requirement.title[0]}: 답이나 증거가 없습니다" for row in found if row.state == "open"]
        return [_block("trust_nothing_fails", f"증거가 미달이거나 없습니다. {'. '.join(told)}.", "Evidence fails.")] * bool(told)  # fmt: skip

    def judged(self, tx: Transaction, case: CaseRow) -> Sequence[Finding]:
        """The assessor answered yes to what no machine can judge."""
        _, answers = filed(tx, case, self._policy, "trust_judgement")
        no = [name for id, name in JUDGED if answers.get(id) != "yes"]
        return [_block("trust_judged", f"{', '.join(no)}을(를) 갖추었다고 판단하지 않았습니다. 보완을 요구하거나 확인하지 않음을 고르세요.", "A person did not judge so.")] * bool(no)  # fmt: skip

    def fresh(self, _: Transaction, case: CaseRow) -> Sequence[Finding]:
        """The platform's evidence is not older than the policy allows."""
        days = int(parameter("trust.valid_days", on=clock.today()).value)
        gathered = datetime.fromisoformat(case["facts"]["trust"]["at"])
        old = clock.now() - gathered > timedelta(days=days)
        return [_block("trust_fresh", f"플랫폼 증거가 {days}일을 넘었습니다. 보완 요구로 돌려 다시 시험하세요.", "The evidence is too old.")] * old  # fmt: skip

    # --- rows, tasks, papers -----------------------------------------------------------------------------------------

    def rows(self, tx: Transaction, case: CaseRow) -> tuple[Row, ...]:
        """The 15 rows as they stand in the case."""
        _, answers = filed(tx, case, self._policy, "trust_evidence")
        return rows(catalogue_in_force(), proofs_of(case), answers, attached(tx, case))

    def tasks(self, tx: Transaction, case: CaseRow, _: Mapping[str, Any]) -> None:
        """A task for each gap and each failing requirement that has none that is still open."""
        known = {row["source"] for row in tx.all(
            "select source from case_tasks where case_id = :id and state in ('open', 'reported')", id=case["id"])}  # fmt: skip
        for row in self.rows(tx, case):
            if row.state in ("gap", "failing", "open") and row.question not in known:
                what = (
                    row.told
                    or ", ".join(f"{proof.title[0]}: {proof.value}" for proof in row.failing)
                    or "증거를 붙인다"
                )
                text = f"{row.number}. {row.requirement.title[0]}: {what}"
                self._work.task_in(tx, case, text, due_on=row.due, source=row.question)

    def report(self, tx: Transaction, case: CaseRow) -> Paper:
        """The report on the 15 rows, at any time after the tests."""
        return trust_paper(case, self.rows(tx, case), kind="평가 보고서", opinion=self._opinion(tx, case), day=clock.today())  # fmt: skip

    def certificate(self, tx: Transaction, case: CaseRow) -> Paper:
        """The draft certificate."""
        until = clock.today() + timedelta(days=int(parameter("trust.valid_days", on=clock.today()).value))
        return trust_paper(
            case, self.rows(tx, case), kind="준비도 확인서", opinion=self._opinion(tx, case), day=clock.today(),
            valid_until=until,
        )  # fmt: skip

    def _opinion(self, tx: Transaction, case: CaseRow) -> str:
        _, answers = filed(tx, case, self._policy, "trust_judgement")
        said = {"yes": "그렇다", "no": "그렇지 않다"}
        return " ".join(
            f"{name}: {said[answers[id]]}. {answers.get(f'{id}_why', '')}" for id, name in JUDGED if answers.get(id)
        )


def proofs_of(case: CaseRow) -> tuple[Proof, ...]:
    """The platform's evidence that stands in a case; () before it was gathered."""
    return tuple(map(proof_from, case["facts"].get("trust", {}).get("proofs", ())))


def _finding(proof: Proof) -> Finding:
    """As the page of a case shows what was found."""
    told = f"{proof.title[0]}: {proof.value} — {VERDICTS[proof.verdict][0]}"
    weight: Weight = "warn" if proof.verdict == "fail" else "info"
    english = f"{proof.title[1]}: {VERDICTS[proof.verdict][1]}"
    return Finding(proof.probe, weight, (f"{told}. {proof.why}".strip(), english), ok=proof.verdict == "pass")


def _block(check: str, ko: str, en: str) -> Finding:
    return Finding(check, "block", (ko, en))


def _named(found: Sequence[Row]) -> str:
    return ", ".join(row.requirement.title[0] for row in found)
