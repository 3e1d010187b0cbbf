"""The reading desk: takes received versions from the queue, has them read in a sandbox, and puts their passages in place.

A version is claimed with a short lease that its worker keeps renewing; a worker that dies lets it run out, and the next
one starts over. All that a version brings appears in one transaction, so nothing is half there and nothing is there twice.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any

from haechi.core import clock
from haechi.core.errors import Unavailable, UnreadableDocument
from haechi.core.events import emit
from haechi.core.store import SYSTEM, Row, Store, Transaction
from haechi.engines.knowledge.ingest import Limits, read_in_worker, split
from haechi.engines.knowledge.ports import ParsedDocument, Passage

MAX_ATTEMPTS = 3
LEASE_SECONDS = 30
STORE_PATIENCE_SECONDS = 600


class ReadingDesk:
    """`store`: role haechi_worker. lease_seconds: how long a document waits after its worker was killed."""

    def __init__(self, store: Store, limits: Limits, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._store = store
        self._limits = limits
        self._lease = timedelta(seconds=lease_seconds)

    def read_next(self) -> str | None:
        """Read one waiting version; its id, or None when none waits."""
        claimed = self._claim()
        if claimed is None:
            return None
        with self._renewing(str(claimed["id"])):
            self._read(claimed)
        return str(claimed["id"])

    def _read(self, claimed: Row) -> None:
        try:
            parsed = read_in_worker(bytes(claimed["original"]), claimed["filename"], self._limits)
            passages = _passages_of(parsed, claimed)
            if not passages:
                raise UnreadableDocument(
                    "문서에서 글자를 찾지 못했습니다.", next_step="글자가 들어 있는 원본을 올리세요."
                )
        except UnreadableDocument as error:
            code, message, next_step = error.code, error.message, error.next_step
            _until_stored(lambda: self._fail(claimed, code, message, next_step))
        else:
            _until_stored(lambda: self._put(claimed, parsed, passages))

    @contextmanager
    def _renewing(self, version_id: str) -> Iterator[None]:
        """Keep the lease alive from a thread of its own while the block runs."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self._lease.total_seconds() / 3):
                with suppress(Unavailable), self._store.transaction(SYSTEM) as tx:
                    tx.run(
                        "update versions set lease_until = :until where id = :id and state = 'reading'",
                        {"id": version_id, "until": clock.now() + self._lease},
                    )

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _claim(self) -> Row | None:
        with self._store.transaction(SYSTEM) as tx:
            row = tx.one(
                """select v.id, v.document_id, v.number, v.filename, v.original, v.effective_from, v.revised_on, v.attempts,
                v.metadata, d.title, d.access, d.kind from versions v join documents d on d.id = v.document_id
                where d.deleted_at is null and v.original is not null
                and (v.state = 'received' or (v.state = 'reading' and v.lease_until not between :now and :far))
                order by v.created_at limit 1 for update of v skip locked""",
                now=clock.now(),
                far=clock.now() + 2 * self._lease,  # a lease further ahead was given by a clock that has been set back
            )
            if row is None:
                return None
            if row["attempts"] >= MAX_ATTEMPTS:
                self._mark_failed(
                    tx,
                    row,
                    "crashed",
                    "문서를 읽는 중에 작업이 여러 번 중단되었습니다.",
                    "원본을 확인하고 다시 시도를 누르세요.",
                )
                return None
            tx.run(
                """update versions set state = 'reading', attempts = attempts + 1, lease_until = :until where id = :id""",
                {"id": row["id"], "until": clock.now() + self._lease},
            )
            return row

    def _fail(self, claimed: Row, code: str, message: str, next_step: str) -> None:
        with self._store.transaction(SYSTEM) as tx:
            self._mark_failed(tx, claimed, code, message, next_step)

    @staticmethod
    def _mark_failed(tx: Transaction, row: Row, code: str, message: str, next_step: str) -> None:
        touched = tx.run(
            """update versions set state = 'failed', error_code = :code, error = :message, next_step = :next,
            lease_until = null where id = :id and state in ('received', 'reading')""",
            {"id": row["id"], "code": code, "message": message, "next": next_step},
        )
        if touched:
            emit(tx, "document.failed", str(row["document_id"]), {"version_id": str(row["id"]), "code": code})

    def _put(self, claimed: Row, parsed: list[ParsedDocument], passages: list[Passage]) -> None:
        with self._store.transaction(SYSTEM) as tx:
            current = tx.one(
                """select d.access, d.deleted_at, v.state from documents d join versions v on v.document_id = d.id
                where v.id = :id for update""",
                id=claimed["id"],
            )
            if current is None or current["deleted_at"] is not None or current["state"] != "reading":
                return  # deleted meanwhile, or another worker was faster after our lease ran out
            title = _title(claimed, parsed)
            tx.run("update documents set title = :title where id = :id", {"title": title, "id": claimed["document_id"]})
            tx.run("delete from passages where version_id = :id", {"id": claimed["id"]})
            tx.run(_INSERT_PASSAGE, [_row(p, title, current["access"]) for p in passages])
            _finish(tx, claimed, parsed)
            set_validity(tx, str(claimed["document_id"]))
            tx.run(
                "insert into index_log (op, document_id, version_id, at) values ('add', :document, :version, :now)",
                {"document": claimed["document_id"], "version": claimed["id"], "now": clock.now()},
            )
            emit(
                tx, "document.searchable", str(claimed["document_id"]),
                {"version_id": str(claimed["id"]), "passages": len(passages)},
            )  # fmt: skip


