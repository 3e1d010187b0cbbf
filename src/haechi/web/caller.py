"""Who stands behind a request: a signed-in person, a guest with a cookie, or a program with a key.

Cookies carry no rights to write by themselves: every unsafe request that leans on one needs the token of its session
(field `csrf` or header `X-CSRF-Token`), and must come from this site.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from haechi.core.errors import Forbidden, NotSignedIn
from haechi.core.identity import Keys, User, guest, may, require
from haechi.core.store import Actor
from haechi.web.wording import LANGUAGES, Wording

SESSION = "haechi_session"
GUEST = "haechi_guest"
LANGUAGE = "haechi_lang"
GUEST_HEADER = "x-haechi-guest"
"""A guest's token where the browser keeps no cookies for us: the chatbot's frame on another site."""
YEAR = 365 * 24 * 3600
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and how they proved it. csrf: what their forms must send back. fresh_guest: a cookie still to be set."""

    actor: Actor
    via: Literal["session", "guest", "key"]
    language: str
    csrf: str = ""
    user: User | None = None
    fresh_guest: str = ""
    choose_language: bool = False
    wording: Wording = field(default_factory=lambda: Wording("ko"))

    @property
    def signed_in(self) -> bool:
        """Whether a person with an account stands behind the request."""
        return self.user is not None

    @property
    def staff(self) -> bool:
        """Whether they belong to the city's staff."""
        return "staff" in self.actor.tags

    def may(self, action: str, bureau: str | None = None) -> bool:
        """Whether the city's table of permissions lets them (policy/permissions.yaml)."""
        return may(self.actor, action, bureau)


def _language(request: Request, user: User | None) -> tuple[str, bool]:
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return str(asked), True
    chosen = request.cookies.get(LANGUAGE) or (user.language if user else "")
    return (chosen if chosen in LANGUAGES else "ko"), False


def _guest_csrf(token: str) -> str:
    return hashlib.sha256(f"haechi-csrf:{token}".encode()).hexdigest()[:40]


def identify(request: Request) -> Caller:
    """The caller of a request. Blocking (one query for a session); NotSignedIn for a bad key or an expired session's key."""
    header = request.headers.get("authorization", "")
    if header:
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotSignedIn("인증 머리글을 읽을 수 없습니다.", next_step="'Authorization: Bearer <키>'로 보내세요.")
        keys: Keys = request.app.state.installation.keys
        language, _ = _language(request, None)
        return Caller(keys.check(secret.strip(), scope_of(request)), "key", language, wording=Wording(language))
    token = request.cookies.get(SESSION)
    session = request.app.state.installation.accounts.session(token) if token else None
    if session is not None:
        language, chosen = _language(request, session.user)
        return Caller(
            session.actor, "session", language, session.csrf, session.user, "", chosen, Wording(language)
        )  # fmt: skip
    known = request.headers.get(GUEST_HEADER) or request.cookies.get(GUEST, "")
    own = known if 20 <= len(known) <= 100 else secrets.token_urlsafe(24)
    language, chosen = _language(request, None)
    fresh = "" if own == known else own
    return Caller(guest(own), "guest", language, _guest_csrf(own), None, fresh, chosen, Wording(language))


def scope_of(request: Request) -> str:
    """The scope that a key needs for this request (core/keys.py)."""
    room = request.url.path.removeprefix("/api/v1/").split("/", 1)[0]
    if room in ("documents", "versions", "passages", "bureaux", "progress"):
        return "search" if request.method in SAFE else "ingest"
    if room in ("messenger", "desk"):
        return room
    if room == "bots" and request.method not in SAFE:
        return "ingest"
    return "read_register" if room in ("services", "status") else "ask"


async def caller_of(request: Request) -> Caller:
    """FastAPI dependency: the caller, found once a request, checked for forgery on unsafe methods."""
    found = getattr(request.state, "caller", None)
    if found is None:
        found = await run_in_threadpool(identify, request)
        request.state.caller = found
    if request.method not in SAFE and found.via != "key":
        await _check_forgery(request, found)
    return found


async def _check_forgery(request: Request, caller: Caller) -> None:
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise _forged()
    sent = request.headers.get("x-csrf-token", "")
    if not sent and not request.headers.get("content-type", "").startswith("application/json"):
        sent = str((await request.form()).get("csrf", ""))
    api_without_cookies = request.url.path.startswith("/api/") and not request.cookies
    if not api_without_cookies and not hmac.compare_digest(sent.encode(), caller.csrf.encode()):
        raise _forged()


def _forged() -> Forbidden:
    return Forbidden(
        "보낸 양식을 확인할 수 없어 처리하지 않았습니다.",
        next_step="화면을 새로 고친 뒤 다시 보내세요. 오래 열어 둔 화면이면 다시 로그인하세요.",
    )


Who = Annotated[Caller, Depends(caller_of)]


def signed_in(caller: Who) -> Caller:
    """Dependency: a person with an account, or a program with a key."""
    if caller.via == "guest":
        raise NotSignedIn("로그인이 필요합니다.", next_step="로그인한 뒤 다시 시도하세요.")
    return caller


def permitted(action: str) -> Callable[..., Caller]:
    """Dependency: a signed-in person or a key that may do `action` somewhere; the room itself checks where."""

    def check(caller: Annotated[Caller, Depends(signed_in)]) -> Caller:
        require(caller.actor, action, caller.actor.bureau or None)
        return caller

    return check


SignedIn = Annotated[Caller, Depends(signed_in)]


def secure(request: Request) -> bool:
    """Whether people reach this installation by https (directly, or through a proxy named by `public_url`)."""
    return request.url.scheme == "https" or request.app.state.installation.settings.public_url.startswith("https:")


def remember(request: Request, response: Response, caller: Caller) -> None:
    """Set the cookies that this response owes: a guest's first token, a language just chosen."""
    options: dict[str, Any] = {"httponly": True, "samesite": "lax", "secure": secure(request), "path": "/"}
    if caller.fresh_guest:
        response.set_cookie(GUEST, caller.fresh_guest, max_age=90 * 24 * 3600, **options)
    if caller.choose_language:
        response.set_cookie(LANGUAGE, caller.language, max_age=YEAR, **options)


def set_session(request: Request, response: Response, token: str, seconds: int) -> None:
    """Give the browser its session cookie."""
    response.set_cookie(
        SESSION, token, max_age=seconds, httponly=True, samesite="lax", secure=secure(request), path="/"
    )  # fmt: skip
