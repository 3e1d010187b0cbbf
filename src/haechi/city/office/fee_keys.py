"""Keys of the model gateway for the metered mode of the fee support: a budget a month, its use as the gateway counted it."""

from __future__ import annotations

from datetime import date, datetime

from haechi.city.gateway.rules import read_rules
from haechi.core.keys import Keys
from haechi.core.store import SYSTEM, Store

MICRO = 1_000_000


class FeeKeys:
    """office/support/metered.Keyring on this installation. `store`: under haechi_worker, because budgets are set by the rule of
    a round, not by a person. The gateway warns at 80 % of a month's budget, and refuses at 100 %."""

    def __init__(self, keys: Keys, store: Store) -> None:
        self._keys = keys
        self._store = store

    def issue(self, subject: str, note: str, expires_at: datetime, month_won: int) -> tuple[str, str]:
        """(prefix, secret); an earlier key with the same note ends first, so that one lost on the way opens nothing."""
        for known in self._keys.all():
            if known.holder == subject and known.note == note and known.state == "active":
                self._keys.revoke(known.id, by=SYSTEM)
        lane, lanes = read_rules().tenants["user"]
        with self._store.transaction(SYSTEM) as tx:
            tx.run(
                """insert into model_tenants (id, name, lane, lanes, month_microwon)
                values (:id, (select name from users where 'user:' || id = :id), :lane, :lanes, :won)
                on conflict (id) do update set month_microwon = excluded.month_microwon""",
                {"id": subject, "lane": lane, "lanes": list(lanes), "won": month_won * MICRO},
            )
        key, secret = self._keys.create(subject, {"public"}, ("models",), note, expires_at, SYSTEM)
        return key.prefix, secret

    def used_won(self, subject: str, since: date, until: date) -> int:
        """Whole won of the months from `since` to `until`, rounded up."""
        with self._store.transaction(SYSTEM) as tx:
            return int(
                tx.value(
                    """select coalesce(ceil(sum(microwon) / 1000000.0), 0) from model_spending
                    where tenant = :id and month between :since and :until""",
                    id=subject, since=since.replace(day=1), until=until,
                )
            )  # fmt: skip

    def close(self, prefix: str) -> None:
        """End the key at once."""
        self._keys.revoke(prefix, by=SYSTEM)
