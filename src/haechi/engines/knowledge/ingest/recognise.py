"""What a file is, by its content alone; its name can only cause a warning."""

from __future__ import annotations

import io
import re
from pathlib import PurePosixPath

from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.limits import Limits
from haechi.engines.knowledge.ingest.package import Package
from haechi.engines.knowledge.ingest.plain import decode, delimiter

NAMES = {
    "hwp": "HWP",
    "hwpx": "HWPX",
    "hwpml": "HWPML",
    "pdf": "PDF",
    "docx": "DOCX",
    "xlsx": "XLSX",
    "pptx": "PPTX",
    "html": "HTML",
    "markdown": "MD",
    "csv": "CSV",
    "text": "TXT",
    "zip": "ZIP",
}
_EXTENSIONS = {
    "hwp": {"hwp"},
    "hwpx": {"hwpx"},
    "hwpml": {"hml", "hwpml", "xml"},
    "pdf": {"pdf"},
    "docx": {"docx", "docm", "dotx"},
    "xlsx": {"xlsx", "xlsm"},
    "pptx": {"pptx", "pptm", "ppsx"},
    "html": {"html", "htm", "xhtml"},
    "markdown": {"md", "markdown", "txt"},
    "csv": {"csv", "tsv", "txt"},
    "text": {"txt", "md", "markdown", "text", "log"},
    "zip": {"zip"},
}
_FOREIGN = (
    (b"\x89PNG", "그림(PNG)"),
    (b"\xff\xd8\xff", "그림(JPEG)"),
    (b"GIF8", "그림(GIF)"),
    (b"BM", "그림(BMP)"),
    (b"7z\xbc\xaf", "7z 압축"),
    (b"Rar!", "RAR 압축"),
    (b"\x1f\x8b", "GZIP 압축"),
    (b"MZ", "실행 파일"),
    (b"\x7fELF", "실행 파일"),
    (b"{\\rtf", "RTF"),
    (b"HWP Document File V", "HWP 3.0 이하"),
)
_HTML = re.compile(
    rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|div|table|meta)\b", re.I | re.S
)
_MARKDOWN = re.compile(r"^(?:#{1,6} \S|\|.+\|\s*$|---\n|\* \S|\[\^.+\]:|```)", re.MULTILINE)


def format_of(data: bytes, filename: str, limits: Limits) -> str:
    """One of NAMES. Raises UnreadableDocument (empty, encrypted, not_supported, broken)."""
    head = data[:4096]
    if not data.strip(b"\x00 \r\n\t"):
        raise unreadable("empty")
    if head[:2] == b"\x9b\x20" or b"DRMONE" in head[:64] or head.startswith(b"SCDSA"):
        raise unreadable("encrypted")
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(data, limits)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _compound(data)
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            raise unreadable("not_supported", what=f"({name})")
    return _written(data, filename)


def _zipped(data: bytes, limits: Limits) -> str:
    package = Package(data, limits)
    names = package.names
    if "mimetype" in names and package.read("mimetype").strip() == b"application/hwp+zip":
        return "hwpx"
    if "Contents/section0.xml" in names:
        return "hwpx"
    for member, kind in (("word/document.xml", "docx"), ("xl/workbook.xml", "xlsx"), ("ppt/presentation.xml", "pptx")):
        if member in names:
            return kind
    if "mimetype" in names or "[Content_Types].xml" in names:
        raise unreadable("not_supported")
    return "zip"


def _compound(data: bytes) -> str:
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            if ole.exists("EncryptedPackage") or ole.exists("EncryptionInfo"):
                raise unreadable("encrypted")
            if ole.exists("FileHeader"):
                return "hwp"
            for stream, name in (("WordDocument", "DOC"), ("Workbook", "XLS"), ("PowerPoint Document", "PPT")):
                if ole.exists(stream):
                    raise unreadable("not_supported", what=f"(옛 {name} 형식)")
    except (OSError, ValueError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise unreadable("broken") from error
    raise unreadable("not_supported")


def _written(data: bytes, filename: str) -> str:
    if b"<HWPML" in data[:4096] or "<HWPML".encode("utf-16-le") in data[:4096]:
        return "hwpml"
    if _HTML.match(data[:4096].lstrip(b"\xef\xbb\xbf").replace(b"\x00", b"").lstrip(b"\xff\xfe")):
        return "html"
    text = decode(data)
    sample = text[:50_000]
    if _MARKDOWN.search(sample) and not _is_csv(sample):
        return "markdown"
    # Words and commas look alike: between plain kinds the name may decide.
    extension = _extension(filename)
    if extension in ("md", "markdown"):
        return "markdown"
    return "csv" if extension in ("csv", "tsv") or _is_csv(sample) else "text"


def _is_csv(text: str) -> bool:
    lines = [line for line in text.splitlines()[:30] if line.strip()]
    mark = delimiter(text)
    counts = {line.count(mark) for line in lines}
    return mark in ",\t" and len(lines) >= 3 and len(counts) == 1 and counts.pop() >= 1 and not text.startswith("#")


def _extension(filename: str) -> str:
    return PurePosixPath(filename.replace("\\", "/")).suffix.lstrip(".").lower()


def mismatch(kind: str, filename: str) -> str:
    """The warning for a name that promises another format, or ""."""
    extension = _extension(filename)
    if not extension or extension in _EXTENSIONS[kind]:
        return ""
    known = any(extension in group for group in _EXTENSIONS.values())
    return f"확장자는 .{extension}인데 내용은 {NAMES[kind]}입니다." if known else ""
