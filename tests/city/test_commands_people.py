"""The administrator at the terminal: accounts, keys, the log, a backup and a restore."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.database import FreshDatabase, TestServer

from haechi.cli import main
from haechi.core.identity import Accounts, Keys
from haechi.core.store import SYSTEM, Store

GOOD = "푸른 고래 셋이 잔다"


class Terminal:
    """`haechi …` in an installation of this test's own, on the city's PostgreSQL by URL."""

    def __init__(self, home: Path, database: FreshDatabase) -> None:
        self.home = home
        urls = database.urls
        self.environment = {
            "HAECHI_DATABASE_URL": urls.app,
            "HAECHI_DATABASE_OWNER_URL": urls.owner,
            "HAECHI_DATABASE_WORKER_URL": urls.worker,
            "COLUMNS": "200",
        }

    def run(self, *words: str, input: str = "") -> Result:
        """The result of one command; an unexpected exception is the test's failure."""
        result = CliRunner().invoke(main, ["--home", str(self.home), *words], env=self.environment, input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *words: str, input: str = "") -> Any:
        """What a command prints with --json."""
        result = self.run(*words, "--json", input=input)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def terminal(database: FreshDatabase, store: Store, tmp_path: Path) -> Terminal:
    with store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지과')")
    return Terminal(tmp_path / "home", database)


def test_an_account_from_its_making_to_its_closing(terminal: Terminal, store: Store) -> None:
    made = terminal.json("user", "add", "kim", "김복지", "--role", "staff", "--bureau", "복지과")
    accounts = Accounts(store)
    first = accounts.sign_in("kim", made["temporary_password"])
    assert first.user.must_change_password
    reset = terminal.run("user", "password", "kim", "--password-stdin", input=GOOD + "\n")
    assert "임시 비밀번호" not in reset.output
    assert accounts.session(first.token) is None
    second = accounts.sign_in("kim", GOOD)
    assert "복지과" in terminal.run("user", "list").output
    assert terminal.run("user", "disable", "kim").exit_code == 0
    assert accounts.session(second.token) is None
    assert [person["active"] for person in terminal.json("user", "list")] == [False]


def test_a_mistake_is_told_in_korean_with_the_next_step(terminal: Terminal) -> None:
    result = terminal.run("user", "add", "kim", "김복지", "--bureau", "없는과")
    assert result.exit_code == 1
    assert "'없는과' 부서가 없습니다." in result.output
    assert "다음:" in result.output
    short = terminal.run("user", "add", "kim", "김복지", "--password-stdin", input="짧다\n")
    assert short.exit_code == 1
    assert "짧습니다" in short.output
    assert terminal.run("user", "disable", "nobody").exit_code == 1


def test_a_key_is_shown_once_and_then_revoked(terminal: Terminal, store: Store) -> None:
    made = terminal.json("key", "create", "bureau:복지과", "--scope", "ask", "--tag", "staff", "--note", "창구")
    assert Keys(store).check(made["key"], "ask").bureau == "복지과"
    listed = terminal.run("key", "list").output
    assert made["prefix"] in listed
    assert made["key"] not in listed
    assert terminal.run("key", "revoke", made["prefix"]).exit_code == 0
    assert [key["state"] for key in terminal.json("key", "list")] == ["revoked"]


def test_the_log_is_verified_and_its_head_published(terminal: Terminal, owner_store: Store) -> None:
    terminal.json("user", "add", "kim", "김복지")
    head = terminal.json("audit", "head")
    assert (terminal.home / "published" / f"audit-head-{head['day']}.txt").exists()
    whole = terminal.json("audit", "verify")
    assert (whole["ok"], whole["head"]) == (True, head["hash"])
    with owner_store.transaction() as tx:
        tx.run("delete from audit_log")
        tx.run("delete from audit_heads")
    cut = terminal.run("audit", "verify", "--json")
    assert cut.exit_code == 1
    assert json.loads(cut.stdout)["broken_at"] == 1
    assert "온전하지 않습니다" in terminal.run("audit", "verify").output


def test_a_city_is_carried_to_another_place(terminal: Terminal, database_server: TestServer, tmp_path: Path) -> None:
    terminal.json("user", "add", "kim", "김복지", "--role", "admin")
    head = terminal.json("audit", "head")
    file = tmp_path / "city.haechi"
    told = terminal.json("backup", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert told["rows"] > 3
    refused = terminal.run("restore", str(file))
    assert refused.exit_code == 1
    assert "비어 있지 않은 설치" in refused.output
    with database_server.fresh() as empty:
        elsewhere = Terminal(tmp_path / "new", empty)
        assert elsewhere.json("restore", str(file), "--into", str(tmp_path / "new"))["rows"] == told["rows"]
        assert [person["login"] for person in elsewhere.json("user", "list")] == ["kim"]
        verified = elsewhere.json("audit", "verify")
        assert verified["ok"]
        assert (tmp_path / "new/published" / f"audit-head-{head['day']}.txt").exists()


def test_restore_into_a_folder_makes_a_database_there(terminal: Terminal, tmp_path: Path) -> None:
    terminal.json("user", "add", "kim", "김복지")
    file, place = tmp_path / "city.haechi", tmp_path / "place"
    terminal.json("backup", str(file))
    terminal.environment = dict.fromkeys(terminal.environment)  # type: ignore[arg-type]
    result = terminal.run("restore", str(file), "--into", str(place))
    assert result.exit_code == 0, result.output
    assert "복원했습니다" in result.output
    assert not (place / "database/data/postmaster.pid").exists()
    assert terminal.run("restore", str(file), "--into", str(place)).exit_code == 1
