"""The library: documents in, versions, rights, passages. Every statement runs as the person who asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from haechi.city.settings import Settings
from haechi.core import audit, clock
from haechi.core.errors import Forbidden, InvalidInput, NotFound
from haechi.core.events import emit
from haechi.core.store import Actor, Row, Store, Transaction

GRADES = {
    "public": ("공개", "Public"),
    "staff": ("직원 전체", "All staff"),
    "bureau": ("소관 부서", "Owner bureau"),
    "named": ("지정 열람", "Named readers"),
}
LICENCES = ("", "공공누리 제0유형", "공공누리 제1유형", "공공누리 제2유형", "공공누리 제3유형", "공공누리 제4유형")
KINDS = ("documents", "colloquial", "statutes")


@dataclass(frozen=True, slots=True)
class Received:
    """The receipt of an upload: given only after the database has it. state: 'received', or a later one on a repeat."""

    document_id: str
    version_id: str
    number: int
    state: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; `total` counts only what the reader may see."""

    rows: list[Row]
    total: int


@dataclass(frozen=True, slots=True)
class Description:
    """What the uploader says of a document. readers: access tags for grade 'named' ('user:<id>', 'bureau:복지실')."""

    bureau: str
    grade: str = "staff"
    readers: tuple[str, ...] = ()
    licence: str = ""
    kind: str = "documents"
    title: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    effective_from: date | None = None
    revised_on: date | None = None
    review_by: date | None = None
    source: str = field(default="upload")

    def check(self) -> None:
        """Raise `InvalidInput` with the next step for what cannot be accepted."""
        if not self.bureau:
            raise InvalidInput("소관 부서가 없습니다.", next_step="문서를 맡은 부서를 고르세요.")
        if self.grade not in GRADES:
            raise InvalidInput(
                f"'{self.grade}'은(는) 없는 열람 등급입니다.", next_step=f"{', '.join(GRADES)} 중에서 고르세요."
            )
        if self.grade == "named" and not self.readers:
            raise InvalidInput(
                "지정 열람 문서에 열람자가 없습니다.", next_step="열람할 사람이나 부서를 하나 이상 고르세요."
            )
        if self.licence not in LICENCES:
            raise InvalidInput("없는 공공누리 유형입니다.", next_step="목록에서 고르거나 비워 두세요.")
        if self.kind not in KINDS:
            raise InvalidInput(
                f"'{self.kind}'은(는) 없는 문서 종류입니다.", next_step=f"{', '.join(KINDS)} 중에서 고르세요."
            )
        for reader in self.readers:
            if not reader.startswith(("user:", "bureau:", "role:")):
                raise InvalidInput(
                    f"열람자 '{reader}'을(를) 알 수 없습니다.", next_step="'bureau:부서이름' 꼴로 적으세요."
                )

    def access(self, creator: str) -> list[str]:
        """The tags of which a reader must hold one. The creator of a 'named' document always reads it."""
        fixed = {"public": ["public"], "staff": ["staff"], "bureau": [f"bureau:{self.bureau}"]}
        if self.grade in fixed:
            return fixed[self.grade]
        return sorted({*self.readers, creator})


