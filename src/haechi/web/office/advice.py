"""전문가 자문: the roster with terms, sittings with their items and minutes, an item's opinions and the owner's answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput, NotFound
from haechi.office.advice import ANSWERS, WEIGHTS, Board
from haechi.office.letters import MEDIA_TYPES, to_docx, to_hwpx, to_pdf
from haechi.office.rounds import Roster
from haechi.office.rounds.roster import ROLES
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import cases_of
from haechi.web.office.prereview import rounds_of
from haechi.web.view import go, page

router = APIRouter(prefix="/advice", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("projects.see"))]
Keeper = Annotated[Caller, Depends(permitted("projects.roster"))]
Short = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=4000)]
FORMATS = {"hwpx": to_hwpx, "docx": to_docx, "pdf": to_pdf}


def _board(request: Request) -> Board:
    return Board(request.app.state.installation.store)


def _roster(request: Request) -> Roster:
    return Roster(request.app.state.installation.store)


@router.get("")
def listing(request: Request, caller: Member) -> Response:
    """Sittings, the newest first, with the items that this person sees."""
    board, found = _board(request), rounds_of(request).listed(caller.actor, "advice")
    sittings = [board.sitting(caller.actor, one["id"]) for one in found[:10]]
    states = cases_of(request).policy.flow("advice").states
    return page(
        request, caller, "advice.html", sittings=sittings, states=states, today=clock.today(), formats=list(FORMATS)
    )


@router.get("/sittings/{round_id}/minutes.{format}")
def minutes(request: Request, caller: Member, round_id: str, format: str) -> Response:
    """The minutes as a file."""
    if format not in FORMATS:
        raise NotFound("그런 형식은 없습니다.", next_step=f"{', '.join(FORMATS)} 가운데 고르세요.", record=format)
    paper = _board(request).minutes(caller.actor, round_id)
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(f'{paper.title}.{format}')}"}
    return Response(FORMATS[format](paper), media_type=MEDIA_TYPES[format], headers=headers)


@router.get("/roster")
def roster(request: Request, caller: Member, kind: Annotated[str, Query(max_length=20)] = "advisor") -> Response:
    """Who is on the roster, with terms."""
    return _show_roster(request, caller, kind)


def _show_roster(request: Request, caller: Caller, kind: str, *, status: int = 200, **more: Any) -> Response:
    kind = kind if kind in ROLES else "advisor"
    keeps = caller.may("projects.roster")
    people = _people(request, caller) if keeps else []
    context: dict[str, Any] = {
        "kind": kind, "kinds": ROLES, "rows": _roster(request).listed(caller.actor, kind), "today": clock.today(),
        "keeps": keeps, "people": people, "error": None, "typed": {},
    }  # fmt: skip
    return page(request, caller, "advice_roster.html", status=status, **{**context, **more})


def _people(request: Request, caller: Caller) -> list[tuple[str, str]]:
    with request.app.state.installation.store.transaction(caller.actor) as tx:
        found = tx.all(
            """select 'user:' || id::text as subject, name, coalesce(bureau, '') as bureau from users
            where active and not roles = '{citizen}' order by bureau, name limit 2000"""
        )
    return [(one["subject"], f"{one['name']} ({one['bureau'] or '–'})") for one in found]


@router.post("/roster")
def add(
    request: Request, caller: Keeper, kind: Short, person: Short, from_on: Short = "", until_on: Short = "",
    affiliation: Short = "", specialties: Short = "", relations: Long = "",
) -> Response:  # fmt: skip
    """Put somebody on it for a term."""
    typed = {
        "from_on": from_on,
        "until_on": until_on,
        "affiliation": affiliation,
        "specialties": specialties,
        "relations": relations,
    }
    try:
        _roster(request).add(
            caller.actor, kind, person, from_on=_day(from_on), until_on=_day(until_on), affiliation=affiliation,
            specialties=specialties.split(","), relations=relations.split(","),
        )  # fmt: skip
    except HaechiError as error:
        return _show_roster(request, caller, kind, status=error.status, error=error, typed=typed)
    return go(request, caller, f"/advice/roster?kind={quote(kind)}", "roster_changed")


@router.post("/roster/{entry}")
def end(request: Request, caller: Keeper, entry: str, kind: Short = "advisor", why: Long = "") -> Response:
    """End a term early."""
    try:
        _roster(request).end(caller.actor, entry, clock.today(), why)
    except HaechiError as error:
        return _show_roster(request, caller, kind, status=error.status, error=error)
    return go(request, caller, f"/advice/roster?kind={quote(kind)}", "roster_changed")


@router.get("/{case_id}")
def item(request: Request, caller: Member, case_id: str) -> Response:
    """An item's opinions with the owner's answers."""
    return _item(request, caller, case_id)


def _item(request: Request, caller: Caller, case_id: str, *, status: int = 200, **more: Any) -> Response:
    seen = _board(request).item(caller.actor, case_id)
    state = cases_of(request).policy.flow("advice", seen["case"]["flow_version"]).states[seen["case"]["state"]]
    context: dict[str, Any] = {"error": None, "tried": "", "typed": ""}
    return page(
        request, caller, "advice_item.html", status=status, **seen, state=state, answers=ANSWERS, weights=WEIGHTS,
        **{**context, **more},
    )  # fmt: skip


@router.post("/{case_id}/opinions/{opinion}")
def answer(
    request: Request, caller: Member, case_id: str, opinion: str, answer: Short = "", why: Long = ""
) -> Response:
    """The owner's answer to an opinion."""
    try:
        _board(request).answer(caller.actor, case_id, opinion, answer, why)
    except HaechiError as error:
        if error.status == 404:
            raise
        return _item(request, caller, case_id, status=error.status, error=error, tried=opinion, typed=why)
    return go(request, caller, f"/advice/{case_id}", "advice_answered")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("날짜를 읽을 수 없습니다.", next_step="2026-03-01처럼 적으세요.", record=text) from error
