"""오래된 문서: what a bureau must look at again, and its word that a document holds as it is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core.errors import HaechiError
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
STATES = ("open", "confirmed", "replaced", "withdrawn")

Desk = Annotated[Caller, Depends(permitted("library.desk"))]


def _list(request: Request, caller: Caller, state: str, *, status: int = 200, **more: Any) -> Response:
    rows = request.app.state.installation.freshness.notices(caller.actor, state=state)
    context: dict[str, Any] = {"rows": rows, "state": state, "states": STATES, "error": None}
    return page(request, caller, "freshness.html", status=status, **{**context, **more})


@router.get("/freshness")
def notices(request: Request, caller: Desk, state: Annotated[str, Query(max_length=20)] = "open") -> Response:
    """Open notices first; what was confirmed, renewed or withdrawn behind tabs."""
    return _list(request, caller, state if state in STATES else "open")


@router.post("/freshness/{notice_id}/confirm")
def confirm(
    request: Request, caller: Desk, notice_id: str, note: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """The document holds as it is, with what was looked at."""
    try:
        request.app.state.installation.freshness.confirm(caller.actor, notice_id, note)
    except HaechiError as error:
        return _list(request, caller, "open", status=error.status, error=error)
    return go(request, caller, "/freshness?state=confirmed", "freshness_confirmed")
