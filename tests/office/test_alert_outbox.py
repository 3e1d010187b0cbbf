"""The way of proposals into the office, and of alerts out of it: exactly once in, at least once out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.database import FreshDatabase
from tests.office.alerts import Receiver, in_force, proposed, sinks_file
from tests.office.people import person

from haechi.city.office.outcomes import Carriage
from haechi.city.outcomes import keep
from haechi.core import clock
from haechi.core.errors import Conflict, NotFound
from haechi.core.store import SYSTEM, Actor, Store
from haechi.office.alerts import Board, Sinks, deliver
from haechi.office.alerts.message import schema_faults
from haechi.office.cases import Cases
from haechi.office.reviews import Reviews, fair

# --- the way from services to the office ---------------------------------------------------------------------------------


def test_the_same_outcome_opens_one_case_whoever_carries_it(
    carriage: Carriage, store: Store, worker_store: Store
) -> None:
    outcome = proposed()
    with store.transaction(Actor("guest:1")) as tx:
        keep(tx, outcome)  # as a service keeps it, in the transaction of its answer
    kept = [proposed(f"인파 {n}") for n in range(30)]
    for one in kept:
        with store.transaction(Actor("guest:1")) as tx:
            keep(tx, one)
    workers = [threading.Thread(target=carriage.carry_waiting) for _ in range(3)]
    for one in workers:
        one.start()
    case = carriage.carry(outcome)
    for one in workers:
        one.join()
    assert carriage.carry_waiting() == 0
    again = carriage.carry(outcome)
    assert again is not None
    assert case is None or case["id"] == again["id"]
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from cases where flow = 'alert'") == 31
        assert tx.value("select count(*) from reviews") == 31


_CHILD = """
import sys
from haechi.city.office.outcomes import Carriage
from haechi.core.store import Store
from haechi.office.cases import Cases
store = Store(sys.argv[1], size=2)
carriage = Carriage(store, Cases(store), {})
print("ready", flush=True)
carriage.carry_waiting(most=10_000)
"""


def test_a_worker_that_is_killed_leaves_nothing_half_carried(
    database: FreshDatabase, worker_store: Store, carriage: Carriage
) -> None:
    with worker_store.transaction(SYSTEM) as tx:
        for n in range(120):
            keep(tx, proposed(f"인파 {n}", details={"n": n}))
    child = subprocess.Popen([sys.executable, "-c", _CHILD, database.urls.worker], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    for _ in range(200):
        with worker_store.transaction(SYSTEM) as tx:
            done = int(tx.value("select count(*) from cases"))
        if done >= 5:
            break
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with worker_store.transaction(SYSTEM) as tx:
        halfway = int(tx.value("select count(*) from outcomes where carried_at is not null"))
        assert 0 < halfway < 120, "it was to be killed on its way"
        assert tx.value("select count(*) from cases") == halfway
    carriage.carry_waiting(most=1000)
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(distinct origin_key) from cases") == 120
        assert tx.value("select count(*) from cases") == 120
        assert tx.value("select count(*) from reviews r join cases c on c.id = r.case_id") == 120


def test_a_mere_look_opens_no_case(carriage: Carriage, queue: Reviews, owner_store: Store) -> None:
    assert carriage.carry(proposed("문서 둘이 서로 다름", kind="review", bureau="복지실")) is None
    welfare = person(owner_store, "정보슬", bureau="복지실")
    (one,) = queue.waiting(welfare)
    queue.decide(welfare, one["id"], "accept")
    assert queue.one(welfare, one["id"])["review"]["state"] == "accepted"
    with pytest.raises(Conflict, match="이미 결정"):
        queue.decide(welfare, one["id"], "refuse", reason="늦음")


def test_no_service_crowds_out_another_and_nothing_waits_for_ever() -> None:
    now = clock.now()

    def one(service: int, severity: int, minutes: int) -> dict[str, Any]:
        return {
            "id": clock.new_id(),
            "service": service,
            "severity": severity,
            "made_at": now - timedelta(minutes=minutes),
        }

    noisy = [one(22, 2, 60 + n) for n in range(50)]
    quiet, grave, old = one(26, 2, 1), one(36, 1, 0), one(45, 5, 60 * 7)
    order = fair([*noisy, quiet, grave, old], now)
    assert order[0] is grave
    assert order.index(quiet) <= 3, "the second of the noisy service comes after the first of the quiet one"
    assert order.index(old) <= 3, "five steps of waiting make a small thing weigh as much"
    assert order.index(quiet) < order.index(noisy[0])


# --- the outbox ----------------------------------------


def test_what_is_not_set_up_says_so_and_goes_when_it_is(
    cases: Cases, first: Actor, second: Actor, store: Store, worker_store: Store, receiver: Receiver, tmp_path: Path,
) -> None:  # fmt: skip
    case_id = in_force(cases, first, second)
    board, sinks = Board(store), Sinks(tmp_path / "alert_sinks.yaml")
    assert deliver(worker_store, sinks) == 4
    lines = {line["sink"]: line for line in board.of_case(first, case_id)["lines"]}
    assert {sink: line["state"] for sink, line in lines.items() if sink != "screen"} == dict.fromkeys(
        ("siren", "sms", "email", "webhook"), "missing"
    )
    assert lines["email"]["next_step"].startswith("missing: ")
    assert deliver(worker_store, sinks) == 0, "it is looked at again only after a while"
    sinks_file(tmp_path, receiver)
    board.send_again(first, lines["webhook"]["id"])
    assert deliver(worker_store, sinks) == 1
    ((path, headers, body),) = receiver.got
    assert (path, headers["content-type"]) == ("/hook", "application/cap+xml")
    assert headers["idempotency-key"] == lines["webhook"]["key"]
    assert headers["x-haechi-signature"].startswith("sha256=")
    assert schema_faults(body) == []
    with clock.frozen(clock.now() + timedelta(seconds=31)):
        assert deliver(worker_store, sinks) == 3
    assert {line["state"] for line in board.of_case(first, case_id)["lines"]} == {"sent"}
    assert [json.loads(body)["sound"] for path, _, body in receiver.got if path == "/siren"] == ["alarm"]
    (mail,) = receiver.mails
    assert "Message-ID: <" in mail
    assert "application/cap+xml" in mail
    with pytest.raises(NotFound):
        board.send_again(first, lines["webhook"]["id"])


def test_a_receiver_that_fails_is_asked_again_with_the_same_key_and_later_each_time(
    cases: Cases, first: Actor, second: Actor, store: Store, worker_store: Store, receiver: Receiver, tmp_path: Path,
) -> None:  # fmt: skip
    case_id = in_force(cases, first, second, sinks=["webhook"])
    sinks, board, now = sinks_file(tmp_path, receiver), Board(store), clock.now()
    receiver.failing = 2
    waits = []
    for _ in range(3):
        with clock.frozen(now):
            assert deliver(worker_store, sinks) == 1
        (line,) = [line for line in board.of_case(first, case_id)["lines"] if line["sink"] == "webhook"]
        waits.append((line["next_at"] - now).total_seconds())
        now = line["next_at"] + timedelta(seconds=1)
    assert waits[0] < waits[1]
    assert (line["state"], line["attempts"], len(receiver.got)) == ("sent", 3, 1)


def test_what_was_sent_but_not_written_down_is_sent_again_under_its_key(
    cases: Cases, first: Actor, second: Actor, worker_store: Store, receiver: Receiver, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    in_force(cases, first, second, sinks=["webhook"])
    sinks = sinks_file(tmp_path, receiver)
    from haechi.office.alerts import outbox

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(outbox, "_record", dies)
        with pytest.raises(KeyboardInterrupt):
            deliver(worker_store, sinks)
    assert deliver(worker_store, sinks) == 0, "the lease still runs"
    with clock.frozen(clock.now() + timedelta(minutes=3)):
        assert deliver(worker_store, sinks) == 1
    keys = [headers["idempotency-key"] for _, headers, _ in receiver.got]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_siren_off_this_machine_is_not_rung_without_a_name_under_it(
    cases: Cases, first: Actor, second: Actor, store: Store, worker_store: Store, tmp_path: Path
) -> None:
    case_id = in_force(cases, first, second, sinks=["siren"])
    file = tmp_path / "alert_sinks.yaml"
    file.write_text("siren: {url: 'http://siren.example/', zones: [용산1], live: true}\n", encoding="utf-8")
    deliver(worker_store, Sinks(file))
    (line,) = [line for line in Board(store).of_case(first, case_id)["lines"] if line["sink"] == "siren"]
    assert line["state"] == "held"
    assert "approved_by" in line["said"]
