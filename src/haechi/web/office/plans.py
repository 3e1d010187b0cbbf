"""기본계획과 시행계획: what stands, when the next is due by the rule of the day, what a new version changes."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError, NotFound
from haechi.engines.rules.dated import history
from haechi.office.cases import Opening
from haechi.office.letters import MEDIA_TYPES, to_docx, to_html, to_hwpx, to_pdf
from haechi.office.plans import Plans
from haechi.office.plans.content import RULES
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import cases_of
from haechi.web.office.committee import day_of
from haechi.web.view import go, page

router = APIRouter(prefix="/plans", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
FORMATS = {"hwpx": to_hwpx, "docx": to_docx, "pdf": to_pdf, "html": to_html}


def _plans(request: Request) -> Plans:
    plans: Plans = request.app.state.installation.office.plans
    return plans


@router.get("")
def listed(request: Request, caller: Member, on: Annotated[str, Query(max_length=10)] = "") -> Response:
    """All plans, and when the next is due as of a day."""
    day = day_of(on, clock.today())
    try:
        due, error = _plans(request).due(caller.actor, on=day), None
    except NotFound as told:  # no rule on that day
        due, error = {}, told
    return page(
        request, caller, "plans.html", plans=_plans(request).listed(caller.actor), due=due, day=day, error=error,
        rules=history(RULES["basic_plan"]), may_write="ai_team" in caller.actor.roles,
    )  # fmt: skip


@router.get("/{plan_id}")
def one(request: Request, caller: Member, plan_id: str, against: Annotated[str, Query(max_length=40)] = "") -> Response:
    """One plan; `against`: another one that it is compared with."""
    return _one(request, caller, plan_id, against)


def _one(
    request: Request, caller: Caller, plan_id: str, against: str = "", *, error: HaechiError | None = None
) -> Response:
    changes = _plans(request).changes(caller.actor, against, plan_id) if against else None
    return page(
        request, caller, "plan.html", status=error.status if error else 200, error=error, changes=changes, against=against,
        formats=list(FORMATS), may_write="ai_team" in caller.actor.roles, **_plans(request).one(caller.actor, plan_id),
    )  # fmt: skip


@router.get("/{plan_id}/paper.{format}")
def paper(request: Request, caller: Member, plan_id: str, format: str) -> Response:
    """The plan as a document."""
    if format not in FORMATS:
        raise NotFound("그런 형식은 없습니다.", next_step=f"{', '.join(FORMATS)} 가운데 고르세요.", record=format)
    made = _plans(request).paper(caller.actor, plan_id)
    content = FORMATS[format](made)
    if format == "html":
        return Response(content, media_type="text/html; charset=utf-8")
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(f'{made.title}.{format}')}",
        "cache-control": "private, no-store",
    }
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)


@router.post("/{plan_id}/years")
def begin_year(request: Request, caller: Member, plan_id: str, year: Annotated[int, Form()]) -> Response:
    """An execution plan of a year."""
    try:
        case = _plans(request).begin_year(caller.actor, plan_id, year)
    except HaechiError as error:
        if error.status == 404:
            raise
        return _one(request, caller, plan_id, error=error)
    return go(request, caller, f"/plans/{case['id']}", "plan_begun")


@router.post("/{plan_id}/item")
def to_committee(request: Request, caller: Member, plan_id: str) -> Response:
    """An item of the committee about this plan; the one that stands already when it was made before."""
    seen = _plans(request).one(caller.actor, plan_id)["case"]
    opening = Opening(
        f"{seen['title']} 심의",
        bureau=caller.actor.bureau,
        parent=seen["id"],
        key=f"plan-item:{seen['id']}:{seen['version']}",
    )
    case = cases_of(request).open(caller.actor, "committee_item", opening)
    return go(request, caller, f"/cases/{case['id']}")
