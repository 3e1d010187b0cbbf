"""A library of a small town, and people of two bureaux."""

from __future__ import annotations

from pathlib import Path

import pytest

from haechi.city.library import Library
from haechi.city.reading import ReadingDesk
from haechi.city.settings import Settings
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.knowledge.ingest import Limits


def _person(name: str, bureau: str, *roles: str) -> Actor:
    tags = frozenset({"public", "staff", f"bureau:{bureau}", f"user:{name}"})
    return Actor(subject=f"user:{name}", name=name, tags=tags, roles=frozenset(roles or ("staff",)), bureau=bureau)


@pytest.fixture
def welfare() -> Actor:
    """복지과 직원."""
    return _person("kim", "복지과")


@pytest.fixture
def traffic() -> Actor:
    """교통과 직원."""
    return _person("lee", "교통과")


@pytest.fixture
def citizen() -> Actor:
    """A citizen without an account."""
    return Actor(subject="guest:abc", name="손님")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings under a folder of this test's own."""
    return Settings(home=tmp_path / "home")


@pytest.fixture
def library(store: Store, worker_store: Store, settings: Settings) -> Library:
    """An empty library with two bureaux."""
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id, contact_phone) values ('복지과', '02-000-0001'), ('교통과', '02-000-0002')")
    return Library(store, settings)


@pytest.fixture
def desk(worker_store: Store) -> ReadingDesk:
    """The reading desk."""
    return ReadingDesk(worker_store, Limits())
