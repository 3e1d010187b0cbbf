"""A flow as read from policy/flows/*.yaml, and what makes one unusable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from haechi.core.roles import ROLES

Pair = tuple[str, str]
NOTES = ("none", "optional", "required")
WHO = ("part", "role", "bureau", "machine", "anyone")


class BadFlow(ValueError):
    """A flow that cannot be used: the file, where in it, and what is wrong."""

    def __init__(self, flow: str, where: str, what: str) -> None:
        super().__init__(f"{flow}: {where}: {what}")


@dataclass(frozen=True, slots=True)
class State:
    """Where a case can stand. public: what somebody outside the office is told (default: its name)."""

    id: str
    name: Pair
    final: bool = False
    public: Pair = ("", "")


@dataclass(frozen=True, slots=True)
class Part:
    """A part that people play in a case ('owner', 'reviewer'). opener: whoever opens the case plays it.

    roles: who can be named; most: how many at once (0: any number). judges: its people decide on others, so somebody of
    the owner's side, or related, must not play it (제척)."""

    id: str
    name: Pair
    opener: bool = False
    roles: tuple[str, ...] = ()
    most: int = 0
    judges: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A move. by: 'part:owner', 'role:ai_team', 'bureau' (staff of the case's bureau), 'machine', 'anyone' (the subject).

    form: questionnaire that must be complete. stage: in which stage it is judged. needs: names of checks that must pass.
    note: whether a reason is written. apart_from: steps whose doers may not do this one (four eyes). letter: template that
    is written when the step is taken. sets: values put into the case's facts. then: the machine's step that follows.
    own: everybody who takes it files the form for themselves; blind: nobody sees the others' before it is over."""

    id: str
    name: Pair
    sources: tuple[str, ...]
    to: str
    by: tuple[str, ...]
    form: str = ""
    stage: str = ""
    needs: tuple[str, ...] = ()
    note: str = "optional"
    note_name: Pair = ("", "")
    apart_from: tuple[str, ...] = ()
    letter: str = ""
    sets: Mapping[str, Any] | None = None
    then: str = ""
    own: bool = False
    blind: bool = False


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something due while a case stands in one of `states`: `days` after it came there (working days or calendar days), or
    on the day of the case's fact `fact`. remind: days before. to: who is told; escalate: who is told when it has passed."""

    id: str
    name: Pair
    states: tuple[str, ...]
    days: int = 0
    working: bool = True
    fact: str = ""
    remind: tuple[int, ...] = ()
    to: tuple[str, ...] = ()
    escalate: tuple[str, ...] = ()
    hours: float = 0


@dataclass(frozen=True)
class Flow:
    """A flow of one version. A case goes on by the version it was opened with.

    number: pattern of the case number, {year} and {serial}. opens: who may open one. office: access tags of those who
    work on its cases ('bureau': the case's own); readers: of those who see them besides. kind: what the case is called on
    lists. keep_years: after its last step a case is kept this long, then purged (its chained history's hashes stay)."""

    id: str
    version: int
    in_force: date
    title: Pair
    kind: str
    number: str
    start: str
    states: Mapping[str, State]
    steps: Mapping[str, Step]
    parts: Mapping[str, Part]
    deadlines: Mapping[str, Deadline]
    opens: tuple[str, ...]
    office: tuple[str, ...]
    readers: tuple[str, ...]
    source: str = ""
    approved_by: str = ""
    stage: str = "plan"
    keep_years: int = 5

    def leaving(self, state: str) -> tuple[Step, ...]:
        """The steps that lead away from a state."""
        return tuple(step for step in self.steps.values() if state in step.sources)


# --- reading ---------------------------------------------------------------------------------------------------------

TOP = {
    "id", "version", "in_force", "title", "kind", "number", "start", "states", "steps", "parts", "deadlines", "opens",
    "office", "readers", "source", "approved_by", "stage", "keep_years",
}  # fmt: skip
STEP = {"ko", "en", "from", "to", "by", "form", "stage", "needs", "note", "note_ko", "note_en", "apart_from", "letter", "sets", "then", "own", "blind"}  # fmt: skip
DEADLINE = {"ko", "en", "in", "days", "hours", "working", "fact", "remind", "to", "escalate"}


def load_flows(folder: Path) -> dict[tuple[str, int], Flow]:
    """Every flow of a folder by (id, version)."""
    flows: dict[tuple[str, int], Flow] = {}
    for path in sorted(folder.glob("*.yaml")):
        flow = load_flow(path)
        if (flow.id, flow.version) in flows:
            raise BadFlow(path.name, "version", f"{flow.id} {flow.version} stands twice")
        flows[flow.id, flow.version] = flow
    return flows


def load_flow(path: Path) -> Flow:
    """One flow. BadFlow says where it breaks its form."""
    return read_flow(yaml.safe_load(path.read_text(encoding="utf-8")), path.name)


def read_flow(told: Mapping[str, Any], name: str = "flow") -> Flow:
    """The flow of a parsed YAML. BadFlow for unknown keys and people, states out of reach, and states without a way out."""
    _known(told, TOP, name, "top")
    flow = Flow(
        id=told["id"],
        version=int(told["version"]),
        in_force=told["in_force"],
        title=_pair(told["title"]),
        kind=told.get("kind", told["id"]),
        number=told["number"],
        start=told["start"],
        states={id: _state(id, one, name) for id, one in told["states"].items()},
        steps={id: _step(id, one, name) for id, one in told["steps"].items()},
        parts={id: _part(id, one, name) for id, one in told.get("parts", {}).items()},
        deadlines={id: _deadline(id, one, name) for id, one in told.get("deadlines", {}).items()},
        opens=tuple(told.get("opens", ())),
        office=tuple(told.get("office", ())),
        readers=tuple(told.get("readers", ())),
        source=told.get("source", ""),
        approved_by=told.get("approved_by", ""),
        stage=told.get("stage", "plan"),
        keep_years=int(told.get("keep_years", 5)),
    )
    _sound(flow, name)
    return flow


def _state(id: str, told: Mapping[str, Any], name: str) -> State:
    _known(told, {"ko", "en", "final", "public_ko", "public_en"}, name, id)
    public = (told.get("public_ko", told["ko"]), told.get("public_en", told.get("en", "")))
    return State(id, _pair(told), told.get("final", False), public)


def _part(id: str, told: Mapping[str, Any], name: str) -> Part:
    _known(told, {"ko", "en", "opener", "roles", "most", "judges"}, name, id)
    return Part(
        id, _pair(told), told.get("opener", False), tuple(told.get("roles", ())), told.get("most", 0),
        told.get("judges", False),
    )  # fmt: skip


def _step(id: str, told: Mapping[str, Any], name: str) -> Step:
    _known(told, STEP, name, id)
    if told.get("note", "optional") not in NOTES:
        raise BadFlow(name, id, f"note is one of {NOTES}")
    return Step(
        id=id,
        name=_pair(told),
        sources=_several(told["from"]),
        to=told["to"],
        by=_several(told["by"]),
        form=told.get("form", ""),
        stage=told.get("stage", ""),
        needs=_several(told.get("needs", ())),
        note=told.get("note", "optional"),
        note_name=(told.get("note_ko", ""), told.get("note_en", "")),
        apart_from=_several(told.get("apart_from", ())),
        letter=told.get("letter", ""),
        sets=told.get("sets"),
        then=told.get("then", ""),
        own=told.get("own", False),
        blind=told.get("blind", False),
    )


def _deadline(id: str, told: Mapping[str, Any], name: str) -> Deadline:
    _known(told, DEADLINE, name, id)
    remind = told.get("remind", ())
    return Deadline(
        id=id,
        name=_pair(told),
        states=_several(told["in"]),
        days=told.get("days", 0),
        working=told.get("working", True),
        fact=told.get("fact", ""),
        remind=tuple(remind) if isinstance(remind, list) else (remind,) if remind else (),
        to=_several(told.get("to", ())),
        escalate=_several(told.get("escalate", ())),
        hours=told.get("hours", 0),
    )


def _sound(flow: Flow, name: str) -> None:
    if flow.start not in flow.states:
        raise BadFlow(name, "start", f"no state {flow.start!r}")
    for step in flow.steps.values():
        for state in (*step.sources, step.to):
            if state not in flow.states:
                raise BadFlow(name, step.id, f"no state {state!r}")
        for who in step.by:
            _somebody(who, flow, name, step.id)
        for other in (*step.apart_from, *filter(None, (step.then,))):
            if other not in flow.steps:
                raise BadFlow(name, step.id, f"no step {other!r}")
        if step.then and "machine" not in flow.steps[step.then].by:
            raise BadFlow(name, step.id, f"'{step.then}' follows by itself, so it must be the machine's")
    for who in flow.opens:
        _somebody(who, flow, name, "opens")
    for deadline in flow.deadlines.values():
        for state in deadline.states:
            if state not in flow.states:
                raise BadFlow(name, deadline.id, f"no state {state!r}")
        for who in (*deadline.to, *deadline.escalate):
            _somebody(who, flow, name, deadline.id)
        if bool(deadline.fact) == bool(deadline.days or deadline.hours):
            raise BadFlow(name, deadline.id, "a deadline has either days or hours, or the fact that names its day")
    _connected(flow, name)


def _somebody(who: str, flow: Flow, name: str, where: str) -> None:
    kind, _, id = who.partition(":")
    if kind not in WHO or (kind == "part" and id not in flow.parts) or (kind == "role" and id not in ROLES):
        raise BadFlow(name, where, f"nobody is called {who!r}")


def _connected(flow: Flow, name: str) -> None:
    reached, waiting = {flow.start}, [flow.start]
    while waiting:
        for step in flow.leaving(waiting.pop()):
            if step.to not in reached:
                reached.add(step.to)
                waiting.append(step.to)
    for state in flow.states.values():
        if state.id not in reached:
            raise BadFlow(name, state.id, "no step leads here")
        if not state.final and not flow.leaving(state.id):
            raise BadFlow(name, state.id, "no step leads away, and it is not final")


def _known(told: Mapping[str, Any], keys: Iterable[str], name: str, where: str) -> None:
    unknown = sorted(set(told) - set(keys))
    if unknown:
        raise BadFlow(name, where, f"unknown keys {', '.join(unknown)}")


def _pair(told: Any) -> Pair:
    return (str(told["ko"]), str(told.get("en", ""))) if isinstance(told, Mapping) else (str(told), "")


def _several(told: Any) -> tuple[str, ...]:
    return (told,) if isinstance(told, str) else tuple(told)
