"""Watched folders: every file of a folder becomes a document; a changed file becomes a new version of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from haechi.city.library import Library
from haechi.core import clock
from haechi.core.errors import HaechiError
from haechi.core.store import SYSTEM, Actor, Row, Store

if TYPE_CHECKING:
    from haechi.city.installation import Installation


def scan_folders(installation: Installation) -> int:
    """Take in new and changed files of all watched folders; how many. Compares size and content hash, O(files)."""
    store = installation.worker_store
    with store.transaction(SYSTEM) as tx:
        folders = tx.all("select * from watched_folders")
    library = Library(store, installation.settings)
    return sum(_scan(store, library, folder) for folder in folders)


def _scan(store: Store, library: Library, folder: Row) -> int:
    taken, problem = 0, ""
    root = Path(folder["path"])
    if not root.is_dir():
        problem = "폴더를 찾을 수 없습니다."
    else:
        for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.name.startswith((".", "~$"))):
            try:
                taken += _take(store, library, folder, path)
            except (HaechiError, OSError) as error:
                problem = f"{path.name}: {error}"
    with store.transaction(SYSTEM) as tx:
        tx.run(
            "update watched_folders set last_scan_at = :now, last_error = :problem where id = :id",
            {"now": clock.now(), "problem": problem[:500], "id": folder["id"]},
        )
    return taken


def _take(store: Store, library: Library, folder: Row, path: Path) -> int:
    """1 when the file is new or changed, else 0."""
    key = str(path)
    stamp = f"{path.stat().st_size}:{path.stat().st_mtime_ns}"
    with store.transaction(SYSTEM) as tx:
        known = tx.one(
            """select d.id::text as id, d.deleted_at, v.sha256, v.metadata ->> 'stamp' as stamp, v.id::text as version
            from documents d join versions v on v.document_id = d.id
            where d.source = 'folder' and d.source_key = :key order by v.number desc limit 1""",
            key=key,
        )
    if known is not None and (known["deleted_at"] is not None or known["stamp"] == stamp):
        return 0
    data = path.read_bytes()
    if known is not None and hashlib.sha256(data).hexdigest() == known["sha256"]:
        _remember(store, known["version"], stamp)
        return 0
    receipt = library.upload(
        _keeper(folder),
        filename=path.name,
        data=data,
        bureau=folder["bureau"],
        grade=folder["grade"],
        readers=[tag for tag in folder["access"] if ":" in tag],
        kind=folder["kind"],
        source="folder",
        document_id=known["id"] if known is not None else None,
        idempotency_key=key if known is None else None,
    )
    _remember(store, receipt.version_id, stamp)
    return 1


def _keeper(folder: Row) -> Actor:
    """The system, acting for the bureau that owns the folder."""
    return Actor(
        subject="system",
        name="폴더 감시",
        tags=frozenset({"public", "staff", f"bureau:{folder['bureau']}", *folder["access"]}),
        roles=frozenset({"staff"}),
        bureau=folder["bureau"],
    )


def _remember(store: Store, version_id: str, stamp: str) -> None:
    with store.transaction(SYSTEM) as tx:
        tx.run(
            "update versions set metadata = metadata || jsonb_build_object('stamp', cast(:stamp as text)) where id = :id",
            {"stamp": stamp, "id": version_id},
        )