def _until_stored(store_it: Callable[[], None]) -> None:
    """A database that goes away after the reading costs the reading nothing: try again until it is back."""
    deadline = time.monotonic() + STORE_PATIENCE_SECONDS
    while True:
        try:
            return store_it()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


_INSERT_PASSAGE = """insert into passages (id, document_id, version_id, ordinal, text, title, heading_path, page, article,
    table_data, access, kind) values (:id, :document_id, :version_id, :ordinal, :text, :title, :heading_path, :page,
    :article, cast(:table_data as jsonb), :access, :kind)"""


def _row(passage: Passage, title: str, access: list[str]) -> dict[str, Any]:
    table = json.dumps(asdict(passage.table), ensure_ascii=False) if passage.table is not None else None
    return {
        "id": passage.id,
        "document_id": passage.document_id,
        "version_id": passage.version_id,
        "ordinal": passage.ordinal,
        "text": passage.text,
        "title": passage.title or title,
        "heading_path": list(passage.heading_path),
        "page": passage.page,
        "article": passage.article,
        "table_data": table,
        "access": access,
        "kind": passage.kind,
    }


def _passages_of(parsed: list[ParsedDocument], claimed: Row) -> list[Passage]:
    """Passages of all members of a file, numbered through."""
    found: list[Passage] = []
    for document in parsed:
        pieces = split(
            document,
            document_id=str(claimed["document_id"]),
            version_id=str(claimed["id"]),
            access=tuple(claimed["access"]),
            valid_from=None,
            valid_to=None,
        )
        for piece in pieces:
            ordinal = len(found)
            found.append(replace(piece, ordinal=ordinal, id=f"{claimed['id']}:{ordinal}", kind=_kind(claimed, piece)))
    return found


def _kind(claimed: Row, passage: Passage) -> Any:
    return "statutes" if claimed["kind"] == "documents" and passage.article else claimed["kind"]


def _title(claimed: Row, parsed: list[ParsedDocument]) -> str:
    given = claimed["metadata"].get("title_given") or claimed["number"] > 1 or len(parsed) != 1
    return str(claimed["title"] if given else parsed[0].title or claimed["title"])


def _finish(tx: Transaction, claimed: Row, parsed: list[ParsedDocument]) -> None:
    metadata = dict(claimed["metadata"])
    for document in parsed:
        metadata.update(document.metadata)
    tx.run(
        """update versions set state = 'searchable', lease_until = null, searchable_at = :now, media_type = :media,
        pages = :pages, warnings = :warnings, metadata = cast(:metadata as jsonb),
        effective_from = coalesce(effective_from, :effective), revised_on = coalesce(revised_on, :revised),
        error = '', error_code = '', next_step = '' where id = :id""",
        {
            "id": claimed["id"],
            "now": clock.now(),
            "media": parsed[0].media_type if len(parsed) == 1 else "application/zip",
            "pages": sum(d.pages or 0 for d in parsed) or None,
            "warnings": [w for d in parsed for w in d.warnings],
            "metadata": json.dumps(metadata, ensure_ascii=False, default=str),
            "effective": _date(metadata.get("effective_from")) or (clock.today() if claimed["number"] > 1 else None),
            "revised": _date(metadata.get("revised_on")),
        },
    )


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def set_validity(tx: Transaction, document_id: str) -> None:
    """Give each readable version of a document the span in which it is in force: until the next one takes over."""
    rows = tx.all(
        """select id, effective_from from versions where document_id = :id and state in ('searchable', 'complete')
        order by effective_from nulls first, number""",
        id=document_id,
    )
    for position, row in enumerate(rows):
        until = rows[position + 1]["effective_from"] if position + 1 < len(rows) else None
        tx.run("update versions set effective_to = :until where id = :id", {"id": row["id"], "until": until})
        tx.run(
            """update passages set valid_from = :start, valid_to = :until where version_id = :id
            and (valid_from is distinct from :start or valid_to is distinct from :until)""",
            {"id": row["id"], "start": row["effective_from"], "until": until},
        )