class Library:
    """Documents, versions and passages, seen through the eyes of whoever asks."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._limit = settings.upload_limit_mib * 2**20

    def upload(
        self,
        actor: Actor,
        *,
        filename: str,
        data: bytes,
        bureau: str,
        document_id: str | None = None,
        idempotency_key: str | None = None,
        **described: Any,
    ) -> Received:
        """Accept a file; it is read in the background. The same `idempotency_key` twice gives the first receipt.

        `described`: the fields of `Description`. Raises InvalidInput, Forbidden, NotFound (for `document_id`).
        """
        described["readers"] = tuple(described.get("readers") or ())
        description = Description(bureau=bureau, **described)
        description.check()
        self._check_file(filename, data)
        with self._store.transaction(actor) as tx:
            if not _may_manage(actor, bureau):
                raise Forbidden(
                    f"{bureau}의 문서를 올릴 권한이 없습니다.",
                    next_step="소관 부서 직원이나 관리자에게 부탁하세요.",
                    record=bureau,
                )
            if tx.one("select 1 from bureaux where id = :id", id=bureau) is None:
                raise InvalidInput(
                    f"'{bureau}'은(는) 등록되지 않은 부서입니다.", next_step="목록에 있는 부서를 고르세요."
                )
            _check_stays_visible(actor, description)
            if idempotency_key:
                tx.run("select pg_advisory_xact_lock(hashtext(:key))", {"key": idempotency_key})
                before = _receipt_by_key(tx, description.source, idempotency_key, document_id)
                if before is not None:
                    return before
            if document_id is None:
                document_id = _insert_document(tx, actor, filename, description, idempotency_key)
            else:
                _lock_document(tx, document_id)
            receipt = _insert_version(tx, actor, document_id, filename, data, description, idempotency_key)
            audit.record(
                tx, "document.upload", f"document:{document_id}", {"filename": filename, "version": receipt.number}
            )
            emit(tx, "document.received", document_id, {"version_id": receipt.version_id, "filename": filename})
            return receipt

    def _check_file(self, filename: str, data: bytes) -> None:
        if not data:
            raise InvalidInput(
                f"'{filename}'은(는) 빈 파일입니다.", next_step="내용이 있는 파일을 올리세요.", record=filename
            )
        if len(data) > self._limit:
            raise InvalidInput(
                f"'{filename}'이(가) 너무 큽니다({len(data) / 2**20:.0f} MiB).",
                next_step=f"{self._limit // 2**20} MiB 이하로 나누어 올리세요.",
                record=filename,
            )

    def documents(
        self, actor: Actor, *, search: str = "", bureau: str = "", state: str = "", limit: int = 50, offset: int = 0
    ) -> Page:
        """The newest version of each document, latest first."""
        where = """where d.deleted_at is null and (:search = '' or d.title ilike :pattern or v.filename ilike :pattern)
            and (:bureau = '' or d.bureau = :bureau) and (:state = '' or v.state = :state)"""
        source = """from documents d join lateral
            (select * from versions where document_id = d.id order by number desc limit 1) v on true """
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        wanted = {"search": search, "pattern": pattern, "bureau": bureau, "state": state}
        with self._store.transaction(actor) as tx:
            total = tx.value(f"select count(*) {source} {where}", **wanted)
            rows = tx.all(
                f"select {_DOCUMENT_COLUMNS} {source} {where} order by v.created_at desc, d.id limit :limit offset :offset",
                **wanted,
                limit=limit,
                offset=offset,
                today=clock.today(),
            )
        return Page(rows, total)

    def document(self, actor: Actor, document_id: str) -> dict[str, Any]:
        """One document with all its versions, newest first. NotFound when there is none or it may not be read."""
        with self._store.transaction(actor) as tx:
            versions = tx.all(
                f"""select {_DOCUMENT_COLUMNS}, v.metadata, v.attempts, v.created_by as version_created_by,
                v.created_at as version_created_at, v.effective_to, v.sha256, v.searchable_at, v.complete_at
                from documents d join versions v on v.document_id = d.id
                where d.id = :id and d.deleted_at is null order by v.number desc""",
                id=_uuid(document_id),
                today=clock.today(),
            )
            if not versions:
                raise _no_document(document_id)
            return {**versions[0], "versions": versions, "manageable": _may_manage(actor, versions[0]["bureau"])}

    def passages(self, actor: Actor, version_id: str, *, limit: int = 100, offset: int = 0) -> Page:
        """The passages of a version in reading order."""
        with self._store.transaction(actor) as tx:
            if tx.one("select 1 from versions where id = :id", id=_uuid(version_id)) is None:
                raise _no_document(version_id)
            total = tx.value("select count(*) from passages where version_id = :id", id=version_id)
            rows = tx.all(
                """select id, ordinal, text, title, heading_path, page, article, table_data,
                terms is not null as terms, vectors is not null as vectors from passages
                where version_id = :id and ordinal >= :offset order by ordinal limit :limit""",
                id=version_id,
                limit=limit,
                offset=offset,
            )
        return Page(rows, total)

    def passage(self, actor: Actor, passage_id: str) -> dict[str, Any]:
        """One passage with its neighbours and its document, for reading beside an answer."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                """select p.id, p.ordinal, p.text, p.title, p.heading_path, p.page, p.article, p.table_data, p.version_id,
                p.document_id, p.valid_from, p.valid_to, d.title as document_title, d.bureau, d.contact_name, d.contact_phone,
                d.licence, d.grade, v.filename, v.number as version_number, v.revised_on, v.effective_from
                from passages p join documents d on d.id = p.document_id join versions v on v.id = p.version_id
                where p.id = :id""",
                id=passage_id,
            )
            if row is None:
                raise NotFound(
                    "근거 문단을 찾을 수 없습니다.",
                    next_step="문서가 고쳐졌을 수 있습니다. 다시 질문하세요.",
                    record=passage_id,
                )
            around = tx.all(
                """select id, ordinal, text from passages where version_id = :version and ordinal between :low and :high
                and id <> :id order by ordinal""",
                version=row["version_id"],
                low=row["ordinal"] - 1,
                high=row["ordinal"] + 1,
                id=passage_id,
            )
        before = next((p for p in around if p["ordinal"] < row["ordinal"]), None)
        after = next((p for p in around if p["ordinal"] > row["ordinal"]), None)
        return {**row, "before": before, "after": after}

    def original(self, actor: Actor, version_id: str) -> tuple[str, str, bytes]:
        """(file name, media type, bytes) as uploaded."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                "select filename, media_type, original from versions where id = :id and original is not null",
                id=_uuid(version_id),
            )
        if row is None:
            raise _no_document(version_id)
        return row["filename"], row["media_type"] or "application/octet-stream", bytes(row["original"])

    def change_rights(self, actor: Actor, document_id: str, **described: Any) -> None:
        """Set grade, readers, licence, contact and review date; in force for the next question asked."""
        with self._store.transaction(actor) as tx:
            before = _lock_document(tx, document_id)
            described["readers"] = tuple(described.get("readers") or ())
            description = Description(**{"bureau": before["bureau"], "kind": before["kind"], **described})
            description.check()
            _check_stays_visible(actor, description)
            access = description.access(before["created_by"])
            tx.run(
                """update documents set grade = :grade, licence = :licence, kind = :kind, contact_name = :contact_name,
                contact_phone = :contact_phone, review_by = :review_by, title = coalesce(nullif(:title, ''), title)
                where id = :id""",
                {
                    "id": document_id,
                    **{
                        key: getattr(description, key)
                        for key in ("grade", "licence", "kind", "contact_name", "contact_phone", "review_by", "title")
                    },
                },
            )
            # Passages first: once the document's own tags change, this person may no longer see it.
            tx.run(
                "update passages set access = :access where document_id = :id", {"access": access, "id": document_id}
            )
            tx.run("update documents set access = :access where id = :id", {"access": access, "id": document_id})
            _tell_index(tx, "rights", document_id)
            audit.record(
                tx, "document.rights", f"document:{document_id}",
                {"before": before["access"], "after": access, "grade": description.grade},
            )  # fmt: skip

    def delete(self, actor: Actor, document_id: str) -> None:
        """Remove the document's passages, originals, index entries and cached answers; its number stays known."""
        with self._store.transaction(actor) as tx:
            before = _lock_document(tx, document_id)
            tx.run("delete from passages where document_id = :id", {"id": document_id})
            tx.run(
                "update versions set original = null, state = 'complete' where document_id = :id", {"id": document_id}
            )
            tx.run("update documents set deleted_at = :now where id = :id", {"id": document_id, "now": clock.now()})
            _tell_index(tx, "remove", document_id)
            audit.record(tx, "document.delete", f"document:{document_id}", {"title": before["title"]})
            emit(tx, "document.deleted", document_id, {"title": before["title"]})

    def progress(self, actor: Actor) -> dict[str, int]:
        """How many versions stand in which state, of those this person may see."""
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                """select v.state, count(*) as n from versions v join documents d on d.id = v.document_id
                where d.deleted_at is null group by v.state"""
            )
        counted = {row["state"]: row["n"] for row in rows}
        return {state: counted.get(state, 0) for state in ("received", "reading", "searchable", "complete", "failed")}

    def retry(self, actor: Actor, version_id: str) -> None:
        """Put a failed version back into the queue."""
        with self._store.transaction(actor) as tx:
            touched = tx.run(
                """update versions set state = 'received', attempts = 0, error_code = '', error = '', next_step = ''
                where id = :id and state = 'failed'""",
                {"id": _uuid(version_id)},
            )
            if not touched:
                raise _no_document(version_id)
            tx.run("select pg_notify('haechi_work', :id)", {"id": version_id})

    def bureaux(self, actor: Actor) -> list[Row]:
        """All bureaux, by name."""
        with self._store.transaction(actor) as tx:
            return tx.all("select * from bureaux order by id")

    def folders(self, actor: Actor) -> list[Row]:
        """Watched folders."""
        with self._store.transaction(actor) as tx:
            return tx.all("select * from watched_folders order by path")

    def watch_folder(self, actor: Actor, path: str, *, bureau: str, grade: str, readers: Sequence[str] = ()) -> str:
        """Take every file of a folder on this machine into the library, now and whenever one changes."""
        if "admin" not in actor.roles:
            raise Forbidden("지켜볼 폴더는 관리자만 정할 수 있습니다.", next_step="관리자에게 부탁하세요.")
        description = Description(bureau=bureau, grade=grade, readers=tuple(readers))
        description.check()
        folder = Path(path).expanduser()
        if not folder.is_absolute() or not folder.is_dir():
            raise InvalidInput(
                f"'{path}'은(는) 이 컴퓨터의 폴더가 아닙니다.", next_step="절대 경로로 적으세요.", record=path
            )
        folder_id = clock.new_id()
        with self._store.transaction(actor) as tx:
            tx.run(
                """insert into watched_folders (id, path, bureau, grade, access, created_by)
                values (:id, :path, :bureau, :grade, :access, :by)
                on conflict (path) do update set bureau = excluded.bureau, grade = excluded.grade, access = excluded.access""",
                {"id": folder_id, "path": str(folder.resolve()), "bureau": bureau, "grade": grade,
                 "access": description.access(actor.subject), "by": actor.subject},
            )  # fmt: skip
            audit.record(tx, "folder.watch", f"folder:{folder_id}", {"path": str(folder), "bureau": bureau})
        return folder_id

    def unwatch(self, actor: Actor, folder_id: str) -> None:
        """Stop watching; what was taken in stays."""
        if "admin" not in actor.roles:
            raise Forbidden("지켜볼 폴더는 관리자만 정할 수 있습니다.", next_step="관리자에게 부탁하세요.")
        with self._store.transaction(actor) as tx:
            tx.run("delete from watched_folders where id = :id", {"id": _uuid(folder_id)})
            audit.record(tx, "folder.unwatch", f"folder:{folder_id}", {})


