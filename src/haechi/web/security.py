"""What every response carries, and what every request may weigh. Plain ASGI, so that streams pass unbuffered."""

from __future__ import annotations

import json

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
MIB = 2**20


class SecurityHeaders:
    """Adds the headers; pages are never stored by caches unless they say so themselves."""

    def __init__(self, app: ASGIApp, https: bool = False) -> None:
        self.app = app
        self.https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if "frame-ancestors 'none'" not in headers["content-security-policy"]:
                    # The older header knows no list of sites, and would forbid what the policy allows.
                    del headers["x-frame-options"]
                headers.setdefault("cache-control", "no-store")
                if self.https or scope.get("scheme") == "https":
                    headers.setdefault("strict-transport-security", "max-age=31536000; includeSubDomains")
            await send(message)

        await self.app(scope, receive, with_headers)


CHAT_MIB = 15
"""A turn of a conversation may carry one photo of 10 MB, which weighs a third more as base64."""


class TooLarge(Exception):
    """A body grew over the limit while it was read."""


class BodyLimit:
    """Refuses bodies over the limit before they fill memory or disk: by their stated length, else while they arrive.

    files_mib: for multipart forms (uploads). A turn of a conversation may weigh CHAT_MIB.
    Everything else may weigh 1 MiB.
    """

    def __init__(self, app: ASGIApp, files_mib: int = 200) -> None:
        self.app = app
        # A little more than the limit of one file, so that the form's own fields never decide.
        self.files = (files_mib + 1) * MIB

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self.files if headers.get("content-type", "").startswith("multipart/") else MIB
        if scope["path"] == "/api/v1/chat":
            limit = CHAT_MIB * MIB
        stated = headers.get("content-length", "")
        if stated.isdigit() and int(stated) > limit:
            await _refuse(send, limit)
            return
        seen = 0
        refused = False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge
            return message

        async def watched(message: Message) -> None:
            # Whatever the application makes of the torn body, the person is told that it was too large.
            nonlocal refused
            if seen <= limit:
                await send(message)
            elif not refused:
                refused = True
                await _refuse(send, limit)

        try:
            await self.app(scope, counted, watched)
        except TooLarge:
            if not refused:
                await _refuse(send, limit)


async def _refuse(send: Send, limit: int) -> None:
    body = json.dumps(
        {
            "code": "too_large",
            "message": f"보낸 내용이 너무 큽니다(한도 {limit // MIB} MiB).",
            "next_step": "파일을 나누어 올리세요.",
            "record": "",
        },
        ensure_ascii=False,
    ).encode()
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
