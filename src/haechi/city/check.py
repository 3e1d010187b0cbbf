"""`haechi check`: the tier of every service, recomputed. A claim whose checker fails is reported and the tier falls."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from haechi.city.register import Register, load_plan, load_register, reconcile
from haechi.city.samples import build_service, documents_of, load_samples, offline, run_samples
from haechi.city.trials import ScorecardStore
from haechi.core import clock
from haechi.core.contract import Bench, KpiReading, Readiness, Request, Scorecard
from haechi.core.errors import BadManifest, HaechiError, Unavailable
from haechi.core.manifest import Manifest
from haechi.core.outcome import Outcome
from haechi.core.quality import TIER_NAMES, Claim, Examination, SampleRun, Tier, examine, load_claims

CHECKOUT = Path(__file__).resolve().parents[3]
COMMAND_SECONDS = 300


class _Failing:
    """An engine of which every use fails, as when its process is gone."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(*_: Any, **__: Any) -> Any:
            raise Unavailable("엔진이 멈췄습니다(점검).", next_step="잠시 뒤 다시 시도하세요.", record=name)

        return fail


class ServiceUnderCheck:
    """A Subject: what costs time runs at first use and is remembered."""

    def __init__(self, manifest: Manifest, bench: Bench, store: ScorecardStore, register: Register) -> None:
        self.manifest = manifest
        self.claims: Mapping[str, Claim] = load_claims(manifest.folder)
        self._bench = bench
        self._store = store
        self._register = register

    def _engine(self, name: str) -> Any:
        return self._bench.engine(name, documents=documents_of(self.manifest))

    @cached_property
    def _service(self) -> Any:
        return build_service(self.manifest, self._engine)

    @cached_property
    def _runs(self) -> list[SampleRun]:
        return run_samples(self.manifest, self._service)

    @cached_property
    def _empty_error(self) -> HaechiError | None:
        try:
            self._service.handle(Request(self.manifest.number, {}))
        except HaechiError as error:
            return error
        return None

    def readiness(self) -> Readiness:
        """What the service says of itself."""
        readiness: Readiness = self._service.check()
        return readiness

    def samples(self) -> Sequence[SampleRun]:
        """See Subject.samples."""
        return self._runs

    def under_fault(self) -> Outcome | None:
        """See Subject.under_fault."""
        normal = next((run for run in load_normal(self.manifest)), None)
        if normal is None:
            return None
        service = build_service(self.manifest, lambda _: _Failing())
        try:
            outcome: Outcome = service.handle(normal)
        except Exception:  # whatever comes out is what a person would have seen
            return None
        return outcome

    def empty_request(self) -> HaechiError | None:
        """See Subject.empty_request."""
        return self._empty_error

    def differs_on_replay(self) -> str:
        """See Subject.differs_on_replay."""
        moment = clock.now()
        with clock.frozen(moment, seed=1):
            first = run_samples(self.manifest, self._service)
        with clock.frozen(moment, seed=1):
            second = run_samples(self.manifest, self._service)
        for one, two in zip(first, second, strict=True):
            if _lasting(one.outcome) != _lasting(two.outcome):
                return f"되풀이하면 결과가 다릅니다: {one.kind}/{one.name}"
        return ""

    def command(self, line: str) -> tuple[int, str]:
        """See Subject.command."""
        return _run(["bash", "-c", line])

    def tests(self, target: str) -> str:
        """See Subject.tests."""
        path, _, rest = target.partition("::")
        found = next((base / path for base in (self.manifest.folder, CHECKOUT) if (base / path).exists()), None)
        if found is None:
            return f"시험이 없습니다: {target}"
        where = f"{found}::{rest}" if rest else str(found)
        status, tail = _run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", where])
        if status != 0:
            return f"시험이 실패했습니다: {target} … {tail[-300:]}"
        return "" if re.search(r"\b[1-9]\d* passed", tail) else f"통과한 시험이 없습니다(모두 건너뜀): {target}"

    def in_register(self) -> bool:
        """See Subject.in_register."""
        return self.manifest in self._register.manifests

    def scorecards(self) -> Sequence[Scorecard]:
        """See Subject.scorecards."""
        return self._store.latest(self.manifest.number)

    def readings(self) -> Sequence[KpiReading]:
        """See Subject.readings."""
        module = importlib.import_module(self.manifest.entry.partition(":")[0])
        measure = getattr(module, "measure", None)
        outcomes = [run.outcome for run in self._runs if run.outcome is not None]
        return [] if measure is None else list(measure(outcomes))

    def strict_types(self) -> str:
        """See Subject.strict_types."""
        status, tail = _run([sys.executable, "-m", "mypy", "--strict", str(self.manifest.folder / "pipeline.py")])
        return "" if status == 0 else tail[-300:]


