"""The city's rules for its desks (policy/desk.yaml): offices, hours, deadlines, saved replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from haechi.city.desk.hours import Hours, read_hours
from haechi.core.roles import ROLES, policy_file

Priority = Literal["urgent", "normal", "low"]
PRIORITIES: Mapping[str, int] = {"urgent": 1, "normal": 2, "low": 3}
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Office:
    """A desk. serves: access tags (core/roles.actor_of) of those who answer there; empty: another agency, reached by phone.

    audience: 'citizen': never sees a conversation of staff. name, agency: Korean and English.
    """

    id: str
    name: Pair
    agency: Pair
    serves: tuple[str, ...]
    audience: Literal["citizen", "any"]
    hours: Hours
    phone: str = ""

    @property
    def outside(self) -> bool:
        """Whether it is an agency without a desk in this installation."""
        return not self.serves


@dataclass(frozen=True, slots=True)
class Rules:
    """policy/desk.yaml as read. Times in minutes, seconds or days as the key says."""

    named: Mapping[str, Office]
    departments: Mapping[str, Any]
    first_office: str
    answer_within: Mapping[str, Mapping[str, int]]
    escalate_to: str
    at_once: int
    present_seconds: int
    wait_samples: int
    wait_latest: int
    pending_days: int
    conversation_days: int
    agent_reads_days: int
    ticket_days: int
    reopen_days: int
    results: Mapping[str, Pair]
    saved_replies: Mapping[str, Pair]
    holidays: frozenset[date]
    holidays_until: date

    def office(self, id: str) -> Office:
        """The desk of that name: one that the policy names, else the desk of the department called so."""
        return self.named.get(id) or _department(id, self.departments, self.holidays)

    def minutes(self, priority: str, which: Literal["first", "next"]) -> int:
        """Open minutes within which a citizen is answered."""
        return int(self.answer_within[priority][which])


def read_rules(source: Path) -> Rules:
    """ValueError or KeyError where the file breaks its form."""
    data: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    holidays = frozenset(data["holidays"]["days"])
    named = {id: _named(id, told, holidays) for id, told in data["offices"].items()}
    for id, told in data["other_agencies"].items():
        name = (told["ko"], told["en"])
        named[id] = Office(id, name, name, (), "citizen", Hours(((),) * 7), told["phone"])
    for known in (data["first_office"]["citizen"], data["escalate_to"]):
        if known and known not in named:
            raise ValueError(f"{source.name}: unknown office {known!r}")
    keeping, agents, wait = data["keeping"], data["agents"], data["expected_wait"]
    return Rules(
        named=named,
        departments=data["departments"],
        first_office=data["first_office"]["citizen"],
        answer_within={priority: data["answer_within_minutes"][priority] for priority in PRIORITIES},
        escalate_to=data["escalate_to"] or "",
        at_once=int(agents["conversations_at_once"]),
        present_seconds=int(agents["present_for_seconds"]),
        wait_samples=int(wait["closed_tickets_at_least"]),
        wait_latest=int(wait["latest"]),
        pending_days=int(data["pending"]["closes_after_days"]),
        conversation_days=int(keeping["conversation_days_after_close"]),
        agent_reads_days=int(keeping["agent_reads_days_after_close"]),
        ticket_days=int(keeping["ticket_days"]),
        reopen_days=int(data["reopen_within_days"]),
        results={key: (said["ko"], said["en"]) for key, said in data["results"].items()},
        saved_replies={key: (said["ko"], said["en"]) for key, said in data["saved_replies"].items()},
        holidays=holidays,
        holidays_until=data["holidays"]["until"],
    )


@cache
def rules_in_force() -> Rules:
    """The city's rules of today."""
    return read_rules(policy_file("desk.yaml"))


def _named(id: str, told: Mapping[str, Any], holidays: frozenset[date]) -> Office:
    role = told["served_by"]["role"]
    if role not in ROLES:
        raise ValueError(f"{id}: unknown role {role!r}")
    return Office(
        id,
        (told["ko"], told["en"]),
        (told["agency"]["ko"], told["agency"]["en"]),
        (f"role:{role}",),
        told["audience"],
        read_hours(told["hours"], holidays if told["closed_on_holidays"] else frozenset()),
        told["phone"],
    )


def _department(id: str, told: Mapping[str, Any], holidays: frozenset[date]) -> Office:
    agency = ("자치구", "District office") if id.endswith("구") else ("시 부서", "City department")
    hours = read_hours(told["hours"], holidays if told["closed_on_holidays"] else frozenset())
    return Office(id, (id, id), agency, (f"bureau:{id}",), "any", hours)
