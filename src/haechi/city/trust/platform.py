"""Every probe by name, and the one call that runs them all for a service."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from haechi.city.register import Register, load_register
from haechi.city.trials import ScorecardStore
from haechi.city.trust import parts, running, standing, tried
from haechi.city.trust.subject import Subject, Told
from haechi.core import clock
from haechi.core.contract import Bench
from haechi.core.errors import HaechiError
from haechi.core.store import Store
from haechi.office.cases.policy import Policy
from haechi.office.trust import Gathered, Proof, proof_from

log = logging.getLogger("haechi.trust")
Look = Callable[[Subject, Told], Proof]
REMEMBERED = timedelta(hours=1)
"""For so long a run that takes seconds is not repeated; its proof says when it ran."""


@dataclass(frozen=True, slots=True)
class Probe:
    """look: does it. source: where it reads. command: the way to repeat it by hand. slow: takes seconds. shared: finds the
    same for every service, so one run serves all."""

    title: tuple[str, str]
    source: str
    look: Look
    command: str = "haechi trust {n} --json"
    slow: bool = False
    shared: bool = False


PROBES: Mapping[str, Probe] = {
    "impact_on_record": Probe(("영향평가", "Impact assessment"), "사무의 건", standing.impact_on_record),
    "ethics_on_record": Probe(("윤리 자체점검", "Ethics self-check"), "사무의 건", standing.ethics_on_record),
    "human_step": Probe(("사람의 단계에 닿는지", "Human step reachable"), "service.toml, policy/flows", standing.human_step),
    "override_rate": Probe(("사람이 뒤집은 비율", "Override rate"), "이의·경보의 판정(90일)", running.override_rate),
    "complaint_rate": Probe(("이의와 불만의 비율", "Complaint rate"), "이의·평가(90일)", running.complaint_rate),
    "notice": Probe(("안내문", "Notice"), "service.toml", standing.notice),
    "label_coverage": Probe(("AI 표시가 붙은 비율", "Label coverage"), "저장된 결과(90일)", running.label_coverage),
    "evidence_coverage": Probe(("근거가 붙은 비율", "Evidence coverage"), "저장된 결과(90일)", running.evidence_coverage),
    "register_entry": Probe(("등록부와 같은지", "Register entry"), "등록부, service.toml", standing.register_entry),
    "audit_chain": Probe(("기록의 사슬", "Audit chain"), "감사 기록", standing.audit_chain, "haechi audit verify", True, True),
    "model_hashes": Probe(("모델의 해시", "Model hashes"), "policy/registered_models.yaml, 파일", parts.model_hashes),
    "data_statement": Probe(("데이터 명세", "Data statement"), "service.toml", standing.data_statement),
    "retention_runs": Probe(("보관 기간 일과", "Retention runs"), "감사 기록, 대화", standing.retention_runs),
    "trial_figures": Probe(("시험 성적", "Trial figures"), "시험 기록", tried.trial_figures, "haechi trial {n}"),
    "scores_by_group": Probe(("집단별 성적", "Scores by group"), "시험 기록", tried.scores_by_group, "haechi trial {n}"),
    "robustness": Probe(("망가뜨린 입력", "Robustness"), "보통 사례를 망가뜨려 다시 실행", tried.robustness, slow=True),
    "guard_pack": Probe(("공격 시험", "Attack pack"), "bench/attacks.py", tried.guard_pack, "python bench/attacks.py --every 12 --json", True, True),
    "drift": Probe(("변화", "Drift"), "저장된 결과(30일과 그 앞 30일)", running.drift),
    "fallback": Probe(("엔진이 멈췄을 때", "Fallback"), "엔진을 모두 멈추고 실행", tried.fallback, "haechi check {n}", True),
    "sbom": Probe(("부품표", "SBOM"), "설치된 부품의 메타데이터", parts.sbom, "haechi trust {n} --sbom FILE"),
    "licences": Probe(("허가 조건", "Licences"), "설치된 부품의 메타데이터", parts.licences),
}  # fmt: skip


@dataclass(frozen=True)
class Platform:
    """What can be asked for evidence. store: role haechi_worker; None where no installation runs.

    register: None reads the city's own each time. models: another list of registered models than the policy's.
    """

    scorecards: ScorecardStore
    bench: Bench
    store: Store | None = None
    home: Path | None = None
    register: Register | None = None
    policy: Policy | None = None
    models: Path | None = None
    probes: Mapping[str, Probe] = field(default_factory=lambda: PROBES)

    def know(self, service: int) -> None:
        """NotFound for a number that nobody registered."""
        (self.register or load_register()).get(service)

    def gather(self, service: int, *, anew: bool = False) -> Gathered:
        """Every probe, and the bill of materials as a file. anew: also what ran within the hour. NotFound as `know`."""
        subject = self._subject(service)
        known = {} if anew else self._remembered(service)
        proofs = tuple(known.get(name) or self._look(subject, name, probe) for name, probe in self.probes.items())
        self._remember(service, proofs)
        return Gathered(proofs, {parts.SBOM_FILE: parts.sbom_file(subject)})

    def at_once(self, service: int) -> tuple[Proof, ...]:
        """As `gather`, without waiting: what takes seconds and did not run within the hour says so."""
        subject, known = self._subject(service), self._remembered(service)
        return tuple(
            known.get(name) or (self._later(service, name, probe) if probe.slow else self._look(subject, name, probe))
            for name, probe in self.probes.items()
        )

    def bill(self, service: int) -> bytes:
        """The bill of materials alone. NotFound as `know`."""
        return parts.sbom_file(self._subject(service))

    def _later(self, service: int, name: str, probe: Probe) -> Proof:
        told = Told(name, probe.title, probe.source, probe.command.format(n=service))
        return told.unmeasurable("한 시간 안에 돌린 적이 없습니다.", "‘지금 다시 재기’를 누르세요.")

    def _subject(self, service: int) -> Subject:
        register = self.register or load_register()
        return Subject(
            register.get(service), register, self.policy or Policy.in_force(), self.scorecards, self.bench,
            self.store, self.home, self.models,
        )  # fmt: skip

    def _look(self, subject: Subject, name: str, probe: Probe) -> Proof:
        told = Told(name, probe.title, probe.source, probe.command.format(n=subject.number))
        start = time.monotonic()
        try:
            return probe.look(subject, told)
        except HaechiError as error:
            return told.unmeasurable(error.message, error.next_step)
        finally:
            log.debug("%s: %.2f s", name, time.monotonic() - start)

    # --- what ran a moment ago ---------------------------------------------------------------------------------------

    def _remembered(self, service: int) -> dict[str, Proof]:
        found: dict[str, Proof] = {}
        for path in (self._path(str(service)), self._path("shared")):
            if path is not None and path.exists():
                with suppress(ValueError, KeyError):  # half a file is no memory
                    kept = map(proof_from, json.loads(path.read_text(encoding="utf-8")))
                    found |= {proof.probe: proof for proof in kept if clock.now() - proof.at < REMEMBERED}
        return found

    def _remember(self, service: int, proofs: Sequence[Proof]) -> None:
        slow = [proof for proof in proofs if self.probes[proof.probe].slow and proof.verdict != "unmeasurable"]
        for name, shared in ((str(service), False), ("shared", True)):
            path = self._path(name)
            if path is not None:
                told = [proof.as_dict() for proof in slow if self.probes[proof.probe].shared is shared]
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = path.with_suffix(f".{clock.new_id()[:8]}")
                partial.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
                partial.replace(path)

    def _path(self, name: str) -> Path | None:
        return self.home / "trust" / f"{name}.json" if self.home is not None else None
