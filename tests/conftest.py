"""What every test may ask for: a fresh database, and stores under each of its three roles."""

from __future__ import annotations

import os

# Before numpy is there: a process whose OpenBLAS has threads may stand still for ever when it forks, and starting
# PostgreSQL under an account of its own forks.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import database as databases
from tests.database import FreshDatabase, TestServer

from haechi.core.store import Store

_root = pytest.StashKey[Path]()
_LONG_FIRST = ("scale", "faults", "web", "journeys", "city")
"""Rooms whose files take minutes go first, so that two workers end together."""


def pytest_configure(config: pytest.Config) -> None:
    """The run's own process makes the folder; workers are told where it is."""
    worker = getattr(config, "workerinput", None)
    if worker is None:
        databases.sweep()
    config.stash[_root] = Path(worker["haechi_root"]) if worker is not None else databases.make_root()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of files; inside a file it stays."""
    order = {room: at for at, room in enumerate(_LONG_FIRST)}
    items.sort(key=lambda item: min((order[part] for part in item.path.parts if part in order), default=len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist for each worker before it starts."""
    node.workerinput["haechi_root"] = str(node.config.stash[_root])


def pytest_unconfigure(config: pytest.Config) -> None:
    """The run's own process removes what it made."""
    if not hasattr(config, "workerinput") and _root in config.stash:
        databases.remove_root(config.stash[_root])


@pytest.fixture(scope="session")
def database_server(pytestconfig: pytest.Config) -> TestServer:
    """The PostgreSQL of this run; started by the first `fresh()`."""
    return TestServer(pytestconfig.stash[_root])


@pytest.fixture
def database(database_server: TestServer) -> Iterator[FreshDatabase]:
    """A migrated, empty database of this test's own."""
    with database_server.fresh() as fresh:
        yield fresh


@pytest.fixture
def store(database: FreshDatabase) -> Iterator[Store]:
    """As the role that serves people: bound by row-level security."""
    yield from _open(database.urls.app)


@pytest.fixture
def worker_store(database: FreshDatabase) -> Iterator[Store]:
    """As the role that reads, indexes and sweeps."""
    yield from _open(database.urls.worker)


@pytest.fixture
def owner_store(database: FreshDatabase) -> Iterator[Store]:
    """As the owner of the tables: for preparing what no serving role may write."""
    yield from _open(database.urls.owner)


def _open(url: str) -> Iterator[Store]:
    opened = Store(url, size=5)
    yield opened
    opened.close()
