"""Static files: each address carries a hash of the content, so that browsers may keep them for ever; gzip done once."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from haechi.core.errors import NotFound

FOLDER = (Path(__file__).parent / "static").resolve()
TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
PACKED = frozenset({".css", ".js", ".mjs", ".svg", ".json"})


@lru_cache(maxsize=1024)
def _read(path: Path, changed: int) -> tuple[bytes, bytes | None, str]:  # noqa: ARG001 - part of the cache key
    data = path.read_bytes()
    packed = gzip.compress(data, 9, mtime=0) if path.suffix in PACKED and len(data) > 1024 else None
    return data, packed, hashlib.sha256(data).hexdigest()[:12]


def _locate(name: str) -> Path:
    path = (FOLDER / name).resolve()
    if not path.is_relative_to(FOLDER) or not path.is_file():
        raise NotFound("파일이 없습니다.", next_step="주소를 확인하세요.", record=name)
    return path


def address(name: str) -> str:
    """'/static/haechi.css?v=<hash>'; without the hash when the file is absent."""
    try:
        path = _locate(name)
    except NotFound:
        return f"/static/{name}"
    return f"/static/{name}?v={_read(path, path.stat().st_mtime_ns)[2]}"


def serve(request: Request) -> Response:
    """The file; kept for a year where the address names its hash, else revalidated."""
    path = _locate(request.path_params["name"])
    data, packed, digest = _read(path, path.stat().st_mtime_ns)
    named = request.query_params.get("v") == digest
    # Fonts and icons are named by the style sheets of their own package, without a hash, and change only with it.
    settled = "/vendor/" in request.url.path and path.suffix in (".woff2", ".svg", ".png")
    headers = {
        "etag": f'"{digest}"',
        "cache-control": "public, max-age=31536000, immutable"
        if named
        else "public, max-age=86400"
        if settled
        else "no-cache",
        "vary": "accept-encoding",
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=kind, headers={**headers, "content-encoding": "gzip"})
    return Response(data, media_type=kind, headers=headers)
