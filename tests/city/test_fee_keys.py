"""Keys of the metered mode on the real tables of the gateway."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.office.people import person

from haechi.city.office.fee_keys import FeeKeys
from haechi.core import clock
from haechi.core.errors import NotSignedIn
from haechi.core.keys import Keys
from haechi.core.store import Store


def test_a_key_has_its_budget_ends_the_one_before_and_counts_what_the_gateway_counted(
    store: Store, owner_store: Store, worker_store: Store
) -> None:
    who = person(owner_store, "김해솔", "staff", bureau="재무국")
    keys = Keys(store)
    ring = FeeKeys(keys, worker_store)
    ends = clock.now() + timedelta(days=90)
    _, lost = ring.issue(who.subject, "이용료 지원 1", ends, 30_000)
    prefix, secret = ring.issue(who.subject, "이용료 지원 1", ends, 30_000)
    with pytest.raises(NotSignedIn, match="폐지"):
        keys.check(lost, "models")
    assert keys.check(secret, "models").bureau == "재무국"
    with owner_store.transaction() as tx:
        assert tx.value("select month_microwon from model_tenants where id = :id", id=who.subject) == 30_000_000_000
        for month, microwon in (
            (date(2026, 8, 1), 5),
            (date(2026, 9, 1), 12_000_000_001),
            (date(2026, 10, 1), 345_000_000),
        ):
            tx.run(
                "insert into model_spending (tenant, month, microwon) values (:id, :month, :microwon)",
                {"id": who.subject, "month": month, "microwon": microwon},
            )
    assert ring.used_won(who.subject, date(2026, 9, 1), date(2026, 11, 30)) == 12_346
    ring.close(prefix)
    with pytest.raises(NotSignedIn):
        keys.check(secret, "models")
