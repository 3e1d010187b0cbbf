"""교육: what is taught, one's own record and test, the city's plan, rosters, the duty by bureau, certificates for anybody."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError
from haechi.core.roles import ROLES
from haechi.office.learning import (
    KINDS,
    Certificates,
    Course,
    Courses,
    Duties,
    Exams,
    Session,
    last_day,
    paper,
    read_bank,
)
from haechi.office.letters import render
from haechi.web.caller import Caller, Who, permitted
from haechi.web.office.cases import as_file
from haechi.web.office.moments import moment, whole
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
Teacher = Annotated[Caller, Depends(permitted("learning.manage"))]
Short = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=60_000)]


def _store(request: Request) -> Any:
    return request.app.state.installation.store


@router.get("/learning")
def catalogue(request: Request, caller: Member) -> Response:
    """What can be enrolled in, and one's own record."""
    return _catalogue(request, caller)


def _catalogue(request: Request, caller: Caller, error: HaechiError | None = None) -> Response:
    courses, year = Courses(_store(request)), clock.today().year
    return page(
        request, caller, "learning.html", status=error.status if error else 200, error=error,
        sessions=courses.catalogue(caller.actor), mine=courses.mine(caller.actor), kinds=KINDS, year=year,
        duty=Duties(_store(request)).mine(caller.actor, year), last_day=last_day(year), roles=ROLES,
    )  # fmt: skip


@router.post("/learning/sessions/{session_id}/enrolment")
def enrol(request: Request, caller: Member, session_id: str) -> Response:
    """Take a seat, or a place in the line."""
    try:
        state = Courses(_store(request)).enrol(caller.actor, session_id)
    except HaechiError as error:
        return _catalogue(request, caller, error)
    return go(request, caller, "/learning", f"learning_{state}")


@router.post("/learning/sessions/{session_id}/withdrawal")
def leave(request: Request, caller: Member, session_id: str) -> Response:
    """Give it up."""
    try:
        Courses(_store(request)).leave(caller.actor, session_id)
    except HaechiError as error:
        return _catalogue(request, caller, error)
    return go(request, caller, "/learning", "learning_left")


@router.post("/learning/tests/{enrolment_id}")
def begin_test(request: Request, caller: Member, enrolment_id: str) -> Response:
    """The questions of one's attempt; the same ones however often the page is loaded."""
    try:
        asked = Exams(_store(request)).begin(caller.actor, enrolment_id)
    except HaechiError as error:
        return _catalogue(request, caller, error)
    return page(request, caller, "learning_test.html", asked=asked, enrolment=enrolment_id)


@router.post("/learning/tests/{enrolment_id}/answers")
async def hand_in(request: Request, caller: Member, enrolment_id: str) -> Response:
    """Hand the attempt in."""
    from starlette.concurrency import run_in_threadpool

    sent = {key: str(value) for key, value in (await request.form()).items()}
    answers = {key[2:]: int(value) for key, value in sent.items() if key.startswith("q-") and value.isdigit()}

    def work() -> Response:
        try:
            result = Exams(_store(request)).hand_in(caller.actor, enrolment_id, sent.get("attempt", ""), answers)
        except HaechiError as error:
            return _catalogue(request, caller, error)
        return page(request, caller, "learning_result.html", result=result)

    return await run_in_threadpool(work)


@router.get("/learning/certificates/{code}.{format}")
def certificate_file(request: Request, caller: Member, code: str, format: str) -> Response:
    """One's own certificate as a paper."""
    row = Certificates(_store(request)).one(caller.actor, code)
    settings = request.app.state.installation.settings
    address = f"{(settings.public_url or str(request.base_url)).rstrip('/')}/certificates/{row['code']}"
    files = render(paper(row, settings.city_name, address))
    return as_file(f"{row['number']}.{format}", files.get(format, files["pdf"]), format)


@router.get("/certificates")
def ask_certificate(request: Request, caller: Who, code: Annotated[str, Query(max_length=40)] = "") -> Response:
    """For anybody: type the code of a certificate."""
    if code.strip():
        return go(request, caller, f"/certificates/{code.strip().upper()}")
    return page(request, caller, "certificate.html", code="", told=None)


@router.get("/certificates/{code}")
def check_certificate(request: Request, caller: Who, code: str) -> Response:
    """For anybody: does this certificate hold?"""
    told = Certificates(_store(request)).check(caller.actor, code[:40])
    return page(request, caller, "certificate.html", status=200 if told else 404, code=code[:40].upper(), told=told)


@router.get("/learning/manage")
def manage(request: Request, caller: Teacher) -> Response:
    """The year's plan, courses and sessions."""
    return _manage(request, caller)


