"""The contract between a service and the city that runs it. Read this before writing a service.

A service is a folder with a manifest and a `build(city)` function. The city gives it engines, time, identifiers and
chance; the service gives back outcomes. Nothing here imports an engine: engines pass through as plain objects and the
service names their type itself.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, runtime_checkable

from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput, MissingPart
from haechi.core.outcome import Outcome

Better = Literal["higher", "lower"]
KpiSource = Literal["trial", "outcomes", "decisions"]
ReadinessState = Literal["ready", "degraded", "missing"]


class EngineNotGranted(HaechiError):
    """A service asked for an engine that its manifest does not name."""

    code = "engine_not_granted"


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a service. Frozen, and its payload is read-only.

    payload: JSON-like values, as the manifest's `io.inputs` describe them. actor: a stable pseudonym of who asks, never a
    name. tags: what the actor may read ("public", "staff", "bureau:…"). deadline: aware; None is no limit. as_of: the day
    whose law and documents count (None: today in Seoul).
    """

    service: int
    payload: Mapping[str, Any]
    actor: str = "anonymous"
    tags: frozenset[str] = frozenset({"public"})
    language: Literal["ko", "en"] = "ko"
    as_of: date | None = None
    deadline: datetime | None = None
    correlation_id: str = field(default_factory=clock.new_id)
    at: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        if self.deadline is not None and self.deadline.tzinfo is None:
            raise ValueError("deadline must be aware")
        object.__setattr__(self, "payload", MappingProxyType(dict(self.payload)))

    def text(self, key: str, *, limit: int = 4000) -> str:
        """The payload's text under `key`, stripped; InvalidInput when it is absent, empty, no text or over `limit`."""
        value = self.payload.get(key)
        if not isinstance(value, str) or not value.strip():
            raise InvalidInput(
                f"'{key}' 항목이 비어 있습니다.", next_step=f"'{key}'에 글을 넣어 다시 보내세요.", record=key
            )
        if len(value) > limit:
            raise InvalidInput(
                f"'{key}' 항목이 너무 깁니다({len(value):,}자).",
                next_step=f"{limit:,}자 이내로 줄여 보내세요.",
                record=key,
            )
        return value.strip()

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the deadline (may be negative), or None without one."""
        return None if self.deadline is None else (self.deadline - clock.now()).total_seconds()


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a service can work now. Make one with `ready()`, `degraded()` or `missing()`."""

    state: ReadinessState
    why: str = ""
    still_works: str = ""
    install: str = ""

    @classmethod
    def ready(cls) -> Readiness:
        """Everything is there."""
        return cls("ready")

    @classmethod
    def degraded(cls, why: str, still_works: str) -> Readiness:
        """Something failed (`why`); `still_works` says what a person can still do."""
        if not why or not still_works:
            raise ValueError("degraded needs why and what still works")
        return cls("degraded", why=why, still_works=still_works)

    @classmethod
    def missing(cls, why: str, install: str) -> Readiness:
        """A part is not installed; `install` is the command that brings it."""
        if not install:
            raise ValueError("missing needs the install command")
        return cls("missing", why=why, install=install)

    @property
    def sentence(self) -> str:
        """One Korean line for tables and `haechi doctor`."""
        if self.state == "ready":
            return "준비됨"
        if self.state == "degraded":
            return f"일부만 동작: {self.why} · 되는 것: {self.still_works}"
        return f"설치 필요: {self.why} · {self.install}"


@runtime_checkable
class City(Protocol):
    """What `build(city)` gets. Time, identifiers and chance come from here, so that a trial can be repeated."""

    seed: int

    def engine(self, name: str) -> Any:
        """The engine called `name`. EngineNotGranted unless the manifest names it; MissingPart when not installed."""
        ...

    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...

    def new_id(self) -> str:
        """A fresh identifier."""
        ...

    def random(self) -> random.Random:
        """A source of chance that starts from `seed`; a new one each call."""
        ...


class Service(Protocol):
    """What `build(city)` returns. A service that watches a stream has `watch(source) -> Iterator[Outcome]` as well."""

    def warm_up(self) -> None:
        """Load what is heavy. Called once, before the first request; `build` itself does no I/O."""
        ...

    def check(self) -> Readiness:
        """Cheap and without side effects."""
        ...

    def handle(self, request: Request) -> Outcome:
        """One request, one outcome. Raises only InvalidInput; a failing engine becomes an outcome that needs a person."""
        ...


@runtime_checkable
class Watcher(Protocol):
    """A service that follows a stream (camera, sensor, log)."""

    def watch(self, source: Any) -> Iterator[Outcome]:
        """Outcomes as they happen, until the source ends."""
        ...


