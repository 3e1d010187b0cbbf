"""The office as the city wires it: whatever its flows name is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.database import FreshDatabase

from haechi.city.installation import Installation
from haechi.city.office import Office
from haechi.city.settings import Settings


@pytest.fixture
def office(database: FreshDatabase, tmp_path: Path) -> Iterator[Office]:
    """The office of an empty installation."""
    installation = Installation(Settings(home=tmp_path / "home", demo=False), database.urls)
    yield installation.office
    installation.close()


def test_every_check_letter_and_work_of_the_machine_that_a_flow_names_is_there(office: Office) -> None:
    hooks, policy, missing = office.hooks, office.policy, []
    for flow in policy.flows.values():
        for step in flow.steps.values():
            missing += [f"{flow.id}.{step.id}: check {name}" for name in step.needs if name not in hooks.checks]
            if step.letter and step.letter not in hooks.letters and step.letter not in policy.letters:
                missing.append(f"{flow.id}.{step.id}: letter {step.letter}")
    assert not missing
    steps = {f"{flow.id}.{step}" for flow in policy.flows.values() for step in flow.steps}
    stray = sorted({*hooks.work, *hooks.effects} - steps)
    assert not stray, "the work or effect of a step that no flow has"
