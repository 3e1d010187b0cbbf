"""The gateway as people see it: who waits and runs, shares and budgets, what was used and what it cost."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from haechi.core import audit, clock
from haechi.core.clock import SEOUL
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store

MICRO = 1_000_000
LANES = ("urgent", "citizen", "staff", "batch")
VIEWS = {
    "tenant": "tenant",
    "service": "service",
    "bot": "bot",
    "model": "alias",
    "day": "(at at time zone 'Asia/Seoul')::date",
}
"""What usage may be added up by → the ledger's expression."""
CSV_COLUMNS = (
    "at", "tenant", "bureau", "service", "bot", "alias", "backend", "kind", "lane", "state", "tokens_in", "tokens_out", "counted",
    "won", "wait_ms", "first_token_ms", "latency_ms", "milliwatthours", "co2_milligrams", "energy_method",
)  # fmt: skip


class Console:
    """Reads and changes as the person who looks: row-level security decides which tenants and calls they see."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # --- live --------------------------------------------------------------------------------------------------------

    def live(self, actor: Actor) -> dict[str, Any]:
        """backends (state, slots, running), lanes (waiting, oldest), tenants (waiting, running, used, percent). Sizes follow
        the number of backends and tenants and of calls that wait or run just now, never the length of the ledger."""
        require(actor, "gateway.read")
        with self._store.transaction(actor, snapshot=True) as tx:
            backends = tx.all(
                """select b.id, b.kind, b.offers, b.slots, b.enabled, b.state, b.why, b.checked_at,
                b.open_until > clock_timestamp() as resting,
                (select count(*) from model_leases l where l.backend = b.id and l.state = 'running') as running,
                (select coalesce(array_agg(a.alias order by a.alias), '{}') from model_aliases a where a.backend = b.id) as names
                from model_backends b order by b.id"""
            )
            lanes = tx.all(
                """select n.lane, n.share, count(l.id) filter (where l.state = 'waiting') as waiting,
                count(l.id) filter (where l.state = 'running') as running,
                coalesce(extract(epoch from clock_timestamp() - min(l.entered_at) filter (where l.state = 'waiting')), 0)::float8
                  as oldest
                from model_lanes n left join model_leases l on l.lane = n.lane group by n.lane, n.share order by n.lane"""
            )
            tenants = tx.all(
                """select t.id, t.name, t.weight, t.lane, t.open, t.month_microwon, t.month_tokens, t.per_minute, t.waiting,
                coalesce(s.microwon, 0) as microwon, coalesce(s.tokens_in + s.tokens_out, 0) as tokens,
                coalesce(s.calls, 0) as calls, t.reserved_microwon, t.reserved_tokens,
                (select count(*) from model_leases l where l.tenant = t.id and l.state = 'running') as running
                from model_tenants t left join model_spending s on s.tenant = t.id and s.month = :month
                order by t.waiting desc, microwon desc, t.id""",
                month=_month(clock.today()),
            )
        return {
            "backends": backends,
            "lanes": [{**row, "name": LANES[row["lane"]]} for row in lanes],
            "tenants": [{**row, "lane_name": LANES[row["lane"]], "percent": _percent(row)} for row in tenants],
        }

    # --- shares and budgets ------------------------------------------------------------------------------------------

    def tenant(self, actor: Actor, tenant_id: str) -> Row:
        """One tenant with its shares and budgets. NotFound when there is none that the actor may see."""
        require(actor, "gateway.read")
        with self._store.transaction(actor) as tx:
            row = tx.one("select * from model_tenants where id = :id", id=tenant_id)
        if row is None:
            raise _no_tenant(tenant_id)
        return row

    def change_tenant(
        self,
        actor: Actor,
        tenant_id: str,
        *,
        weight: float,
        lane: str,
        month_won: int | None,
        month_tokens: int | None,
        per_minute: int | None,
        open: bool,
    ) -> None:
        """Set share, lane and limits of a tenant; None: no limit. The next admission follows it; audited."""
        require(actor, "gateway.change")
        if not 0.01 <= weight <= 100 or lane not in LANES:
            raise InvalidInput(
                "몫이나 차선을 받을 수 없습니다.",
                next_step="몫은 0.01에서 100 사이, 차선은 목록에서 고르세요.",
                record=tenant_id,
            )
        if any(limit is not None and not 0 <= limit <= 10**12 for limit in (month_won, month_tokens, per_minute)):
            raise InvalidInput(
                "한도를 받을 수 없습니다.",
                next_step="0 이상의 수를 적거나 비워 두세요(비우면 한도 없음).",
                record=tenant_id,
            )
        values = {
            "weight": weight, "lane": LANES.index(lane), "won": None if month_won is None else month_won * MICRO,
            "tokens": month_tokens, "minute": per_minute, "open": open,
        }  # fmt: skip
        with self._store.transaction(actor) as tx:
            changed = tx.run(
                """update model_tenants set weight = :weight, lane = :lane, month_microwon = :won, month_tokens = :tokens,
                per_minute = :minute, open = :open,
                lanes = case when :lane = any (lanes) then lanes else array_append(lanes, cast(:lane as smallint)) end
                where id = :id""",
                {**values, "id": tenant_id},
            )
            if not changed:
                raise _no_tenant(tenant_id)
            audit.record(tx, "gateway.tenant", f"tenant:{tenant_id}", {**values, "lane": lane, "won": month_won})

    def switch_backend(self, actor: Actor, backend_id: str, on: bool) -> None:
        """Take a backend out or in; calls that run on it end there. Audited."""
        require(actor, "gateway.change")
        with self._store.transaction(actor) as tx:
            if not tx.run("update model_backends set enabled = :on where id = :id", {"on": on, "id": backend_id}):
                raise NotFound("그런 모델 서버가 없습니다.", next_step="목록에서 다시 고르세요.", record=backend_id)
            audit.record(tx, "gateway.backend", f"backend:{backend_id}", {"enabled": on})

    # --- what was used -----------------------------------------------------------------------------------------------

    def usage(self, actor: Actor, month: date, by: str = "tenant", *, own: bool = False) -> dict[str, Any]:
        """A month added up by a view of VIEWS: rows with calls, tokens, won, waits and energy, and their total.

        What the actor may see: everything for administrators and auditors, otherwise their bureau's and their own calls.
        own: the actor's own calls only. One scan of the month's calls of the visible tenants (index tenant, at).
        """
        if by not in VIEWS:
            raise InvalidInput(
                f"'{by}'(으)로는 묶을 수 없습니다.", next_step=f"{', '.join(VIEWS)} 중에서 고르세요.", record=by
            )
        key = VIEWS[by]
        start, end = _between(month)
        with self._store.transaction(actor, snapshot=True) as tx:
            rows = tx.all(
                f"""select {key} as key, count(*) as calls, count(*) filter (where state = 'failed') as failed,
                sum(tokens_in) as tokens_in, sum(tokens_out) as tokens_out, sum(microwon) as microwon,
                percentile_cont(0.95) within group (order by wait_ms) as wait_p95,
                percentile_cont(0.95) within group (order by latency_ms) as latency_p95,
                sum(milliwatthours) as milliwatthours, sum(co2_milligrams) as co2_milligrams,
                count(*) filter (where milliwatthours is null) as energy_unknown,
                count(*) filter (where counted = 'estimate') as estimated
                from model_usage where at >= :start and at < :end and (not :own or tenant = :subject or subject = :subject)
                group by 1 order by {'1' if by == 'day' else 'microwon desc, 1'} limit 500""",
                start=start, end=end, own=own, subject=actor.subject,
            )  # fmt: skip
            method = tx.value(
                "select energy_method from model_usage where at >= :start and at < :end and energy_method <> '' limit 1",
                start=start, end=end,
            )  # fmt: skip
        return {"rows": rows, "total": _total(rows), "method": method or "", "month": start.date(), "by": by}

    def calls_csv(self, actor: Actor, month: date) -> Iterator[str]:
        """The month's calls as CSV lines (UTF-8 with BOM, for spreadsheets), in pages so that memory stays bounded."""
        start, end = _between(month)
        yield "\ufeff" + _line(CSV_COLUMNS)
        after: tuple[datetime, str] = (start, "00000000-0000-0000-0000-000000000000")
        while True:
            with self._store.transaction(actor) as tx:
                rows = tx.all(
                    f"""select id::text as id, {', '.join(CSV_COLUMNS)} from model_usage
                    where (at, id) > (:at, cast(:id as uuid)) and at < :end order by at, id limit 2000""",
                    at=after[0], id=after[1], end=end,
                )  # fmt: skip
            for row in rows:
                yield _line([_cell(row[column]) for column in CSV_COLUMNS])
            if len(rows) < 2000:
                return
            after = (rows[-1]["at"], rows[-1]["id"])


