"""One file → its documents: recognise, read, outline."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest import outline, statute
from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.limits import Budget, Limits
from haechi.engines.knowledge.ingest.package import Package
from haechi.engines.knowledge.ingest.pieces import Draft, FormatReader
from haechi.engines.knowledge.ingest.recognise import format_of, mismatch
from haechi.engines.knowledge.ports import Block, ParsedDocument

_MODULES = "haechi.engines.knowledge.ingest."
READERS: Mapping[str, tuple[str, str]] = {
    "hwp": ("hwp", "read"),
    "hwpml": ("hwp", "read_hwpml"),
    "hwpx": ("hwpx", "read"),
    "pdf": ("pdf", "read"),
    "docx": ("word", "read"),
    "xlsx": ("sheets", "read"),
    "pptx": ("slides", "read"),
    "html": ("web_page", "read"),
    "markdown": ("plain", "read_markdown"),
    "csv": ("plain", "read_csv"),
    "text": ("plain", "read_text"),
}
"""Format → module of this folder and its `FormatReader`. Loaded when first needed, so that a worker starts quickly."""


def reader(kind: str) -> FormatReader:
    """The reader of a format of READERS."""
    module, name = READERS[kind]
    found: FormatReader = getattr(importlib.import_module(_MODULES + module), name)
    return found


_SHEETS = ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv")
_HIDDEN_MEMBER = re.compile(r"(?:^|/)(?:__MACOSX/|\.(?!\.?/)|Thumbs\.db$)")


def read_file(source: str | Path | bytes, filename: str = "", limits: Limits | None = None) -> list[ParsedDocument]:
    """A file's documents: one, or one a member of a ZIP.

    source: a path, or the bytes (then `filename` is the name that people know). A member of a ZIP that cannot be read
    becomes a document without blocks whose warning says why. Raises UnreadableDocument, `code` from failures.REASONS.
    Runs in this process: for files from outside use `read_in_worker`.
    """
    limits = limits or Limits()
    data, filename = _bytes(source, filename, limits)
    budget = Budget(limits)
    try:
        kind = format_of(data, filename, limits)
        if kind == "zip":
            return _members(data, filename, budget)
        return [_document(kind, data, filename, budget)]
    except MemoryError as error:
        raise unreadable("out_of_memory", record=filename) from error
    except RecursionError as error:
        raise unreadable("unsafe", record=filename, what="(지나치게 깊은 중첩)") from error
    except UnreadableDocument as error:
        error.record = error.record or filename
        raise


def _bytes(source: str | Path | bytes, filename: str, limits: Limits) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        data = source
    else:
        path = Path(source)
        filename = filename or path.name
        if path.stat().st_size > limits.file_bytes:
            raise unreadable("too_large", record=filename, what=f"파일 크기 {limits.file_bytes >> 20:,}MiB")
        data = path.read_bytes()
    if len(data) > limits.file_bytes:
        raise unreadable("too_large", record=filename, what=f"파일 크기 {limits.file_bytes >> 20:,}MiB")
    return data, filename


def _document(kind: str, data: bytes, filename: str, budget: Budget, member: str = "") -> ParsedDocument:
    draft = reader(kind)(data, budget)
    blocks = outline.build(draft.pieces, guess_headings=draft.guess_headings)
    if not blocks:
        reason = next((warning for warning in draft.warnings if warning.startswith("missing")), "")
        if not reason:
            raise unreadable("empty", record=filename)
    warning = mismatch(kind, filename)
    damaged = sum(block.text.count("\ufffd") for block in blocks)
    return ParsedDocument(
        title=title_of(draft, blocks, filename),
        blocks=blocks,
        media_type=draft.media_type,
        pages=draft.pages,
        member=member,
        metadata=_metadata(draft, blocks),
        warnings=((warning,) if warning else ())
        + ((f"깨져서 읽을 수 없는 글자가 {damaged:,}개 있습니다.",) if damaged else ())
        + draft.warnings,
    )


def _metadata(draft: Draft, blocks: tuple[Block, ...]) -> dict[str, str]:
    near_edges = [block.text for block in (*blocks[:12], *blocks[-40:])]
    stated = statute.dates(near_edges)
    return {**stated, **draft.metadata}


def title_of(draft: Draft, blocks: tuple[Block, ...], filename: str) -> str:
    """The first top heading, else the title in the properties, else a short first line, else the file's name.

    Properties come second: offices copy files, and the title inside is often that of another document.
    """
    stem = PurePosixPath(filename.replace("\\", "/")).stem or "제목 없음"
    leading = blocks[:3]
    heading = next((block.text for block in leading if block.kind == "heading"), "")
    by_format = draft.media_type in _SHEETS
    if draft.media_type == "text/markdown" and draft.title:
        return draft.title
    if heading and not by_format and not statute.DIVISION.match(heading) and not re.match(r"^(?:1|Ⅰ)\s*\.", heading):
        return heading.replace("\n", " ")[:120]
    if draft.title and not re.match(r"^(?:untitled|제목 ?없음|microsoft |.*\.(?:hwp|docx?)$)", draft.title, re.I):
        return draft.title[:120]
    lead = (
        next((block for block in leading if block.kind != "heading"), None) if by_format else next(iter(leading), None)
    )
    first = lead.text if lead is not None and lead.kind == "paragraph" else ""
    if not first or first.startswith("※") or len(first) > 60 or "\n" in first or first.endswith("."):
        return stem
    return first


def _members(data: bytes, filename: str, budget: Budget) -> list[ParsedDocument]:
    package = Package(data, budget.limits)
    found: list[ParsedDocument] = []
    for entry in package.entries:
        name = _member_name(entry.filename, entry.flag_bits)
        if entry.is_dir() or _HIDDEN_MEMBER.search(name):
            continue
        try:
            found.append(_member(package.read(entry.filename), name, budget))
        except (UnreadableDocument, RecursionError) as error:
            if isinstance(error, UnreadableDocument) and error.code in ("timed_out", "zip_bomb", "too_large"):
                raise
            code = error.code if isinstance(error, UnreadableDocument) else "unsafe"
            reason = str(error) if isinstance(error, UnreadableDocument) else str(unreadable("unsafe"))
            found.append(_unread(name, code, reason))
    if not found:
        raise unreadable("empty", record=filename)
    return found


def _member(data: bytes, name: str, budget: Budget) -> ParsedDocument:
    kind = format_of(data, name, budget.limits)
    if kind == "zip":
        raise unreadable("not_supported", what="(압축 안의 압축)")
    safe = name.replace("\\", "/")
    warning: tuple[str, ...] = ()
    if safe.startswith("/") or ".." in PurePosixPath(safe).parts or re.match(r"^[A-Za-z]:", safe):
        safe = "/".join(part for part in PurePosixPath(safe).parts if part not in ("..", "/") and ":" not in part)
        warning = (f"압축 안의 경로 '{name}'는 안전하지 않아 이름만 사용했습니다.",)
    document = _document(kind, data, PurePosixPath(safe).name, budget, member=safe)
    return replace(document, warnings=document.warnings + warning)


def _unread(name: str, code: str, reason: str) -> ParsedDocument:
    return ParsedDocument(
        title=PurePosixPath(name).stem,
        blocks=(),
        media_type="application/octet-stream",
        member=name,
        metadata={"error": code},
        warnings=(reason,),
    )


def _member_name(name: str, flags: int) -> str:
    """Korean Windows writes CP949 names without the UTF-8 flag; zipfile then reads them as CP437."""
    if flags & 0x800:
        return name
    try:
        return name.encode("cp437").decode("cp949")
    except UnicodeError:
        return name
