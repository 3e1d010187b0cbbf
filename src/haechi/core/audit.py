"""What was done, by whom, to what: a chain of hashes that shows every later change.

Each entry's hash is sha256 over the hash before it and the entry's canonical JSON. The database lets nobody who serves
change or delete an entry; the chain shows it if its owner did. The head of the chain, published every day outside the
database, shows it if somebody rewrote the whole chain or cut off its end.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import CursorResult, text

from haechi.core import clock
from haechi.core.errors import Conflict
from haechi.core.store import Row, Transaction

FIRST = bytes(32)
_LOCK = 72100  # one writer at a time, in this database
_BATCH = 5000
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Verification:
    """entries: how many were read and right. broken_at: the first seq that is wrong, None when ok. head: hex of the last
    right hash. why: one Korean sentence, empty when ok."""

    ok: bool
    entries: int
    broken_at: int | None
    head: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain on a day (Seoul). seq 0 and 64 zeros: nothing was written yet."""

    day: date
    seq: int
    hash: str
    published_at: datetime


def record(tx: Transaction, action: str, resource: str, detail: Mapping[str, Any]) -> int:
    """Append one entry in the caller's transaction; its number in the chain. The actor is the transaction's.

    It exists exactly when the transaction commits. Other writers wait for that, so record last and commit soon.
    """
    tx.run("select pg_advisory_xact_lock(:lock)", {"lock": _LOCK})
    last = tx.one("select seq, hash from audit_log order by seq desc limit 1")
    seq, previous = (int(last["seq"]) + 1, bytes(last["hash"])) if last is not None else (1, FIRST)
    at = clock.now()
    entry = (seq, at, _plain(tx.actor.subject), _plain(action), _plain(resource), _plain(dict(detail)))
    tx.run(
        "insert into audit_log (seq, at, actor, action, resource, detail, previous, hash)"
        " values (:seq, :at, :actor, :action, :resource, cast(:detail as jsonb), :previous, :hash)",
        {
            "seq": seq,
            "at": at,
            "actor": entry[2],
            "action": entry[3],
            "resource": entry[4],
            "detail": json.dumps(entry[5], ensure_ascii=False),
            "previous": previous,
            "hash": entry_hash(previous, *entry),
        },
    )
    return seq


def entry_hash(previous: bytes, seq: int, at: datetime, actor: str, action: str, resource: str, detail: Any) -> bytes:
    """sha256(previous ‖ canonical JSON of the entry): keys sorted, no spaces, UTF-8, `at` in UTC with microseconds."""
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds")
    entry = {"action": action, "actor": actor, "at": stamp, "detail": detail, "resource": resource, "seq": seq}
    return hashlib.sha256(previous + _CANONICAL.encode(entry).encode()).digest()


