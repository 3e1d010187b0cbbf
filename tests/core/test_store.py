"""The database of a test: real, migrated, its own."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy.exc import ProgrammingError
from tests.database import FreshDatabase, TestServer

from haechi.core.clock import new_id
from haechi.core.errors import Unavailable
from haechi.core.store import SYSTEM, Actor, Store


def test_each_test_starts_from_an_empty_city(store: Store) -> None:
    with store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from users") == 0
        tx.run("insert into bureaux (id) values ('복지실')")


def test_what_one_test_wrote_another_does_not_see(store: Store) -> None:
    with store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from bureaux") == 0


def test_the_serving_role_cannot_change_what_was_written_down(store: Store) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), store.transaction(SYSTEM) as tx:
        tx.run("update audit_log set action = 'nothing.happened'")


def test_the_serving_role_owns_no_table(database: FreshDatabase, store: Store) -> None:
    with store.transaction() as tx:
        owners = {row["tableowner"] for row in tx.all("select tableowner from pg_tables where schemaname = 'public'")}
        assert owners == {"haechi_owner"}
        assert tx.value("select current_user") == "haechi_app"
        assert tx.value("select current_database()") == database.name


def test_a_conversation_is_seen_by_its_own_subject_only(store: Store) -> None:
    asker, other = Actor("guest:aaaa"), Actor("guest:bbbb")
    with store.transaction(asker) as tx:
        tx.run(
            "insert into conversations (id, subject, purge_after) values (:id, 'guest:aaaa', current_date)",
            {"id": new_id()},
        )
    with store.transaction(asker) as tx:
        assert tx.value("select count(*) from conversations") == 1
    with store.transaction(other) as tx:
        assert tx.value("select count(*) from conversations") == 0


def test_a_fresh_database_is_quick(database_server: TestServer) -> None:
    with database_server.fresh():
        pass
    started = time.perf_counter()
    with database_server.fresh():
        elapsed = time.perf_counter() - started
    assert elapsed < 5, f"copying the template took {elapsed:.1f} s; it takes about 0.1 s on an idle machine"


def test_a_record_that_another_transaction_holds_is_told_as_such(store: Store, worker_store: Store) -> None:
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지과')")
    with worker_store.transaction(SYSTEM) as holder:
        holder.one("select 1 from bureaux where id = '복지과' for update")
        with pytest.raises(Unavailable, match="다른 작업"):
            _rename(store)


def _rename(store: Store) -> None:
    with store.transaction(SYSTEM) as tx:
        tx.run("set local lock_timeout = '50ms'")
        tx.run("update bureaux set name_en = 'Welfare' where id = '복지과'")


def test_a_crowd_is_served_in_the_order_of_arrival(database: FreshDatabase) -> None:
    crowded = Store(database.urls.app, size=1)
    served: list[int] = []
    started: list[threading.Thread] = []

    def ask(number: int) -> None:
        with crowded.transaction() as tx:
            tx.value("select pg_sleep(0.01)")
            served.append(number)

    with crowded.transaction():
        for number in range(20):
            started.append(threading.Thread(target=ask, args=(number,)))
            started[-1].start()
            while len(crowded._seats._line) <= number:
                time.sleep(0.001)
    for thread in started:
        thread.join()
    crowded.close()
    assert served == list(range(20))


def test_whoever_finds_no_connection_free_is_told_that_it_is_full_and_leaves_no_seat_behind(
    database: FreshDatabase,
) -> None:
    crowded = Store(database.urls.app, size=1, wait=0.1)
    refused: list[str] = []

    def ask() -> None:
        try:
            with crowded.transaction():
                pass
        except Unavailable as error:
            refused.append(error.message)

    with crowded.transaction():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert refused == ["지금 이용하는 사람이 많아 처리하지 못했습니다."]
    with crowded.transaction() as tx:
        assert tx.value("select 1") == 1
    crowded.close()


def test_a_transaction_inside_a_transaction_is_a_mistake_not_a_wait(store: Store) -> None:
    with store.transaction(), pytest.raises(RuntimeError), store.transaction():
        pass
    with store.transaction() as tx:
        assert tx.value("select 1") == 1
