"""The welfare bureau's system calls the API with a key."""

from __future__ import annotations

from datetime import timedelta

import pytest

from haechi.core import audit, clock
from haechi.core.errors import Forbidden, HaechiError, InvalidInput, NotFound, NotSignedIn
from haechi.core.identity import Accounts, Keys, actor_of
from haechi.core.store import SYSTEM


def _in_days(days: int):
    return clock.now() + timedelta(days=days)


def test_a_key_opens_what_its_scopes_name_and_nothing_else(keys: Keys) -> None:
    info, secret = keys.create(
        "bureau:복지실", {"staff", "bureau:복지실"}, ["ask", "ingest"], "민원 창구", _in_days(90), SYSTEM
    )
    assert secret.startswith(f"hk_{info.prefix}_")
    actor = keys.check(secret, "ask")
    assert (actor.subject, actor.bureau) == (f"key:{info.prefix}", "복지실")
    assert actor.tags == {"public", "staff", "bureau:복지실"}
    with pytest.raises(Forbidden, match="read_register"):
        keys.check(secret, "read_register")
    assert keys.all()[0].last_used_at is not None


def test_an_expired_and_a_revoked_key_say_so_to_their_holder_only(keys: Keys) -> None:
    info, secret = keys.create("service:39", {"staff"}, ["search"], "", _in_days(1), SYSTEM)
    with clock.frozen(_in_days(2)):
        with pytest.raises(NotSignedIn, match="만료"):
            keys.check(secret, "search")
        assert keys.all()[0].state == "expired"
        with pytest.raises(NotSignedIn) as guessed:
            keys.check(f"hk_{info.prefix}_{'A' * 43}", "search")
    assert "만료" not in str(guessed.value)
    keys.revoke(info.id, by=SYSTEM)
    with pytest.raises(NotSignedIn, match="폐지"):
        keys.check(secret, "search")
    assert keys.all()[0].state == "revoked"


@pytest.mark.parametrize("text", ["", "hk_", "hk_aaaaaaaa_" + "A" * 43, "hk_aaaaaaaa_짧다", "Bearer x", "\x00"])
def test_an_invented_key_opens_nothing(keys: Keys, text: str) -> None:
    with pytest.raises(NotSignedIn):
        keys.check(text, "ask")


def test_the_database_does_not_hold_the_secret(keys: Keys) -> None:
    _, secret = keys.create("service:39", set(), ["ask"], "", _in_days(1), SYSTEM)
    with keys.store.transaction(SYSTEM) as tx:
        stored = str(tx.all("select * from api_keys")) + str(tx.all("select * from audit_log"))
        assert audit.verify(tx).ok
    assert secret.split("_", 2)[2] not in stored


def test_a_users_key_reads_no_more_than_the_user_does_today(keys: Keys, accounts: Accounts) -> None:
    kim = accounts.create("kim", "김복지", roles=("staff",), bureau="복지실")
    _, secret = keys.create(f"user:{kim.id}", {"staff", "bureau:복지실"}, ["ask"], "", _in_days(90), actor_of(kim))
    assert "bureau:복지실" in keys.check(secret, "ask").tags
    accounts.change(kim.id, bureau="도로과")
    assert keys.check(secret, "ask").tags == {"public", "staff"}
    accounts.change(kim.id, active=False)
    with pytest.raises(NotSignedIn):
        keys.check(secret, "ask")


def test_nobody_makes_a_key_that_reads_more_than_they_do(keys: Keys, accounts: Accounts) -> None:
    kim = actor_of(accounts.create("kim", "김복지", roles=("staff",), bureau="복지실"))
    with pytest.raises(Forbidden, match="bureau:도로과"):
        keys.create("service:39", {"bureau:도로과"}, ["ask"], "", _in_days(1), kim)
    admin = actor_of(accounts.create("admin", "관리자", roles=("admin",)))
    info, _ = keys.create("service:39", {"bureau:도로과"}, ["ask"], "", _in_days(1), admin)
    assert info.tags == {"public", "bureau:도로과"}


@pytest.mark.parametrize(
    ("holder", "scopes", "days"),
    [("누구", ["ask"], 1), ("bureau:없는과", ["ask"], 1), ("service:39", ["rule"], 1), ("service:39", [], 1),
     ("service:39", ["ask"], -1), ("service:39", ["ask"], 3000)],
)  # fmt: skip
def test_a_key_that_makes_no_sense_is_refused_with_a_next_step(
    keys: Keys, holder: str, scopes: list[str], days: int
) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys.create(holder, set(), scopes, "", _in_days(days), SYSTEM)
    assert refused.value.next_step
    assert keys.all() == []


def test_revoking_what_is_not_there_says_so(keys: Keys) -> None:
    with pytest.raises(NotFound) as refused:
        keys.revoke("zzzzzzzz", by=SYSTEM)
    assert isinstance(refused.value, HaechiError)


def test_no_key_carries_the_tag_of_a_bots_documents(keys: Keys) -> None:
    with pytest.raises(InvalidInput, match="문서 묶음"):
        keys.create("service:39", {"staff", "bot:welfare"}, ["ask"], "", _in_days(1), SYSTEM)
    assert keys.all() == []


def test_a_project_holds_a_key_of_its_own_and_reads_no_more_than_the_key_says(keys: Keys) -> None:
    info, secret = keys.create("project:폭염 대책", {"public"}, ["models"], "시험 사업", _in_days(30), SYSTEM)
    assert info.holder == "project:폭염 대책"
    actor = keys.check(secret, "models")
    assert (actor.tags, actor.roles, actor.bureau) == (frozenset({"public"}), frozenset(), "")
