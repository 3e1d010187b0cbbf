"""Who may take which step now, and the words for those who may not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from haechi.core.errors import Conflict, Forbidden, HaechiError
from haechi.core.roles import ROLES
from haechi.office.flows.flow import Flow, Step

MACHINE = "machine"
"""The one who takes the steps that no person takes."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who wants to move: subject as in core/store.Actor, roles, bureau."""

    subject: str
    roles: frozenset[str] = frozenset()
    bureau: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a case stands: its state, bureau, who plays which part, who withdrew or was withdrawn (제척·기피·회피), who has
    taken which step, and whose case it is."""

    state: str
    bureau: str = ""
    subject: str = ""
    parts: Mapping[str, Collection[str]] = field(default_factory=dict)
    recused: Collection[str] = ()
    did: Mapping[str, Collection[str]] = field(default_factory=dict)


def offered(flow: Flow, standing: Standing, person: Person) -> tuple[Step, ...]:
    """The steps that the person may take from here."""
    return tuple(step for step in flow.leaving(standing.state) if refusal(flow, step, standing, person) is None)


def refusal(flow: Flow, step: Step, standing: Standing, person: Person) -> HaechiError | None:
    """Why the step is not theirs now, or None. A recused person is told nothing more than that."""
    if person.subject in standing.recused:
        return Forbidden(
            "이 건에서 제척·기피·회피되어 관여할 수 없습니다.", next_step="다른 담당자가 처리합니다.", record=step.id
        )
    if standing.state not in step.sources:
        return _too_early(flow, step, standing)
    if not any(is_one(who, standing, person) for who in step.by):
        return _not_theirs(flow, step)
    for other in step.apart_from:
        if person.subject in standing.did.get(other, ()):
            name = flow.steps[other].name[0]
            return Forbidden(
                f"‘{name}’을(를) 한 사람은 ‘{step.name[0]}’을(를) 할 수 없습니다.",
                next_step="두 사람이 나누어 해야 합니다. 다른 담당자에게 맡기세요.",
                record=step.id,
            )
    return None


def is_one(who: str, standing: Standing, person: Person) -> bool:
    """Whether the person is meant by 'part:…', 'role:…', 'bureau', 'anyone' or 'machine'."""
    kind, _, id = who.partition(":")
    if kind == "part":
        return person.subject in standing.parts.get(id, ())
    if kind == "role":
        return id in person.roles
    if kind == "bureau":
        return bool(person.bureau) and person.bureau == standing.bureau and "staff" in person.roles
    if kind == "anyone":
        return person.subject == standing.subject
    return person.subject == MACHINE


def _too_early(flow: Flow, step: Step, standing: Standing) -> Conflict:
    here = flow.states[standing.state]
    able = (
        "이미 끝난 건입니다."
        if here.final
        else "먼저 "
        + ", ".join(dict.fromkeys(f"‘{other.name[0]}’" for other in flow.leaving(here.id)))
        + " 가운데 하나를 해야 합니다."
    )
    return Conflict(
        f"지금은 ‘{here.name[0]}’ 상태라 ‘{step.name[0]}’을(를) 할 수 없습니다.", next_step=able, record=step.id
    )


def _not_theirs(flow: Flow, step: Step) -> Forbidden:
    return Forbidden(
        f"‘{step.name[0]}’을(를) 할 권한이 없습니다.",
        next_step=f"{', '.join(name_of(who, flow)[0] for who in step.by)}이(가) 합니다.",
        record=step.id,
    )


def name_of(who: str, flow: Flow) -> tuple[str, str]:
    """The words for 'part:…', 'role:…' and so on."""
    kind, _, id = who.partition(":")
    if kind == "part":
        return flow.parts[id].name
    if kind == "role":
        return ROLES[id]
    return {"bureau": ("담당 부서", "the bureau"), "machine": ("시스템", "the system")}.get(
        kind, ("신청인", "the applicant")
    )
