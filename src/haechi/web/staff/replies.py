"""민원 회신 초안: the received letter is pasted in, the reply stands among one's drafts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from haechi.core.errors import HaechiError
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
Writer = Annotated[Caller, Depends(permitted("draft.make"))]


@router.get("/replies")
def new(request: Request, caller: Writer) -> Response:
    """The form for the letter."""
    return page(request, caller, "reply.html", error=None, letter="", receipt="")


@router.post("/replies")
def make(
    request: Request,
    caller: Writer,
    letter: Annotated[str, Form(max_length=20_000)] = "",
    receipt: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Write the reply; what was typed stays in the form when it cannot be written."""
    try:
        made = request.app.state.installation.replies.draft(caller.actor, letter, receipt)
    except HaechiError as error:
        return page(request, caller, "reply.html", status=error.status, error=error, letter=letter, receipt=receipt)
    return go(request, caller, f"/drafts/{made['id']}")
