"""Keys with which programs call the API: one a service, department or user; hashed, expiring, revocable, scoped."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from haechi.core import audit, clock
from haechi.core.errors import Forbidden, InvalidInput, NotFound, NotSignedIn
from haechi.core.roles import actor_of
from haechi.core.sessions import user_of
from haechi.core.store import Actor, Row, Store, Transaction

SCOPES: Mapping[str, tuple[str, str]] = {
    "ask": ("질문하기", "Ask questions"),
    "search": ("문서 찾기", "Search documents"),
    "ingest": ("문서 넣기", "Put documents in"),
    "read_register": ("서비스 등록부 보기", "Read the register of services"),
    "models": ("언어모형 쓰기", "Use the language models"),
    "run_service": ("서비스 부르기", "Call services"),
    "desk": ("상담하기", "Answer people at the desk"),
    "messenger": ("직원 메신저에서 물음 받기", "Receive questions from the staff messenger"),
}
LONGEST_LIFE = timedelta(days=731)
_SHAPE = re.compile(r"hk_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_HOLDER = re.compile(r"service:[1-9][0-9]?|bureau:.{1,100}|project:.{1,100}|user:[0-9a-f-]{36}")


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be known of a key: never its secret. holder: 'service:39', 'bureau:복지실', 'project:폭염 대책' or 'user:<id>'."""

    id: str
    prefix: str
    holder: str
    tags: frozenset[str]
    scopes: tuple[str, ...]
    note: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None

    @property
    def state(self) -> str:
        """'active', 'expired' or 'revoked', now."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.expires_at > clock.now() else "expired"


class Keys:
    """The keys of the installation. A key is `hk_<prefix>_<secret>`: the prefix finds it, the secret (256 bits) proves it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(
        self, holder: str, tags: Iterable[str], scopes: Iterable[str], note: str, expires_at: datetime, by: Actor
    ) -> tuple[KeyInfo, str]:
        """A new key and its text, which is shown once. A key reads at most what its maker reads, unless an admin makes it."""
        held, allowed = frozenset(tags) | {"public"}, tuple(dict.fromkeys(scopes))
        _check(holder, held, allowed, expires_at, by)
        prefix = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(8))
        secret = secrets.token_urlsafe(32)
        key_id = clock.new_id()
        with self.store.transaction(by) as tx:
            _check_holder_exists(tx, holder)
            tx.run(
                "insert into api_keys (id, prefix, secret_hash, holder, tags, scopes, note, created_by, created_at,"
                " expires_at) values (:id, :prefix, :hash, :holder, :tags, :scopes, :note, :by, :now, :expires)",
                {
                    "id": key_id,
                    "prefix": prefix,
                    "hash": _hash(secret),
                    "holder": holder,
                    "tags": sorted(held),
                    "scopes": list(allowed),
                    "note": note,
                    "by": by.user_id,
                    "now": clock.now(),
                    "expires": expires_at,
                },
            )
            detail = {
                "holder": holder,
                "tags": sorted(held),
                "scopes": list(allowed),
                "expires": expires_at.isoformat(),
            }
            audit.record(tx, "key.created", f"key:{prefix}", detail)
            row = tx.one("select * from api_keys where id = :id", id=key_id)
        assert row is not None
        return _info(row), f"hk_{prefix}_{secret}"

    def check(self, secret: str, scope: str) -> Actor:
        """Who calls with this key. NotSignedIn when it is unknown, expired or revoked; Forbidden without the scope."""
        shape = _SHAPE.fullmatch(secret)
        if shape is None:
            raise _unknown()
        now = clock.now()
        with self.store.transaction() as tx:
            row = tx.one("select * from api_keys where prefix = :prefix", prefix=shape[1])
            if row is None or not hmac.compare_digest(bytes(row["secret_hash"]), _hash(shape[2])):
                raise _unknown()
            _check_in_force(row, scope)
            actor = _actor(tx, row)
            if row["last_used_at"] is None or abs(now - row["last_used_at"]) > timedelta(minutes=1):
                tx.run("update api_keys set last_used_at = :now where id = :id", {"now": now, "id": row["id"]})
            return actor

    def revoke(self, key_id: str, *, by: Actor) -> None:
        """End the key at once. NotFound when there is none; nothing happens when it has already ended."""
        with self.store.transaction(by) as tx:
            row = tx.one("select * from api_keys where id::text = :id or prefix = :id", id=key_id)
            if row is None:
                raise NotFound(
                    "그런 키가 없습니다.", next_step="키 목록(haechi key list)에서 다시 고르세요.", record=key_id
                )
            if row["revoked_at"] is None:
                tx.run("update api_keys set revoked_at = :now where id = :id", {"now": clock.now(), "id": row["id"]})
                audit.record(tx, "key.revoked", f"key:{row['prefix']}", {"holder": row["holder"]})

    def all(self) -> list[KeyInfo]:
        """Every key, newest first."""
        with self.store.transaction() as tx:
            return [_info(row) for row in tx.all("select * from api_keys order by created_at desc, prefix")]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _info(row: Row) -> KeyInfo:
    return KeyInfo(
        str(row["id"]),
        row["prefix"],
        row["holder"],
        frozenset(row["tags"]),
        tuple(row["scopes"]),
        row["note"],
        row["created_at"],
        row["expires_at"],
        row["revoked_at"],
        row["last_used_at"],
    )


