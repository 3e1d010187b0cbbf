"""상담 창구: the tabs, one ticket with its conversation, and every act as a form that also works without scripts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.city.desk import STATES, Desk
from haechi.core import clock
from haechi.core.errors import HaechiError
from haechi.web.caller import Caller, permitted
from haechi.web.turns import passage_address
from haechi.web.view import go, is_fragment, page

router = APIRouter(include_in_schema=False)
Agent = Annotated[Caller, Depends(permitted("desk.work"))]
NOTICES = {
    "take": "desk_taken", "transfer": "desk_transferred", "close": "desk_closed", "reply": "", "ask": "",
}  # fmt: skip


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.installation.desk
    return desk


def _shown(state: str) -> str:
    return state if state in STATES else "unanswered"


# --- the lists ---------------------------------------------------------------------------------------------------------


def _list(request: Request, caller: Caller, state: str, *, status: int = 200, **more: Any) -> Response:
    desk = _desk(request)
    desk.seen(caller.actor)
    rules = desk.rules
    context: dict[str, Any] = {
        "state": state,
        "states": STATES,
        "counts": desk.views.counts(caller.actor),
        "rows": desk.views.tickets(caller.actor, state),
        "results": rules.results,
        "presence": desk.views.presence(caller.actor),
        "holidays_over": clock.today() > rules.holidays_until,
        "key": secrets.token_urlsafe(12),
        "error": None,
    }
    template = "_desk_rows.html" if is_fragment(request) else "desk.html"
    return page(request, caller, template, status=status, **{**context, **more})


@router.get("/desk")
def lists(request: Request, caller: Agent, state: Annotated[str, Query(max_length=20)] = "unanswered") -> Response:
    """One tab; as a fragment the rows alone, for whoever is told of news."""
    return _list(request, caller, _shown(state))


@router.post("/desk/presence")
def presence(
    request: Request,
    caller: Agent,
    state: Annotated[str, Form(max_length=20)],
    at_once: Annotated[int, Form(ge=1, le=20)] = 3,
    tab: Annotated[str, Form(max_length=20)] = "unanswered",
) -> Response:
    """Available or away, and how many at once."""
    try:
        _desk(request).present(caller.actor, state, at_once)
    except HaechiError as error:
        return _list(request, caller, _shown(tab), status=error.status, error=error)
    return go(request, caller, f"/desk?state={_shown(tab)}", f"desk_{state}")


@router.post("/desk/next")
def take_next(request: Request, caller: Agent, key: Annotated[str, Form(max_length=100)] = "") -> Response:
    """The most urgent one that waits."""
    try:
        taken = _desk(request).take_next(caller.actor, key=key)
    except HaechiError as error:
        return _list(request, caller, "unanswered", status=error.status, error=error)
    if taken is None:
        return go(request, caller, "/desk", "desk_nobody")
    return go(request, caller, f"/desk/{taken['id']}", "desk_taken")


# --- one ticket --------------------------------------------------------------------------------------------------------


def _ticket(request: Request, caller: Caller, ticket_id: str, *, status: int = 200, **more: Any) -> Response:
    desk = _desk(request)
    ticket = desk.views.ticket(caller.actor, ticket_id)
    moves = ticket["mine"] and ticket["state"] in ("active", "pending")
    wording = caller.wording
    saved = {id: wording.pick(said) for id, said in desk.rules.saved_replies.items()}
    context: dict[str, Any] = {
        "ticket": ticket,
        "moves": moves,
        "entries": [_drawn(entry) for entry in ticket["timeline"]],
        "offices": desk.views.offices(caller.actor, ticket) if moves else [],
        "colleagues": desk.views.colleagues(caller.actor, ticket) if moves else [],
        "results": desk.rules.results,
        "saved": saved,
        "key": secrets.token_urlsafe(12),
        "draft": saved.get(request.query_params.get("saved", ""), ""),
        "began_from": request.query_params.get("saved", ""),
        "error": None,
        "sent": {"act": "", "to": "", "reason": "", "result": "", "note": ""},
    }
    template = "_desk_ticket.html" if is_fragment(request) else "desk_ticket.html"
    return page(request, caller, template, status=status, **{**context, **more})


def _drawn(entry: dict[str, Any]) -> dict[str, Any]:
    sources = {one.get("title", ""): passage_address(one) for one in entry["citations"] if one.get("passage_id")}
    return {**entry, "sources": list(sources.items())}


@router.get("/desk/{ticket_id}")
def ticket(request: Request, caller: Agent, ticket_id: str) -> Response:
    """Summary, timeline, and what may be done now."""
    _desk(request).seen(caller.actor)
    return _ticket(request, caller, ticket_id)


@router.post("/desk/{ticket_id}/{act}")
def act(
    request: Request,
    caller: Agent,
    ticket_id: str,
    act: str,
    key: Annotated[str, Form(max_length=100)] = "",
    version: Annotated[int | None, Form(ge=0, le=2**31 - 1)] = None,
    text: Annotated[str, Form(max_length=8000)] = "",
    saved: Annotated[str, Form(max_length=40)] = "",
    to: Annotated[str, Form(max_length=120)] = "",
    reason: Annotated[str, Form(max_length=1000)] = "",
    result: Annotated[str, Form(max_length=40)] = "",
    note: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """take · reply · ask (reply and wait for the citizen) · transfer (`to`: 'office:<id>' or 'person:<id>') · close."""
    desk, actor = _desk(request), caller.actor
    kind, _, name = to.partition(":")
    where = {kind: name} if kind in ("office", "person") else {}
    acts: dict[str, Callable[[], Any]] = {
        "take": lambda: desk.take(actor, ticket_id, key=key, version=version),
        "reply": lambda: desk.reply(actor, ticket_id, text, key=key, saved=saved),
        "ask": lambda: desk.ask_back(actor, ticket_id, text, key=key),
        "transfer": lambda: desk.transfer(actor, ticket_id, **where, reason=reason, key=key, version=version),
        "close": lambda: desk.close(actor, ticket_id, result, note, key=key, version=version),
    }
    if act not in acts:
        return _ticket(request, caller, ticket_id, status=404)
    try:
        acts[act]()
    except HaechiError as error:
        sent = {"act": act, "to": to, "reason": reason, "result": result, "note": note}
        return _ticket(request, caller, ticket_id, status=error.status, error=error, draft=text, sent=sent)
    if act in ("transfer", "close"):
        return go(request, caller, "/desk?state=active", NOTICES[act])
    if is_fragment(request):
        return _ticket(request, caller, ticket_id, draft="")
    return go(request, caller, f"/desk/{quote(ticket_id)}#reply", NOTICES[act])
