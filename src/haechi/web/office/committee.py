"""위원회: who sits, which body acts, meetings with their agenda, attendance and votes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput
from haechi.office.cases import Opening
from haechi.office.committee import CHOICES, Committee
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import cases_of
from haechi.web.view import go, page

router = APIRouter(prefix="/committee", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
Short = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=1000)]


def _committee(request: Request) -> Committee:
    committee: Committee = request.app.state.installation.office.committee
    return committee


def day_of(text: str, otherwise: date | None = None) -> date:
    """A day as a form sends it. InvalidInput for anything else."""
    try:
        return date.fromisoformat(text) if text or otherwise is None else otherwise
    except ValueError as error:
        raise InvalidInput("날짜를 읽을 수 없습니다.", next_step="2026-03-01처럼 적으세요.", record=text) from error


@router.get("")
def overview(request: Request, caller: Member, on: Annotated[str, Query(max_length=10)] = "") -> Response:
    """Who sits on a day, what waits, which meetings there were."""
    return _overview(request, caller, on)


def _overview(request: Request, caller: Caller, on: str = "", *, error: HaechiError | None = None) -> Response:
    day = day_of(on, clock.today())
    seats = caller.may("committee.seat")
    people = cases_of(request).people.staff(caller.actor) if seats else []
    return page(
        request, caller, "committee.html", status=error.status if error else 200, day=day, error=error, may_seat=seats,
        people=people, **_committee(request).overview(caller.actor, day),
    )  # fmt: skip


def _did(request: Request, caller: Caller, notice: str, work: Any, back: str = "/committee") -> Response:
    try:
        work()
    except HaechiError as error:
        if error.status == 404 and back != "/committee":
            raise
        return _overview(request, caller, error=error) if back == "/committee" else _meeting(
            request, caller, back.rsplit("/", 1)[-1], error=error
        )  # fmt: skip
    return go(request, caller, back, notice)


@router.post("/acting")
def let_act(request: Request, caller: Member, body: Short, from_on: Short, why: Long = "") -> Response:
    """Which body acts from a day on."""
    return _did(
        request,
        caller,
        "committee_acting",
        lambda: _committee(request).let_act(caller.actor, body, day_of(from_on), why),
    )


@router.post("/members")
def seat(
    request: Request, caller: Member, body: Short, person: Short, from_on: Short, affiliation: Short = "",
    specialties: Short = "", relations: Short = "", chair: Short = "",
) -> Response:  # fmt: skip
    """Appoint a member."""
    return _did(
        request, caller, "committee_seated",
        lambda: _committee(request).seat(
            caller.actor, body, person, from_on=day_of(from_on), affiliation=affiliation, chair=bool(chair),
            specialties=specialties.split(","), relations=relations.split(","),
        ),
    )  # fmt: skip


@router.post("/members/{entry}/end")
def end(request: Request, caller: Member, entry: str, why: Long = "") -> Response:
    """End a term early."""
    return _did(
        request, caller, "committee_ended", lambda: _committee(request).end(caller.actor, entry, clock.today(), why)
    )


@router.post("/meetings")
def plan_meeting(request: Request, caller: Member, title: Short = "") -> Response:
    """A new meeting."""
    try:
        opened = cases_of(request).open(caller.actor, "committee_meeting", Opening(title, bureau=caller.actor.bureau))
    except HaechiError as error:
        return _overview(request, caller, error=error)
    return go(request, caller, f"/committee/meetings/{opened['id']}")


@router.get("/meetings/{meeting_id}")
def meeting(request: Request, caller: Member, meeting_id: str) -> Response:
    """One meeting: what it is about, who is there, its items, one's vote."""
    return _meeting(request, caller, meeting_id)


def _meeting(request: Request, caller: Caller, meeting_id: str, *, error: HaechiError | None = None) -> Response:
    seen = _committee(request).meeting(caller.actor, meeting_id)
    seats = caller.may("committee.seat")
    waiting = _committee(request).overview(caller.actor, clock.today())["waiting"] if seats else []
    return page(
        request, caller, "committee_meeting.html", status=error.status if error else 200, error=error, may_seat=seats,
        waiting=waiting, choices=CHOICES, **seen,
    )  # fmt: skip


@router.post("/meetings/{meeting_id}/agenda")
def put_on_agenda(request: Request, caller: Member, meeting_id: str, item: Short) -> Response:
    """An item onto the agenda."""
    return _did(
        request, caller, "committee_agenda", lambda: _committee(request).put_on_agenda(caller.actor, meeting_id, item),
        f"/committee/meetings/{meeting_id}",
    )  # fmt: skip


@router.post("/meetings/{meeting_id}/attendance")
def attend(request: Request, caller: Member, meeting_id: str, person: Short, there: Short = "") -> Response:
    """Who is there."""
    return _did(
        request, caller, "committee_attended",
        lambda: _committee(request).attend(caller.actor, meeting_id, person, there=there == "yes"),
        f"/committee/meetings/{meeting_id}",
    )  # fmt: skip


@router.post("/meetings/{meeting_id}/votes")
def vote(request: Request, caller: Member, meeting_id: str, item: Short, choice: Short = "") -> Response:
    """One's vote."""
    return _did(
        request, caller, "committee_voted", lambda: _committee(request).vote(caller.actor, item, choice),
        f"/committee/meetings/{meeting_id}",
    )  # fmt: skip
