"""What a rule found: one alert for a handler, a rule and a window, with the rows that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

EVIDENCE_ROWS = 50
"""How many rows an alert carries; `rows` says how many there were."""


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A row by its place in the log, with what may be shown without a look-up under four eyes: no data subject, no address."""

    ref: int
    at: datetime
    action: str
    count: int
    case: bool
    reason: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """handler: account as in the log. first, last: days of the window (Seoul). value: what was counted; limit: what it had to
    reach; basis: how the limit came about (own history, peers). level: 'suspect' opens an inquiry, 'notice' asks for what
    is missing. z: robust distance to the peers, for the order only (kind of evidence: see Rule); None where there are too few peers to tell."""

    id: str
    handler: str
    rule: str
    rule_version: date
    level: str
    precedence: int
    first: date
    last: date
    value: float
    limit: float
    basis: Mapping[str, float] = field(default_factory=dict)
    z: float | None = None
    kind: str = ""
    rows: int = 0
    evidence: tuple[EvidenceRow, ...] = ()
    why: tuple[str, str] = ("", "")

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        data = asdict(self)
        data |= {name: getattr(self, name).isoformat() for name in ("rule_version", "first", "last")}
        data["basis"] = dict(self.basis)
        data["evidence"] = [asdict(row) | {"at": row.at.isoformat()} for row in self.evidence]
        return data