def _plain(value: Any) -> Any:
    """The value as it comes back from the database, so that it hashes the same: fractions as text (a number could come
    back rounded), anything else that JSON does not know as its text, no zero bytes or lone surrogates."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return [_plain(item) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    return str(value).replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


# --- reading ---------------------------------------------------------------------------------------------------------


def entries(
    tx: Transaction,
    *,
    actor: str = "",
    action: str = "",
    resource: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[Row]:
    """Newest first: seq, at, actor, action, resource, detail. `action` matches by its beginning. `before`: the smallest
    seq of the page above."""
    return tx.all(
        "select seq, at, actor, action, resource, detail from audit_log"
        " where (:actor = '' or actor = :actor) and starts_with(action, :action)"
        " and (:resource = '' or resource = :resource) and (cast(:before as bigint) is null or seq < :before)"
        " order by seq desc limit :limit",
        actor=actor,
        action=action,
        resource=resource,
        before=before,
        limit=limit,
    )


def verify(tx: Transaction, folder: Path | None = None) -> Verification:
    """Read the whole chain and compare it with every published head, in the table and in the files of `folder`.

    Constant memory; about 100,000 entries in 2 s. Finds an entry that was changed, removed, inserted or moved, and an
    end that was cut off after it had been published.
    """
    heads = _published(tx, folder)
    seq, hash_ = 0, FIRST
    with _stream(tx) as rows:
        row: Any
        for row in rows:
            why = _wrong(row, seq, hash_, heads)
            if why:
                return Verification(False, seq, seq + 1, hash_.hex(), why)
            seq, hash_ = row[0], bytes(row[7])
    for wanted, hashes in sorted(heads.items()):
        if wanted > seq:
            why = f"{wanted}번까지 공표되었는데 기록은 {seq}번에서 끝납니다. 뒷부분이 지워졌습니다."
            return Verification(False, seq, seq + 1, hash_.hex(), why)
        if wanted == 0 and hashes != {FIRST}:
            return Verification(False, seq, 1, hash_.hex(), "공표된 머리 값이 잘못되었습니다.")
    return Verification(True, seq, None, hash_.hex())


def _stream(tx: Transaction) -> CursorResult[Any]:
    statement = text("select seq, at, actor, action, resource, detail, previous, hash from audit_log order by seq")
    options = {"stream_results": True, "yield_per": _BATCH}
    return tx.connection.execute(statement, execution_options=options)


def _wrong(row: Any, seq: int, hash_: bytes, heads: Mapping[int, set[bytes]]) -> str:
    if row[0] != seq + 1:
        return f"{seq + 1}번 기록이 없습니다. 다음 기록은 {row[0]}번입니다."
    if bytes(row[6]) != hash_:
        return f"{row[0]}번 기록이 앞 기록과 이어지지 않습니다."
    if entry_hash(hash_, row[0], row[1], row[2], row[3], row[4], row[5]) != bytes(row[7]):
        return f"{row[0]}번 기록의 내용이 적힌 뒤에 바뀌었습니다."
    if heads.get(row[0], {bytes(row[7])}) != {bytes(row[7])}:
        return f"{row[0]}번 기록이 공표된 머리 값과 다릅니다."
    return ""


# --- the published head ----------------------------------------------------------------------------------------------


def head(tx: Transaction) -> Head:
    """The end of the chain at this moment."""
    row = tx.one("select seq, hash from audit_log order by seq desc limit 1")
    seq, hash_ = (int(row["seq"]), bytes(row["hash"])) if row is not None else (0, FIRST)
    return Head(clock.today(), seq, hash_.hex(), clock.now())


def heads(tx: Transaction, limit: int = 400) -> list[Head]:
    """Published heads, newest first."""
    rows = tx.all("select * from audit_heads order by day desc limit :limit", limit=limit)
    return [Head(row["day"], row["seq"], bytes(row["hash"]).hex(), row["published_at"]) for row in rows]


def publish_head(tx: Transaction, folder: Path) -> Head:
    """Publish the head of today (Seoul) once: a row, and `audit-head-YYYY-MM-DD.txt` in `folder` for others to keep.

    Called again on the same day it publishes nothing new and writes the same file anew where it is gone. Conflict when
    the file is there and says something else.
    """
    tx.run("select pg_advisory_xact_lock(:lock)", {"lock": _LOCK})
    now = head(tx)
    path = folder / f"audit-head-{now.day.isoformat()}.txt"
    # The file may be there without its row, when the database went away between the two: then it has been published.
    seq, hash_ = _read_head(path) if path.exists() else (now.seq, bytes.fromhex(now.hash))
    tx.run(
        "insert into audit_heads (day, seq, hash, published_at) values (:day, :seq, :hash, :at) on conflict do nothing",
        {"day": now.day, "seq": seq, "hash": hash_, "at": now.published_at},
    )
    published = next(item for item in heads(tx) if item.day == now.day)
    _write_once(path, head_text(published))
    return published


def head_text(published: Head) -> str:
    """The head as a text file that a person can read and a program can check."""
    return (
        "# 해치 감사기록의 머리 · Head of the Haechi audit log\n"
        "# 이 값을 보관하면 그날까지의 기록이 나중에 바뀌었는지 확인할 수 있습니다: haechi audit verify --heads FOLDER\n"
        f"day: {published.day.isoformat()}\n"
        f"seq: {published.seq}\n"
        f"hash: {published.hash}\n"
        f"published_at: {published.published_at.astimezone(UTC).isoformat()}\n"
    )


def _write_once(path: Path, content: str) -> None:
    if path.exists():
        if _read_head(path) != _parse_head(content):
            raise Conflict(
                f"{path.name}에 다른 머리 값이 이미 있습니다.",
                next_step="haechi audit verify로 기록을 먼저 확인하세요.",
                record=path.name,
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _published(tx: Transaction, folder: Path | None) -> dict[int, set[bytes]]:
    found: dict[int, set[bytes]] = {}
    for row in tx.all("select seq, hash from audit_heads"):
        found.setdefault(int(row["seq"]), set()).add(bytes(row["hash"]))
    for path in sorted(folder.glob("audit-head-*.txt")) if folder is not None else ():
        seq, hash_ = _read_head(path)
        found.setdefault(seq, set()).add(hash_)
    return found


def _read_head(path: Path) -> tuple[int, bytes]:
    return _parse_head(path.read_text(encoding="utf-8"))


def _parse_head(content: str) -> tuple[int, bytes]:
    values = dict(line.split(": ", 1) for line in content.splitlines() if ": " in line and not line.startswith("#"))
    return int(values["seq"]), bytes.fromhex(values["hash"].strip())
