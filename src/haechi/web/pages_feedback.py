"""개선 요청함: what people say of answers, on the desk of the bureau whose document it is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.city.feedback import REASONS
from haechi.core.errors import HaechiError
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
STATES = ("open", "mended", "closed", "declined")

Desk = Annotated[Caller, Depends(permitted("feedback.desk"))]


def _desk(request: Request, caller: Caller, state: str, *, status: int = 200, **more: Any) -> Response:
    rows = request.app.state.installation.feedback.desk(caller.actor, "" if state == "all" else state)
    context: dict[str, Any] = {"rows": rows, "state": state, "states": STATES, "reasons": REASONS, "error": None}
    return page(request, caller, "feedback.html", status=status, **{**context, **more})


@router.get("/feedback")
def desk(request: Request, caller: Desk, state: Annotated[str, Query(max_length=20)] = "open") -> Response:
    """What is open first; what was mended, closed or declined behind tabs."""
    return _desk(request, caller, state if state in (*STATES, "all") else "open")


@router.post("/feedback/{feedback_id}/{act}")
def act(
    request: Request, caller: Desk, feedback_id: str, act: str, note: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """mend: ask again after the source was mended · close: the new answer is right · decline: with the reason."""
    room = request.app.state.installation.feedback
    work = {"mend": room.mend, "close": room.close, "decline": room.decline}
    shown = {"mend": "mended", "close": "closed", "decline": "declined"}
    if act not in work:
        return _desk(request, caller, "open", status=404)
    try:
        work[act](caller.actor, feedback_id, note)
    except HaechiError as error:
        return _desk(request, caller, "open", status=error.status, error=error)
    return go(request, caller, f"/feedback?state={shown[act]}#f-{feedback_id}", f"feedback_{shown[act]}")
