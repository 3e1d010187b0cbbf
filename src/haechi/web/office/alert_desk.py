"""경보 데스크: open alerts and incidents, one alert from its words to its verdict, what did not go out, shifts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError, NotFound
from haechi.office.alerts import after_action, read_xml
from haechi.office.alerts.message import SEVERITY_WORDS
from haechi.office.cases import Opening
from haechi.office.letters import MEDIA_TYPES, to_docx, to_html, to_hwpx, to_pdf
from haechi.web.caller import Caller, permitted
from haechi.web.office.alerts import board
from haechi.web.office.cases import cases_of
from haechi.web.view import go, page

router = APIRouter(prefix="/alerts/desk", include_in_schema=False)
Reader = Annotated[Caller, Depends(permitted("alert.desk"))]
Writer = Annotated[Caller, Depends(permitted("alert.write"))]
Short = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=4000)]
FORMATS = {"hwpx": to_hwpx, "docx": to_docx, "pdf": to_pdf, "html": to_html}


@router.get("")
def desk(request: Request, caller: Reader) -> Response:
    """What is open, the gravest and oldest first; what did not go out; which sinks are set up."""
    return _desk(request, caller)


def _desk(request: Request, caller: Caller, *, status: int = 200, **more: Any) -> Response:
    office, cases = request.app.state.installation.office, cases_of(request)
    found = {
        kind: [cases.reading.named(case) for case in rows]
        for kind, rows in board(request).open_cases(caller.actor).items()
    }
    context: dict[str, Any] = {"error": None, "typed": ""}
    return page(
        request, caller, "alert_desk.html", status=status, found=found, lines=board(request).waiting_lines(caller.actor),
        standing=office.sinks.standing(), verdicts=board(request).verdicts(caller.actor), may_write=caller.may("alert.write"),
        **{**context, **more},
    )  # fmt: skip


@router.post("")
def begin(request: Request, caller: Writer, title: Short = "", exercise: Short = "") -> Response:
    """Begin an alert by hand, or a drill."""
    cases = cases_of(request)
    try:
        opening = Opening(title, bureau=caller.actor.bureau, severity=2, exercise=bool(exercise))
        case = cases.open(caller.actor, "alert", opening)
    except HaechiError as error:
        return _desk(request, caller, status=error.status, error=error, typed=title)
    cases.act(caller.actor, case["id"], "accept")
    return go(request, caller, f"/alerts/desk/{case['id']}")


@router.get("/shifts")
def shifts(request: Request, caller: Reader) -> Response:
    """What each shift left to the next, and who confirmed it."""
    return _shifts(request, caller)


def _shifts(request: Request, caller: Caller, *, status: int = 200, **more: Any) -> Response:
    found = request.app.state.installation.office.shifts.lately(caller.actor)
    counts = {kind: len(rows) for kind, rows in board(request).open_cases(caller.actor).items()}
    context: dict[str, Any] = {"error": None, "typed": ""}
    return page(
        request, caller, "alert_shifts.html", status=status, found=found, counts=counts,
        may_write=caller.may("alert.write"), **{**context, **more},
    )  # fmt: skip


@router.post("/shifts")
def give(request: Request, caller: Writer, note: Long = "") -> Response:
    """Leave the desk."""
    try:
        request.app.state.installation.office.shifts.give(caller.actor, note)
    except HaechiError as error:
        return _shifts(request, caller, status=error.status, error=error, typed=note)
    return go(request, caller, "/alerts/desk/shifts", "shift_given")


@router.post("/shifts/{handover}")
def confirm(request: Request, caller: Writer, handover: str, question: Long = "") -> Response:
    """Take the desk over."""
    try:
        request.app.state.installation.office.shifts.confirm(caller.actor, handover, question)
    except HaechiError as error:
        return _shifts(request, caller, status=error.status, error=error)
    return go(request, caller, "/alerts/desk/shifts", "shift_confirmed")


@router.get("/{case_id}")
def one(request: Request, caller: Reader, case_id: str) -> Response:
    """One alert or incident."""
    return _one(request, caller, case_id)


def _one(request: Request, caller: Caller, case_id: str, *, status: int = 200, **more: Any) -> Response:
    cases = cases_of(request)
    seen, told = cases.reading.one(caller.actor, case_id), board(request).of_case(caller.actor, case_id)
    messages = [{**row, "message": read_xml(row["xml"].encode())} for row in told["messages"]]
    filing = cases.filings.get(caller.actor, case_id, "alert") if seen["flow"].id == "alert" else None
    context: dict[str, Any] = {"error": None, "typed": "", "tried": ""}
    return page(
        request, caller, "alert_case.html", status=status, **{**seen, **told, "messages": messages}, formats=list(FORMATS),
        form=cases.filings.form_of(filing) if filing else None, severity_words=SEVERITY_WORDS,
        writable=any(step.form == "alert" for step in seen["offered"]), **{**context, **more},
    )  # fmt: skip


@router.post("/{case_id}/steps/{step}")
def act(
    request: Request, caller: Writer, case_id: str, step: str, version: Annotated[int, Form()], note: Long = "", key: Short = ""
) -> Response:  # fmt: skip
    """Take a step."""
    return _done(
        request, caller, case_id,
        lambda: cases_of(request).act(caller.actor, case_id, step, version=version, note=note, key=key),
        "case_moved", typed=note, tried=step,
    )  # fmt: skip


@router.post("/{case_id}/outbox/{line}")
def again(request: Request, caller: Writer, case_id: str, line: str) -> Response:
    """Try a delivery again now."""
    return _done(
        request, caller, case_id, lambda: board(request).send_again(caller.actor, line), "alert_again"
    )  # fmt: skip


def _done(
    request: Request, caller: Caller, case_id: str, work: Callable[[], Any], notice: str, **kept: Any
) -> Response:
    try:
        work()
    except HaechiError as error:
        if error.status == 404:
            raise
        return _one(request, caller, case_id, status=error.status, error=error, **kept)
    return go(request, caller, f"/alerts/desk/{case_id}", notice)


@router.get("/{case_id}/report.{format}")
def report(
    request: Request, caller: Reader, case_id: str, format: str, download: Annotated[bool, Query()] = True
) -> Response:
    """The after-action report."""
    if format not in FORMATS:
        raise NotFound("그런 형식은 없습니다.", next_step=f"{', '.join(FORMATS)} 가운데 고르세요.", record=format)
    seen, told = cases_of(request).reading.one(caller.actor, case_id), board(request).of_case(caller.actor, case_id)
    city = request.app.state.installation.settings.city_name
    paper = after_action(seen, told, city=city, made_at=clock.now())
    content = FORMATS[format](paper)
    if format == "html":
        return Response(content, media_type="text/html; charset=utf-8")
    name = quote(f"{seen['case']['number']} 사후보고.{format}")
    headers = {"content-disposition": f"{'attachment' if download else 'inline'}; filename*=UTF-8''{name}"}
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)
