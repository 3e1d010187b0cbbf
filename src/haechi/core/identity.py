"""Accounts and sessions: who signs in, and what it takes.

Roles and permissions stand in roles.py, keys of programs in keys.py; both are reachable from here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound, NotSignedIn
from haechi.core.keys import SCOPES, KeyInfo, Keys
from haechi.core.passwords import Passwords, check_policy
from haechi.core.roles import ROLES, User, actor_of, guest, may, require
from haechi.core.sessions import (
    Session,
    SessionRules,
    SignedIn,
    end_session,
    end_sessions_of,
    find_session,
    open_session,
    user_of,
)
from haechi.core.store import SYSTEM, Actor, Row, Store, Transaction
from haechi.core.throttle import ADDRESS, LOGIN, count_attempt, forgive

__all__ = [
    "ROLES",
    "SCOPES",
    "Accounts",
    "KeyInfo",
    "Keys",
    "Session",
    "SessionRules",
    "SignedIn",
    "User",
    "actor_of",
    "guest",
    "may",
    "require",
]


class Accounts:
    """The people of the installation. `store`: under the role haechi_app. Every change is written to the audit log."""

    def __init__(
        self, store: Store, *, passwords: Passwords | None = None, rules: SessionRules = SessionRules()
    ) -> None:
        self.store = store
        self.rules = rules
        self._passwords = passwords or Passwords()

    # --- signing in --------------------------------------------------------------------------------------------------

    def sign_in(
        self, login: str, password: str, *, address: str = "", agent: str = "", replaces: str | None = None
    ) -> SignedIn:
        """A new session. `address`: of the person, not of a proxy. `replaces`: the token the browser came with.

        NotSignedIn, in the same words and after the same time, for an unknown login, a wrong password and a closed
        account; TooManyRequests(retry_after in seconds) when guesses come too fast.
        """
        login = _normal_login(login)
        row, counted = self._count_attempt(login, address)
        stored = row["password_hash"] if row is not None and row["active"] else None
        matched = self._passwords.matches(stored, password)
        with self.store.transaction(_self_or_nobody(row)) as tx:
            if matched and row is not None and self._unchanged(tx, row):
                forgive(tx, counted, f"address:{address}")
                if self._passwords.outdated(row["password_hash"]):
                    self._store_password(tx, str(row["id"]), password)
                opened = open_session(tx, user_of(row), self.rules, address=address, agent=agent, replaces=replaces)
                audit.record(tx, "session.opened", f"user:{row['id']}", {"address": address, "by": "password"})
                return opened
            # Never what was typed as an unknown login: it may be somebody's password.
            resource = f"user:{row['id']}" if row is not None else "user:unknown"
            audit.record(tx, "session.refused", resource, {"address": address})
        raise _refused()

    def session(self, token: str) -> Session | None:
        """The session in force behind a cookie, or None."""
        return find_session(self.store, token, self.rules)

    def sign_out(self, token: str) -> None:
        """End this session. Nothing happens when it has already ended."""
        with self.store.transaction() as tx:
            user_id = end_session(tx, token)
            if user_id is not None:
                audit.record(tx, "session.closed", f"user:{user_id}", {})

    def revoke_sessions(self, user_id: str, *, by: Actor = SYSTEM) -> int:
        """End every session of the user, at once; how many there were."""
        with self.store.transaction(by) as tx:
            self._row(tx, user_id)
            ended = end_sessions_of(tx, user_id)
            audit.record(tx, "session.revoked", f"user:{user_id}", {"sessions": ended})
            return ended

    def sign_in_from_provider(
        self,
        issuer: str,
        subject: str,
        *,
        name: str,
        email: str,
        roles: Sequence[str],
        bureau: str | None,
        address: str = "",
        agent: str = "",
        replaces: str | None = None,
    ) -> SignedIn:
        """A new session for whom an identity provider has vouched for; name, roles and bureau follow the provider.

        The account is the one of (issuer, subject), made at the first sign-in. Never one that merely has the same
        e-mail or login: an address can be given to another person, or claimed by one. NotSignedIn when it is closed.
        """
        with self.store.transaction() as tx:
            before = self._account_of_provider(tx, issuer, subject, name)
        user_id = str(before["id"])
        if not before["active"]:
            with self.store.transaction(actor_of(user_of(before))) as tx:
                audit.record(tx, "session.refused", f"user:{user_id}", {"address": address, "by": issuer})
            raise NotSignedIn("이 계정은 닫혀 있습니다.", next_step="관리자에게 문의하세요.", record=f"user:{user_id}")
        self.change(user_id, roles=roles, bureau=bureau or "")
        with self.store.transaction(actor_of(user_of(before))) as tx:
            tx.run(
                "update users set name = :name, email = :email where id = :id",
                {"name": name or before["name"], "email": email, "id": user_id},
            )
            user = user_of(self._row(tx, user_id))
            opened = open_session(tx, user, self.rules, address=address, agent=agent, replaces=replaces)
            audit.record(tx, "session.opened", f"user:{user_id}", {"address": address, "by": issuer})
            return opened

    def _account_of_provider(self, tx: Transaction, issuer: str, subject: str, name: str) -> Row:
        digest = hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()[:16]
        values = {"id": clock.new_id(), "login": f"openid:{digest}", "name": name or subject[:100]}
        made = tx.run(
            "insert into users (id, login, name, oidc_issuer, oidc_subject)"
            " values (:id, :login, :name, :issuer, :subject) on conflict (oidc_issuer, oidc_subject) do nothing",
            {**values, "issuer": issuer, "subject": subject},
        )
        row = tx.one(
            "select * from users where oidc_issuer = :issuer and oidc_subject = :subject",
            issuer=issuer,
            subject=subject,
        )
        assert row is not None
        if made:
            audit.record(tx, "user.created", f"user:{row['id']}", {"issuer": issuer})
        return row

    def _count_attempt(self, login: str, address: str) -> tuple[Row | None, str]:
        """Row of the account, and the subject under which this login is counted.

        An address from which the account was opened before is counted by itself, so that a stranger who guesses at a
        login does not lock its owner out.
        """
        with self.store.transaction() as tx:
            row = tx.one("select * from users where login = :login", login=login)
            known = row is not None and tx.value(
                "select exists (select from sessions where user_id = :id and address = :address)",
                id=row["id"],
                address=address,
            )
            subject = f"login:{login[:100]}" + (f"@{address}" if known else "")
            count_attempt(tx, [(subject, LOGIN), (f"address:{address}", ADDRESS)])
            return row, subject

    # --- passwords ---------------------------------------------------------------------------------------------------

    def change_password(self, user_id: str, old: str, new: str, *, address: str = "") -> None:
        """The person's own change. Ends every session of theirs: they sign in again with the new one."""
        with self.store.transaction() as tx:
            login = self._row(tx, user_id)["login"]
        row, counted = self._count_attempt(login, address)
        if row is None or not self._passwords.matches(row["password_hash"], old):
            raise NotSignedIn(
                "지금 비밀번호가 맞지 않습니다.", next_step="지금 쓰는 비밀번호를 다시 입력하세요.", record="password"
            )
        if old == new:
            raise InvalidInput(
                "새 비밀번호가 지금 것과 같습니다.", next_step="다른 비밀번호를 정하세요.", record="password"
            )
        self._set_password(row, new, must_change=False, by=actor_of(user_of(row)), forgiven=(counted, address))

    def reset_password(self, user_id: str, new: str, *, by: Actor = SYSTEM) -> None:
        """An administrator's reset: ends every session, and the person must choose their own at the next sign-in."""
        with self.store.transaction() as tx:
            row = self._row(tx, user_id)
        self._set_password(row, new, must_change=True, by=by)

    def _set_password(
        self, row: Row, new: str, *, must_change: bool, by: Actor, forgiven: tuple[str, str] | None = None
    ) -> None:
        check_policy(new, login=row["login"], name=row["name"])
        hashed = self._passwords.hash(new)
        user_id = str(row["id"])
        with self.store.transaction(by) as tx:
            tx.run(
                "update users set password_hash = :hash, must_change_password = :must where id = :id",
                {"hash": hashed, "must": must_change, "id": user_id},
            )
            ended = end_sessions_of(tx, user_id)
            if forgiven is not None:
                forgive(tx, forgiven[0], f"address:{forgiven[1]}")
            audit.record(tx, "user.password", f"user:{user_id}", {"reset": must_change, "sessions": ended})

    def _unchanged(self, tx: Transaction, row: Row) -> bool:
        # Checking a password takes a while; meanwhile it may have been changed, or the account closed.
        now = tx.one("select password_hash, active from users where id = :id for share", id=row["id"])
        return now is not None and now["active"] and now["password_hash"] == row["password_hash"]

    def _store_password(self, tx: Transaction, user_id: str, password: str) -> None:
        tx.run(
            "update users set password_hash = :hash where id = :id",
            {"hash": self._passwords.hash(password), "id": user_id},
        )

    # --- accounts ----------------------------------------------------------------------------------------------------

    def create(
        self,
        login: str,
        name: str,
        *,
        password: str | None = None,
        roles: Sequence[str] = ("citizen",),
        bureau: str | None = None,
        email: str = "",
        language: str = "ko",
        must_change_password: bool = False,
        by: Actor = SYSTEM,
    ) -> User:
        """A new account. Without a password it opens by OpenID Connect only. Conflict when the login is taken."""
        login = _normal_login(login)
        if not login or not name.strip():
            raise InvalidInput(
                "아이디와 이름이 있어야 합니다.", next_step="아이디와 이름을 입력하세요.", record="login"
            )
        if password is not None:
            check_policy(password, login=login, name=name)
        values = {
            "id": clock.new_id(),
            "login": login,
            "name": name.strip(),
            "email": email.strip(),
            "roles": list(_checked_roles(roles)),
            "bureau": bureau or None,
            "hash": self._passwords.hash(password) if password is not None else None,
            "must": must_change_password,
            "language": language,
        }
        try:
            with self.store.transaction(by) as tx:
                _check_bureau(tx, bureau)
                tx.run(
                    "insert into users (id, login, name, email, roles, bureau, password_hash, must_change_password,"
                    " language) values (:id, :login, :name, :email, :roles, :bureau, :hash, :must, :language)",
                    values,
                )
                audit.record(
                    tx, "user.created", f"user:{values['id']}", {"roles": values["roles"], "bureau": values["bureau"]}
                )
                return user_of(self._row(tx, str(values["id"])))
        except IntegrityError as error:
            raise Conflict(
                f"아이디 '{login}'은(는) 이미 쓰이고 있습니다.", next_step="다른 아이디를 정하세요.", record=login
            ) from error

    def users(self) -> list[User]:
        """Every account, by bureau and name."""
        with self.store.transaction() as tx:
            return [user_of(row) for row in tx.all("select * from users order by bureau nulls last, name, login")]

    def get(self, user_id: str) -> User:
        """One account. NotFound when there is none."""
        with self.store.transaction() as tx:
            return user_of(self._row(tx, user_id))

    def find(self, login: str) -> User | None:
        """The account with this login, or None."""
        with self.store.transaction() as tx:
            row = tx.one("select * from users where login = :login", login=_normal_login(login))
            return user_of(row) if row is not None else None

    def change(
        self,
        user_id: str,
        *,
        roles: Sequence[str] | None = None,
        bureau: str | None = None,
        active: bool | None = None,
        by: Actor = SYSTEM,
    ) -> User:
        """Change what is given (bureau "": none). Ends every session of the user, so that the old rights end at once.

        Conflict when nobody active would be left as administrator.
        """
        with self.store.transaction(by) as tx:
            before = user_of(self._row(tx, user_id))
            _check_bureau(tx, bureau)
            roles_after = list(_checked_roles(roles)) if roles is not None else list(before.roles)
            active_after = before.active if active is None else active
            _keep_an_administrator(tx, user_id, roles_after if active_after else [])
            wanted = {
                "roles": roles_after,
                "bureau": before.bureau if bureau is None else bureau or None,
                "active": active_after,
            }
            tx.run(
                "update users set roles = :roles, bureau = :bureau, active = :active where id = :id",
                {**wanted, "id": user_id},
            )
            after = user_of(self._row(tx, user_id))
            if after != before:
                ended = end_sessions_of(tx, user_id)
                audit.record(tx, "user.changed", f"user:{user_id}", {**wanted, "sessions": ended})
            return after

    def _row(self, tx: Transaction, user_id: str) -> Row:
        row = tx.one("select * from users where id = :id", id=user_id) if _is_uuid(user_id) else None
        if row is None:
            raise NotFound("그런 사용자가 없습니다.", next_step="사용자 목록에서 다시 고르세요.", record=user_id)
        return row


