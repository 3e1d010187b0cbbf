"""The 15 requirements of a certification as rows: what the owner says, what the platform found, which gap is open."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from haechi.engines.rules.catalogue import Catalogue, Requirement
from haechi.office.trust.proofs import Proof

PREFIX = "urn:seoul:ai:req:cat-"
State = Literal["proved", "judged", "gap", "failing", "not_applicable", "open"]
STATES: Mapping[State, tuple[str, str]] = {
    "proved": ("증거 있음", "Proved"),
    "judged": ("증거 있음(사람이 판단할 것 포함)", "Evidence, partly for a person to judge"),
    "gap": ("보완 중", "A dated gap"),
    "failing": ("증거가 미달", "Evidence fails"),
    "not_applicable": ("해당 없음", "Does not apply"),
    "open": ("답 없음", "Unanswered"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement. question: its id in the questionnaire. files: kinds of evidence that people attached beside it.

    state: unanswered stays open whatever the platform found; 'met' with a failing proof is failing.
    """

    number: int
    requirement: Requirement
    state: State
    answer: str
    told: str
    due: date | None
    proofs: tuple[Proof, ...]
    files: tuple[str, ...]

    @property
    def question(self) -> str:
        """Of the questionnaire trust_evidence."""
        return f"cat_{self.number:02}"

    @property
    def failing(self) -> tuple[Proof, ...]:
        """Proofs that fail."""
        return tuple(proof for proof in self.proofs if proof.verdict == "fail")

    @property
    def for_people(self) -> bool:
        """Whether something of it no machine judged."""
        return any(proof.verdict in ("person", "unmeasurable") for proof in self.proofs) or not self.proofs

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "number": self.number, "urn": self.requirement.urn, "ko": self.requirement.title[0],
            "en": self.requirement.title[1], "state": self.state, "state_ko": STATES[self.state][0], "answer": self.answer,
            "told": self.told, "due": self.due.isoformat() if self.due else None, "files": list(self.files),
            "proofs": [proof.as_dict() for proof in self.proofs],
        }  # fmt: skip


def rows(
    catalogue: Catalogue,
    proofs: Sequence[Proof],
    answers: Mapping[str, Any] | None = None,
    attached: Mapping[str, Collection[str]] | None = None,
) -> tuple[Row, ...]:
    """The 15 rows. answers: of trust_evidence; attached: question → kinds of evidence that people put beside it."""
    by_probe = {proof.probe: proof for proof in proofs}
    found = []
    for urn, requirement in catalogue.requirements.items():
        if urn.startswith(PREFIX):
            own = tuple(by_probe[probe] for probe in catalogue.probes_of(requirement) if probe in by_probe)
            found.append(_row(int(urn.removeprefix(PREFIX)), requirement, own, answers or {}, attached or {}))
    return tuple(sorted(found, key=lambda row: row.number))


def standing(found: Sequence[Row]) -> dict[State, int]:
    """How many rows stand in which state; every state is named."""
    return {state: sum(row.state == state for row in found) for state in STATES}


def _row(
    number: int,
    requirement: Requirement,
    proofs: tuple[Proof, ...],
    answers: Mapping[str, Any],
    attached: Mapping[str, Collection[str]],
) -> Row:
    question = f"cat_{number:02}"
    answer = str(answers.get(question) or "")
    told = {"met": "how", "gap": "gap", "none": "why"}.get(answer)
    due = answers.get(f"{question}_due") if answer == "gap" else None
    files = tuple(sorted(attached.get(question, ())))
    return Row(
        number=number,
        requirement=requirement,
        state=_state(answer, proofs, files),
        answer=answer,
        told=str(answers.get(f"{question}_{told}") or "") if told else "",
        due=date.fromisoformat(due) if due else None,
        proofs=proofs,
        files=files,
    )


def _state(answer: str, proofs: Sequence[Proof], files: Sequence[str]) -> State:
    verdicts = [proof.verdict for proof in proofs]
    if answer == "gap":
        return "gap"
    if answer == "none":
        return "failing" if "fail" in verdicts else "not_applicable"
    if answer != "met":
        return "open"
    if "fail" in verdicts:
        return "failing"
    if verdicts and all(verdict == "pass" for verdict in verdicts):
        return "proved"
    return "judged" if files or "pass" in verdicts else "open"
