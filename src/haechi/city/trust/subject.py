"""What a probe looks at: one service with its manifest, its records, its figures; and how it says what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from haechi.city.check import ServiceUnderCheck
from haechi.city.register import Register
from haechi.city.samples import build_service, documents_of, load_samples, run_samples
from haechi.city.trials import ScorecardStore
from haechi.core import clock
from haechi.core.contract import Bench
from haechi.core.manifest import Manifest
from haechi.core.quality import SampleRun
from haechi.core.store import Store
from haechi.engines.rules.dated import parameter
from haechi.office.cases.policy import Policy
from haechi.office.trust.proofs import Proof, Verdict

DAYS = 90
"""How far back records are read."""
Titles = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Subject:
    """store: role haechi_worker, or None where no installation runs. home: of the installation."""

    manifest: Manifest
    register: Register
    policy: Policy
    scorecards: ScorecardStore
    bench: Bench
    store: Store | None = None
    home: Path | None = None
    models: Path | None = None
    _kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def number(self) -> int:
        """Of the service."""
        return self.manifest.number

    @property
    def today(self) -> date:
        """Seoul's."""
        return clock.today()

    def limit(self, id: str) -> float | None:
        """A limit in force today; None where it is 미상: then no machine judges."""
        value = parameter(f"trust.{id}", on=self.today).value
        return None if value is None else float(value)

    @cached_property
    def service(self) -> Any:
        """The service, built on the bench over its own samples' documents."""
        return build_service(self.manifest, lambda name: self.bench.engine(name, documents=documents_of(self.manifest)))

    @cached_property
    def samples(self) -> Sequence[Any]:
        """Its normal samples."""
        return [sample for sample in load_samples(self.manifest) if sample.kind == "normal"]

    @cached_property
    def runs(self) -> Sequence[SampleRun]:
        """Every sample, run once."""
        return run_samples(self.manifest, self.service)

    @cached_property
    def under_check(self) -> ServiceUnderCheck:
        """As `haechi check` sees it."""
        return ServiceUnderCheck(self.manifest, self.bench, self.scorecards, self.register)


class Told:
    """Makes the proofs of one probe: its name, title, source and command stand once."""

    def __init__(self, probe: str, title: tuple[str, str], source: str, command: str) -> None:
        self._fixed = (probe, title)
        self._source, self._command = source, command

    def _made(self, verdict: Verdict, value: str, why: str, next_step: str, detail: Mapping[str, Any]) -> Proof:
        probe, title = self._fixed
        return Proof(probe, title, verdict, value, self._source, self._command, clock.now(), why, next_step, detail)

    def held(self, fine: bool, value: str, why: str = "", next_step: str = "", **detail: Any) -> Proof:
        """A yes or a no."""
        return self._made("pass" if fine else "fail", value, why, "" if fine else next_step, detail)

    def unmeasurable(self, why: str, next_step: str, **detail: Any) -> Proof:
        """Nothing to measure here; what would change that."""
        return self._made("unmeasurable", "미상", why, next_step, detail)

    def for_a_person(self, value: str, why: str, next_step: str = "", **detail: Any) -> Proof:
        """A figure without a limit."""
        return self._made("person", value, why, next_step, detail)

    def against(
        self, value: float, limit: float | None, *, least: bool, shown: str, next_step: str, **detail: Any
    ) -> Proof:
        """A figure held against its limit. least: the limit is what it must reach, else what it must not pass."""
        if limit is None:
            return self.for_a_person(shown, "정해진 한도가 없어 사람이 봅니다.", next_step, **detail)
        fine = value >= limit if least else value <= limit
        told = f"기준 {limit:g} {'이상' if least else '이하'}"
        return self.held(fine, shown, told, next_step, limit=limit, **detail)
