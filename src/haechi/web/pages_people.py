"""로그인, 로그아웃, 내 정보."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from haechi.city.oidc import CALLBACK, OpenIdConnect
from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput, NotFound, TooManyRequests, Unavailable
from haechi.web.caller import GUEST, LANGUAGE, SESSION, YEAR, Caller, SignedIn, Who, secure, set_session
from haechi.web.view import go, page, safe_next
from haechi.web.wording import LANGUAGES

router = APIRouter(include_in_schema=False)


def address_of(request: Request) -> str:
    """Where the request comes from. Behind a proxy uvicorn puts the person's own address here."""
    return request.client.host if request.client else ""


def _login_page(request: Request, caller: Caller, *, status: int = 200, **more: Any) -> Response:
    context: dict[str, Any] = {"error": None, "login": "", "next": "/"}
    oidc = bool(request.app.state.installation.settings.oidc_issuer)
    return page(request, caller, "login.html", status=status, oidc=oidc, **{**context, **more})


@router.get("/login")
def login_form(request: Request, caller: Who, next: Annotated[str, Query(max_length=500)] = "/") -> Response:
    """The form; whoever is signed in goes on."""
    target = safe_next(next)
    return go(request, caller, target) if caller.signed_in else _login_page(request, caller, next=target)


@router.post("/login")
def log_in(
    request: Request,
    caller: Who,
    login: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Open a session; the login stays in the form when it fails, the password does not."""
    installation = request.app.state.installation
    # A local account goes before the directory's: the administrator gets in while the directory is away.
    local = installation.directory is None or installation.accounts.find(login) is not None
    door = installation.accounts if local else installation.directory
    try:
        signed = door.sign_in(
            login, password, address=address_of(request), agent=request.headers.get("user-agent", "")[:300],
            replaces=request.cookies.get(SESSION),
        )  # fmt: skip
    except HaechiError as error:
        response = _login_page(request, caller, status=error.status, error=error, login=login, next=safe_next(next))
        if isinstance(error, TooManyRequests):
            response.headers["retry-after"] = str(error.retry_after)
        return response
    target = "/me?notice=choose_password" if signed.user.must_change_password else safe_next(next)
    return _enter(request, caller, signed, target)


def _enter(request: Request, caller: Caller, signed: Any, target: str) -> Response:
    response = go(request, caller, target)
    set_session(request, response, signed.token, max(1, int((signed.expires_at - clock.now()).total_seconds())))
    return response


@router.post("/logout")
def log_out(request: Request, caller: Who) -> Response:
    """End this session."""
    token = request.cookies.get(SESSION)
    if token:
        request.app.state.installation.accounts.sign_out(token)
    response = go(request, caller, "/", "signed_out")
    response.delete_cookie(SESSION, path="/", httponly=True, samesite="lax", secure=secure(request))
    return response


def _oidc(request: Request) -> OpenIdConnect:
    installation = request.app.state.installation
    if not installation.settings.oidc_issuer:
        raise NotFound("통합 로그인이 설정되지 않았습니다.", next_step="아이디와 비밀번호로 로그인하세요.")
    known: OpenIdConnect | None = getattr(request.app.state, "oidc", None)
    if known is None:
        known = request.app.state.oidc = OpenIdConnect(installation.settings, installation.accounts)
    return known


@router.get("/login/oidc")
def oidc_start(request: Request, caller: Who, next: Annotated[str, Query(max_length=500)] = "/") -> Response:
    """Off to the city's identity provider. The guest cookie ties what comes back to this browser."""
    try:
        return go(request, caller, _oidc(request).start(safe_next(next), browser=_browser(request, caller)))
    except Unavailable as error:
        return _login_page(request, caller, status=error.status, error=error, next=safe_next(next))


def _browser(request: Request, caller: Caller) -> str:
    return caller.actor.subject if caller.via == "guest" else request.cookies.get(GUEST, "")


@router.get(CALLBACK)
def oidc_finish(request: Request, caller: Who) -> Response:
    """Back from there: open a session for whom it vouches for."""
    try:
        signed = _oidc(request).finish(
            dict(request.query_params),
            browser=_browser(request, caller),
            address=address_of(request),
            agent=request.headers.get("user-agent", "")[:300],
            replaces=request.cookies.get(SESSION),
        )
    except HaechiError as error:
        return _login_page(request, caller, status=error.status, error=error)
    return _enter(request, caller, signed, safe_next(signed.next))


def _me(request: Request, caller: Caller, *, status: int = 200, **more: Any) -> Response:
    if caller.user is None:
        raise NotFound("사람의 계정으로 로그인해야 볼 수 있습니다.", next_step="로그인하세요.")
    return page(request, caller, "me.html", status=status, **{"error": None, **more})


@router.get("/me")
def me(request: Request, caller: SignedIn) -> Response:
    """One's own account."""
    return _me(request, caller)


@router.post("/me/password")
def change_password(
    request: Request,
    caller: SignedIn,
    old: Annotated[str, Form(max_length=1000)] = "",
    new: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Change the password; every session ends, this one too."""
    assert caller.user is not None
    try:
        if new != again:
            raise InvalidInput("새 비밀번호 두 칸이 서로 다릅니다.", next_step="두 칸에 같은 비밀번호를 적으세요.")
        request.app.state.installation.accounts.change_password(
            caller.user.id, old, new, address=address_of(request)
        )  # fmt: skip
    except HaechiError as error:
        # 401 would send scripts to the sign-in page; here only the form is wrong.
        return _me(request, caller, status=422 if error.status == 401 else error.status, error=error)
    return go(request, caller, "/login", "password_changed")


@router.post("/me/language")
def change_language(request: Request, caller: SignedIn, language: Annotated[str, Form()] = "ko") -> Response:
    """Korean or English, remembered in this browser."""
    response = go(request, caller, "/me", "saved")
    response.set_cookie(
        LANGUAGE, language if language in LANGUAGES else "ko", max_age=YEAR, httponly=True, samesite="lax",
        secure=secure(request), path="/",
    )  # fmt: skip
    return response


@router.post("/me/sessions")
def end_sessions(request: Request, caller: SignedIn) -> Response:
    """Sign out everywhere."""
    assert caller.user is not None
    request.app.state.installation.accounts.revoke_sessions(caller.user.id, by=caller.actor)
    return go(request, caller, "/login", "signed_out_everywhere")
