"""Who answers for the shared models sees who waits, sets shares and budgets, and reads what a month cost."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from haechi.city.gateway.console import Console, month_of
from haechi.core import clock
from haechi.core.clock import SEOUL
from haechi.core.errors import Forbidden, InvalidInput, NotFound
from haechi.core.store import SYSTEM, Actor, Store

MAY = date(2026, 5, 1)


def person(name: str, bureau: str, *roles: str) -> Actor:
    tags = frozenset({"public", "staff", f"bureau:{bureau}", f"user:{name}"})
    return Actor(subject=f"user:{name}", name=name, tags=tags, roles=frozenset(roles), bureau=bureau)


ADMIN, KIM, LEE = (
    person("head", "디지털과", "staff", "admin"),
    person("kim", "복지과", "staff"),
    person("lee", "교통과", "staff"),
)
TEAM = person("team", "디지털과", "ai_team")


def call(tx: Any, tenant: str, **more: Any) -> None:
    values = {
        "id": clock.new_id(), "at": datetime(2026, 5, 10, 9, tzinfo=SEOUL), "tenant": tenant, "subject": "key:abc", "alias": "haechi",
        "kind": "chat", "lane": 2, "state": "done", "tokens_in": 100, "tokens_out": 50, "counted": "backend", "microwon": 75_000_000,
        "wait_ms": 20, "latency_ms": 900, "service": None, "bot": "", "milliwatthours": 300.0, "co2_milligrams": 125.0,
        "energy_method": "어림", "log_text": "가린 글", **more,
    }  # fmt: skip
    names = ", ".join(values)
    tx.run(f"insert into model_calls ({names}) values ({', '.join(':' + name for name in values)})", values)


@pytest.fixture
def console(store: Store, owner_store: Store) -> Console:
    """Two departments and a person that used the model in May, one call in June."""
    with owner_store.transaction(SYSTEM) as tx:
        for tenant in ("bureau:복지과", "bureau:교통과", "user:kim"):
            tx.run("insert into model_tenants (id, name) values (:id, :id)", {"id": tenant})
        call(tx, "bureau:복지과", service=39)
        call(tx, "bureau:복지과", service=11, bot="=cmd()", state="failed", microwon=5_000_000, milliwatthours=None)
        call(tx, "bureau:교통과", microwon=1_000_000)
        call(tx, "user:kim", at=datetime(2026, 5, 31, 23, 59, 59, tzinfo=SEOUL), microwon=2_000_000, counted="estimate")
        call(tx, "user:kim", at=datetime(2026, 6, 1, 0, 0, tzinfo=SEOUL))
    return Console(store)


def keys(used: dict[str, Any]) -> dict[Any, int]:
    return {row["key"]: int(row["microwon"]) // 1_000_000 for row in used["rows"]}


def test_a_month_adds_up_for_everybody_who_may_see_it(console: Console) -> None:
    assert keys(console.usage(ADMIN, MAY)) == {"bureau:복지과": 80, "user:kim": 2, "bureau:교통과": 1}
    assert keys(console.usage(TEAM, MAY)) == keys(console.usage(ADMIN, MAY))
    used = console.usage(ADMIN, MAY)
    assert (used["total"]["calls"], used["total"]["failed"], used["total"]["estimated"]) == (4, 1, 1)
    assert (used["total"]["energy_unknown"], used["method"]) == (1, "어림")
    assert keys(console.usage(ADMIN, MAY, "day")) == {date(2026, 5, 10): 81, date(2026, 5, 31): 2}
    assert keys(console.usage(ADMIN, MAY, "service")) == {39: 75, 11: 5, None: 3}


def test_staff_see_their_department_and_themselves_and_nobody_else(console: Console) -> None:
    assert keys(console.usage(KIM, MAY)) == {"bureau:복지과": 80, "user:kim": 2}
    assert keys(console.usage(KIM, MAY, own=True)) == {"user:kim": 2}
    assert keys(console.usage(LEE, MAY)) == {"bureau:교통과": 1}
    assert console.usage(Actor(), MAY)["rows"] == []
    with pytest.raises(Forbidden):
        console.live(KIM)
    with pytest.raises(Forbidden):
        console.change_tenant(
            TEAM, "bureau:복지과", weight=2, lane="staff", month_won=1, month_tokens=None, per_minute=None, open=True
        )


def test_the_csv_holds_every_visible_call_no_words_and_no_formula(console: Console) -> None:
    text = "".join(console.calls_csv(KIM, MAY))
    assert text.startswith("\ufeffat,tenant,")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert sum(float(row["won"]) for row in rows) == 82
    assert {row["tenant"] for row in rows} == {"bureau:복지과", "user:kim"}
    assert "가린 글" not in text
    assert [row["bot"] for row in rows if row["bot"]] == ["'=cmd()"]


def test_shares_and_budgets_are_set_by_an_administrator_and_written_down(console: Console, store: Store) -> None:
    console.change_tenant(
        ADMIN, "bureau:복지과", weight=2.5, lane="urgent", month_won=100, month_tokens=1000, per_minute=60, open=False
    )
    row = console.tenant(ADMIN, "bureau:복지과")
    assert (row["weight"], row["lane"], row["month_microwon"], row["month_tokens"]) == (2.5, 0, 100_000_000, 1000)
    assert (row["per_minute"], row["open"], 0 in row["lanes"]) == (60, False, True)
    with store.transaction(ADMIN) as tx:
        assert tx.value("select detail ->> 'weight' from audit_log where action = 'gateway.tenant'") == "2.5"
    for wrong in ({"weight": 0.0}, {"lane": "fast"}, {"month_won": -1}):
        good = {
            "weight": 1.0,
            "lane": "staff",
            "month_won": None,
            "month_tokens": None,
            "per_minute": None,
            "open": True,
        }
        with pytest.raises(InvalidInput) as error:
            console.change_tenant(ADMIN, "bureau:복지과", **{**good, **wrong})
        assert error.value.next_step
    with pytest.raises(NotFound):
        console.tenant(ADMIN, "bureau:없는과")


def test_the_live_view_counts_what_waits_and_runs_and_how_much_of_a_budget_is_gone(
    console: Console, owner_store: Store
) -> None:
    this_month = clock.today().replace(day=1)
    with owner_store.transaction(SYSTEM) as tx:
        tx.run(
            """insert into model_backends (id, url, offers, max_num_seqs, source, state)
            values ('gpu-1', 'http://gpu:8000/v1', '{chat}', 10, 'file', 'up')"""
        )
        tx.run(
            """insert into model_lanes (lane, name, share) values (0, '긴급', 0), (1, '시민', 0.25), (2, '직원', 0.1), (3, '배치', 0.05)
            on conflict do nothing"""
        )
        tx.run("insert into model_aliases (alias, backend, upstream) values ('haechi', 'gpu-1', 'm')")
        tx.run(
            "update model_tenants set month_microwon = 100, reserved_microwon = 10, waiting = 1 where id = 'bureau:복지과'"
        )
        tx.run(
            "insert into model_spending (tenant, month, microwon) values ('bureau:복지과', :month, 75)",
            {"month": this_month},
        )
        for state, backend in (("waiting", None), ("running", "gpu-1"), ("running", "gpu-1")):
            tx.run(
                """insert into model_leases (id, tenant, gateway, state, lane, alias, kind, backend, units, reserved_tokens,
                reserved_microwon, tokens_in, entered_at, expires_at, detail)
                values (:id, 'bureau:복지과', 'g/1', :state, 1, 'haechi', 'chat', :backend, 1, 1, 10, 1, :then, :then, '{}')""",
                {"id": clock.new_id(), "state": state, "backend": backend, "then": clock.now() - timedelta(seconds=7)},
            )
    live = console.live(TEAM)
    (backend,) = [one for one in live["backends"] if one["id"] == "gpu-1"]
    assert (backend["running"], backend["slots"], backend["names"]) == (2, 12, ["haechi"])
    lane = next(one for one in live["lanes"] if one["name"] == "citizen")
    assert (lane["waiting"], lane["running"]) == (1, 2)
    assert lane["oldest"] >= 7
    tenant = next(one for one in live["tenants"] if one["id"] == "bureau:복지과")
    assert (tenant["percent"], tenant["running"]) == (85, 2)
    console.switch_backend(ADMIN, "gpu-1", False)
    assert not next(one for one in console.live(ADMIN)["backends"] if one["id"] == "gpu-1")["enabled"]
    with pytest.raises(NotFound):
        console.switch_backend(ADMIN, "gpu-9", False)


def test_a_month_that_is_none_is_this_month() -> None:
    assert month_of("2026-05") == MAY
    assert month_of("봄") == clock.today().replace(day=1)
