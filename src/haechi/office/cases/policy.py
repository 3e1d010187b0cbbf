"""Flows, questionnaires and letters in force: policy/flows, policy/questionnaires (every version kept), policy/letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypeVar

from haechi.core.errors import NotFound
from haechi.core.roles import policy_file
from haechi.office.flows import BadFlow, Calendar, Flow, calendar_in_force, load_flows
from haechi.office.forms import Form, load_forms
from haechi.office.letters.template import BadTemplate, Template, load_templates

T = TypeVar("T", Flow, Form)


@dataclass(frozen=True)
class Policy:
    """Every version of every flow and questionnaire, the letters, and the calendar that deadlines are counted on."""

    flows: Mapping[tuple[str, int], Flow]
    forms: Mapping[tuple[str, int], Form]
    calendar: Calendar
    letters: Mapping[str, Template] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for flow in self.flows.values():
            for step in flow.steps.values():
                if step.form and not any(id == step.form for id, _ in self.forms):
                    raise BadFlow(flow.id, step.id, f"no questionnaire {step.form!r}")
        for template in self.letters.values():
            for form in template.forms:
                if not any(id == form for id, _ in self.forms):
                    raise BadTemplate(f"{template.id}: no questionnaire {form!r}")

    @classmethod
    def read(cls, flows: Path, forms: Path, calendar: Calendar, letters: Path | None = None) -> Policy:
        """From folders of YAML."""
        return cls(load_flows(flows), load_forms(forms), calendar, load_templates(letters) if letters else {})

    @classmethod
    @cache
    def in_force(cls) -> Policy:
        """The city's own, read once."""
        return cls.read(
            policy_file("flows"), policy_file("questionnaires"), calendar_in_force(), policy_file("letters")
        )

    def flow(self, id: str, version: int | None = None, *, on: date | None = None) -> Flow:
        """That version; else the newest in force on a day (None: the newest of all). NotFound."""
        return _pick(self.flows, id, version, on, "절차")

    def form(self, id: str, version: int | None = None, *, on: date | None = None) -> Form:
        """As `flow`."""
        return _pick(self.forms, id, version, on, "양식")


def _pick(known: Mapping[tuple[str, int], T], id: str, version: int | None, on: date | None, what: str) -> T:
    if version is not None and (id, version) in known:
        return known[id, version]
    fitting = [
        one
        for (name, number), one in known.items()
        if name == id and (on is None or one.in_force <= on) and version in (None, number)
    ]
    if not fitting:
        raise NotFound(f"‘{id}’ {what}이(가) 없습니다.", next_step="정책 파일을 확인하세요.", record=id)
    return max(fitting, key=lambda one: (one.in_force, one.version))
