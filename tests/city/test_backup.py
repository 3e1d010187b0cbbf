"""The night before the machine is replaced: back up everything, restore it elsewhere, and find it the same."""

from __future__ import annotations

import json
import stat
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from tests.database import FreshDatabase, TestServer

from haechi.city import backup
from haechi.city.contents import compare, connect
from haechi.city.database import EmbeddedDatabase
from haechi.core import audit, clock
from haechi.core.errors import Conflict, HaechiError, InvalidInput
from haechi.core.identity import Accounts, Keys, actor_of
from haechi.core.passwords import Passwords
from haechi.core.store import SYSTEM, Store

GOOD = "푸른 고래 셋이 잔다"
ORIGINAL = bytes(range(256)) * 400


@pytest.fixture
def filled(database: FreshDatabase, store: Store, worker_store: Store, tmp_path: Path) -> FreshDatabase:
    """A city with people, keys, documents with their originals, passages, a conversation and a published audit head."""
    with store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지과')")
    accounts = Accounts(store, passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)))
    kim = accounts.create("kim", "김복지", password=GOOD, roles=("staff",), bureau="복지과")
    accounts.sign_in("kim", GOOD)
    Keys(store).create("bureau:복지과", {"staff"}, ["ask"], "창구", clock.now() + timedelta(days=30), SYSTEM)
    with store.transaction(actor_of(kim)) as tx:
        document, version, conversation = clock.new_id(), clock.new_id(), clock.new_id()
        tx.run(
            "insert into documents (id, title, bureau, grade, access, created_by)"
            " values (:id, '기초연금 안내', '복지과', 'bureau', '{bureau:복지과}', :by)",
            {"id": document, "by": f"user:{kim.id}"},
        )
        tx.run(
            "insert into versions (id, document_id, number, filename, sha256, bytes, original, created_by)"
            " values (:id, :document, 1, '안내.hwpx', 'x', :bytes, :original, :by)",
            {"id": version, "document": document, "bytes": len(ORIGINAL), "original": ORIGINAL, "by": f"user:{kim.id}"},
        )
        tx.run(
            "insert into conversations (id, subject, purge_after) values (:id, :subject, current_date)",
            {"id": conversation, "subject": f"user:{kim.id}"},
        )
        audit.record(tx, "document.received", f"document:{document}", {"name": "안내.hwpx"})
    with worker_store.transaction(SYSTEM) as tx:
        tx.run(
            "insert into passages (id, document_id, version_id, ordinal, text, title, access, vectors, table_data)"
            " select :version || ':' || n, cast(:document as uuid), cast(:version as uuid), n,"
            " '65세 이상' || chr(9) || n || chr(10) || '\\N', '기초연금 안내', '{bureau:복지과}', :vector,"
            " '{\"rows\": [[1.50, null]]}' from generate_series(1, 500) n",
            {"version": version, "document": document, "vector": ORIGINAL[:64]},
        )
        tx.run("insert into index_log (op, document_id) values ('add', :id)", {"id": document})
        audit.publish_head(tx, _home(tmp_path) / "published")
    return database


def _home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    (home / "openid.yaml").write_text("roles: {}\n", encoding="utf-8")
    (home / "database-secrets.json").write_text('{"postgres": "very secret"}', encoding="utf-8")
    return home


def test_a_restored_city_is_the_same_city(filled: FreshDatabase, database_server: TestServer, tmp_path: Path) -> None:
    file = tmp_path / "city.haechi"
    made = backup.back_up(filled.urls.owner, file, home=_home(tmp_path))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made.tables["public.passages"].rows == 500
    with database_server.fresh() as empty:
        restored = backup.restore(file, empty.urls.owner, home=tmp_path / "new")
        assert restored == made
        same = compare(filled.urls.owner, empty.urls.owner)
        assert same.equal
        assert same.rows == made.rows > 500
        _someone_works_in_it(Store(empty.urls.app, size=2), tmp_path / "new")


def _someone_works_in_it(store: Store, home: Path) -> None:
    """The restored city serves: the chain is whole, the original opens, rights hold, and only cookies are gone."""
    try:
        with store.transaction(SYSTEM) as tx:
            assert audit.verify(tx, home / "published").ok
            assert tx.value("select count(*) from sessions") == 0
            assert tx.value("select count(*) from documents") == 0, "row-level security was not restored"
            audit.record(tx, "city.reopened", "city", {})
        accounts = Accounts(store)
        kim = accounts.session(accounts.sign_in("kim", GOOD).token)
        assert kim is not None
        with store.transaction(kim.actor) as tx:
            assert bytes(tx.value("select original from versions")) == ORIGINAL
            assert tx.value("select nextval('index_log_seq_seq') > max(seq) from index_log")
    finally:
        store.close()
    assert (home / "openid.yaml").exists()


def test_passwords_of_the_database_and_cookies_are_not_inside(filled: FreshDatabase, tmp_path: Path) -> None:
    file = tmp_path / "city.haechi"
    backup.back_up(filled.urls.owner, file, home=_home(tmp_path))
    with connect(filled.urls.owner) as connection:
        cookie = bytes(connection.execute("select token_hash from sessions").fetchone()[0])  # type: ignore[index]
    with zipfile.ZipFile(file) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert set(inside) == {"database.dump", "manifest.json", "home/openid.yaml"} | {
        name for name in inside if name.startswith("home/published/audit-head-")
    }
    password = filled.urls.owner.split(":")[2].split("@")[0].encode()
    for content in inside.values():
        assert b"very secret" not in content
        assert password not in content
        assert cookie.hex().encode() not in content


