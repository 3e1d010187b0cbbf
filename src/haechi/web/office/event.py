"""스마트라이프위크, as the public sees it: editions, the drawn plan, the programme, the online hall, tickets, the survey."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError, NotFound
from haechi.engines.rules.dated import parameter
from haechi.office.cases import Opening
from haechi.office.event import svg
from haechi.web.caller import Caller, Who
from haechi.web.office.cases import cases_of
from haechi.web.view import go, page

router = APIRouter(prefix="/event", include_in_schema=False)
Short = Annotated[str, Form(max_length=200)]
APPLY = {"exhibitor": "exhibitor", "award": "award"}


def office_of(request: Request) -> Any:
    """The installation's office."""
    return request.app.state.installation.office


@router.get("")
def editions(request: Request, caller: Who) -> Response:
    """Every edition that one may see."""
    return page(request, caller, "event.html", editions=office_of(request).editions.listed(caller.actor))


@router.get("/ticket")
def ticket(request: Request, caller: Who) -> Response:
    """Where a ticket is looked up and given back."""
    return page(request, caller, "event_ticket.html", found=None, error=None, code="")


@router.post("/ticket")
def look(request: Request, caller: Who, code: Short = "", cancel: Short = "") -> Response:
    """The ticket with this code; the code is not put into an address."""
    tickets, error, found = office_of(request).tickets, None, None
    try:
        if cancel:
            tickets.cancel(caller.actor, code)
        found = tickets.look(caller.actor, code)
    except HaechiError as told:
        error = told
    return page(
        request, caller, "event_ticket.html", status=error.status if error else 200, found=found, error=error, code=code
    )


@router.get("/{edition}")
def one(request: Request, caller: Who, edition: str) -> Response:
    """One edition: plan, programme, how to take part."""
    office = office_of(request)
    plan = office.editions.plan(caller.actor, edition)
    halls = [space for space in plan["spaces"] if space.kind == "hall"]
    drawings = {
        hall.code: svg(
            plan["spaces"], hall.code, label=hall.name[0] or hall.code, taken=plan["taken"], language=caller.language
        )
        for hall in halls
    }
    return page(
        request, caller, "event_edition.html", **plan, halls=halls, drawings=drawings,
        sessions=office.programme.sessions(caller.actor, edition), online=len(office.editions.online(caller.actor, edition)),
        goal=parameter("event.online_goal", on=clock.today()).value,
    )  # fmt: skip


@router.get("/{edition}/programme.ics")
def calendar(request: Request, caller: Who, edition: str) -> Response:
    """The programme for a calendar."""
    text = office_of(request).programme.calendar(caller.actor, edition)
    return Response(text, media_type="text/calendar; charset=utf-8")


@router.get("/{edition}/online")
def online(
    request: Request,
    caller: Who,
    edition: str,
    search: Annotated[str, Query(max_length=100)] = "",
    theme: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The online hall."""
    editions = office_of(request).editions
    form = cases_of(request).policy.form("exhibitor")
    themes = [
        ("", caller.wording("event.every_theme")),
        *((o.value, caller.wording.pick(o.text)) for o in form.by_id["theme"].options),
    ]
    return page(
        request, caller, "event_online.html", edition=editions.one(caller.actor, edition), themes=themes,
        pages=editions.online(caller.actor, edition, words=search, theme=theme), wanted={"search": search, "theme": theme},
    )  # fmt: skip


@router.get("/{edition}/online/{page_id}")
def online_page(request: Request, caller: Who, edition: str, page_id: str) -> Response:
    """One exhibitor's page."""
    editions = office_of(request).editions
    return page(
        request, caller, "event_online_page.html", edition=editions.one(caller.actor, edition),
        shown=editions.online_page(caller.actor, edition, page_id),
    )  # fmt: skip


@router.get("/{edition}/register")
def form(request: Request, caller: Who, edition: str) -> Response:
    """Registration."""
    return _form(request, caller, edition)


def _form(
    request: Request, caller: Caller, edition: str, *, error: HaechiError | None = None, code: str = "", **typed: str
) -> Response:
    return page(
        request, caller, "event_register.html", status=error.status if error else 200, error=error, code=code, typed=typed,
        edition=office_of(request).editions.one(caller.actor, edition), key=typed.get("key") or secrets.token_hex(16),
    )  # fmt: skip


@router.post("/{edition}/register")
def register(
    request: Request,
    caller: Who,
    edition: str,
    key: Short,
    name: Short = "",
    affiliation: Short = "",
    country: Short = "",
) -> Response:
    """A ticket; its code is shown once."""
    try:
        code = office_of(request).tickets.register(
            caller.actor,
            edition,
            name=name,
            affiliation=affiliation,
            country=country,
            key=f"{caller.actor.subject}:{key}",
        )
    except HaechiError as error:
        if error.status == 404:
            raise
        return _form(
            request, caller, edition, error=error, key=key, name=name, affiliation=affiliation, country=country
        )
    return _form(request, caller, edition, code=code)


@router.get("/{edition}/survey")
def survey(request: Request, caller: Who, edition: str) -> Response:
    """The survey, without a name."""
    return page(request, caller, "event_survey.html", edition=office_of(request).editions.one(caller.actor, edition))


@router.post("/{edition}/survey")
def answer(
    request: Request, caller: Who, edition: str, satisfied: Annotated[int, Form(ge=1, le=5)], again: Annotated[int, Form(ge=1, le=5)],
    best: Short = "", comment: Annotated[str, Form(max_length=1000)] = "",
) -> Response:  # fmt: skip
    """One answer; nothing says whose."""
    office_of(request).editions.answer(
        caller.actor, edition, satisfied=satisfied, again=again, best=best, comment=comment
    )
    return go(request, caller, f"/event/{edition}", "event_thanks")


@router.post("/{edition}/{what}")
def apply(request: Request, caller: Who, edition: str, what: str, title: Short = "") -> Response:
    """Apply as an exhibitor, or enter the prize: a case that one goes on with; it needs an account."""
    if what not in APPLY:
        raise NotFound("그런 신청은 없습니다.", next_step="행사 화면에서 다시 고르세요.", record=what)
    if not caller.signed_in:
        return go(request, caller, f"/login?next=/event/{edition}")
    office_of(request).editions.one(caller.actor, edition)
    case = cases_of(request).open(caller.actor, APPLY[what], Opening(title, round=edition))
    return go(request, caller, f"/cases/{case['id']}")
