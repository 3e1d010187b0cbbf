"""The auditor reads the log; somebody who owns the database has touched it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import ProgrammingError
from tests.database import TestServer

from haechi.core import audit
from haechi.core.clock import frozen
from haechi.core.errors import Conflict
from haechi.core.store import SYSTEM, Actor, Store

KIM = Actor("user:kim", "김복지")
NOON = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def _write(store: Store, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        with store.transaction(KIM) as tx:
            audit.record(tx, "document.read", f"document:{number}", {"number": number, "왜": "민원 답변"})


def _verify(store: Store, folder: Path | None = None) -> audit.Verification:
    with store.transaction(SYSTEM) as tx:
        return audit.verify(tx, folder)


def test_an_untouched_log_is_whole(store: Store) -> None:
    assert _verify(store) == audit.Verification(True, 0, None, "0" * 64)
    _write(store, 5)
    found = _verify(store)
    assert (found.ok, found.entries, found.broken_at) == (True, 5, None)
    with store.transaction(SYSTEM) as tx:
        assert audit.head(tx).hash == found.head
        newest = audit.entries(tx, limit=2)
        assert [row["seq"] for row in newest] == [5, 4]
        assert newest[0]["actor"] == "user:kim"
        assert [row["seq"] for row in audit.entries(tx, action="document.", before=3)] == [2, 1]
        assert audit.entries(tx, resource="document:0")[0]["detail"] == {"number": 0, "왜": "민원 답변"}


def test_an_entry_exists_exactly_when_its_deed_does(store: Store) -> None:
    _write(store, 1)
    with suppress(RuntimeError), store.transaction(KIM) as tx:
        audit.record(tx, "document.deleted", "document:1", {})
        raise RuntimeError("the disk is full")
    _write(store, 1)
    assert _verify(store).entries == 2


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("update audit_log set detail = '{\"number\": 99}' where seq = 3", 3),
        ("update audit_log set actor = 'user:lee' where seq = 1", 1),
        ("update audit_log set at = at + interval '1 microsecond' where seq = 5", 5),
        ("delete from audit_log where seq = 3", 3),
        ("delete from audit_log where seq = 1", 1),
        ("update audit_log set seq = case seq when 2 then 4 else 2 end where seq in (2, 4)", 2),
        ("update audit_log set previous = hash where seq = 4", 4),
        ("delete from audit_log where seq = 3; update audit_log set seq = seq - 1 where seq > 3", 3),
    ],
)
def test_what_the_owner_of_the_database_changed_is_found(
    store: Store, owner_store: Store, tampering: str, broken_at: int
) -> None:
    _write(store, 6)
    with owner_store.transaction() as tx:
        tx.run("alter table audit_log drop constraint audit_log_pkey")
        for statement in tampering.split(";"):
            tx.run(statement)
    found = _verify(store)
    assert (found.ok, found.broken_at) == (False, broken_at)
    assert found.entries == broken_at - 1
    assert found.why


def test_a_cut_end_is_found_by_the_published_head(store: Store, owner_store: Store, tmp_path: Path) -> None:
    _write(store, 6)
    with store.transaction(SYSTEM) as tx:
        published = audit.publish_head(tx, tmp_path)
    _write(store, 2, start=6)
    assert _verify(store, tmp_path).ok
    with owner_store.transaction() as tx:
        tx.run("delete from audit_log where seq > 4")
    cut = _verify(store)
    assert (cut.ok, cut.broken_at, published.seq) == (False, 5, 6)
    # The owner covers the tracks in the database as well; the file outside remembers.
    with owner_store.transaction() as tx:
        tx.run("delete from audit_heads")
    assert _verify(store).ok
    assert _verify(store, tmp_path).broken_at == 5


def test_a_chain_rewritten_from_its_beginning_is_found_by_the_file(
    database_server: TestServer, store: Store, tmp_path: Path
) -> None:
    _write(store, 4)
    with store.transaction(SYSTEM) as tx:
        audit.publish_head(tx, tmp_path)
    with database_server.fresh() as other:
        forged = Store(other.urls.app, size=2)
        _write(forged, 4, start=100)
        assert _verify(forged).ok
        assert _verify(forged, tmp_path).broken_at == 4
        forged.close()


def test_those_who_serve_can_neither_change_nor_delete(store: Store, worker_store: Store) -> None:
    _write(store, 1)
    for serving in (store, worker_store):
        for statement in ("update audit_log set actor = 'x'", "delete from audit_log", "truncate audit_log",
                          "delete from audit_heads"):  # fmt: skip
            with pytest.raises(ProgrammingError, match="permission denied"), serving.transaction(SYSTEM) as tx:
                tx.run(statement)
    assert _verify(store).entries == 1


def test_two_hundred_writers_make_one_chain(store: Store) -> None:
    ready = threading.Barrier(8)

    def write(writer: int) -> None:
        ready.wait()
        for number in range(25):
            with store.transaction(Actor(f"user:{writer}")) as tx:
                audit.record(tx, "case.opened", f"case:{writer}-{number}", {"number": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    found = _verify(store)
    assert (found.ok, found.entries) == (True, 200)


# --- the head of the day ---------------------------------------------------------------------------------------------


def test_the_head_is_published_once_a_day_in_seoul(store: Store, tmp_path: Path) -> None:
    with frozen(NOON):
        _write(store, 3)
        with store.transaction(SYSTEM) as tx:
            first = audit.publish_head(tx, tmp_path)
        _write(store, 3)
        with store.transaction(SYSTEM) as tx:
            assert audit.publish_head(tx, tmp_path) == first
    assert (first.day, first.seq) == (date(2026, 11, 22), 3)
    content = (tmp_path / "audit-head-2026-11-22.txt").read_text(encoding="utf-8")
    assert f"hash: {first.hash}\n" in content
    with frozen(NOON + timedelta(hours=13)), store.transaction(SYSTEM) as tx:  # 01:00 of the next day in Seoul
        second = audit.publish_head(tx, tmp_path)
        assert (second.day, second.seq) == (date(2026, 11, 23), 6)
        assert [item.seq for item in audit.heads(tx)] == [6, 3]
    assert _verify(store, tmp_path).ok


def test_a_published_file_is_never_overwritten(store: Store, tmp_path: Path) -> None:
    with frozen(NOON):
        _write(store, 1)
        with store.transaction(SYSTEM) as tx:
            audit.publish_head(tx, tmp_path)
        path = tmp_path / "audit-head-2026-11-22.txt"
        path.write_text(path.read_text(encoding="utf-8").replace("seq: 1", "seq: 9"), encoding="utf-8")
        with pytest.raises(Conflict), store.transaction(SYSTEM) as tx:
            audit.publish_head(tx, tmp_path)
    assert "seq: 9" in path.read_text(encoding="utf-8")


def test_a_file_written_just_before_the_database_went_away_is_the_head_of_its_day(store: Store, tmp_path: Path) -> None:
    with frozen(NOON):
        _write(store, 2)
        with suppress(RuntimeError), store.transaction(SYSTEM) as tx:
            audit.publish_head(tx, tmp_path)
            raise RuntimeError("power cut before the commit")
        _write(store, 2)
        with store.transaction(SYSTEM) as tx:
            assert audit.publish_head(tx, tmp_path).seq == 2
    assert _verify(store, tmp_path).ok


# --- whatever is written reads back the same -------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.uuids(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(details=st.lists(st.dictionaries(st.text(), json_values, max_size=4), max_size=5), resource=st.text(max_size=20))
def test_any_detail_makes_a_chain_that_verifies(store: Store, details: list[dict[str, object]], resource: str) -> None:
    with store.transaction(KIM) as tx:
        for detail in details:
            audit.record(tx, "case.noted", resource, detail)
    assert _verify(store).ok


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_single_change_is_found_where_it_was_made(store: Store, owner_store: Store, data: st.DataObject) -> None:
    with owner_store.transaction() as tx:
        tx.run("delete from audit_log")
    _write(store, 5)
    seq = data.draw(st.integers(1, 5))
    column = data.draw(st.sampled_from(["actor", "action", "resource"]))
    value = data.draw(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12))
    with owner_store.transaction() as tx:
        before = tx.value(f"select {column} from audit_log where seq = :seq", seq=seq)
        tx.run(f"update audit_log set {column} = :value where seq = :seq", {"value": value, "seq": seq})
    found = _verify(store)
    assert found.broken_at == (None if value == before else seq)
