"""Signing in at the city's identity provider: OpenID Connect, authorization code with PKCE.

The issuer is pinned by HAECHI_OIDC_ISSUER. An id_token counts only when its signature verifies against the issuer's keys
and issuer, audience, nonce and times fit. Source: OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9207, RFC 9700.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import yaml
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.errors import InvalidInput, NotSignedIn, Unavailable
from haechi.core.identity import ROLES, Accounts, SignedIn
from haechi.core.roles import policy_file
from haechi.core.store import Row

CALLBACK = "/login/oidc/callback"
SCOPE = "openid profile email"
# Only signatures that the provider alone can make: never "none", never a shared secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
FLOW_LIFE = timedelta(minutes=10)
SKEW = 120  # seconds by which the two clocks may differ
METADATA_LIFE = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """Values of claims → roles and bureaux of Haechi. bureaux None: a value that names a bureau is that bureau."""

    roles: Mapping[str, str]
    bureaux: Mapping[str, str] | None = None

    @classmethod
    def read(cls, path: Path) -> ClaimMapping:
        """From openid.yaml; InvalidInput naming the file for a role that does not exist."""
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        roles = {str(value): str(role) for value, role in (data.get("roles") or {}).items()}
        unknown = sorted(set(roles.values()) - set(ROLES))
        if unknown:
            raise InvalidInput(
                f"{path.name}: 알 수 없는 역할 {', '.join(unknown)}",
                next_step=f"다음 가운데서 고치세요: {', '.join(ROLES)}",
                record=path.name,
            )
        bureaux = data.get("bureaux", "same_name")
        return cls(roles, None if bureaux == "same_name" else {str(key): str(name) for key, name in bureaux.items()})

    @classmethod
    def of(cls, settings: Settings) -> ClaimMapping:
        """The city's own table when <home>/openid.yaml is there, else policy/openid.yaml."""
        own = settings.home / "openid.yaml"
        return cls.read(own if own.exists() else policy_file("openid.yaml"))

    def roles_of(self, value: object) -> tuple[str, ...]:
        """Roles for the value (text or list) of the roles claim; ("citizen",) when nothing is mapped."""
        found = dict.fromkeys(self.roles[item] for item in _texts(value) if item in self.roles)
        return tuple(found) or ("citizen",)

    def bureau_of(self, value: object, known: frozenset[str]) -> str | None:
        """The bureau, when the claim maps to one that is registered; else None."""
        for item in _texts(value):
            bureau = item if self.bureaux is None else self.bureaux.get(item)
            if bureau in known:
                return bureau
        return None


