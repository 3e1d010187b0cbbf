"""One bot's page: who may use it, what it knows, how it was tested; publish, withdraw, switch off, try, embed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from haechi.city.library import GRADES
from haechi.core.errors import HaechiError
from haechi.web.caller import Caller
from haechi.web.staff.bots import STEPS, Maker, Text, Viewer, house
from haechi.web.view import go, is_fragment, page

router = APIRouter(include_in_schema=False)
Why = Annotated[str, Form(max_length=500)]


def _page(request: Request, caller: Caller, bot_id: str, *, status: int = 200, **more: Any) -> Response:
    installation = house(request)
    bot = installation.bots.row(caller.actor, bot_id)
    mine, department = bot["mine"], bot["kind"] == "department"
    edition = "draft" if mine else "published"
    context: dict[str, Any] = {
        "bot": bot,
        "held": installation.bots.documents(caller.actor, bot_id, edition=edition) if department else [],
        "grade_names": dict(GRADES),
        "standing": installation.bot_publishing.standing(caller.actor, bot_id) if mine else None,
        "versions": installation.bot_publishing.versions(caller.actor, bot_id) if department else [],
        "scores": installation.bot_scoring.scores(caller.actor, bot_id) if department else [],
        "events": installation.bots.events(caller.actor, bot_id),
        "feedback": installation.bots.feedback(caller.actor, bot_id),
        "may_publish": department and caller.may("bot.publish", bot["bureau"]),
        "address": installation.settings.address,
        "steps": _steps(bot) if mine else [],
        "error": None,
        "tried": None,
        "asked": "",
    }
    return page(request, caller, "bots_publish.html", status=status, **{**context, **more})


def _steps(bot: dict[str, Any]) -> list[dict[str, Any]]:
    last = STEPS[-1]
    return [
        {"key": key, "number": at, "here": key == last, "done": key != last,
         "address": f"/bots/{bot['id']}" + ("" if key == last else f"/{key}")}
        for at, key in enumerate(STEPS, 1)
    ]  # fmt: skip


@router.get("/bots/{bot_id}")
def bot(request: Request, caller: Viewer, bot_id: str) -> Response:
    """Everything that this person may know of the bot."""
    return _page(request, caller, bot_id)


@router.post("/bots/{bot_id}/try")
def ask(request: Request, caller: Maker, bot_id: str, question: Text = "") -> Response:
    """해 보기: one question to the draft; nothing is kept."""
    try:
        tried = house(request).bot_scoring.ask(caller.actor, bot_id, question)
    except HaechiError as error:
        if is_fragment(request):
            return page(request, caller, "_bots_try.html", tried=None, error=error, asked=question)
        return _page(request, caller, bot_id, status=error.status, error=error)
    if is_fragment(request):
        return page(request, caller, "_bots_try.html", tried=tried, error=None, asked=question)
    return _page(request, caller, bot_id, tried=tried, asked=question)


@router.post("/bots/{bot_id}/publish")
def publish(request: Request, caller: Maker, bot_id: str, why: Why = "", confirmed: Why = "") -> Response:
    """Into service, once every warning was read and answered with a reason."""
    try:
        house(request).bot_publishing.publish(caller.actor, bot_id, why if confirmed else "")
    except HaechiError as error:
        return _failed(request, caller, bot_id, error)
    return go(request, caller, f"/bots/{bot_id}", "bot_published")


@router.post("/bots/{bot_id}/withdraw")
def withdraw(request: Request, caller: Maker, bot_id: str, why: Why = "") -> Response:
    """Out of service; the versions stay on record."""
    try:
        house(request).bot_publishing.withdraw(caller.actor, bot_id, why)
    except HaechiError as error:
        return _failed(request, caller, bot_id, error)
    return go(request, caller, f"/bots/{bot_id}", "bot_withdrawn")


@router.post("/bots/{bot_id}/switch")
def switch(request: Request, caller: Viewer, bot_id: str, on: Why = "", why: Why = "") -> Response:
    """Off with a reason that people are shown, or on again."""
    try:
        house(request).bots.switch(caller.actor, bot_id, on == "yes", why)
    except HaechiError as error:
        return _failed(request, caller, bot_id, error)
    return go(request, caller, f"/bots/{bot_id}", "bot_on" if on == "yes" else "bot_off")


@router.post("/bots/{bot_id}/delete")
def delete(request: Request, caller: Maker, bot_id: str) -> Response:
    """Remove a draft that was never published."""
    try:
        house(request).bot_building.delete(caller.actor, bot_id)
    except HaechiError as error:
        return _failed(request, caller, bot_id, error)
    return go(request, caller, "/bots", "bot_deleted")


def _failed(request: Request, caller: Caller, bot_id: str, error: HaechiError) -> Response:
    if error.status == 404:
        raise error
    return _page(request, caller, bot_id, status=error.status, error=error)