_DOCUMENT_COLUMNS = """d.id::text as id, d.title, d.bureau, d.grade,
    array(select tag from unnest(d.access) tag where tag not like 'bot:%') as access, d.licence, d.kind, d.contact_name,
    d.contact_phone, d.created_at, d.created_by, d.source, d.review_by,
    v.id::text as version_id, v.number as version_number, v.filename,
    v.bytes, v.media_type, v.pages, v.state, v.error_code, v.error, v.next_step, v.effective_from, v.revised_on, v.warnings,
    v.effective_to, coalesce(d.review_by < :today, false) as stale,
    (select count(*) from passages p where p.version_id = v.id) as passages"""


def _may_manage(actor: Actor, bureau: str) -> bool:
    return "admin" in actor.roles or ("staff" in actor.roles and actor.bureau == bureau)


def _check_stays_visible(actor: Actor, description: Description) -> None:
    if not actor.tags & set(description.access(actor.subject)):
        raise Forbidden(
            "이 열람 등급으로는 올리는 사람도 문서를 볼 수 없게 됩니다.",
            next_step="소관 부서 직원이 올리거나, 지정 열람에 본인을 넣으세요.",
        )


def _no_document(record: str) -> NotFound:
    return NotFound("문서를 찾을 수 없습니다.", next_step="자료실에서 다시 찾아보세요.", record=record)