class OpenIdConnect:
    """The way to the provider and back. `start` gives the address to send the browser to, `finish` takes what came back."""

    def __init__(self, settings: Settings, accounts: Accounts, mapping: ClaimMapping | None = None) -> None:
        _check_address(settings.oidc_issuer)
        self.settings = settings
        self.accounts = accounts
        self.mapping = mapping or ClaimMapping.of(settings)
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: KeySet | None = None
        self._lock = threading.Lock()

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends the browser back to; to be registered there exactly."""
        return self.settings.address.rstrip("/") + CALLBACK

    def start(self, next: str = "/", *, browser: str = "") -> str:
        """The provider's address for a new sign-in that must be finished within ten minutes.

        next: path to go on to. browser: something that only this browser shows again at `finish` (its guest subject), so
        that nobody can hand their own half-finished sign-in to another person.
        """
        metadata = self._discover()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        with self.accounts.store.transaction() as tx:
            tx.run("delete from oidc_flows where created_at < :limit", {"limit": clock.now() - FLOW_LIFE})
            tx.run(
                "insert into oidc_flows (state, verifier, nonce, next, created_at)"
                " values (:state, :verifier, :nonce, :next, :now)",
                {
                    "state": _flow_key(state, browser),
                    "verifier": verifier,
                    "nonce": nonce,
                    "next": _path(next),
                    "now": clock.now(),
                },
            )
        with self._client() as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    def finish(
        self,
        params: Mapping[str, str],
        *,
        browser: str = "",
        address: str = "",
        agent: str = "",
        replaces: str | None = None,
    ) -> SignedIn:
        """A session for whom the provider vouches for. `params`: the query of the callback.

        NotSignedIn when the person refused, the flow is unknown, used or too old, or the token does not verify;
        Unavailable when the provider does not answer.
        """
        flow = self._take_flow(params, browser)
        if params.get("iss", self.settings.oidc_issuer) != self.settings.oidc_issuer:
            raise _refused("다른 기관의 응답입니다.")
        if "error" in params or not params.get("code"):
            raise _refused("통합 로그인이 취소되었거나 거절되었습니다.")
        claims = self._claims(params["code"], flow)
        issuer, subject = self.settings.oidc_issuer, str(claims["sub"])
        opened = self.accounts.sign_in_from_provider(
            issuer,
            subject,
            name=str(claims.get("name") or claims.get("preferred_username") or ""),
            email=str(claims.get("email") or ""),
            roles=self.mapping.roles_of(claims.get(self.settings.oidc_roles_claim)),
            bureau=self.mapping.bureau_of(claims.get(self.settings.oidc_bureau_claim), self._bureaux()),
            address=address,
            agent=agent,
            replaces=replaces,
        )
        return replace(opened, next=flow["next"])

    # --- the steps ---------------------------------------------------------------------------------------------------

    def _take_flow(self, params: Mapping[str, str], browser: str) -> Row:
        with self.accounts.store.transaction() as tx:
            flow = tx.one(
                "delete from oidc_flows where state = :state returning *",
                state=_flow_key(params.get("state", ""), browser),
            )
        if flow is None or flow["created_at"] < clock.now() - FLOW_LIFE:
            raise _refused("로그인 요청이 오래되었거나 이미 쓰였습니다.")
        return flow

    def _claims(self, code: str, flow: Row) -> Mapping[str, Any]:
        metadata = self._discover()
        with self._client() as client:
            try:
                token = client.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=flow["verifier"],
                )
                claims = self._verified(token, flow["nonce"])
                more = self._userinfo(client, metadata, claims["sub"])
            except httpx2.HTTPError as error:
                raise _away(error) from error
            except (AuthlibBaseError, JoseError, ValueError, KeyError) as error:
                raise _refused("통합 로그인 기관의 답을 확인할 수 없습니다.") from error
        return {**more, **claims}

    def _verified(self, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of the id_token, once signature, issuer, audience, nonce, times and at_hash were checked."""
        try:
            decoded = jwt.decode(token["id_token"], self._key_set(), algorithms=list(ALGORITHMS))
        except InvalidKeyIdError:  # the provider has changed its keys since we fetched them
            decoded = jwt.decode(token["id_token"], self._key_set(fresh=True), algorithms=list(ALGORITHMS))
        client_id = self.settings.oidc_client_id
        options = {
            "iss": {"essential": True, "values": [self.settings.oidc_issuer]},
            "aud": {"essential": True, "value": client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        asked = {"nonce": nonce, "client_id": client_id, "access_token": token.get("access_token")}
        claims = CodeIDToken(decoded.claims, decoded.header, options, asked)
        claims.validate(now=int(clock.now().timestamp()), leeway=SKEW)
        return dict(claims)

    def _userinfo(self, client: OAuth2Client, metadata: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        """What the provider tells beside the id_token; nothing when it is about somebody else (Core §5.3.2)."""
        if not metadata.get("userinfo_endpoint"):
            return {}
        answer = client.get(metadata["userinfo_endpoint"])
        answer.raise_for_status()
        if "json" not in answer.headers.get("content-type", ""):
            return {}
        told = answer.json()
        if told.get("sub") != subject:
            raise ValueError("userinfo is about another subject")
        return dict(told)

    def _discover(self) -> Mapping[str, Any]:
        with self._lock:
            if self._metadata is None or time.monotonic() - self._metadata[0] > METADATA_LIFE:
                found = self._get(self.settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration")
                if found.get("issuer") != self.settings.oidc_issuer:
                    raise _away(f"issuer says it is {found.get('issuer')!r}")
                for endpoint in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    _check_address(str(found.get(endpoint, "")))
                self._metadata = (time.monotonic(), found)
            return self._metadata[1]

    def _key_set(self, *, fresh: bool = False) -> KeySet:
        uri = self._discover()["jwks_uri"]
        with self._lock:
            if self._keys is None or fresh:
                self._keys = KeySet.import_key_set(self._get(uri))  # type: ignore[arg-type]
            return self._keys

    def _get(self, url: str) -> Mapping[str, Any]:
        try:
            with httpx2.Client(timeout=10, follow_redirects=False) as client:
                answer = client.get(url, headers={"accept": "application/json"})
                answer.raise_for_status()
                return dict(answer.json())
        except (httpx2.HTTPError, ValueError, TypeError) as error:
            raise _away(error) from error

    def _client(self) -> OAuth2Client:
        return OAuth2Client(
            self.settings.oidc_client_id,
            self.settings.oidc_client_secret or None,
            token_endpoint_auth_method="client_secret_basic" if self.settings.oidc_client_secret else "none",
            scope=SCOPE,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            timeout=10,
        )

    def _bureaux(self) -> frozenset[str]:
        with self.accounts.store.transaction() as tx:
            return frozenset(row["id"] for row in tx.all("select id from bureaux"))


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def _flow_key(state: str, browser: str) -> str:
    # Only the hash is stored: who can read the table cannot finish somebody's sign-in.
    return hashlib.sha256(f"{state}\0{browser}".encode()).hexdigest()


def _path(next: str) -> str:
    """A path on this site, or "/": never an address elsewhere."""
    safe = next.startswith("/") and not next.startswith(("//", "/\\")) and next.isprintable()
    return next if safe else "/"


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise InvalidInput(
            f"통합 로그인 주소 '{url}'을(를) 쓸 수 없습니다.",
            next_step="HAECHI_OIDC_ISSUER를 https 주소로 정하세요.",
            record="oidc_issuer",
        )


def _refused(why: str) -> NotSignedIn:
    return NotSignedIn(why, next_step="로그인 화면에서 다시 시작하세요. 계속되면 관리자에게 문의하세요.", record="oidc")


def _away(error: object) -> Unavailable:
    unavailable = Unavailable(
        "통합 로그인 기관이 응답하지 않습니다.",
        next_step="잠시 뒤 다시 시도하세요. 급하면 아이디와 비밀번호로 로그인하세요.",
        record="oidc",
    )
    unavailable.add_note(str(error))
    return unavailable