def _normal_login(login: str) -> str:
    return login.strip().lower().replace("\x00", "")


def _refused() -> NotSignedIn:
    return NotSignedIn(
        "아이디 또는 비밀번호가 맞지 않습니다.",
        next_step="다시 입력하세요. 계속되면 관리자에게 계정을 확인해 달라고 하세요.",
    )


def _self_or_nobody(row: Row | None) -> Actor:
    return actor_of(user_of(row)) if row is not None else Actor()


def _checked_roles(roles: Sequence[str]) -> tuple[str, ...]:
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise InvalidInput(
            f"알 수 없는 역할입니다: {', '.join(unknown) or '(없음)'}",
            next_step=f"다음 가운데서 고르세요: {', '.join(ROLES)}",
            record="roles",
        )
    return tuple(dict.fromkeys(roles))


def _check_bureau(tx: Transaction, bureau: str | None) -> None:
    if bureau and tx.value("select 1 from bureaux where id = :id", id=bureau) is None:
        raise InvalidInput(
            f"'{bureau}' 부서가 없습니다.", next_step="부서 이름을 목록과 똑같이 쓰세요.", record="bureau"
        )


def _keep_an_administrator(tx: Transaction, user_id: str, roles_after: Sequence[str]) -> None:
    # Locked in one order, so that two administrators who resign at the same moment cannot both succeed.
    admins = tx.all("select id from users where active and 'admin' = any (roles) order by id for update")
    ids = {str(row["id"]) for row in admins}
    if user_id in ids and "admin" not in roles_after and len(ids) == 1:
        raise Conflict(
            "마지막 관리자입니다.", next_step="다른 사용자를 먼저 관리자로 지정한 뒤 다시 시도하세요.", record=user_id
        )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except (ValueError, AttributeError, TypeError):
        return False
    return True