class ServiceCity:
    """The City of one service: opens only the engines that its manifest names.

    granted: engine name → why, as in the manifest. open_engine: name → engine, raising MissingPart for one that is not
    installed; called once for each engine.
    """

    def __init__(self, granted: Mapping[str, str], open_engine: Callable[[str], Any], *, seed: int = 0) -> None:
        self._granted = dict(granted)
        self._open = open_engine
        self._engines: dict[str, Any] = {}
        self.seed = seed

    def engine(self, name: str) -> Any:
        """See City.engine."""
        if name not in self._granted:
            raise EngineNotGranted(
                f"이 서비스의 명세는 '{name}' 엔진을 쓴다고 적지 않았습니다.",
                next_step=f'service.toml의 [engines]에 {name} = "쓰는 까닭"을 적고 검토를 받으세요.',
                record=name,
            )
        if name not in self._engines:
            self._engines[name] = self._open(name)
        return self._engines[name]

    def now(self) -> datetime:
        """See City.now."""
        return clock.now()

    def new_id(self) -> str:
        """See City.new_id."""
        return clock.new_id()

    def random(self) -> random.Random:
        """See City.random."""
        return random.Random(self.seed)


def no_engines(name: str) -> Any:
    """An `open_engine` for places where nothing is installed: always MissingPart."""
    raise MissingPart(f"{name} 엔진", "./haechi up")


# --- what a trial returns --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One figure of one trial run against a truth that the service did not make.

    figure: the id that the manifest's KPI list uses. value and target in `unit`; target None where none is agreed.
    interval: 95 % confidence, lower and upper. synthetic: True when data or truth were generated, and every screen says so.
    machine: processor, cores and Python version; never a host name.
    """

    service: int
    figure: str
    value: float
    unit: str
    better: Better
    target: float | None
    n: int
    interval: tuple[float, float]
    dataset: str
    seed: int
    machine: str
    synthetic: bool
    note: str = ""
    at: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        if self.n <= 0:
            raise ValueError("a figure without cases is not a figure: use NotMeasured")
        low, high = self.interval
        if not low <= self.value <= high:
            raise ValueError(f"value {self.value} lies outside its interval {self.interval}")

    @property
    def passed(self) -> bool | None:
        """Whether the value meets the target; None without a target."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form, `passed` included."""
        return asdict(self) | {"at": self.at.isoformat(), "interval": list(self.interval), "passed": self.passed}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scorecard:
        """Back from `as_dict`; `passed` is computed again, never read."""
        values = {key: value for key, value in data.items() if key != "passed"}
        values["at"] = datetime.fromisoformat(values["at"]).astimezone(UTC)
        values["interval"] = (float(values["interval"][0]), float(values["interval"][1]))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A figure that a trial could not measure here, and what would make it possible."""

    service: int
    figure: str
    why: str
    next_step: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DemonstrationQuestion:
    """A question about the demonstration city. document: the title that answers it, or None when none does.

    tags: what the asker may read. Documents and questions were written for the demonstration: figures are synthetic.
    """

    question: str
    answer: str | None
    document: str | None
    kind: str
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The demonstration city's documents in a knowledge engine, and its questions."""

    knowledge: Any
    questions: tuple[DemonstrationQuestion, ...]


class Bench(Protocol):
    """Where samples and trials run: engines apart from the installation's own data."""

    def engine(self, name: str, *, documents: Path | None = None) -> Any:
        """A fresh engine, over a folder of documents where it needs one. MissingPart when not installed."""
        ...

    def demonstration(self) -> Demonstration | None:
        """The demonstration city, or None where it is not installed."""
        ...


class Trial(Protocol):
    """The `run` function of a service's trial.py. Deterministic in `seed`; absent data is NotMeasured, not an error."""

    def __call__(self, bench: Bench, seed: int) -> Sequence[Scorecard | NotMeasured]:
        """Every figure of the service."""
        ...


# --- what a service is measured by in daily work ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kpi:
    """One measure of a service, as its manifest states it.

    source: "trial" (a Scorecard), "outcomes" (stored outcomes) or "decisions" (what people decided on them).
    target: None where the manifest says 미상. basis: where the target comes from.
    """

    id: str
    name: str
    unit: str
    better: Better
    target: float | None
    source: KpiSource
    basis: str


@dataclass(frozen=True, slots=True)
class KpiReading:
    """A KPI computed from records. value None with `why` when there is nothing to compute it from: never a zero."""

    kpi: str
    value: float | None
    n: int
    why: str = ""


def share_of(kpi: str, outcomes: Sequence[Outcome], holds: Callable[[Outcome], bool]) -> KpiReading:
    """The share, 0..1, of outcomes for which `holds`; None over none."""
    if not outcomes:
        return KpiReading(kpi, None, 0, "기간 안에 저장된 결과가 없습니다.")
    return KpiReading(kpi, sum(map(holds, outcomes)) / len(outcomes), len(outcomes))


def quantile_of(kpi: str, outcomes: Sequence[Outcome], value: Callable[[Outcome], float], q: float) -> KpiReading:
    """The q-quantile (nearest rank, 0 < q ≤ 1) of `value` over the outcomes; None over none."""
    if not outcomes:
        return KpiReading(kpi, None, 0, "기간 안에 저장된 결과가 없습니다.")
    ranked = sorted(map(value, outcomes))
    return KpiReading(kpi, ranked[math.ceil(len(ranked) * q) - 1], len(ranked))
