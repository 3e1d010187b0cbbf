"""A proof: what the platform found out by itself, when, how to repeat it, and what may be concluded from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Verdict = Literal["pass", "fail", "unmeasurable", "person"]

VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    "pass": ("통과", "Pass"),
    "fail": ("미달", "Fail"),
    "unmeasurable": ("잴 수 없음", "Not measurable"),
    "person": ("사람이 판단", "A person judges"),
}
"""person: there is a figure, and no limit that a machine could hold it against."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One finding. value: the figure in words (ko); source: where it was read; command: how to run it again.

    why: the ground of the verdict; next_step: what would make it measurable, or mend it. detail: JSON-ready.
    """

    probe: str
    title: tuple[str, str]
    verdict: Verdict
    value: str
    source: str
    command: str
    at: datetime
    why: str = ""
    next_step: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "probe": self.probe, "ko": self.title[0], "en": self.title[1], "verdict": self.verdict,
            "verdict_ko": VERDICTS[self.verdict][0], "value": self.value, "source": self.source, "command": self.command,
            "at": self.at.isoformat(), "why": self.why, "next_step": self.next_step, "detail": dict(self.detail),
        }  # fmt: skip


def proof_from(told: Mapping[str, Any]) -> Proof:
    """Back from `as_dict`."""
    return Proof(
        told["probe"], (told["ko"], told["en"]), told["verdict"], told["value"], told["source"], told["command"],
        datetime.fromisoformat(told["at"]), told["why"], told["next_step"], told["detail"],
    )  # fmt: skip
