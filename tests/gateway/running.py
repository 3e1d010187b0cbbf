"""A gateway before scripted models, on a real database: what the tests of this folder stand on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import openai
from tests.database import FreshDatabase
from tests.gateway.mock_model import MockModel, serving

from haechi.city.gateway import configuration
from haechi.city.gateway.configuration import Described
from haechi.city.gateway.rules import read_rules
from haechi.core import clock
from haechi.core.keys import Keys
from haechi.core.store import SYSTEM, Store
from haechi.engines.models.guard import Guard
from haechi.web.gateway.app import Application, watched
from haechi.web.gateway.gateway import Gateway
from haechi.web.gateway.gathering import GatheringProtocol

TENANT = "service:11"


@dataclass
class RunningGateway:
    """address: without a slash at its end. key: of TENANT."""

    address: str
    gateway: Gateway
    key: str
    store: Store
    clients: ExitStack

    def client(self, key: str = "", **more: Any) -> openai.OpenAI:
        """The official client."""
        made = openai.OpenAI(base_url=f"{self.address}/v1", api_key=key or self.key, max_retries=0, timeout=30, **more)
        self.clients.callback(made.close)
        return made

    def rows(self, sql: str, **values: Any) -> list[Any]:
        """What the database holds."""
        with self.store.transaction(SYSTEM) as tx:
            return tx.all(sql, **values)

    def calls(self, wanted: int, seconds: float = 10) -> list[Any]:
        """The ledger, once so many calls are settled."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.rows("select * from model_calls order by ended_at")
            if len(found) >= wanted or time.monotonic() > deadline:
                assert len(found) == wanted, found
                return found
            time.sleep(0.02)

    def drift(self) -> list[Any]:
        """Counters that disagree with the rows they count."""
        return self.rows("select * from model_drift")

    def change_tenant(self, tenant: str = TENANT, **values: Any) -> None:
        """As an administrator would."""
        known = self.rows("select 1 from model_tenants where id = :id", id=tenant)
        with self.store.transaction(SYSTEM) as tx:
            if not known:
                tx.run("insert into model_tenants (id, lane, lanes) values (:id, 1, '{1,2,3}')", {"id": tenant})
            for name, value in values.items():
                tx.run(f"update model_tenants set {name} = :value where id = :id", {"value": value, "id": tenant})
        self.gateway._known.clear()


def make_key(database: FreshDatabase, holder: str = TENANT, scopes: tuple[str, ...] = ("models",)) -> str:
    """A key of that holder."""
    store = Store(database.urls.app, size=1)
    keys = Keys(store)
    _, secret = keys.create(holder, {"public"}, scopes, "test", clock.now() + timedelta(days=1), SYSTEM)
    store.close()
    return secret


def describe(model: MockModel, id: str = "gpu1", **more: Any) -> Described:
    """The mock as a backend."""
    return Described(id, "file", model.url, **{"models": {"haechi": "mock"}, **more})


@contextmanager
def running_gateway(database: FreshDatabase, *backends: Described, **more: Any) -> Iterator[RunningGateway]:
    """One gateway process's application, served; everything gone at the end."""
    with ExitStack() as stack:
        store = Store(database.urls.worker, size=3)
        stack.callback(store.close)
        configuration.apply(store, list(backends))
        gateway = Gateway(database.urls.app, "test", read_rules(), Guard(), **more)
        key = make_key(database)
        address = stack.enter_context(serving(watched(Application(gateway)), lifespan="on", http=GatheringProtocol))
        clients = stack.enter_context(ExitStack())
        yield RunningGateway(address, gateway, key, store, clients)
