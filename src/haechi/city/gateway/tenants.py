"""Tenants of the shared models: what they may use, what they have used, and changing it with a trace."""

from __future__ import annotations

from typing import Any

from haechi.core import audit, clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.store import Actor, Row, Store

CHANGEABLE = frozenset(
    {"name", "weight", "lane", "lanes", "models", "month_won", "month_tokens", "per_minute", "waiting_limit", "open"}
)


class Tenants:
    """`store`: any role's; row-level security decides which tenants an actor sees, and only administrators change them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, actor: Actor) -> list[Row]:
        """Each with this month's spending, by id. Money in won."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select t.id, t.name, t.weight, t.lane, t.lanes, t.models, t.month_microwon / 1000000.0 as month_won,
                t.month_tokens, t.per_minute, t.waiting_limit, t.open, t.waiting, t.reserved_microwon / 1000000.0 as reserved_won,
                coalesce(s.microwon, 0) / 1000000.0 as used_won, coalesce(s.tokens_in, 0) as tokens_in,
                coalesce(s.tokens_out, 0) as tokens_out, coalesce(s.calls, 0) as calls, s.warned_at
                from model_tenants t left join model_spending s on s.tenant = t.id and s.month = :month order by t.id""",
                month=clock.today().replace(day=1),
            )

    def change(self, actor: Actor, tenant: str, **limits: Any) -> None:
        """Set what is given (None: no limit); audited. Effective at the next admission. InvalidInput for a value that cannot be.

        month_won: whole won. lane, lanes: numbers (engines/models/ports.LANES). models: names, or None for all.
        """
        unknown = set(limits) - CHANGEABLE
        if unknown or not limits:
            raise InvalidInput(
                "바꿀 항목이 없습니다.", next_step=f"다음에서 고르세요: {', '.join(sorted(CHANGEABLE))}", record=tenant
            )
        _check(tenant, limits)
        columns = dict(limits)
        if "month_won" in columns:
            won = columns.pop("month_won")
            columns["month_microwon"] = None if won is None else won * 1_000_000
        with self._store.transaction(actor) as tx:
            changed = tx.run(
                f"update model_tenants set {', '.join(f'{name} = :{name}' for name in columns)} where id = :tenant",
                {**columns, "tenant": tenant},
            )
            if not changed:
                raise NotFound(
                    "그런 이용자가 없습니다.", next_step="haechi gateway tenants의 목록에서 고르세요.", record=tenant
                )
            audit.record(tx, "model.tenant_changed", f"tenant:{tenant}", limits)


def _check(tenant: str, limits: dict[str, Any]) -> None:
    for name in ("month_won", "month_tokens", "per_minute", "waiting_limit"):
        value = limits.get(name)
        if value is not None and (not isinstance(value, int) or value < 0):
            raise InvalidInput(f"{name} 값이 맞지 않습니다.", next_step="0 이상의 정수로 정하세요.", record=tenant)
    weight = limits.get("weight", 1)
    if not isinstance(weight, int | float) or not 0 < weight <= 1000:
        raise InvalidInput("가중치가 맞지 않습니다.", next_step="0보다 크고 1000 이하인 수로 정하세요.", record=tenant)
