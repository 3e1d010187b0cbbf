"""중간·연말 점검: the rounds, all services of one with what was measured, the comparison with the round before, the report."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError, NotFound
from haechi.office.checks import KINDS, Checks, compare, report
from haechi.office.letters import MEDIA_TYPES, to_docx, to_html, to_hwpx, to_pdf
from haechi.web.caller import Caller, permitted
from haechi.web.office.committee import day_of
from haechi.web.view import go, page

router = APIRouter(prefix="/checks", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
Short = Annotated[str, Form(max_length=30)]
FORMATS = {"hwpx": to_hwpx, "docx": to_docx, "pdf": to_pdf, "html": to_html}


def _checks(request: Request) -> Checks:
    checks: Checks = request.app.state.installation.office.checks
    return checks


@router.get("")
def rounds(request: Request, caller: Member) -> Response:
    """The rounds, and opening one."""
    return _rounds(request, caller)


def _rounds(request: Request, caller: Caller, *, error: HaechiError | None = None) -> Response:
    return page(
        request, caller, "checks.html", status=error.status if error else 200, error=error, rounds=_checks(request).rounds(caller.actor),
        kinds=list(KINDS), today=clock.today(), may_open=caller.may("check.open"),
    )  # fmt: skip


@router.post("")
def open_round(
    request: Request, caller: Member, year: Annotated[int, Form()], kind: Short, due_on: Short = ""
) -> Response:
    """Open a round over every service, or complete one that was cut off."""
    try:
        opened = _checks(request).open(caller.actor, year, kind, day_of(due_on))
    except HaechiError as error:
        return _rounds(request, caller, error=error)
    return go(request, caller, f"/checks/{opened['id']}", "check_opened")


@router.get("/{round_id}")
def one(
    request: Request,
    caller: Member,
    round_id: str,
    state: Annotated[str, Query(max_length=30)] = "",
    bureau: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Every service of a round."""
    whole = _checks(request).whole(caller.actor, round_id)
    rows = [row for row in whole["rows"] if state in ("", row["state"]) and bureau in ("", row["bureau"])]
    told = {row["state"]: row["case"]["state_name"] for row in whole["rows"] if row["case"]}
    states = [
        ("", caller.wording("checks.every_state")),
        *((id, caller.wording.pick(name)) for id, name in sorted(told.items())),
    ]
    bureaux = [
        ("", caller.wording("checks.every_bureau")),
        *((one, one) for one in sorted({row["bureau"] for row in whole["rows"]})),
    ]
    compared = compare(whole["earlier"], whole["readings"]) if whole["before"] else []
    return page(
        request, caller, "check_round.html", whole=whole, rows=rows, states=states, bureaux=bureaux, compared=compared,
        wanted={"state": state, "bureau": bureau}, formats=list(FORMATS), names={row["number"]: row["name"] for row in whole["rows"]},
    )  # fmt: skip


@router.get("/{round_id}/report.{format}")
def paper(request: Request, caller: Member, round_id: str, format: str) -> Response:
    """The report of a round."""
    if format not in FORMATS:
        raise NotFound("그런 형식은 없습니다.", next_step=f"{', '.join(FORMATS)} 가운데 고르세요.", record=format)
    whole = _checks(request).whole(caller.actor, round_id)
    compared = compare(whole["earlier"], whole["readings"]) if whole["before"] else []
    made = report(whole, compared, city=request.app.state.installation.settings.city_name)
    content = FORMATS[format](made)
    if format == "html":
        return Response(content, media_type="text/html; charset=utf-8")
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(f'{made.title}.{format}')}",
        "cache-control": "private, no-store",
    }
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)
