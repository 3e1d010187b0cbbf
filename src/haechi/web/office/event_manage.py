"""행사 관리: editions, the plan and the programme as files, booths, the prize, meetings, the result report, and the door."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from haechi.core import clock
from haechi.core.errors import Conflict, HaechiError, InvalidInput, NotFound
from haechi.office.event.floor import Fault
from haechi.office.event.meetings import slots_of
from haechi.office.event.report import paper
from haechi.office.letters import MEDIA_TYPES, to_docx, to_html, to_hwpx, to_pdf
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import cases_of
from haechi.web.office.committee import day_of
from haechi.web.office.event import office_of
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
Keeper = Annotated[Caller, Depends(permitted("event.keep"))]
Door = Annotated[Caller, Depends(permitted("event.scan"))]
Short = Annotated[str, Form(max_length=200)]
FORMATS = {"hwpx": to_hwpx, "docx": to_docx, "pdf": to_pdf, "html": to_html}
TABLES = {"plan": "배치", "programme": "프로그램", "exhibitors": "참가기업"}
LARGEST = 4 << 20


@router.get("/event-manage")
def editions(request: Request, caller: Keeper) -> Response:
    """Editions, and making one."""
    return _editions(request, caller)


def _editions(request: Request, caller: Caller, *, error: HaechiError | None = None) -> Response:
    return page(
        request, caller, "event_manage.html", status=error.status if error else 200, error=error,
        editions=office_of(request).editions.listed(caller.actor),
    )  # fmt: skip


@router.post("/event-manage")
def keep(
    request: Request, caller: Keeper, edition: Short = "", name_ko: Short = "", name_en: Short = "", begins_on: Short = "",
    ends_on: Short = "", place: Short = "", aisle: Annotated[float, Form(ge=0, le=50)] = 3.0,
    tickets: Annotated[int, Form(ge=0, le=1_000_000)] = 0, shown: Short = "",
    version: Annotated[int | None, Form()] = None,
) -> Response:  # fmt: skip
    """Make an edition; with the version that was seen, change it."""
    editions = office_of(request).editions
    try:
        if version is None and edition in {row["id"] for row in editions.listed(caller.actor)}:
            raise Conflict(f"‘{edition}’ 행사는 이미 있습니다.", next_step="위 목록에서 열어 고치세요.", record=edition)
        editions.keep(
            caller.actor, edition, name=(name_ko, name_en), begins_on=day_of(begins_on), ends_on=day_of(ends_on), place=place,
            aisle_m=aisle, tickets=tickets, shown=bool(shown), version=version,
        )  # fmt: skip
    except HaechiError as error:
        return _editions(request, caller, error=error)
    return go(request, caller, f"/event-manage/{edition}", "event_kept")


@router.get("/event-manage/{edition}")
def one(request: Request, caller: Keeper, edition: str) -> Response:
    """Everything about one edition."""
    return _one(request, caller, edition)


def _one(
    request: Request,
    caller: Caller,
    edition: str,
    *,
    error: HaechiError | None = None,
    wrong: list[Fault] | None = None,
) -> Response:
    office = office_of(request)
    plan = office.editions.plan(caller.actor, edition)
    waiting, _ = cases_of(request).reading.listed(caller.actor, kinds=["exhibitor"], round=edition)
    free = [space.code for space in plan["spaces"] if space.kind == "booth" and space.code not in plan["held"]]
    return page(
        request, caller, "event_manage_one.html", status=error.status if error else 422 if wrong else 200, error=error, wrong=wrong or [],
        **plan, exhibitors=waiting, free=free, prize=office.prize.table(caller.actor, edition), meetings=office.meetings.listed(caller.actor, edition),
        counted=office.editions.figures(caller.actor, edition), formats=list(FORMATS),
    )  # fmt: skip


@router.post("/event-manage/{edition}/plan")
async def plan(request: Request, caller: Keeper, edition: str, file: Annotated[UploadFile, File()]) -> Response:
    """The plan from a file; nothing changes while something in it does not fit."""
    content = await file.read(LARGEST)
    name = file.filename or ""

    def read() -> Response:
        try:
            wrong = office_of(request).editions.read_plan(caller.actor, edition, content, name)
        except HaechiError as error:
            return _one(request, caller, edition, error=error)
        return (
            _one(request, caller, edition, wrong=wrong)
            if wrong
            else go(request, caller, f"/event-manage/{edition}", "event_kept")
        )

    return await run_in_threadpool(read)


@router.post("/event-manage/{edition}/programme")
async def programme(request: Request, caller: Keeper, edition: str, file: Annotated[UploadFile, File()]) -> Response:
    """The programme from a file; a clash names both sessions and nothing changes."""
    content = await file.read(LARGEST)
    name = file.filename or ""

    def read() -> Response:
        try:
            office_of(request).programme.read(caller.actor, edition, content, name)
        except HaechiError as error:
            return _one(request, caller, edition, error=error)
        return go(request, caller, f"/event-manage/{edition}", "event_kept")

    return await run_in_threadpool(read)


@router.post("/event-manage/{edition}/exhibitors")
async def exhibitors(request: Request, caller: Keeper, edition: str, file: Annotated[UploadFile, File()]) -> Response:
    """Applications from a file; those that stand already are compared and never changed."""
    content = await file.read(LARGEST)
    name = file.filename or ""

    def read() -> Response:
        try:
            brought = office_of(request).exhibitors.read(caller.actor, edition, content, name)
        except HaechiError as error:
            return _one(request, caller, edition, error=error)
        if not brought.other:
            return go(request, caller, f"/event-manage/{edition}", "event_kept")
        told = f"파일과 다른 신청 {len(brought.other)}건은 그대로 두었습니다: {', '.join(brought.other[:20])}."
        differs = Conflict(told, next_step="낸 신청서는 낸 사람이 취소하고 다시 냅니다.", record=edition)
        return _one(request, caller, edition, error=differs)

    return await run_in_threadpool(read)


@router.get("/event-manage/{edition}/meetings.ics")
def calendar(request: Request, caller: Keeper, edition: str) -> Response:
    """Confirmed meetings for a calendar."""
    text = office_of(request).meetings.calendar(caller.actor, edition)
    return Response(text, media_type="text/calendar; charset=utf-8")


@router.get("/event-manage/{edition}/{what}.{format}")
def table(request: Request, caller: Keeper, edition: str, what: str, format: str) -> Response:
    """The plan or the programme as CSV or XLSX; the report in four formats."""
    office = office_of(request)
    if what == "report" and format in FORMATS:
        seen = office.editions.plan(caller.actor, edition)
        city = request.app.state.installation.settings.city_name
        made = paper(city, seen["edition"], office.editions.figures(caller.actor, edition), seen)
        content, title = FORMATS[format](made), made.title
    elif what in TABLES and format in ("csv", "xlsx"):
        write = {
            "plan": office.editions.write_plan, "programme": office.programme.write, "exhibitors": office.exhibitors.write,
        }[what]  # fmt: skip
        content, title = write(caller.actor, edition, format), f"{edition} {TABLES[what]}"
    else:
        raise NotFound(
            "그런 파일은 없습니다.", next_step="행사 관리 화면에서 다시 고르세요.", record=f"{what}.{format}"
        )
    if format == "html":
        return Response(content, media_type="text/html; charset=utf-8")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(f'{title}.{format}')}"}
    return Response(content, media_type=MEDIA_TYPES.get(format, "application/octet-stream"), headers=headers)


def _did(request: Request, caller: Caller, edition: str, work: Any) -> Response:
    try:
        work()
    except HaechiError as error:
        return _one(request, caller, edition, error=error)
    return go(request, caller, f"/event-manage/{edition}", "event_kept")


@router.post("/event-manage/{edition}/booths")
def place(
    request: Request, caller: Keeper, edition: str, case: Short, version: Annotated[int, Form()], booth: Short = ""
) -> Response:
    """A booth for an exhibitor that was accepted."""
    return _did(
        request, caller, edition,
        lambda: cases_of(request).act(caller.actor, case, "place", version=version, sent={"booth": booth}),
    )  # fmt: skip


@router.post("/event-manage/{edition}/wishes")
def wish(
    request: Request, caller: Keeper, edition: str, city: Short = "", company: Short = "", by: Short = ""
) -> Response:
    """A wish to meet."""
    return _did(
        request, caller, edition, lambda: office_of(request).meetings.wish(caller.actor, edition, city, company, by)
    )


@router.post("/event-manage/{edition}/proposals")
def propose(
    request: Request, caller: Keeper, edition: str, begins: Short = "", ends: Short = "", minutes: Annotated[int, Form(ge=5, le=240)] = 30,
    tables: Annotated[int, Form(ge=1, le=200)] = 5,
) -> Response:  # fmt: skip
    """Times for wishes that have none."""

    def give() -> None:
        try:
            first, last = (datetime.fromisoformat(text).replace(tzinfo=clock.SEOUL) for text in (begins, ends))
        except ValueError as error:
            raise InvalidInput(
                "시각을 읽을 수 없습니다.", next_step="시작과 끝을 모두 고르세요.", record=begins
            ) from error
        office_of(request).meetings.propose(
            caller.actor, edition, slots_of(first, last, minutes=minutes, tables=tables)
        )

    return _did(request, caller, edition, give)


@router.post("/event-manage/{edition}/meetings")
def settle(
    request: Request, caller: Keeper, edition: str, meeting: Short, state: Short, version: Annotated[int, Form()]
) -> Response:
    """Confirm or decline a proposal."""
    return _did(
        request, caller, edition, lambda: office_of(request).meetings.settle(caller.actor, meeting, state, version)
    )


# --- the door --------------------------------------------------------------------------------------------------------


@router.get("/event-scan/{edition}")
def door(request: Request, caller: Door, edition: str) -> Response:
    """Check-in: works without a network and sends later."""
    return page(request, caller, "event_scan.html", edition=office_of(request).editions.one(caller.actor, edition))


@router.post("/event-scan/{edition}")
async def scan(request: Request, caller: Door, edition: str) -> Response:
    """Scans of a device: each nonce once, however often it is sent."""
    told = await request.json()
    if not isinstance(told, dict) or not isinstance(told.get("scans"), list):
        raise InvalidInput("스캔 기록이 온전하지 않습니다.", next_step="화면을 새로 고치세요.", record="scans")
    found = await run_in_threadpool(office_of(request).tickets.scan, caller.actor, edition, told["scans"])
    return JSONResponse({"scans": found})
