"""The office of the demonstration city: every scene plays, and playing it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.database import FreshDatabase

from haechi.city.demo import demo_people
from haechi.city.demo.office import SCENES
from haechi.city.installation import Installation
from haechi.city.seeding import _bureaux, _roles
from haechi.city.settings import Settings
from haechi.core.identity import actor_of
from haechi.core.store import SYSTEM, Actor, Store

COUNTED = ("cases", "case_steps", "case_filings", "case_tasks", "audit_log")


@pytest.fixture
def city(database: FreshDatabase, tmp_path: Path) -> Iterator[Installation]:
    """People and bureaux of the demonstration city, nothing else."""
    installation = Installation(Settings(home=tmp_path / "home", demo=True), database.urls)
    _bureaux(installation, demo_people())
    for person in demo_people():
        installation.accounts.create(
            person.login, person.name, password="여섯-시에-일어나는-해치", roles=_roles(person),
            bureau=person.bureau or None, by=SYSTEM,
        )  # fmt: skip
    yield installation
    installation.close()


def test_every_scene_plays_once(city: Installation, owner_store: Store) -> None:
    people: dict[str, Actor] = {user.login: actor_of(user) for user in city.accounts.users()}
    counts = []
    for _ in range(2):
        for scene in SCENES:
            scene(city.office, people)
        with owner_store.transaction() as tx:
            counts.append({table: tx.value(f"select count(*) from {table}") for table in COUNTED})
    assert counts[0] == counts[1]
    assert counts[0]["cases"] >= len(SCENES)
