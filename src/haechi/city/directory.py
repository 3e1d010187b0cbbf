"""Signing in with the account of the city's directory (LDAP, Active Directory): one login form, the directory's password.

The directory is asked twice: our own account finds the person's entry, then the person's password is tried on that entry
(RFC 4513 §5.1.3). The password is never kept. Roles and bureau follow the same table as OpenID Connect (openid.yaml).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ldap3 import NONE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException, LDAPInvalidDnError
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import parse_dn

from haechi.city.oidc import ClaimMapping
from haechi.city.settings import Settings
from haechi.core.errors import InvalidInput, NotSignedIn, Unavailable
from haechi.core.identity import Accounts, SignedIn
from haechi.core.store import Actor
from haechi.core.throttle import ADDRESS, LOGIN, count_attempt, forgive

SECONDS = 5
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_STABLE_IDS = ("entryUUID", "objectGUID")


@dataclass(frozen=True, slots=True)
class Entry:
    """A person as the directory has them. id: the directory's own, unchanged when the name or the place changes."""

    dn: str
    id: str
    name: str
    email: str
    bureau: tuple[str, ...]
    groups: tuple[str, ...]


class Directory:
    """The city's directory. One `Directory` for all threads: each sign-in opens its own connections."""

    def __init__(self, settings: Settings, accounts: Accounts, mapping: ClaimMapping | None = None) -> None:
        parts = urlsplit(settings.ldap_url)
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
            raise InvalidInput(
                f"디렉터리 주소 '{settings.ldap_url}'을(를) 쓸 수 없습니다.",
                next_step="HAECHI_LDAP_URL을 ldaps://주소 또는 ldap://주소로 정하세요.",
                record="ldap_url",
            )
        self._settings, self._accounts = settings, accounts
        self._mapping = mapping or ClaimMapping.of(settings)
        # Passwords cross the network: encrypted, and only to the server whose certificate verifies. On this machine as is.
        self._encrypt = parts.scheme == "ldap" and parts.hostname not in LOCAL
        tls = Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=settings.ldap_ca_file or None)
        self._server = Server(settings.ldap_url, get_info=NONE, tls=tls, connect_timeout=SECONDS)

    def sign_in(
        self, login: str, password: str, *, address: str = "", agent: str = "", replaces: str | None = None
    ) -> SignedIn:
        """A session for whom the directory knows by this login and password. Attempts are counted as for local accounts.

        NotSignedIn in the same words for an unknown login and a wrong password; Unavailable when the directory is away.
        """
        login = login.strip()
        counted = (f"login:{login.lower()[:100]}", f"address:{address}")
        with self._accounts.store.transaction() as tx:
            count_attempt(tx, [(counted[0], LOGIN), (counted[1], ADDRESS)])
        entry = self._verified(login, password)
        with self._accounts.store.transaction() as tx:
            known = frozenset(row["id"] for row in tx.all("select id from bureaux"))
            forgive(tx, *counted)
        return self._accounts.sign_in_from_provider(
            self._settings.ldap_url,
            entry.id,
            name=entry.name,
            email=entry.email,
            roles=self._mapping.roles_of(list(entry.groups)),
            bureau=self._mapping.bureau_of(list(entry.bureau), known),
            address=address,
            agent=agent,
            replaces=replaces,
        )

    def look_up(self, login: str) -> tuple[Entry | None, tuple[str, ...], str | None]:
        """(entry, roles, bureau) that a sign-in with this login would give: for checking the table."""
        with self._accounts.store.transaction(Actor()) as tx:
            known = frozenset(row["id"] for row in tx.all("select id from bureaux"))
        try:
            with self._bound(self._settings.ldap_bind_dn, self._settings.ldap_bind_password) as connection:
                entry = self._find(connection, login)
        except LDAPException as error:
            raise _away(error) from error
        if entry is None:
            return None, (), None
        return entry, self._mapping.roles_of(list(entry.groups)), self._mapping.bureau_of(list(entry.bureau), known)

    def _verified(self, login: str, password: str) -> Entry:
        # An empty password is not a wrong one: to a directory it is an anonymous bind, which succeeds (RFC 4513 §5.1.2).
        if not login or not password:
            raise _refused()
        try:
            with self._bound(self._settings.ldap_bind_dn, self._settings.ldap_bind_password) as connection:
                entry = self._find(connection, login)
            if entry is None:
                raise _refused()
            with self._connected(entry.dn, password) as person:
                accepted = person.bind()
        except LDAPException as error:
            raise _away(error) from error
        if not accepted:
            raise _refused()
        return entry

    def _find(self, connection: Connection, login: str) -> Entry | None:
        """The one entry of this login; nobody when there is none, or more than one."""
        settings = self._settings
        wanted = settings.ldap_filter.replace("{login}", escape_filter_chars(login))
        names = ["cn", "displayName", "mail", settings.ldap_bureau_attribute, settings.ldap_groups_attribute]
        connection.search(
            settings.ldap_base,
            wanted,
            attributes=[*names, *_STABLE_IDS] if settings.ldap_stable_ids else names,
            size_limit=2,
            time_limit=SECONDS,
        )
        found = [one for one in connection.response or [] if one.get("type") == "searchResEntry"]
        return self._entry(found[0]) if len(found) == 1 else None

    def _entry(self, found: Mapping[str, Any]) -> Entry:
        values = {key.lower(): _texts(value) for key, value in found["attributes"].items()}

        def first(*names: str) -> str:
            return next((values[name.lower()][0] for name in names if values.get(name.lower())), "")

        return Entry(
            dn=found["dn"],
            id=first(*_STABLE_IDS) or found["dn"].lower(),
            name=first("displayName", "cn"),
            email=first("mail"),
            bureau=tuple(values.get(self._settings.ldap_bureau_attribute.lower(), ())),
            groups=tuple(_leaf(group) for group in values.get(self._settings.ldap_groups_attribute.lower(), ())),
        )

    @contextmanager
    def _bound(self, dn: str, password: str) -> Iterator[Connection]:
        with self._connected(dn, password) as connection:
            if not connection.bind():
                raise _away(f"the directory refused our own account: {connection.result.get('description')}")
            yield connection

    @contextmanager
    def _connected(self, dn: str, password: str) -> Iterator[Connection]:
        connection = Connection(
            self._server, dn or None, password or None, receive_timeout=SECONDS, auto_referrals=False, check_names=False
        )
        try:
            connection.open()
            if self._encrypt and not connection.start_tls():
                raise _away("the directory offers no encryption")
            yield connection
        finally:
            # `unbind` closes only what was opened in full.
            with suppress(LDAPException, OSError):
                connection.unbind()
            if connection.socket is not None:
                connection.socket.close()


def _texts(value: Any) -> list[str]:
    values: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in values if one]


def _leaf(group: str) -> str:
    """'haechi-staff' of 'cn=haechi-staff,ou=groups,dc=city'; a name that is no DN stays."""
    try:
        return str(parse_dn(group)[0][1])
    except (LDAPInvalidDnError, IndexError):
        return group


def _refused() -> NotSignedIn:
    return NotSignedIn(
        "아이디 또는 비밀번호가 맞지 않습니다.",
        next_step="다시 입력하세요. 계속되면 관리자에게 계정을 확인해 달라고 하세요.",
    )


def _away(error: object) -> Unavailable:
    unavailable = Unavailable(
        "직원 계정 디렉터리가 응답하지 않습니다.",
        next_step="잠시 뒤 다시 시도하세요. 급하면 관리자에게 임시 계정을 요청하세요.",
        record="ldap",
    )
    unavailable.add_note(str(error))
    return unavailable
