"""모델 공동활용: the live console of the gateway, shares and budgets, and what was used."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response, StreamingResponse

from haechi.city.gateway.console import LANES, VIEWS, Console, month_of
from haechi.core.errors import HaechiError, InvalidInput
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, is_fragment, page

router = APIRouter(include_in_schema=False)
Looker = Annotated[Caller, Depends(permitted("gateway.read"))]
Changer = Annotated[Caller, Depends(permitted("gateway.change"))]
User = Annotated[Caller, Depends(permitted("usage.read"))]
Month = Annotated[str, Query(max_length=7)]


def _console(request: Request) -> Console:
    console: Console = request.app.state.installation.console
    return console


def _overview(request: Request, caller: Caller, *, status: int = 200, error: HaechiError | None = None) -> Response:
    template = "_gateway_live.html" if is_fragment(request) else "gateway.html"
    return page(
        request, caller, template, status=status, error=error, may_change=caller.may("gateway.change"),
        **_console(request).live(caller.actor),
    )  # fmt: skip


@router.get("/gateway")
def overview(request: Request, caller: Looker) -> Response:
    """Queue, backends, shares; renewed every two seconds where scripts run."""
    return _overview(request, caller)


@router.post("/gateway/backends/{backend_id}")
def switch(request: Request, caller: Changer, backend_id: str, on: Annotated[str, Form()] = "") -> Response:
    """Take a backend out or in."""
    try:
        _console(request).switch_backend(caller.actor, backend_id, on == "yes")
    except HaechiError as error:
        return _overview(request, caller, status=error.status, error=error)
    return go(request, caller, "/gateway", "saved")


def _tenant(request: Request, caller: Caller, tenant_id: str, *, status: int = 200, **more: Any) -> Response:
    tenant = _console(request).tenant(caller.actor, tenant_id)
    return page(
        request, caller, "gateway_tenant.html", status=status,
        **{"tenant": tenant, "lanes": LANES, "error": None, "may_change": caller.may("gateway.change"), **more},
    )  # fmt: skip


@router.get("/gateway/tenants/{tenant_id:path}")
def tenant(request: Request, caller: Looker, tenant_id: str) -> Response:
    """One tenant's share, lane and budgets."""
    return _tenant(request, caller, tenant_id)


@router.post("/gateway/tenants/{tenant_id:path}")
def change_tenant(
    request: Request,
    caller: Changer,
    tenant_id: str,
    weight: Annotated[str, Form(max_length=20)] = "1",
    lane: Annotated[str, Form(max_length=20)] = "",
    month_won: Annotated[str, Form(max_length=20)] = "",
    month_tokens: Annotated[str, Form(max_length=20)] = "",
    per_minute: Annotated[str, Form(max_length=20)] = "",
    open: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Set them; blank is no limit."""
    try:
        _console(request).change_tenant(
            caller.actor, tenant_id, weight=_decimal(weight), lane=lane, month_won=_whole(month_won),
            month_tokens=_whole(month_tokens), per_minute=_whole(per_minute), open=open == "yes",
        )  # fmt: skip
    except HaechiError as error:
        return _tenant(request, caller, tenant_id, status=error.status, error=error)
    return go(request, caller, "/gateway", "saved")


def _whole(text: str) -> int | None:
    text = text.replace(",", "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise InvalidInput(f"'{text}'은(는) 수가 아닙니다.", next_step="숫자만 적거나 비워 두세요.", record=text)
    return int(text)


def _decimal(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        raise InvalidInput(f"'{text}'은(는) 수가 아닙니다.", next_step="1이나 0.5처럼 적으세요.", record=text) from None


@router.get("/usage")
def usage(
    request: Request,
    caller: User,
    month: Month = "",
    by: Annotated[str, Query(max_length=20)] = "tenant",
    own: Annotated[str, Query(max_length=5)] = "",
) -> Response:
    """A month's use: one's bureau's, or one's own; everything for who answers for it."""
    view = by if by in VIEWS else "tenant"
    used = _console(request).usage(caller.actor, month_of(month), view, own=own == "yes")
    return page(request, caller, "usage.html", views=list(VIEWS), own=own == "yes", **used)


@router.get("/usage.csv")
def usage_csv(request: Request, caller: User, month: Month = "") -> Response:
    """The month's calls that one may see, without their words."""
    first = month_of(month)
    lines = (line.encode() for line in _console(request).calls_csv(caller.actor, first))
    name = f"model-usage-{first:%Y-%m}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