def _check(holder: str, tags: frozenset[str], scopes: tuple[str, ...], expires_at: datetime, by: Actor) -> None:
    if _HOLDER.fullmatch(holder) is None:
        raise InvalidInput(
            f"키의 주인을 알 수 없습니다: {holder}",
            next_step="service:39, bureau:복지실, project:이름, user:<번호> 가운데 하나로 쓰세요.",
            record="holder",
        )
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise InvalidInput(
            f"알 수 없는 범위입니다: {', '.join(unknown) or '(없음)'}",
            next_step=f"다음에서 고르세요: {', '.join(SCOPES)}",
            record="scopes",
        )
    if expires_at.tzinfo is None or not clock.now() < expires_at <= clock.now() + LONGEST_LIFE:
        raise InvalidInput(
            "만료일은 지금부터 2년 안이어야 합니다.", next_step="만료일을 다시 정하세요.", record="expires_at"
        )
    collections = sorted(tag for tag in tags if tag.startswith("bot:"))
    if collections:
        raise InvalidInput(
            f"챗봇의 문서 묶음은 열람 권한이 아닙니다: {', '.join(collections)}",
            next_step="공개, 직원, 부서, 사용자 꼬리표 가운데 고르세요.",
            record="tags",
        )
    beyond = tags - by.tags
    if beyond and "admin" not in by.roles and by.subject != "system":
        raise Forbidden(
            f"본인이 읽을 수 없는 범위의 키는 만들 수 없습니다: {', '.join(sorted(beyond))}",
            next_step="관리자에게 요청하세요.",
            record="tags",
        )


def _check_holder_exists(tx: Transaction, holder: str) -> None:
    kind, _, name = holder.partition(":")
    table = {"user": "users", "bureau": "bureaux"}.get(kind)
    if table is not None and tx.value(f"select 1 from {table} where id::text = :id", id=name) is None:
        raise InvalidInput(
            f"키의 주인이 없습니다: {holder}", next_step="등록된 부서나 사용자로 쓰세요.", record="holder"
        )


def _check_in_force(row: Row, scope: str) -> None:
    # The secret was right, so its holder may know why the key does not work.
    state = _info(row).state
    if state != "active":
        why = "만료되었습니다" if state == "expired" else "폐지되었습니다"
        raise NotSignedIn(f"이 키는 {why}.", next_step="관리자에게 새 키를 요청하세요.", record=f"key:{row['prefix']}")
    if scope not in row["scopes"]:
        name = SCOPES.get(scope, (scope, scope))[0]
        raise Forbidden(
            f"이 키에는 '{name}'({scope}) 권한이 없습니다.",
            next_step="범위를 넓힌 새 키를 관리자에게 요청하세요.",
            record=f"key:{row['prefix']}",
        )


def _actor(tx: Transaction, row: Row) -> Actor:
    """A key never reads more than its user reads today; a bureau's key with `ingest` writes for its bureau."""
    kind, _, name = row["holder"].partition(":")
    subject, tags = f"key:{row['prefix']}", frozenset(row["tags"])
    if kind == "user":
        found = tx.one("select * from users where id::text = :id and active", id=name)
        if found is None:
            raise NotSignedIn(
                "이 키의 주인 계정이 닫혀 있습니다.", next_step="관리자에게 새 키를 요청하세요.", record=subject
            )
        owner = actor_of(user_of(found))
        return Actor(subject, owner.name, tags & owner.tags, owner.roles, owner.bureau)
    if kind == "bureau":
        roles = frozenset({"staff"}) if "ingest" in row["scopes"] else frozenset[str]()
        return Actor(subject, name, tags, roles, name)
    return Actor(subject, row["holder"], tags)


def _unknown() -> NotSignedIn:
    return NotSignedIn("키가 올바르지 않습니다.", next_step="키를 다시 확인하거나 관리자에게 새 키를 요청하세요.")
