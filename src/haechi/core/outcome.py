"""What a service returns, and what its evidence is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from haechi.core import clock

EvidenceKind = Literal["passage", "frame", "rule", "row"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of what a result rests on.

    ref: a stable identifier (passage id, frame time, rule id, row key). locator: where a person finds it
    ("3쪽", "제5조제2항"). quote: the exact words or values.
    """

    kind: EvidenceKind
    ref: str
    title: str
    locator: str = ""
    quote: str = ""


ProposalKind = Literal["alert", "incident", "request", "handoff", "review"]
"""alert: tell the public; incident: something happened; request: somebody asks for something; handoff: a person goes on;
review: nothing but a look at the result."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a service proposes that people do with its result; the city carries it to the office (city/office/outcomes.py).

    title: one line. severity: 1 (the gravest) to 5. bureau: whose it is, '' the service's own. exercise: it comes from a drill
    or a simulator. details: JSON-ready; for an alert, answers of the questionnaire 'alert'.
    """

    kind: ProposalKind
    title: str
    severity: int = 3
    bureau: str = ""
    exercise: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in get_args(ProposalKind):
            raise ValueError(f"a proposal is one of {get_args(ProposalKind)}, got {self.kind!r}")
        if not self.title.strip():
            raise ValueError("a proposal has a title")
        if not 1 <= self.severity <= 5:
            raise ValueError(f"severity must be within 1..5, got {self.severity}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One result of a service. Frozen: a correction is a new outcome.

    confidence: 0..1, or None where the method has no honest number. elapsed: seconds.
    needs_person is never empty of a reason: `why_person` says which human step follows, or why none is needed. proposal: what
    the office should open for it; None where the service's own page is the human step.
    """

    service: int
    result: Mapping[str, Any]
    confidence: float | None
    evidence: tuple[Evidence, ...]
    model: str
    model_version: str
    made_by_ai: bool
    needs_person: bool
    why_person: str
    elapsed: float
    at: datetime = field(default_factory=clock.now)
    id: str = field(default_factory=clock.new_id)
    proposal: Proposal | None = None

    def __post_init__(self) -> None:
        if self.proposal is not None and not self.needs_person:
            raise ValueError("whatever is proposed needs a person")
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence must be within 0..1, got {self.confidence}")
        if not self.why_person:
            raise ValueError("why_person must say which human step follows, or why none is needed")
        if self.elapsed < 0:
            raise ValueError(f"elapsed must not be negative, got {self.elapsed}")

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form; `at` as ISO 8601."""
        data = asdict(self)
        data["result"] = dict(self.result)
        data["at"] = self.at.isoformat()
        return data
