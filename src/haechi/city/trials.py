"""Trials: each service against a truth that it did not make, and the figures kept."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from haechi.city.register import Register, load_register
from haechi.core import clock
from haechi.core.contract import Bench, NotMeasured, Scorecard
from haechi.core.errors import HaechiError
from haechi.core.manifest import Manifest


class ScorecardStore(Protocol):
    """Where figures are kept. Figures are only ever added."""

    def add(self, cards: Sequence[Scorecard]) -> None:
        """Durable when this returns."""
        ...

    def latest(self, service: int) -> list[Scorecard]:
        """The newest figure of each (figure, data set) of one service."""
        ...

    def history(self, service: int, figure: str) -> list[Scorecard]:
        """All figures of that name, oldest first."""
        ...


class JsonLinesScorecards:
    """Scorecards as lines of JSON in one file; a line cut off by a crash is skipped when reading."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, cards: Sequence[Scorecard]) -> None:
        """See ScorecardStore.add."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            for card in cards:
                file.write(json.dumps(card.as_dict(), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def latest(self, service: int) -> list[Scorecard]:
        """See ScorecardStore.latest."""
        return list({(card.figure, card.dataset): card for card in self._read() if card.service == service}.values())

    def history(self, service: int, figure: str) -> list[Scorecard]:
        """See ScorecardStore.history."""
        return [card for card in self._read() if card.service == service and card.figure == figure]

    def _read(self) -> Iterator[Scorecard]:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                yield Scorecard.from_dict(json.loads(line))
            except (json.JSONDecodeError, TypeError, KeyError, ValueError):
                continue


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What one trial brought. why: set when there was no trial at all (not built, or the trial stopped)."""

    manifest: Manifest
    scorecards: tuple[Scorecard, ...] = ()
    not_measured: tuple[NotMeasured, ...] = ()
    why: str = ""
    next_step: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool | None:
        """Whether every figure with a target met it; None when nothing was measured against a target."""
        verdicts = [card.passed for card in self.scorecards if card.passed is not None]
        return all(verdicts) if verdicts else None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "service": self.manifest.number,
            "name": self.manifest.name.ko,
            "stage": self.manifest.stage,
            "passed": self.passed,
            "scorecards": [card.as_dict() for card in self.scorecards],
            "not_measured": [item.as_dict() for item in self.not_measured],
            "why": self.why,
            "next_step": self.next_step,
            "seconds": round(self.seconds, 3),
        }


def run_trial(
    number: int, *, seed: int, bench: Bench, store: ScorecardStore, register: Register | None = None
) -> TrialReport:
    """Run the trial of service `number` and keep its figures. Raises NotFound for a number that is not registered."""
    manifest = (register or load_register()).get(number)
    if not manifest.built:
        return TrialReport(manifest, why=manifest.stage, next_step="구현된 뒤에 시험할 수 있습니다.")
    module = importlib.import_module(f"{manifest.entry.partition(':')[0].rpartition('.')[0]}.trial")
    start = clock.now()
    try:
        results = module.run(bench, seed)
    except HaechiError as error:
        return TrialReport(manifest, why=error.message, next_step=error.next_step)
    cards = tuple(item for item in results if isinstance(item, Scorecard))
    missing = tuple(item for item in results if isinstance(item, NotMeasured))
    store.add(cards)
    return TrialReport(manifest, cards, missing, seconds=(clock.now() - start).total_seconds())


def run_all(*, seed: int, bench: Bench, store: ScorecardStore, register: Register | None = None) -> list[TrialReport]:
    """The trial of every registered service, in order; what is not built says so."""
    register = register or load_register()
    return [
        run_trial(manifest.number, seed=seed, bench=bench, store=store, register=register)
        for manifest in register.manifests
    ]