def test_a_difference_of_one_letter_is_found(
    filled: FreshDatabase, database_server: TestServer, tmp_path: Path
) -> None:
    file = tmp_path / "city.haechi"
    backup.back_up(filled.urls.owner, file)
    with database_server.fresh() as empty:
        backup.restore(file, empty.urls.owner)
        with connect(empty.urls.owner) as connection:
            connection.execute("update passages set text = text || '.' where ordinal = 250")
            connection.execute("update versions set original = set_byte(original, 99, 0)")
        different = compare(filled.urls.owner, empty.urls.owner)
    assert [item.table for item in different.differences] == ["public.passages", "public.versions"]
    assert not different.equal


# --- what must not be restored ---------------------------------------------------------------------------------------


def test_an_installation_that_holds_anything_is_left_alone(
    filled: FreshDatabase, database_server: TestServer, tmp_path: Path
) -> None:
    file = tmp_path / "city.haechi"
    backup.back_up(filled.urls.owner, file)
    with pytest.raises(Conflict, match="비어 있지 않은"):
        backup.restore(file, filled.urls.owner)
    with database_server.fresh() as other:
        with connect(other.urls.owner) as connection:
            connection.execute("insert into bureaux (id) values ('남의 과')")
        with pytest.raises(Conflict) as refused:
            backup.restore(file, other.urls.owner)
        with connect(other.urls.owner) as connection:
            assert connection.execute("select id from bureaux").fetchall() == [("남의 과",)]
    assert refused.value.next_step


@pytest.mark.parametrize("damage", ["cut", "cut in half", "bit", "empty", "no zip", "manifest", "extra", "missing"])
def test_a_damaged_file_restores_nothing(
    filled: FreshDatabase, database_server: TestServer, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "city.haechi"
    backup.back_up(filled.urls.owner, file)
    _damage(file, damage)
    with database_server.fresh() as empty, database_server.fresh() as untouched:
        with pytest.raises(InvalidInput, match=r"온전하지|없습니다") as refused:
            backup.restore(file, empty.urls.owner)
        assert refused.value.next_step
        assert compare(empty.urls.owner, untouched.urls.owner).equal


def _damage(file: Path, damage: str) -> None:
    content = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
        return
    if damage == "bit":
        content[len(content) // 2] ^= 1
    elif damage == "manifest":
        content = content.replace(b'"rows": 500', b'"rows": 501')
    elif damage == "extra":
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("home/../../evil", "x")
        return
    whole = len(content)
    kept = {"cut": whole - 10, "cut in half": whole // 2, "empty": 0}.get(damage, whole)
    file.write_bytes(b"not a backup at all" if damage == "no zip" else content[:kept])


def test_a_manifest_that_promises_something_else_empties_the_installation_again(
    filled: FreshDatabase, database_server: TestServer, tmp_path: Path
) -> None:
    """A file whose parts are whole but do not belong together is noticed after loading, and nothing stays."""
    import hashlib

    file, forged = tmp_path / "city.haechi", tmp_path / "forged.haechi"
    backup.back_up(filled.urls.owner, file)
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(forged, "w") as new:
        manifest = json.loads(old.read("manifest.json"))
        manifest["tables"]["public.passages"]["rows"] = 499
        text = json.dumps(manifest).encode()
        new.writestr("database.dump", old.read("database.dump"))
        new.writestr("manifest.json", text)
        new.comment = hashlib.sha256(text).hexdigest().encode()
    with database_server.fresh() as empty:
        with pytest.raises(InvalidInput, match="온전하지"):
            backup.restore(forged, empty.urls.owner)
        with connect(empty.urls.owner) as connection:
            assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)
        assert backup.restore(file, empty.urls.owner).rows > 500


def test_a_backup_of_a_later_version_says_so(
    filled: FreshDatabase, database_server: TestServer, tmp_path: Path
) -> None:
    file = tmp_path / "city.haechi"
    with connect(filled.urls.owner) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    backup.back_up(filled.urls.owner, file)
    with database_server.fresh() as empty, pytest.raises(InvalidInput, match="9999"):
        backup.restore(file, empty.urls.owner)


def test_an_existing_file_is_not_overwritten_and_a_failed_backup_leaves_none(
    filled: FreshDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "city.haechi"
    file.write_text("an older backup", encoding="utf-8")
    with pytest.raises(Conflict):
        backup.back_up(filled.urls.owner, file)
    assert file.read_text(encoding="utf-8") == "an older backup"
    other = tmp_path / "other.haechi"
    with connect(filled.urls.owner) as connection:
        connection.execute("lock table passages in access exclusive mode")
        with pytest.raises(HaechiError):
            backup.back_up(filled.urls.owner, other, patience=1)
    assert list(tmp_path.glob("other*")) == []


def test_a_city_moves_to_a_new_machine_with_a_server_of_its_own(filled: FreshDatabase, tmp_path: Path) -> None:
    file = tmp_path / "city.haechi"
    backup.back_up(filled.urls.owner, file)
    elsewhere = EmbeddedDatabase(tmp_path / "elsewhere" / "database" / "data")
    urls = elsewhere.start()
    try:
        backup.restore(file, urls.owner)
        assert compare(filled.urls.owner, urls.owner).equal
    finally:
        elsewhere.stop()