def month_of(text: str) -> date:
    """The first day of 'YYYY-MM'; of this month in Seoul for anything else."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return _month(clock.today())


def _month(day: date) -> date:
    return day.replace(day=1)


def _between(month: date) -> tuple[datetime, datetime]:
    first = _month(month)
    after = _month(first + timedelta(days=32))
    return datetime.combine(first, time(), SEOUL), datetime.combine(after, time(), SEOUL)


def _percent(row: Row) -> int | None:
    """Share of the budget that is nearest to its end, reservations included; None without budgets."""
    shares = [
        (row[used] + row[reserved]) / row[limit] if row[limit] else 1.0
        for used, reserved, limit in (
            ("microwon", "reserved_microwon", "month_microwon"),
            ("tokens", "reserved_tokens", "month_tokens"),
        )
        if row[limit] is not None
    ]
    return round(100 * max(shares)) if shares else None


def _total(rows: Sequence[Row]) -> dict[str, Any]:
    keys = (
        "calls",
        "failed",
        "tokens_in",
        "tokens_out",
        "microwon",
        "milliwatthours",
        "co2_milligrams",
        "energy_unknown",
        "estimated",
    )
    return {key: sum(row[key] or 0 for row in rows) for key in keys}


def _line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet shows and never runs as a formula."""
    if isinstance(value, datetime):
        return value.astimezone(SEOUL).isoformat(timespec="seconds")
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value


def _no_tenant(record: str) -> NotFound:
    return NotFound("그런 이용 주체가 없습니다.", next_step="이용 현황에서 다시 고르세요.", record=record)
