"""챗봇: the citizen's conversation page, its form for browsers without scripts, and the frame that other sites embed."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Mapping
from functools import cache, partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Query, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from haechi.core.errors import HaechiError, InvalidInput
from haechi.engines.dialogue.ports import BotCard, Said
from haechi.web import assets
from haechi.web.caller import Caller, Who, remember
from haechi.web.citizen.api_chat import hold_back
from haechi.web.citizen.chat_view import emergency_of, timeline_view
from haechi.web.pages_ask import reasons
from haechi.web.security import HEADERS, POLICY
from haechi.web.view import go, page

log = logging.getLogger("haechi.web")
router = APIRouter(include_in_schema=False)

SCRIPT_WORDS = (
    "thinking", "reading", "writing", "waiting", "lost", "lost_step", "stopped", "locating", "located", "no_place",
    "too_big", "agent", "offline",
)  # fmt: skip
SHARED_WORDS = (
    "call", "routed", "sample", "handed", "handed_office", "handed_position", "handed_next", "handed_minutes",
    "said_person", "said_place", "said_photo", "said_value",
)  # fmt: skip
ORIGIN = re.compile(r"https?://(?:\*\.)?[A-Za-z0-9.-]+(?::\d{1,5})?")
PERMISSIONS = HEADERS["permissions-policy"].replace("geolocation=()", "geolocation=(self)")
EXAMPLES = 4


@cache
def allowed_origins(setting: str) -> tuple[str, ...]:
    """Sites that may embed the chatbot, from HAECHI_WIDGET_ORIGINS (separated by spaces); what is no origin is told in the
    log and left out."""
    found = tuple(setting.split())
    wrong = [one for one in found if not ORIGIN.fullmatch(one)]
    if wrong:
        log.warning("HAECHI_WIDGET_ORIGINS에 주소가 아닌 값이 있어 쓰지 않습니다: %s", ", ".join(wrong))
    return tuple(one for one in found if one not in wrong)


# --- the page --------------------------------------------------------------------------------------------------------


def chat_page(
    request: Request, caller: Caller, bot_id: str, *, conversation_id: str = "", embedded: bool = False,
    status: int = 200, **more: Any,
) -> Response:  # fmt: skip
    """The page of one conversation, or of a new one, with one bot or (bot_id '') with the one door to all."""
    installation = request.app.state.installation
    bots: list[BotCard] = installation.bots.all(caller.actor)
    card = installation.bots.get(bot_id, caller.actor) if bot_id else None
    t = caller.wording
    context: dict[str, Any] = {
        **talk(request, caller, conversation_id),
        "bot_id": bot_id,
        "card": card,
        "bots": bots,
        "title": name_of(card, t.language) if card else t("chat.title"),
        "greeting": installation.bots.greeting(bot_id, caller.actor) if bot_id else t("chat.door"),
        "examples": examples_of(card, bots),
        "here": ("/widget" if embedded else "/chat") + (f"/{bot_id}" if bot_id else ""),
        "embedded": embedded,
        "guest_token": caller.fresh_guest,
        "days": installation.settings.conversation_days,
        "script_words": {key: t("chat.js_" + key) for key in SCRIPT_WORDS}
        | {key: t("chat." + key) for key in SHARED_WORDS},
        "problem": None,
        "draft": "",
    }
    template = "widget.html" if embedded else "chat.html"
    response = page(request, caller, template, status=status, **{**context, **more})
    response.headers["permissions-policy"] = PERMISSIONS
    return response


def talk(request: Request, caller: Caller, conversation_id: str) -> dict[str, Any]:
    """What `_chat_talk.html` draws of a conversation; an empty one for ''."""
    installation = request.app.state.installation
    found: Mapping[str, Any] = (
        installation.conversing.timeline(caller.actor, conversation_id) if conversation_id else {"turns": []}
    )
    turns = timeline_view(found["turns"], caller.wording)
    just_ended = bool(turns) and turns[-1]["kind"] != "turn" and not found["with_person"]
    return {
        "conversation_id": conversation_id,
        "turns": turns,
        "with_person": bool(found.get("with_person")),
        "sos": emergency_of(turns),
        "reasons": reasons(caller),
        "after": consultation(request, caller, conversation_id) if just_ended else None,
        "greeting": "",
        "examples": (),
        "embedded": False,
        "bot_id": str(found.get("bot") or ""),
    }


def consultation(request: Request, caller: Caller, conversation_id: str) -> Mapping[str, Any] | None:
    """The consultation that ended in this conversation, to be rated or opened again; None without one."""
    standing = request.app.state.installation.desk.standing(caller.actor, conversation_id)
    return standing if standing is not None and standing["state"] == "history" else None


def name_of(card: BotCard, language: str) -> str:
    """The bot's name in the caller's language."""
    return card.name_ko if language == "ko" else card.name_en or card.name_ko


def examples_of(card: BotCard | None, bots: list[BotCard]) -> tuple[str, ...]:
    """What one may ask: of this bot, or of the first bots that are built and on."""
    if card is not None:
        return card.examples[:EXAMPLES] if card.built and card.on else ()
    ready = [one for one in bots if one.built and one.on and one.examples and not one.emergency]
    return tuple(one.examples[0] for one in ready[:EXAMPLES])


Id = Annotated[str, Query(max_length=64)]


@router.get("/chat")
def door(request: Request, caller: Who, c: Id = "", q: Annotated[str, Query(max_length=2000)] = "") -> Response:
    """One door to all bots; `?c=` opens a conversation, `?q=` puts text into the box without sending it."""
    return chat_page(request, caller, "", conversation_id=c, draft=q)


@router.get("/chat/{bot}")
def one_bot(
    request: Request, caller: Who, bot: str, c: Id = "", q: Annotated[str, Query(max_length=2000)] = ""
) -> Response:
    """One bot."""
    return chat_page(request, caller, bot, conversation_id=c, draft=q)


@router.get("/chat/c/{conversation_id}/turns")
def turns(request: Request, caller: Who, conversation_id: str, framed: bool = False) -> Response:
    """The whole conversation as a fragment: what a streamed turn is replaced by, and how an agent's words arrive.

    framed: inside another site, where links open a window of their own.
    """
    return page(request, caller, "_chat_talk.html", **talk(request, caller, conversation_id) | {"embedded": framed})


# --- without scripts -------------------------------------------------------------------------------------------------


@router.post("/chat")
async def say_without_scripts(
    request: Request,
    caller: Who,
    bot: Annotated[str, Form(max_length=100)] = "",
    conversation_id: Annotated[str, Form(max_length=64)] = "",
    text: Annotated[str, Form()] = "",
    choice: Annotated[str, Form(max_length=200)] = "",
    value: Annotated[str, Form(max_length=4000)] = "",
    field_kind: Annotated[str, Form(max_length=20)] = "",
    wants_person: Annotated[str, Form(max_length=5)] = "",
    photo: UploadFile | None = None,
) -> Response:
    """One turn, waited for; then the conversation. What was typed stays in the box when it cannot be taken."""
    given: Any = None
    if field_kind and not (choice or wants_person):
        given = await read_value(field_kind, value, photo)
    said = Said(
        text=text.strip() if given is None and not (choice or wants_person) else "",
        choice="" if wants_person else choice,
        value=given,
        wants_person=bool(wants_person),
        language="en" if caller.language == "en" else "ko",
    )
    work = partial(_say_and_show, request, caller, said, bot, conversation_id)
    return await to_thread.run_sync(work, limiter=request.app.state.streams)


async def read_value(kind: str, value: str, photo: UploadFile | None) -> Any:
    """A field's value as the turn takes it: a place as {address}, a photo as {name, type, data (base64)}, else text."""
    if kind == "photo":
        if photo is None or not photo.filename:
            return ""
        data = await photo.read()
        return {
            "name": photo.filename, "type": photo.content_type or "", "data": base64.b64encode(data).decode("ascii"),
        }  # fmt: skip
    if kind == "place":
        return {"address": value.strip()}
    return value == "yes" if kind == "consent" else value.strip()


