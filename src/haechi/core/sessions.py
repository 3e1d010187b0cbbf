"""Sessions: a random token in the person's cookie, its hash in the database, ended at once when it must be."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from haechi.core import clock
from haechi.core.roles import User, actor_of
from haechi.core.store import Actor, Row, Store, Transaction

TOUCH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SessionRules:
    """idle: unused for so long ends it; absolute: it ends after so long in any case."""

    idle: timedelta = timedelta(hours=1)
    absolute: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session. token: 256 random bits for the cookie, shown once. expires_at: aware, the absolute end. next: the
    path that the person was on the way to, when the identity provider lay between."""

    token: str
    csrf: str
    user: User
    expires_at: datetime
    next: str = "/"


@dataclass(frozen=True, slots=True)
class Session:
    """A session in force. csrf: what every form of this session must send along."""

    user: User
    actor: Actor
    csrf: str
    expires_at: datetime


def token_hash(token: str) -> bytes:
    """What is stored in place of the token. 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def user_of(row: Row) -> User:
    """A row of `users` as a User."""
    return User(
        id=str(row["id"]),
        login=row["login"],
        name=row["name"],
        email=row["email"],
        roles=tuple(row["roles"]),
        bureau=row["bureau"],
        active=row["active"],
        language=row["language"],
        must_change_password=row["must_change_password"],
    )


def open_session(
    tx: Transaction, user: User, rules: SessionRules, *, address: str, agent: str, replaces: str | None = None
) -> SignedIn:
    """A new session for the user. `replaces`: the token that the browser came with, ended here.

    A token is always made here and never taken from outside, so nobody can plant one beforehand.
    """
    if replaces:
        end_session(tx, replaces)
    now = clock.now()
    opened = SignedIn(secrets.token_urlsafe(32), secrets.token_urlsafe(32), user, now + rules.absolute)
    tx.run(
        "insert into sessions (token_hash, user_id, csrf, created_at, last_seen_at, expires_at, address, agent)"
        " values (:hash, :user, :csrf, :now, :now, :expires, :address, :agent)",
        {
            "hash": token_hash(opened.token),
            "user": user.id,
            "csrf": opened.csrf,
            "now": now,
            "expires": opened.expires_at,
            "address": address[:64],
            "agent": agent[:300],
        },
    )
    return opened


def find_session(store: Store, token: str, rules: SessionRules) -> Session | None:
    """The session in force behind the token, or None: unknown, ended, expired, idle too long, or account closed."""
    if not token or len(token) > 200:
        return None
    now = clock.now()
    with store.transaction() as tx:
        row = tx.one(
            "select u.*, s.csrf, s.last_seen_at, s.expires_at from sessions s join users u on u.id = s.user_id"
            " where s.token_hash = :hash and s.revoked_at is null and u.active"
            " and s.expires_at > :now and s.last_seen_at > :idle",
            hash=token_hash(token),
            now=now,
            idle=now - rules.idle,
        )
        if row is None:
            return None
        if abs(now - row["last_seen_at"]) > TOUCH:
            tx.run(
                "update sessions set last_seen_at = :now where token_hash = :hash",
                {"now": now, "hash": token_hash(token)},
            )
    user = user_of(row)
    return Session(user, actor_of(user), row["csrf"], row["expires_at"])


def end_session(tx: Transaction, token: str) -> str | None:
    """End one session; the id of its user, or None when there was none in force."""
    found = tx.value(
        "update sessions set revoked_at = :now where token_hash = :hash and revoked_at is null returning user_id",
        now=clock.now(),
        hash=token_hash(token),
    )
    return str(found) if found is not None else None


def end_sessions_of(tx: Transaction, user_id: str) -> int:
    """End every session of the user; how many were in force."""
    return tx.run(
        "update sessions set revoked_at = :now where user_id = :user and revoked_at is null",
        {"now": clock.now(), "user": user_id},
    )


def sweep_sessions(tx: Transaction, *, keep: timedelta = timedelta(days=30)) -> int:
    """Delete sessions that ended more than `keep` ago; until then they tell which addresses an account is used from."""
    return tx.run("delete from sessions where expires_at < :limit", {"limit": clock.now() - keep})
