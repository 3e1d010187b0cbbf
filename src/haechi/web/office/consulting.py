"""컨설팅: the round with its published criteria, the ranking and where the cut lies, the selection, the reports' day."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError
from haechi.office.consulting import CRITERIA, Consulting
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import cases_of
from haechi.web.office.prereview import rounds_of
from haechi.web.view import go, page

router = APIRouter(prefix="/consulting", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("projects.see"))]
Desk = Annotated[Caller, Depends(permitted("projects.desk"))]


def _consulting(request: Request) -> Consulting:
    return Consulting(request.app.state.installation.store, cases_of(request))


@router.get("")
def listing(request: Request, caller: Member, round: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The newest round, or the one asked for."""
    return _show(request, caller, round)


def _show(request: Request, caller: Caller, round: str, *, status: int = 200, **more: Any) -> Response:
    desk, rounds = _consulting(request), rounds_of(request).listed(caller.actor, "consulting")
    found = next((one for one in rounds if one["id"] == round), rounds[0] if rounds else None)
    context: dict[str, Any] = {
        "rounds": rounds, "round": found, "names": CRITERIA, "error": None, "today": clock.today(), "tried": "", "typed": "",
        "criteria": desk.criteria(found) if found else None, "ranking": None, "reports": [], "own": [],
        "states": cases_of(request).policy.flow("consulting").states,
    }  # fmt: skip
    if found:
        context["reports"] = desk.reports(caller.actor, found["id"])
        if caller.may("projects.desk"):
            context["ranking"] = desk.ranking(caller.actor, found["id"])
        else:
            context["own"], _ = cases_of(request).reading.listed(caller.actor, kinds=["consulting"], round=found["id"])
    return page(request, caller, "consulting.html", status=status, **{**context, **more})


@router.post("/{case_id}")
def decide(
    request: Request,
    caller: Desk,
    case_id: str,
    chosen: Annotated[str, Form(max_length=10)],
    round: Annotated[str, Form(max_length=100)] = "",
    reason: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Select or decline, with the reason."""
    try:
        _consulting(request).decide(caller.actor, case_id, chosen=chosen == "yes", reason=reason)
    except HaechiError as error:
        if error.status == 404:
            raise
        return _show(request, caller, round, status=error.status, error=error, tried=case_id, typed=reason)
    return go(request, caller, f"/consulting?round={round}", "consulting_decided")
