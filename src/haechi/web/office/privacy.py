"""개인정보 접속 기록 점검 (45): logs in, what the rules flagged, raw lines by two, downloads to be explained, the monthly report."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.responses import Response

from haechi.city.privacy import PrivacyGuard
from haechi.city.privacy.log import FORMATS
from haechi.core.errors import HaechiError, InvalidInput, NotFound
from haechi.office.letters import MEDIA_TYPES, to_docx, to_html, to_hwpx, to_pdf
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import cases_of
from haechi.web.view import go, page

router = APIRouter(prefix="/privacy", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
Desk = Annotated[Caller, Depends(permitted("privacy.desk"))]
Importer = Annotated[Caller, Depends(permitted("privacy.import"))]
WRITERS = {"hwpx": to_hwpx, "docx": to_docx, "pdf": to_pdf, "html": to_html}
Known = Annotated[Literal["", "yes", "no"], Form()]


def _guard(request: Request) -> PrivacyGuard:
    guard: PrivacyGuard = request.app.state.installation.office.privacy
    return guard


@router.get("")
def desk(request: Request, caller: Member) -> Response:
    """For the desk: everything; for others: the cases that wait for them and downloads that they have to explain."""
    return _show(request, caller)


def _show(request: Request, caller: Caller, *, status: int = 200, **more: Any) -> Response:
    guard, at_desk = _guard(request), caller.may("privacy.desk")
    flow = cases_of(request).policy.flow("privacy_alert")
    context: dict[str, Any] = {"error": None, "told": None, "chain": None, "scanned": None}
    if at_desk:
        context |= {
            "suspects": guard.alerts(caller.actor, level="suspect"), "batches": guard.batches(caller.actor),
            "months": guard.months(caller.actor), "looks": guard.looks(caller.actor),
        }  # fmt: skip
    return page(
        request, caller, "privacy.html", status=status, at_desk=at_desk, mine=guard.of_mine(caller.actor),
        notices=guard.alerts(caller.actor, level="notice"), states=flow.states, may_import=caller.may("privacy.import"),
        kinds=list(FORMATS.items()), formats=list(WRITERS), **{**context, **more},
    )  # fmt: skip


@router.post("/logs")
def take(
    request: Request,
    caller: Importer,
    file: Annotated[UploadFile, File()],
    source: Annotated[str, Form(max_length=80)] = "",
    kind: Annotated[str, Form(max_length=10)] = "csv",
) -> Response:
    """A log file: stored, chained, judged."""
    guard = _guard(request)
    try:
        told = guard.log.take(caller.actor, source, kind, file.file.read())
    except HaechiError as error:
        return _show(request, caller, status=error.status, error=error)
    return _show(request, caller, told=told, scanned=guard.scanning.scan())


@router.post("/verification")
def verify(request: Request, caller: Desk) -> Response:
    """Every batch against its hash, now."""
    return _show(request, caller, chain=_guard(request).log.verify())


@router.post("/sources")
def describe(
    request: Request,
    caller: Importer,
    source: Annotated[str, Form(max_length=80)] = "",
    subjects: Annotated[str, Form(max_length=12)] = "",
    unique_identifiers: Known = "",
    sensitive: Known = "",
) -> Response:
    """What is known of a source; how long it is kept follows from it."""
    if subjects and not subjects.isdigit():
        error = InvalidInput("정보주체 수는 숫자로 적습니다.", next_step="모르면 비워 두세요.", record="subjects")
        return _show(request, caller, status=error.status, error=error)
    known = {"": None, "yes": True, "no": False}
    _guard(request).log.describe(
        caller.actor, source, subjects=int(subjects) if subjects else None,
        unique_identifiers=known[unique_identifiers], sensitive=known[sensitive],
    )  # fmt: skip
    return go(request, caller, "/privacy", "privacy_described")


@router.get("/reports/{month}.{format}")
def report(request: Request, caller: Desk, month: str, format: str) -> Response:
    """점검 월간 보고 as a file."""
    if format not in WRITERS:
        raise NotFound("그런 형식은 없습니다.", next_step=f"{', '.join(WRITERS)} 가운데 고르세요.", record=format)
    made = _guard(request).monthly(caller.actor, month)
    content = WRITERS[format](made)
    if format == "html":
        return Response(content, media_type="text/html; charset=utf-8")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(f'{made.title}.{format}')}"}
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)


@router.get("/lookups/{case_id}")
def lines(request: Request, caller: Member, case_id: str) -> Response:
    """The raw lines of an open look-up; each call is written down."""
    found = _guard(request).looking.lines(caller.actor, case_id)
    return page(request, caller, "privacy_lines.html", found=found, case_id=case_id)