def _say_and_show(request: Request, caller: Caller, said: Said, bot: str, conversation_id: str) -> Response:
    conversing = request.app.state.installation.conversing
    turn = ""
    try:
        hold_back(request, caller)
        for event in conversing.turn(caller.actor, said, bot=bot or None, conversation_id=conversation_id or None):
            if event["event"] == "accepted":
                conversation_id, turn = event["conversation_id"], event["turn_id"]
            elif event["event"] == "error" and not turn:
                raise InvalidInput(str(event["message"]), next_step=str(event.get("next_step", "")))
    except HaechiError as error:
        return chat_page(
            request, caller, bot, conversation_id=conversation_id, status=error.status, problem=error, draft=said.text
        )
    response = RedirectResponse(f"/chat{f'/{bot}' if bot else ''}?c={conversation_id}#turn-{turn}", status_code=303)
    remember(request, response, caller)
    return response


@router.post("/chat/c/{conversation_id}/rating")
def rate(
    request: Request, caller: Who, conversation_id: str, score: Annotated[int, Form(ge=1, le=5)],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:  # fmt: skip
    """How the consultation was."""
    request.app.state.installation.desk.rate(caller.actor, conversation_id, score, note)
    return go(request, caller, f"/chat?c={conversation_id}", "thanks")


@router.post("/chat/c/{conversation_id}/reopen")
def reopen(request: Request, caller: Who, conversation_id: str) -> Response:
    """Into the line once more, with the same conversation."""
    request.app.state.installation.desk.reopen(caller.actor, conversation_id)
    return go(request, caller, f"/chat?c={conversation_id}")


# --- on other sites --------------------------------------------------------------------------------------------------


def _framed(request: Request, response: Response) -> Response:
    origins = allowed_origins(request.app.state.installation.settings.widget_origins)
    wanted = " ".join(("'self'", *origins)) if origins else "'none'"
    response.headers["content-security-policy"] = POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {wanted}")
    return response


@router.get("/widget")
def widget(request: Request, caller: Who) -> Response:
    """The one door inside a frame; only the sites of HAECHI_WIDGET_ORIGINS may show it."""
    return _framed(request, chat_page(request, caller, "", embedded=True))


@router.get("/widget.js")
def widget_script(request: Request) -> Response:
    """The script that other sites include; it brings a button and the frame, and nothing of what it shows."""
    request.path_params["name"] = "widget.js"
    response = assets.serve(request)
    response.headers["cross-origin-resource-policy"] = "cross-origin"
    response.headers["cache-control"] = "public, max-age=300"
    return response


@router.get("/widget/{bot}")
def widget_of(request: Request, caller: Who, bot: str) -> Response:
    """One bot inside a frame."""
    return _framed(request, chat_page(request, caller, bot, embedded=True))
