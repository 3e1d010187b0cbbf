"""The kinds of on-site complaint and the city's rules for them, both data.

Kinds: services/s11_seoul_talk/complaints.yaml, read as data like every service's register entry. Rules: policy/complaints.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

import haechi
from haechi.core.errors import InvalidInput
from haechi.core.roles import policy_file

Level = Literal["district", "headquarters", "agency"]
LEVELS = ("district", "headquarters", "agency")
SHOWN = ("place", "photo", "phone", "contact", "consent")
"""Fields with a meaning of their own; everything else is a detail."""


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Another office under one answer. field, is_: of the form. to: agency, or 'headquarters'. why: Korean, for people."""

    field: str
    is_: str
    to: str
    why: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. line: line of work ('청소'). department: who does it in a district. photo: what a photo is for this kind.

    plates: the number plate is evidence and stays readable. danger: said before anything else. rule: of the deadlines.
    """

    id: str
    title: str
    line: str
    level: Level
    department: str
    photo: Literal["required", "wanted"]
    plates: bool
    agency: str = ""
    danger: str = ""
    rule: str = "site_report"
    exceptions: tuple[Otherwise, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """policy/complaints.yaml as read."""

    deadlines: Mapping[str, Mapping[str, Any]]
    intake_office: str
    intake_tag: str
    headquarters: Mapping[str, str]
    agencies: Mapping[str, Mapping[str, str]]
    photos: Mapping[str, int]
    link_minutes: int
    free_tries: int
    keeping: Mapping[str, int]
    holidays: frozenset[date]
    holidays_until: date


def service_file(name: str) -> Path:
    """A data file of service 11, read like every service's manifest: without importing it."""
    return Path(haechi.__file__).parent / "services" / "s11_seoul_talk" / name


@cache
def kinds(source: Path | None = None) -> Mapping[str, Kind]:
    """Every kind by id. ValueError names what is wrong in the file."""
    path = source or service_file("complaints.yaml")
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))["kinds"]
    found = {row["id"]: _kind(row) for row in rows}
    if len(found) != len(rows):
        raise ValueError(f"{path.name}: an id stands twice")
    return found


def kind(kind_id: str) -> Kind:
    """One kind; InvalidInput for an unknown one."""
    known = kinds()
    if kind_id not in known:
        raise InvalidInput(
            "그런 민원 종류가 없습니다.", next_step="현장 민원 목록에서 종류를 다시 고르세요.", record=kind_id[:40]
        )
    return known[kind_id]


def _kind(row: Mapping[str, Any]) -> Kind:
    exceptions = tuple(Otherwise(e["field"], str(e["is"]), e["to"], e["why"]) for e in row.get("exceptions", ()))
    made = Kind(**{**row, "exceptions": exceptions})
    if made.level not in LEVELS or (made.level == "agency") != bool(made.agency):
        raise ValueError(f"{made.id}: level {made.level!r} and agency {made.agency!r} do not fit")
    return made


@cache
def rules() -> Rules:
    """The rules in force."""
    data = yaml.safe_load(policy_file("complaints.yaml").read_text(encoding="utf-8"))
    desk = yaml.safe_load(policy_file("desk.yaml").read_text(encoding="utf-8"))["holidays"]
    return Rules(
        deadlines=data["deadlines"],
        intake_office=data["intake"]["office"],
        intake_tag=data["intake"]["tag"],
        headquarters=data["headquarters"],
        agencies=data["agencies"],
        photos=data["photos"],
        link_minutes=int(data["links"]["minutes"]),
        free_tries=int(data["status_tries"]["free"]),
        keeping=data["keeping"],
        holidays=frozenset(desk["days"]),
        holidays_until=desk["until"],
    )