def _uuid(value: str) -> str:
    import uuid

    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise _no_document(str(value)) from error


def _receipt_by_key(tx: Transaction, source: str, key: str, document_id: str | None) -> Received | None:
    """The receipt that this key got before: for a new document, or (`document_id`) for a new version of one."""
    which = (
        "d.source = :source and d.source_key = :key and v.number = 1"
        if document_id is None
        else "d.id = :document and v.metadata ->> 'idempotency_key' = :key"
    )
    row = tx.one(
        f"""select d.id::text as document_id, v.id::text as version_id, v.number, v.state from documents d
        join versions v on v.document_id = d.id where {which} order by v.number limit 1""",
        source=source,
        key=key,
        document=_uuid(document_id) if document_id else None,
    )
    return Received(**row) if row is not None else None


def _insert_document(tx: Transaction, actor: Actor, filename: str, description: Description, key: str | None) -> str:
    document_id = clock.new_id()
    tx.run(
        """insert into documents (id, title, bureau, grade, access, licence, kind, contact_name, contact_phone, source,
        source_key, created_by, created_at, review_by) values (:id, :title, :bureau, :grade, :access, :licence, :kind,
        :contact_name, :contact_phone, :source, :key, :by, :now, :review_by)""",
        {
            "id": document_id,
            "title": description.title or Path(filename).stem or filename,
            "access": description.access(actor.subject),
            "key": key,
            "by": actor.subject,
            "now": clock.now(),
            **{
                name: getattr(description, name)
                for name in (
                    "bureau",
                    "grade",
                    "licence",
                    "kind",
                    "contact_name",
                    "contact_phone",
                    "source",
                    "review_by",
                )
            },
        },
    )
    return document_id


