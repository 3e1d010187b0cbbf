"""Files that people take home."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response


def attachment(filename: str, data: bytes, media_type: str = "application/octet-stream") -> Response:
    """A download under its own (Korean) name, never shown inside the site (RFC 6266)."""
    plain = "".join(c for c in filename if c.isascii() and c.isprintable() and c not in '"\\').strip() or "document"
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
    return Response(data, media_type=media_type, headers={"content-disposition": disposition})
