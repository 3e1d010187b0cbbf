"""Kim signs in at the city's identity provider: a real one, npm's oidc-provider, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from tests.city import oidc_provider

from haechi.city.oidc import CALLBACK, ClaimMapping, OpenIdConnect
from haechi.city.settings import Settings
from haechi.core import audit, clock
from haechi.core.errors import InvalidInput, NotSignedIn, Unavailable
from haechi.core.identity import Accounts
from haechi.core.store import SYSTEM, Store

CITY = "http://127.0.0.1:8300"
BACK = CITY + CALLBACK
KIM = {"name": "김복지", "email": "kim@city.example", "roles": ["haechi-staff"], "bureau": "복지과"}
ACCOUNTS = {
    "kim": KIM,
    "park": {
        "sub": "park-2",
        "name": "박시민",
        "email": "admin@city.example",
        "roles": ["everything"],
        "bureau": "비밀과",
    },
    "lee": {"name": "이관리", "roles": ["haechi-admin", "haechi-staff"], "bureau": ["교통과"]},
}
CLIENTS = [
    {"client_id": "haechi", "client_secret": "a-secret-for-tests", "redirect_uris": [BACK]},
    {"client_id": "haechi-public", "redirect_uris": [BACK], "token_endpoint_auth_method": "none"},
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    oidc_provider.install()
    with oidc_provider.running(oidc_provider.free_port(), ACCOUNTS, CLIENTS) as started:
        yield started


@pytest.fixture
def accounts(store: Store) -> Accounts:
    with store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지과'), ('교통과')")
    return Accounts(store)


def _settings(issuer: str, tmp_path: Path, **more: str) -> Settings:
    known = {"oidc_client_id": "haechi", "oidc_client_secret": "a-secret-for-tests", "public_url": CITY, **more}
    return Settings(home=tmp_path, oidc_issuer=issuer, **known)


@pytest.fixture
def openid(issuer: str, tmp_path: Path, accounts: Accounts) -> OpenIdConnect:
    return OpenIdConnect(_settings(issuer, tmp_path), accounts)


def _through(openid: OpenIdConnect, login: str, next: str = "/") -> dict[str, str]:
    return oidc_provider.sign_in(openid.start(next), login, BACK)


# --- the good way ----------------------------------------------------------------------------------------------------


def test_kim_comes_back_with_her_name_bureau_and_role(openid: OpenIdConnect, accounts: Accounts) -> None:
    opened = openid.finish(_through(openid, "kim", "/ask?q=1"), address="10.0.0.1", agent="Firefox")
    assert opened.next == "/ask?q=1"
    session = accounts.session(opened.token)
    assert session is not None
    user = session.user
    assert (user.name, user.email, user.roles, user.bureau) == ("김복지", "kim@city.example", ("staff",), "복지과")
    with accounts.store.transaction(SYSTEM) as tx:
        assert audit.verify(tx).ok
        assert tx.value("select password_hash is null from users where id = :id", id=user.id)


def test_the_second_time_it_is_the_same_account(openid: OpenIdConnect, accounts: Accounts) -> None:
    first = openid.finish(_through(openid, "kim"))
    second = openid.finish(_through(openid, "kim"), replaces=first.token)
    assert first.user == second.user
    assert accounts.session(first.token) is None
    assert len(accounts.users()) == 1


def test_a_client_without_a_secret_signs_in_by_pkce_alone(issuer: str, tmp_path: Path, accounts: Accounts) -> None:
    settings = _settings(issuer, tmp_path, oidc_client_id="haechi-public", oidc_client_secret="")
    openid = OpenIdConnect(settings, accounts)
    assert openid.finish(_through(openid, "lee")).user.roles == ("admin", "staff")


def test_roles_and_bureaux_that_the_table_does_not_name_give_nothing(openid: OpenIdConnect) -> None:
    user = openid.finish(_through(openid, "park")).user
    assert (user.roles, user.bureau) == (("citizen",), None)


def test_the_same_email_is_not_the_same_person(openid: OpenIdConnect, accounts: Accounts) -> None:
    admin = accounts.create("admin", "관리자", roles=("admin",), email="admin@city.example")
    park = openid.finish(_through(openid, "park")).user
    assert park.email == admin.email
    assert park.id != admin.id
    assert park.roles == ("citizen",)


def test_what_the_provider_takes_back_is_gone_at_the_next_sign_in(
    issuer: str, tmp_path: Path, accounts: Accounts
) -> None:
    settings = _settings(issuer, tmp_path)
    everyone = OpenIdConnect(settings, accounts, ClaimMapping({"haechi-staff": "auditor"}, {"복지과": "교통과"}))
    old = everyone.finish(_through(everyone, "kim"))
    assert (old.user.roles, old.user.bureau) == (("auditor",), "교통과")
    nobody = OpenIdConnect(settings, accounts, ClaimMapping({}, {}))
    assert nobody.finish(_through(nobody, "kim")).user.roles == ("citizen",)
    assert accounts.session(old.token) is None


def test_a_closed_account_stays_closed(openid: OpenIdConnect, accounts: Accounts) -> None:
    kim = openid.finish(_through(openid, "kim")).user
    accounts.change(kim.id, active=False)
    with pytest.raises(NotSignedIn, match="닫혀"):
        openid.finish(_through(openid, "kim"))


def test_a_clock_a_minute_off_does_not_matter_and_an_hour_does(openid: OpenIdConnect) -> None:
    for minutes, fits in ((-1, True), (1, True), (-60, False)):
        back = _through(openid, "kim")
        with clock.frozen(clock.now() + timedelta(minutes=minutes)):
            if fits:
                assert openid.finish(back).user.name == "김복지"
            else:
                with pytest.raises(NotSignedIn):
                    openid.finish(back)


# --- the bad ways ----------------------------------------------------------------------------------------------------


def test_an_answer_is_good_once(openid: OpenIdConnect) -> None:
    back = _through(openid, "kim")
    openid.finish(back)
    with pytest.raises(NotSignedIn, match="이미"):
        openid.finish(back)


def test_another_state_code_or_issuer_opens_nothing(openid: OpenIdConnect, accounts: Accounts) -> None:
    for change in ({"state": "x"}, {"state": ""}, {"code": "x"}, {"code": ""}, {"iss": "https://evil.example"}):
        with pytest.raises(NotSignedIn):
            openid.finish({**_through(openid, "kim"), **change})
    assert accounts.users() == []


def test_somebody_elses_half_finished_sign_in_opens_nothing_in_my_browser(openid: OpenIdConnect) -> None:
    back = oidc_provider.sign_in(openid.start(browser="guest:attacker"), "park", BACK)
    with pytest.raises(NotSignedIn):
        openid.finish(back, browser="guest:victim")
    mine = oidc_provider.sign_in(openid.start(browser="guest:victim"), "kim", BACK)
    assert openid.finish(mine, browser="guest:victim").user.name == "김복지"


@pytest.mark.parametrize("column", ["nonce", "verifier"])
def test_a_token_for_another_nonce_or_verifier_opens_nothing(
    openid: OpenIdConnect, accounts: Accounts, column: str
) -> None:
    back = _through(openid, "kim")
    with accounts.store.transaction(SYSTEM) as tx:
        tx.run(f"update oidc_flows set {column} = repeat('x', 43)")
    with pytest.raises(NotSignedIn):
        openid.finish(back)


def test_an_answer_after_eleven_minutes_opens_nothing(openid: OpenIdConnect) -> None:
    back = _through(openid, "kim")
    with clock.frozen(clock.now() + timedelta(minutes=11)), pytest.raises(NotSignedIn, match="오래"):
        openid.finish(back)


def test_a_person_who_refuses_is_told_so(openid: OpenIdConnect) -> None:
    state = _through(openid, "kim")["state"]
    with pytest.raises(NotSignedIn, match="취소"):
        openid.finish({"state": state, "error": "access_denied"})


@pytest.mark.parametrize("forgery", ["other key", "none", "shared secret", "other audience", "other issuer", "expired"])
def test_a_forged_token_does_not_verify(openid: OpenIdConnect, forgery: str) -> None:
    now = int(clock.now().timestamp())
    claims = {
        "iss": openid.settings.oidc_issuer,
        "aud": "haechi",
        "sub": "lee",
        "nonce": "n",
        "iat": now,
        "exp": now + 60,
    }
    genuine = openid._key_set()
    kid = genuine.keys[0].kid
    header, key = {"alg": "RS256", "kid": kid}, RSAKey.generate_key(2048, {"kid": kid})
    if forgery == "none":
        parts = jwt.encode(header, claims, key).split(".")
        token = "eyJhbGciOiJub25lIn0." + parts[1] + "."
    elif forgery == "shared secret":
        from joserfc.jwk import OctKey

        token = jwt.encode({"alg": "HS256", "kid": kid}, claims, OctKey.import_key(b"a-secret-for-tests" * 2))
    else:
        # Signed by a key that we pretend to trust, so that only the claim is wrong.
        if forgery != "other key":
            openid._keys = type(genuine)([key])
        wrong = {"other audience": {"aud": "elsewhere"}, "other issuer": {"iss": "https://evil.example"},
                 "expired": {"exp": now - 3600}}  # fmt: skip
        token = jwt.encode(header, {**claims, **wrong.get(forgery, {})}, key)
    from joserfc.errors import JoseError

    with pytest.raises((JoseError, ValueError)):
        openid._verified({"id_token": token}, "n")


def test_a_provider_that_changes_its_keys_is_followed(tmp_path: Path, accounts: Accounts) -> None:
    oidc_provider.install()
    port = oidc_provider.free_port()
    with oidc_provider.running(port, ACCOUNTS, CLIENTS) as issuer:
        openid = OpenIdConnect(_settings(issuer, tmp_path), accounts)
        before = openid.finish(_through(openid, "kim")).user
    with oidc_provider.running(port, ACCOUNTS, CLIENTS):
        assert openid.finish(_through(openid, "kim")).user == before


def test_a_provider_that_is_away_or_says_it_is_another_is_not_followed(
    issuer: str, tmp_path: Path, accounts: Accounts
) -> None:
    away = f"http://127.0.0.1:{oidc_provider.free_port()}"
    for address in (away, issuer.replace("127.0.0.1", "localhost"), issuer + "/"):
        with pytest.raises(Unavailable) as unavailable:
            OpenIdConnect(_settings(address, tmp_path), accounts).start()
        assert unavailable.value.next_step


@pytest.mark.parametrize("next", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a\nb", ""])
def test_nobody_is_sent_elsewhere_afterwards(openid: OpenIdConnect, next: str) -> None:
    assert openid.finish(_through(openid, "kim", next)).next == "/"


def test_an_issuer_without_encryption_is_refused(tmp_path: Path, accounts: Accounts) -> None:
    with pytest.raises(InvalidInput, match="city"):
        OpenIdConnect(_settings("http://city.example", tmp_path), accounts)


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_citys_own_table_takes_precedence(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert ClaimMapping.of(settings).roles_of(["haechi-auditor"]) == ("auditor",)
    own = "roles: {팀장: service_owner}\nbureaux: {D-17: 복지과}\n"
    (tmp_path / "openid.yaml").write_text(own, encoding="utf-8")
    mapping = ClaimMapping.of(replace(settings))
    assert mapping.roles_of("팀장") == ("service_owner",)
    assert mapping.roles_of(["haechi-auditor"]) == ("citizen",)
    assert mapping.bureau_of("D-17", frozenset({"복지과"})) == "복지과"
    assert mapping.bureau_of("복지과", frozenset({"복지과"})) is None
    (tmp_path / "openid.yaml").write_text("roles: {팀장: king}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="king"):
        ClaimMapping.of(settings)
