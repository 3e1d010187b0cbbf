"""What modules of the office hang on flows: checks before a step, work of the machine, effects of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from haechi.core.store import Row, Transaction
from haechi.office.letters.paper import Paper

Weight = Literal["block", "warn", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says (ko, en). block: the step waits; warn: a person must look; info: for their eyes. ok: nothing found."""

    check: str
    weight: Weight
    text: tuple[str, str]
    ok: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As kept in a case's facts."""
        return {
            "check": self.check, "weight": self.weight, "ko": self.text[0], "en": self.text[1], "ok": self.ok,
            "detail": dict(self.detail),
        }  # fmt: skip


Check = Callable[[Transaction, Row], Sequence[Finding]]
"""(transaction, case) → findings; a finding that blocks and is not ok refuses the step."""
Work = Callable[[Transaction, Row], Mapping[str, Any]]
"""What the machine does when its step follows: the facts that it adds to the case."""
Effect = Callable[[Transaction, Row, Mapping[str, Any]], None]
"""What else happens in the same transaction when a step is taken: (transaction, case after it, what was sent along)."""
Letter = Callable[[Transaction, Row], Paper]
"""What a letter says, from the case as it stands after the step that writes it."""


@dataclass
class Hooks:
    """By name. Flows name checks in `needs`; work and effects belong to '<flow>.<step>', letters to the
    template that a step names (those that are not data). city: who signs."""

    checks: dict[str, Check] = field(default_factory=dict)
    work: dict[str, Work] = field(default_factory=dict)
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    letters: dict[str, Letter] = field(default_factory=dict)
    city: str = ""

    def check(self, name: str, check: Check) -> None:
        """Register a check. ValueError for a name that is taken."""
        if name in self.checks:
            raise ValueError(f"check {name!r} stands twice")
        self.checks[name] = check

    def effect(self, step: str, effect: Effect) -> None:
        """After '<flow>.<step>'."""
        self.effects.setdefault(step, []).append(effect)