def _manage(request: Request, caller: Caller, error: HaechiError | None = None, **typed: str) -> Response:
    courses, today = Courses(_store(request)), clock.now()
    return page(
        request, caller, "learning_manage.html", status=error.status if error else 200, error=error, typed=typed,
        plan=courses.plan(caller.actor, clock.today().year), courses=courses.courses(caller.actor), kinds=KINDS,
        sessions=courses.catalogue(caller.actor, since=today.replace(month=1, day=1)), year=clock.today().year,
        kind_choices=[(key, caller.wording.pick(name)) for key, name in KINDS.items()],
    )  # fmt: skip


@router.post("/learning/courses")
def add_course(
    request: Request, caller: Teacher, title: Short = "", kind: Short = "", minutes: Short = "", about: Short = "",
    owners: Short = "", asked: Short = "0", bank: Long = "",
) -> Response:  # fmt: skip
    """A new course with its bank of questions."""
    try:
        audience = ("service_owner",) if owners else ()
        new = Course(title, kind, whole(minutes, "인정 시간"), about, audience, whole(asked or "0", "문항 수"))
        Courses(_store(request)).add_course(caller.actor, new, read_bank(bank))
    except HaechiError as error:
        return _manage(request, caller, error, title=title, minutes=minutes, about=about, asked=asked, bank=bank)
    return go(request, caller, "/learning/manage", "learning_saved")


@router.post("/learning/sessions")
def add_session(
    request: Request, caller: Teacher, course: Short = "", place: Short = "", seats: Short = "", enrol_from: Short = "",
    enrol_until: Short = "", starts_at: Short = "", ends_at: Short = "",
) -> Response:  # fmt: skip
    """A session of a course."""
    try:
        new = Session(
            moment(enrol_from, "신청 시작"), moment(enrol_until, "신청 마감"), moment(starts_at, "교육 시작"),
            moment(ends_at, "교육 끝"), whole(seats, "정원"), place,
        )  # fmt: skip
        Courses(_store(request)).add_session(caller.actor, course, new)
    except HaechiError as error:
        return _manage(request, caller, error)
    return go(request, caller, "/learning/manage", "learning_saved")


@router.get("/learning/sessions/{session_id}")
def roster(request: Request, caller: Teacher, session_id: str) -> Response:
    """Who sits in it, who waits; attendance."""
    return _roster(request, caller, session_id)


def _roster(request: Request, caller: Caller, session_id: str, error: HaechiError | None = None) -> Response:
    rows = Courses(_store(request)).roster(caller.actor, session_id)
    return page(
        request,
        caller,
        "learning_roster.html",
        status=error.status if error else 200,
        rows=rows,
        id=session_id,
        error=error,
    )


@router.post("/learning/sessions/{session_id}/attendance")
def check_in(request: Request, caller: Teacher, session_id: str, enrolment: Short) -> Response:
    """Somebody is there."""
    try:
        Courses(_store(request)).check_in(caller.actor, enrolment)
    except HaechiError as error:
        return _roster(request, caller, session_id, error)
    return go(request, caller, f"/learning/sessions/{session_id}", "learning_checked_in")


@router.post("/learning/revocation")
def revoke(request: Request, caller: Teacher, code: Short = "", why: Short = "") -> Response:
    """Take a certificate back."""
    try:
        Certificates(_store(request)).revoke(caller.actor, code, why)
    except HaechiError as error:
        return _manage(request, caller, error)
    return go(request, caller, f"/certificates/{code.strip().upper()}", "learning_saved")


@router.get("/learning/duty")
def duty(request: Request, caller: Member, year: Annotated[int, Query(ge=2025, le=2100)] = 0) -> Response:
    """Rates by bureau; names for those who look after them."""
    return _duty(request, caller, year or clock.today().year)


def _duty(request: Request, caller: Caller, year: int, error: HaechiError | None = None) -> Response:
    duties = Duties(_store(request))
    return page(
        request, caller, "learning_duty.html", status=error.status if error else 200, error=error, year=year,
        rates=duties.rates(caller.actor, year), gaps=duties.gaps(caller.actor, year), heads=duties.heads(caller.actor),
        mine=duties.mine(caller.actor, year), last_day=last_day(year),
    )  # fmt: skip


@router.post("/learning/heads")
def name_head(request: Request, caller: Teacher, bureau: Short = "", login: Short = "") -> Response:
    """Who looks after a bureau's duty."""
    try:
        Duties(_store(request)).name_head(caller.actor, bureau, login)
    except HaechiError as error:
        return _duty(request, caller, clock.today().year, error)
    return go(request, caller, "/learning/duty", "learning_saved")