def _lock_document(tx: Transaction, document_id: str) -> Row:
    row = tx.one("select * from documents where id = :id and deleted_at is null", id=_uuid(document_id))
    if row is None:
        raise _no_document(document_id)
    if not _may_manage(tx.actor, row["bureau"]):
        raise Forbidden(
            "이 문서를 고칠 권한이 없습니다.", next_step=f"소관 부서({row['bureau']})에 부탁하세요.", record=document_id
        )
    tx.one("select 1 from documents where id = :id for update", id=document_id)
    return row


def _insert_version(
    tx: Transaction,
    actor: Actor,
    document_id: str,
    filename: str,
    data: bytes,
    description: Description,
    key: str | None,
) -> Received:
    version_id = clock.new_id()
    number = 1 + (tx.value("select max(number) from versions where document_id = :id", id=document_id) or 0)
    tx.run(
        """insert into versions (id, document_id, number, filename, sha256, bytes, original, effective_from, revised_on,
        metadata, created_by, created_at) values (:id, :document, :number, :filename, :sha256, :bytes, :original,
        :effective_from, :revised_on, cast(:metadata as jsonb), :by, :now)""",
        {
            "id": version_id, "document": document_id, "number": number, "filename": Path(filename).name,
            "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "original": data,
            "effective_from": description.effective_from, "revised_on": description.revised_on,
            "metadata": json.dumps({"title_given": bool(description.title)} | ({"idempotency_key": key} if key else {})), "by": actor.subject, "now": clock.now(),
        },
    )  # fmt: skip
    return Received(document_id, version_id, number, "received")


def _tell_index(tx: Transaction, op: str, document_id: str, version_id: str | None = None) -> None:
    tx.run(
        "insert into index_log (op, document_id, version_id, at) values (:op, :document, :version, :now)",
        {"op": op, "document": document_id, "version": version_id, "now": clock.now()},
    )