def load_normal(manifest: Manifest) -> list[Request]:
    """The requests of the normal samples."""
    return [sample.request(manifest.number) for sample in load_samples(manifest) if sample.kind == "normal"]


def _lasting(outcome: Outcome | None) -> Any:
    """What of an outcome must be the same each time: all but its own identity, moment and duration."""
    if outcome is None:
        return None
    return {key: value for key, value in outcome.as_dict().items() if key not in ("id", "at", "elapsed")}


def _run(command: list[str]) -> tuple[int, str]:
    """Run where a reader of the README stands; exit status and the last 2,000 characters."""
    here = CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    env = {**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(
            command, cwd=here, env=env, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 124, f"{COMMAND_SECONDS}초 안에 끝나지 않았습니다."
    return done.returncode, (done.stdout + done.stderr)[-2000:]


# --- all services ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """How one service stands. tier is None below bronze and for what is not built."""

    manifest: Manifest
    examination: Examination
    readiness: Readiness | None = None
    problem: str = ""

    @property
    def tier(self) -> Tier | None:
        """The tier's id, or None."""
        return None if self.problem else self.examination.tier

    @property
    def ok(self) -> bool:
        """Whether nothing is claimed that does not hold."""
        return not self.problem and not self.examination.broken_claims

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        tier = self.tier
        return {
            "number": self.manifest.number,
            "slug": self.manifest.slug,
            "name": self.manifest.name.ko,
            "stage": self.manifest.stage,
            "built": self.manifest.built,
            "tier": tier,
            "tier_ko": TIER_NAMES[tier] if tier else ("등급 없음" if self.manifest.built else self.manifest.stage),
            "readiness": self.readiness.state if self.readiness else None,
            "readiness_ko": self.readiness.sentence if self.readiness else "",
            "problem": self.problem,
            "ok": self.ok,
            "rules": [
                {
                    "id": result.rule.id,
                    "tier": result.rule.tier,
                    "ko": result.rule.ko,
                    "status": result.status,
                    "holds": result.holds,
                    "problem": result.problem,
                }
                for result in self.examination.results
            ],
        }


def check_service(manifest: Manifest, *, bench: Bench, store: ScorecardStore, register: Register) -> ServiceReport:
    """Examine one service. What is not built has no tier and nothing to run."""
    if not manifest.built:
        return ServiceReport(manifest, Examination())
    try:
        subject = ServiceUnderCheck(manifest, bench, store, register)
        with offline():
            readiness = subject.readiness()
        return ServiceReport(manifest, examine(subject), readiness)
    except HaechiError as error:
        return ServiceReport(manifest, Examination(), problem=str(error))


def check_all(
    *, bench: Bench, store: ScorecardStore, register: Register | None = None, numbers: Sequence[int] = ()
) -> dict[str, Any]:
    """Every service (or `numbers`) examined, as one JSON-ready object; `ok` is False when anything claimed does not hold."""
    register = register or load_register()
    wanted = [register.get(number) for number in numbers] if numbers else list(register.manifests)
    reports = [check_service(item, bench=bench, store=store, register=register) for item in wanted]
    broken: Sequence[BadManifest] = () if numbers else register.broken
    totals = [] if numbers else [row for row in reconcile(register, load_plan()) if row["agrees"] is False]
    return {
        "ok": all(report.ok for report in reports) and not broken and not totals,
        "services": [report.as_dict() for report in reports],
        "broken_manifests": [error.as_dict() for error in broken],
        "totals_that_disagree": totals,
    }
