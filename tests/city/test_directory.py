"""Staff sign in with the account of the city's directory; what the directory says decides roles and bureau."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.city.ldap_server import BASE, PERSON_PASSWORD, READER, READER_PASSWORD, directory

from haechi.city.directory import Directory
from haechi.city.settings import Settings
from haechi.core.errors import InvalidInput, NotSignedIn, TooManyRequests, Unavailable
from haechi.core.identity import Accounts
from haechi.core.store import SYSTEM, Store


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real directory."""
    with directory(tmp_path_factory.mktemp("ldap")) as running:
        yield running


@pytest.fixture
def at(url: str, tmp_path: Path) -> Settings:
    """Settings that name it."""
    return Settings(
        home=tmp_path, ldap_url=url, ldap_base=BASE, ldap_bind_dn=READER, ldap_bind_password=READER_PASSWORD
    )


@pytest.fixture
def accounts(store: Store, worker_store: Store) -> Accounts:
    """No accounts, one bureau."""
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지과')")
    return Accounts(store)


def test_the_directory_says_who_somebody_is_and_where_they_work(at: Settings, accounts: Accounts) -> None:
    signed = Directory(at, accounts).sign_in("kim", PERSON_PASSWORD, address="10.0.0.1")
    user = signed.user
    assert (user.name, user.email, user.roles, user.bureau) == ("김해솔", "kim@haechi.city", ("staff",), "복지과")
    again = Directory(at, accounts).sign_in("KIM", PERSON_PASSWORD, address="10.0.0.1")
    assert again.user.id == user.id, "a second account for the same person"
    assert accounts.session(signed.token) is not None


def test_what_the_table_does_not_name_gives_no_rights(at: Settings, accounts: Accounts) -> None:
    user = Directory(at, accounts).sign_in("lee", PERSON_PASSWORD, address="10.0.0.1").user
    assert (user.roles, user.bureau) == (("citizen",), None)
    entry, roles, bureau = Directory(at, accounts).look_up("kim")
    assert entry is not None
    assert (entry.groups, roles, bureau) == (("haechi-staff",), ("staff",), "복지과")
    assert Directory(at, accounts).look_up("nobody") == (None, (), None)


@pytest.mark.parametrize(
    ("login", "password"),
    [("kim", "틀린-비밀번호"), ("nobody", PERSON_PASSWORD), ("kim", ""), ("", ""), ("*", PERSON_PASSWORD), ("k*", PERSON_PASSWORD),
     ("kim)(uid=*", PERSON_PASSWORD), ("uid=kim," + BASE, PERSON_PASSWORD)],
)  # fmt: skip
def test_nobody_comes_in_by_guessing_blanks_or_filters(
    at: Settings, accounts: Accounts, login: str, password: str
) -> None:
    with pytest.raises(NotSignedIn) as error:
        Directory(at, accounts).sign_in(login, password, address="10.0.0.2")
    assert error.value.message == "아이디 또는 비밀번호가 맞지 않습니다."
    assert accounts.users() == []


def test_guesses_are_slowed_down(at: Settings, accounts: Accounts) -> None:
    door = Directory(at, accounts)
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            door.sign_in("kim", "틀린-비밀번호", address="10.0.0.3")
    with pytest.raises(NotSignedIn):
        door.sign_in("kim", "틀린-비밀번호", address="10.0.0.3")
    with pytest.raises(TooManyRequests):
        door.sign_in("kim", PERSON_PASSWORD, address="10.0.0.3")


def test_a_directory_that_is_away_or_refuses_us_says_what_to_do(at: Settings, accounts: Accounts) -> None:
    for broken in (replace(at, ldap_url="ldap://127.0.0.1:9"), replace(at, ldap_bind_password="틀림")):
        with pytest.raises(Unavailable) as error:
            Directory(broken, accounts).sign_in("kim", PERSON_PASSWORD, address="10.0.0.4")
        assert error.value.next_step
    with pytest.raises(InvalidInput):
        Directory(replace(at, ldap_url="http://example.test"), accounts)
