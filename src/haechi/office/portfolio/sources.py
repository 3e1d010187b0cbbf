"""What the office asks of the running platform: the installation answers (city/office/telemetry.py), never a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from haechi.core.contract import Better
from haechi.core.manifest import Manifest


@dataclass(frozen=True, slots=True)
class PlanTotals:
    """What the city's plan states of the whole: counts, won, and where it says so. year: the year of its money."""

    source: str
    year: int
    services: int
    new: int
    continuing: int
    bureaux: int
    budget_won: int
    fields: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Health:
    """How a service stands now. state: running · quiet (nothing came out lately) · unknown · not_built."""

    state: str
    why: tuple[str, str]
    last_at: datetime | None = None
    outcomes: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """One KPI of a service over a period. value None: 미상, and `why` says why. target None: none agreed.

    source: where the number comes from ("outcomes: n results", "trial: data set, seed, date"). n: over how many.
    """

    kpi: str
    name: str
    unit: str
    better: Better
    target: float | None
    value: float | None
    n: int
    source: str
    why: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where the value or the target is unknown."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


@dataclass(frozen=True, slots=True)
class Running:
    """What really runs: the manifest's hash and stage, and the versions of the models that answered lately.

    known: False where nothing can be said (not built, nothing ran): then no drift is claimed and none denied.
    """

    manifest_sha256: str
    stage: str
    models: Mapping[str, str] = field(default_factory=dict)
    known: bool = True


class Sources(Protocol):
    """The running platform, as the office may ask it. All calls are reads; none may raise for a service that is not built."""

    def manifests(self) -> Sequence[Manifest]:
        """Every registered service, by number."""
        ...

    def plan(self) -> PlanTotals:
        """The plan's totals."""
        ...

    def tiers(self) -> Mapping[int, str]:
        """Quality tier by number, as `haechi check` last recomputed it; no entry: never checked."""
        ...

    def health(self) -> Mapping[int, Health]:
        """By number."""
        ...

    def readings(self, number: int, since: date, until: date) -> Sequence[Reading]:
        """Every KPI of the manifest, measured over the period or 미상 with the reason."""
        ...

    def running(self, number: int) -> Running:
        """What runs now."""
        ...
