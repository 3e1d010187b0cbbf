"""Kim of the welfare bureau signs in, changes her password, and loses her cookie to a thief."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from haechi.core import audit
from haechi.core.clock import frozen
from haechi.core.errors import Conflict, HaechiError, InvalidInput, NotFound, NotSignedIn, TooManyRequests
from haechi.core.identity import Accounts, User, actor_of, guest
from haechi.core.passwords import Passwords, check_policy
from haechi.core.sessions import sweep_sessions
from haechi.core.store import SYSTEM, Store

GOOD = "푸른 고래 셋이 잔다"
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def kim(accounts: Accounts) -> User:
    return accounts.create("Kim", "김복지", password=GOOD, roles=("staff",), bureau="복지실", email="kim@city.example")


def _actions(store: Store) -> list[str]:
    with store.transaction(SYSTEM) as tx:
        assert audit.verify(tx).ok
        return [row["action"] for row in reversed(audit.entries(tx))]


def test_kim_signs_in_and_is_known_by_her_cookie(accounts: Accounts, kim: User) -> None:
    opened = accounts.sign_in(" KIM ", GOOD, address="10.0.0.1", agent="Firefox")
    session = accounts.session(opened.token)
    assert session is not None
    assert session.user == kim
    assert session.csrf == opened.csrf != opened.token
    assert session.actor.tags == {"public", "staff", "bureau:복지실", f"user:{kim.id}", "role:staff"}
    assert session.actor.bureau == "복지실"
    assert _actions(accounts.store) == ["user.created", "session.opened"]


@pytest.mark.usefixtures("kim")
def test_the_database_holds_neither_password_nor_token(accounts: Accounts) -> None:
    opened = accounts.sign_in("kim", GOOD)
    with accounts.store.transaction(SYSTEM) as tx:
        stored = str(tx.all("select * from users")) + str(tx.all("select token_hash from sessions"))
        stored += str(tx.all("select * from audit_log"))
    assert "$argon2id$" in stored
    assert GOOD not in stored
    assert opened.token not in stored


@pytest.mark.usefixtures("kim")
def test_unknown_login_wrong_password_and_closed_account_get_the_same_words(accounts: Accounts) -> None:
    accounts.create("lee", "이퇴직", password=GOOD)
    accounts.change(accounts.find("lee").id, active=False)  # type: ignore[union-attr]
    said = []
    for login, password in (
        ("nobody", GOOD),
        ("kim", "틀린 비밀번호입니다"),
        ("lee", GOOD),
        ("kim\x00", "x"),
        ("", ""),
    ):
        with pytest.raises(NotSignedIn) as refused:
            accounts.sign_in(login, password)
        said.append(refused.value.as_dict())
    assert all(words == said[0] for words in said)


def test_an_unknown_login_takes_as_long_as_a_wrong_password(city: Store) -> None:
    accounts = Accounts(city, passwords=Passwords(PasswordHasher(time_cost=2, memory_cost=16384, parallelism=1)))
    accounts.create("kim", "김복지", password=GOOD)

    def median(logins: list[str]) -> float:
        times = []
        for number, login in enumerate(logins):
            started = time.perf_counter()
            with pytest.raises(NotSignedIn):
                accounts.sign_in(login, "틀린 비밀번호입니다", address=f"10.0.0.{number}")
            times.append(time.perf_counter() - started)
        return statistics.median(times)

    median(["warm-up"])
    ratio = median([f"nobody{n}" for n in range(5)]) / median(["kim"] * 5)
    assert 0.5 < ratio < 2, f"unknown / known = {ratio:.2f}"


def test_what_was_typed_as_an_unknown_login_is_not_written_down(accounts: Accounts) -> None:
    with pytest.raises(NotSignedIn):
        accounts.sign_in("my-password-by-mistake", "kim")
    with accounts.store.transaction(SYSTEM) as tx:
        assert "my-password-by-mistake" not in str(tx.all("select * from audit_log"))


# --- the cookie ------------------------------------------------------------------------------------------------------


def test_a_stolen_cookie_is_worthless_once_the_session_is_revoked(accounts: Accounts, kim: User) -> None:
    stolen = accounts.sign_in("kim", GOOD).token
    assert accounts.session(stolen) is not None
    assert accounts.revoke_sessions(kim.id) == 1
    assert accounts.session(stolen) is None


@pytest.mark.parametrize(
    "event",
    ["sign_out", "password", "reset", "closed", "role", "bureau"],
)
def test_what_ends_a_session_ends_it_at_once(accounts: Accounts, kim: User, event: str) -> None:
    token = accounts.sign_in("kim", GOOD).token
    if event == "sign_out":
        accounts.sign_out(token)
    elif event == "password":
        accounts.change_password(kim.id, GOOD, "노란 기린 넷이 뛴다")
    elif event == "reset":
        accounts.reset_password(kim.id, "노란 기린 넷이 뛴다")
    elif event == "closed":
        accounts.change(kim.id, active=False)
    elif event == "role":
        accounts.change(kim.id, roles=("staff", "auditor"))
    else:
        accounts.change(kim.id, bureau="도로과")
    assert accounts.session(token) is None


@pytest.mark.usefixtures("kim")
def test_a_planted_cookie_does_not_become_kims_session(accounts: Accounts) -> None:
    planted = accounts.sign_in("kim", GOOD).token
    opened = accounts.sign_in("kim", GOOD, replaces=planted)
    assert opened.token != planted
    assert accounts.session(planted) is None
    assert accounts.session(opened.token) is not None


@pytest.mark.parametrize("token", ["", "x", "가나다", "\x00", "A" * 10_000, "' or true --"])
@pytest.mark.usefixtures("kim")
def test_an_invented_cookie_opens_nothing(accounts: Accounts, token: str) -> None:
    assert accounts.session(token) is None


@pytest.mark.usefixtures("kim")
def test_a_session_ends_after_an_idle_hour_and_after_twelve_busy_ones(accounts: Accounts) -> None:
    with frozen(MONDAY):
        idle, busy = accounts.sign_in("kim", GOOD), accounts.sign_in("kim", GOOD)
    for minutes in range(0, 12 * 60, 50):
        with frozen(MONDAY + timedelta(minutes=minutes)):
            assert accounts.session(busy.token) is not None
    with frozen(MONDAY + timedelta(minutes=61)):
        assert accounts.session(idle.token) is None
    with frozen(MONDAY + timedelta(hours=12)):
        assert accounts.session(busy.token) is None
    with frozen(MONDAY + timedelta(days=60)), accounts.store.transaction(SYSTEM) as tx:
        assert sweep_sessions(tx) == 2


def test_a_new_role_is_in_force_at_the_next_sign_in(accounts: Accounts, kim: User) -> None:
    accounts.change(kim.id, roles=("staff", "auditor"), bureau="도로과")
    session = accounts.session(accounts.sign_in("kim", GOOD).token)
    assert session is not None
    assert {"role:auditor", "bureau:도로과"} <= session.actor.tags
    assert "bureau:복지실" not in session.actor.tags


def test_a_password_changed_while_it_was_being_checked_opens_nothing(accounts: Accounts, kim: User) -> None:
    class Slow(Passwords):
        def matches(self, stored: str | None, password: str) -> bool:
            matched = super().matches(stored, password)
            accounts.reset_password(kim.id, "노란 기린 넷이 뛴다")
            return matched

    slow = Accounts(accounts.store, passwords=Slow(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)))
    with pytest.raises(NotSignedIn):
        slow.sign_in("kim", GOOD)


# --- guessing --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("kim")
def test_guessing_at_a_login_waits_twice_as_long_each_time(accounts: Accounts) -> None:
    moment, waits = MONDAY, []
    for _ in range(12):
        with frozen(moment):
            with pytest.raises(HaechiError) as refused:
                accounts.sign_in("kim", "틀린 비밀번호입니다", address="203.0.113.9")
            if isinstance(refused.value, TooManyRequests):
                waits.append(refused.value.retry_after)
                moment += timedelta(seconds=refused.value.retry_after)
            else:
                assert isinstance(refused.value, NotSignedIn)
    assert waits == [2, 4, 8]


def test_a_right_password_does_not_help_during_the_wait_and_does_after_it(accounts: Accounts, kim: User) -> None:
    with frozen(MONDAY):
        for _ in range(6):
            with pytest.raises(NotSignedIn):
                accounts.sign_in("kim", "틀린 비밀번호입니다", address="203.0.113.9")
        with pytest.raises(TooManyRequests) as wait:
            accounts.sign_in("kim", GOOD, address="203.0.113.9")
    assert wait.value.status == 429
    with frozen(MONDAY + timedelta(seconds=wait.value.retry_after)):
        assert accounts.sign_in("kim", GOOD, address="203.0.113.9").user == kim
        with pytest.raises(NotSignedIn):
            accounts.sign_in("kim", "틀린 비밀번호입니다", address="203.0.113.9")


def test_a_stranger_who_guesses_does_not_lock_kim_out_of_her_own_desk(accounts: Accounts, kim: User) -> None:
    accounts.sign_in("kim", GOOD, address="10.0.0.1")
    with frozen(MONDAY):
        for _ in range(6):
            with pytest.raises(NotSignedIn):
                accounts.sign_in("kim", "틀린 비밀번호입니다", address="203.0.113.9")
        with pytest.raises(TooManyRequests):
            accounts.sign_in("kim", GOOD, address="203.0.113.9")
        assert accounts.sign_in("kim", GOOD, address="10.0.0.1").user == kim


def test_an_address_that_tries_one_password_on_many_logins_waits(accounts: Accounts) -> None:
    with frozen(MONDAY):
        for number in range(51):
            with pytest.raises(NotSignedIn):
                accounts.sign_in(f"user{number}", "봄이 오면 꽃이 핀다", address="203.0.113.9")
        with pytest.raises(TooManyRequests):
            accounts.sign_in("another", "봄이 오면 꽃이 핀다", address="203.0.113.9")


@pytest.mark.usefixtures("kim")
def test_forty_guesses_at_the_same_moment_are_no_more_than_the_free_ones(accounts: Accounts) -> None:
    def guess(number: int) -> type[HaechiError]:
        try:
            accounts.sign_in("kim", f"틀린 비밀번호 {number}번", address=f"203.0.113.{number}")
        except HaechiError as error:
            return type(error)
        raise AssertionError("a wrong password opened a session")

    with frozen(MONDAY), ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(guess, range(40)))
    assert outcomes.count(NotSignedIn) == 6
    assert outcomes.count(TooManyRequests) == 34


def test_a_clock_set_back_locks_nobody_out_for_a_year(accounts: Accounts, kim: User) -> None:
    with frozen(MONDAY + timedelta(days=365)):
        for _ in range(6):
            with pytest.raises(NotSignedIn):
                accounts.sign_in("kim", "틀린 비밀번호입니다")
    with frozen(MONDAY):
        assert accounts.sign_in("kim", GOOD).user == kim


# --- passwords -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    ["짧다", "Password123!", "1q2w3e4r5t6y", "qwertyuiop", "9876543210", "01012345678", "aaaaaaaaaaaa", "dkssudgktpdy12",
     "비밀번호1234567", "haechi2026!!", "kimbokji2026", "김복지20261122", "x" * 300],
)  # fmt: skip
def test_a_password_that_others_would_guess_is_refused_with_a_next_step(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_policy(password, login="kimbokji", name="김복지")
    assert refused.value.next_step
    assert password not in str(refused.value)


@pytest.mark.parametrize("password", [GOOD, "correct horse battery", "tmxkqjrtmdptjakssk", "여름밤의 소나기 소리"])
def test_length_is_enough_and_no_composition_is_asked_for(password: str) -> None:
    check_policy(password, login="kimbokji", name="김복지")


def test_the_same_words_typed_on_another_keyboard_are_the_same_password(accounts: Accounts, kim: User) -> None:
    import unicodedata

    assert accounts.sign_in("kim", unicodedata.normalize("NFD", GOOD)).user == kim


@pytest.mark.usefixtures("kim")
def test_an_old_hash_is_renewed_at_the_next_sign_in(accounts: Accounts) -> None:
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=128, parallelism=1))
    Accounts(accounts.store, passwords=stronger).sign_in("kim", GOOD)
    with accounts.store.transaction(SYSTEM) as tx:
        assert "m=128,t=2,p=1" in tx.value("select password_hash from users where login = 'kim'")


def test_the_parameters_in_use_are_the_ones_of_rfc_9106() -> None:
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in Passwords().hash(GOOD)


def test_a_wrong_old_password_changes_nothing(accounts: Accounts, kim: User) -> None:
    with pytest.raises(NotSignedIn):
        accounts.change_password(kim.id, "틀린 비밀번호입니다", "노란 기린 넷이 뛴다")
    with pytest.raises(InvalidInput):
        accounts.change_password(kim.id, GOOD, GOOD)
    assert accounts.sign_in("kim", GOOD).user == kim


def test_after_a_reset_kim_must_choose_her_own(accounts: Accounts, kim: User) -> None:
    accounts.reset_password(kim.id, "노란 기린 넷이 뛴다")
    assert accounts.sign_in("kim", "노란 기린 넷이 뛴다").user.must_change_password
    accounts.change_password(kim.id, "노란 기린 넷이 뛴다", GOOD)
    assert not accounts.sign_in("kim", GOOD).user.must_change_password


# --- accounts --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("kim")
def test_a_login_is_given_once(accounts: Accounts) -> None:
    with pytest.raises(Conflict):
        accounts.create("KIM", "김둘째", password=GOOD)
    assert [user.login for user in accounts.users()] == ["kim"]


def test_unknown_roles_bureaux_and_users_are_said_to_be_unknown(accounts: Accounts) -> None:
    with pytest.raises(InvalidInput, match="king"):
        accounts.create("a", "가나다", roles=("king",))
    with pytest.raises(InvalidInput, match="없는과"):
        accounts.create("a", "가나다", bureau="없는과")
    for unknown in ("x", "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(NotFound):
            accounts.get(unknown)


def test_the_last_administrator_cannot_resign(accounts: Accounts) -> None:
    one = accounts.create("one", "관리 일", roles=("admin",))
    two = accounts.create("two", "관리 이", roles=("admin", "staff"))

    def resign(user: User) -> str:
        try:
            return "resigned" if "admin" not in accounts.change(user.id, roles=("staff",)).roles else "stayed"
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(resign, (one, two))) == ["refused", "resigned"]
    assert sum("admin" in user.roles for user in accounts.users()) == 1


def test_a_citizen_and_a_guest_hold_no_more_than_what_is_public(accounts: Accounts) -> None:
    citizen = accounts.create("citizen", "박시민", password=GOOD)
    assert actor_of(citizen).tags == {"public"}
    assert guest("cookie").tags == {"public"}
    assert guest("cookie").subject == guest("cookie").subject != guest("other").subject
    assert "cookie" not in guest("cookie").subject
