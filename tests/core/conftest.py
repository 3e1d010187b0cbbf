"""A small city for the tests of people: two bureaux, quick password hashes."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from haechi.core.identity import Accounts, Keys
from haechi.core.passwords import Passwords
from haechi.core.store import SYSTEM, Store

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
GOOD = "푸른 고래 셋이 잔다"


@pytest.fixture
def city(store: Store) -> Store:
    with store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지실'), ('도로과')")
    return store


@pytest.fixture
def accounts(city: Store) -> Accounts:
    return Accounts(city, passwords=Passwords(QUICK))


@pytest.fixture
def keys(city: Store) -> Keys:
    return Keys(city)
