"""kill -9 of a real process in the middle of the draw and of the payment: nothing is lost, nothing happens twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.database import FreshDatabase
from tests.office.fees import new_round
from tests.office.people import person

from haechi.core import clock
from haechi.core.store import Actor, Store
from haechi.office.support import Draws, Payments, Rounds

PEOPLE, SEATS = 300, 250
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def round_of_many(store: Store, owner_store: Store) -> tuple[str, Actor, Actor]:
    """A round with 300 applications for 250 seats, who draws it, who pays."""
    drawer = person(owner_store, "하늘찬", "staff", "ai_team", bureau="디지털도시국")
    payer = person(owner_store, "한바다", "staff", "ai_team", bureau="디지털도시국")
    now = clock.now()
    rounds = Rounds(store)
    id = rounds.plan(
        drawer,
        new_round(
            title="회차", number=1, opens_at=now - timedelta(days=1), closes_at=now + timedelta(days=1),
            starts_on=(now + timedelta(days=3)).date(), seats_main=SEATS, seats_branch=0, budget_won=SEATS * 90_000,
        ),
    )  # fmt: skip
    rounds.open(drawer, id)
    with owner_store.transaction() as tx:
        tx.run(
            """insert into support_applications (case_id, round_id, number, subject, bureau, pool, service, listed, ask_won, state, at)
            select gen_random_uuid(), :round, 'n' || n, 'user:' || n, '부서' || n % 9, 'main', 'chatgpt', true, 90000, 'applied', now()
            from generate_series(1, :n) n""",
            {"round": id, "n": PEOPLE},
        )
    return id, drawer, payer


def _writer(database: FreshDatabase, act: str, round_id: str, who: Actor, slow: float) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.faults.fee_writer",
        database.urls.app,
        act,
        round_id,
        who.subject,
        str(slow),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def _kill_after(process: subprocess.Popen[str], seconds: float) -> None:
    time.sleep(seconds)
    assert process.poll() is None, "it must be in the middle"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL


def _finished(process: subprocess.Popen[str]) -> bool:
    said, _ = process.communicate(timeout=30)
    return (process.returncode, said) == (0, "done\n")


def _standing(owner_store: Store, round_id: str) -> dict[str, Any]:
    with owner_store.transaction() as tx:
        row = tx.one(
            """select state, held_won, paid_won, (select count(*) from support_draws) as draws,
            (select count(*) from support_applications where state = 'applied') as applied,
            (select count(*) from support_applications where state = 'drawn') as drawn,
            (select count(*) from support_applications where state = 'paid') as paid,
            (select count(*) from support_ledger where kind = 'hold') as holds,
            (select count(*) from support_ledger where kind = 'settle') as settles,
            (select count(*) from support_payment_lines) as lines, (select count(*) from support_payments) as files
            from support_rounds where id = :id""",
            id=round_id,
        )
    assert row is not None
    return dict(row)


def test_a_killed_draw_never_happened_and_the_next_is_the_only_one(
    database: FreshDatabase, store: Store, owner_store: Store, round_of_many: tuple[str, Actor, Actor]
) -> None:
    round_id, drawer, _ = round_of_many
    before = _standing(owner_store, round_id)
    commitment = Rounds(store).one(drawer, round_id)["commitment"]
    for after in (0.5, 1.5):
        _kill_after(_writer(database, "draw", round_id, drawer, 0.5), after)
        assert _standing(owner_store, round_id) == before
    assert _finished(_writer(database, "draw", round_id, drawer, 0))
    told = _standing(owner_store, round_id)
    assert (told["drawn"], told["holds"], told["held_won"], told["draws"]) == (SEATS, SEATS, SEATS * 90_000, 1)
    record = Draws(store).record(drawer, round_id)
    assert record is not None
    assert Rounds(store).one(drawer, round_id)["commitment"] == commitment, (
        "a killed draw gives no second try at another seed"
    )


def test_a_killed_payment_pays_nobody_and_its_name_pays_everybody_once(
    database: FreshDatabase, store: Store, owner_store: Store, round_of_many: tuple[str, Actor, Actor]
) -> None:
    round_id, drawer, payer = round_of_many
    with clock.frozen(clock.now() + timedelta(days=2)):
        Draws(store).draw(drawer, round_id)
    before = _standing(owner_store, round_id)
    for after in (0.4, 1.3):
        _kill_after(_writer(database, "pay", round_id, payer, 0.5), after)
        assert _standing(owner_store, round_id) == before
    # The answer of a payment that went through is lost on the way: whoever asks again gets the same batch.
    assert _finished(_writer(database, "pay", round_id, payer, 0))
    paid = _standing(owner_store, round_id)
    assert (paid["paid"], paid["settles"], paid["lines"], paid["files"]) == (SEATS, SEATS, SEATS, 1)
    assert (paid["held_won"], paid["paid_won"]) == (0, SEATS * 90_000)
    batch = Payments(store).pay(payer, round_id, "지급-1")
    assert (batch["people"], batch["won"]) == (SEATS, SEATS * 90_000)
    assert _standing(owner_store, round_id) == paid
