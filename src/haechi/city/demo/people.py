"""The people who live and work in the demonstration city, and the questions they ask."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A fictional person. role: citizen, staff, call_taker, operator, service_owner, ai_team, auditor or admin."""

    login: str
    name: str
    role: str
    bureau: str = ""
    department: str = ""
    services: tuple[int, ...] = ()

    @property
    def tags(self) -> frozenset[str]:
        """The access tags this person holds, as knowledge.ports.Reader counts them."""
        if self.role == "citizen":
            return frozenset({"public", f"user:{self.login}"})
        return frozenset({"public", "staff", f"bureau:{self.bureau}", f"user:{self.login}"})


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """A question over the demonstration documents.

    answer: words that a right answer contains. document: the file that says so, or None when no document does.
    reader: an access tag that suffices to read it. as_of: the day asked about, or None for the present.
    """

    question: str
    answer: str
    document: str | None
    kind: str
    reader: str
    as_of: date | None = None


def demo_people() -> list[DemoPerson]:
    """Everybody, at least one a role. No passwords: they are made when the city is seeded."""
    rows = yaml.safe_load((_HERE / "people.yaml").read_text("utf-8"))
    return [DemoPerson(**{**row, "services": tuple(row.get("services", ()))}) for row in rows]


def demo_questions() -> list[DemoQuestion]:
    """Questions in the order of the file; a third of them have no answer in the documents."""
    lines = (_HERE / "questions.jsonl").read_text("utf-8").splitlines()
    return [_question(json.loads(line)) for line in lines if line]


def _question(row: dict[str, str]) -> DemoQuestion:
    as_of = row.pop("as_of", None)
    return DemoQuestion(**row, as_of=date.fromisoformat(as_of) if as_of else None)
