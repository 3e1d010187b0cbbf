"""묻기: the conversation page, its form for browsers without scripts, the cited passage, feedback on an answer."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from haechi.city.feedback import REASONS
from haechi.core.errors import HaechiError, InvalidInput
from haechi.web.caller import Caller, Who
from haechi.web.turns import turn_view
from haechi.web.view import go, is_fragment, page

router = APIRouter(include_in_schema=False)

SCRIPT_WORDS = (
    "searching", "reading", "writing", "waiting", "lost", "lost_step", "stopped", "copied", "cite_short", "question",
)  # fmt: skip


def reasons(caller: Caller) -> list[tuple[str, str]]:
    """Why an answer may be bad, in the caller's language."""
    return [(key, caller.wording.pick(pair)) for key, pair in REASONS.items() if key]


def read_day(value: str) -> date | None:
    """A day from a form; None for an empty one. InvalidInput for what is no date."""
    if not value.strip():
        return None
    try:
        return date.fromisoformat(value.strip())
    except ValueError as error:
        raise InvalidInput(
            f"'{value}'은(는) 날짜가 아닙니다.", next_step="2026-01-31처럼 적으세요.", record=value
        ) from error


def ask_page(
    request: Request, caller: Caller, *, conversation_id: str = "", status: int = 200, **more: Any
) -> Response:
    """The page of one conversation, or of a new one."""
    installation = request.app.state.installation
    conversation = installation.asking.conversation(caller.actor, conversation_id) if conversation_id else None
    t = caller.wording
    context: dict[str, Any] = {
        "conversation": conversation,
        "turns": [turn_view(turn, t) for turn in conversation["turns"]] if conversation else [],
        "conversations": installation.asking.conversations(caller.actor),
        "documents": installation.library.documents(caller.actor, limit=1).total if not conversation else -1,
        "days": installation.settings.conversation_days,
        "reasons": reasons(caller),
        "given": False,
        "problem": None,
        "draft": "",
        "as_of": "",
        "script_words": {key: t("ask.js_" + key) for key in SCRIPT_WORDS},
    }
    return page(request, caller, "ask.html", status=status, **{**context, **more})


@router.get("/ask")
def new_conversation(request: Request, caller: Who, q: Annotated[str, Query(max_length=2000)] = "") -> Response:
    """An empty page; `?q=` puts a question into the box without asking it."""
    return ask_page(request, caller, draft=q)


@router.get("/ask/{conversation_id}")
def old_conversation(request: Request, caller: Who, conversation_id: str) -> Response:
    """One of the caller's own conversations."""
    return ask_page(request, caller, conversation_id=conversation_id)


@router.get("/ask/{conversation_id}/turns/{turn_id}")
def one_turn(request: Request, caller: Who, conversation_id: str, turn_id: str) -> Response:
    """One finished turn as a fragment: what a streamed answer is replaced by."""
    conversation = request.app.state.installation.asking.conversation(caller.actor, conversation_id)
    turn = next((turn for turn in conversation["turns"] if turn["id"] == turn_id), None)
    if turn is None:
        return ask_page(request, caller, conversation_id=conversation_id)
    return page(
        request, caller, "_turn.html",
        turn=turn_view(turn, caller.wording), conversation=conversation, reasons=reasons(caller), given=False,
    )  # fmt: skip


@router.post("/ask")
async def ask_without_scripts(
    request: Request,
    caller: Who,
    question: Annotated[str, Form()] = "",
    conversation_id: Annotated[str, Form()] = "",
    as_of: Annotated[str, Form()] = "",
) -> Response:
    """Ask, wait for the whole answer, show the conversation. The question stays in the box when it cannot be taken."""
    work = partial(_ask_and_show, request, caller, question, conversation_id, as_of)
    return await to_thread.run_sync(work, limiter=request.app.state.streams)


def _ask_and_show(request: Request, caller: Caller, question: str, conversation_id: str, as_of: str) -> Response:
    asking = request.app.state.installation.asking
    turn = ""
    try:
        events = asking.ask(caller.actor, question, conversation_id=conversation_id or None, as_of=read_day(as_of))
        for event in events:
            if event["event"] == "accepted":
                conversation_id, turn = event["conversation_id"], event["turn_id"]
    except HaechiError as error:
        return ask_page(
            request,
            caller,
            conversation_id=conversation_id,
            status=error.status,
            problem=error,
            draft=question,
            as_of=as_of,
        )
    return go(request, caller, f"/ask/{conversation_id}#turn-{turn}")


@router.post("/ask/{conversation_id}/forget")
def forget(request: Request, caller: Who, conversation_id: str) -> Response:
    """Delete a conversation."""
    request.app.state.installation.asking.forget(caller.actor, conversation_id)
    return go(request, caller, "/ask", "forgotten")


@router.post("/ask/turns/{turn_id}/feedback")
def give_feedback(
    request: Request,
    caller: Who,
    turn_id: str,
    helpful: Annotated[str, Form()] = "no",
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Say whether the answer helped; a fault goes to the desk of the document's owner."""
    good = helpful == "yes"
    request.app.state.installation.feedback.give(
        caller.actor, turn_id, helpful=good, reason="" if good else reason, note="" if good else note
    )
    if is_fragment(request):
        return page(request, caller, "_thanks.html", helpful=good)
    return go(request, caller, "/ask", "thanks")


@router.get("/passages/{passage_id}")
def passage(
    request: Request, caller: Who, passage_id: str, quote: Annotated[str, Query(max_length=2000)] = ""
) -> Response:
    """A cited passage with its neighbours: a fragment beside the answer, or a page of its own."""
    row = request.app.state.installation.library.passage(caller.actor, passage_id)
    before, marked, after = split_at(row["text"], quote)
    return page(
        request, caller, "_passage.html" if is_fragment(request) else "passage.html",
        passage=row, quote=quote, parts_before=before, marked=marked, parts_after=after,
    )  # fmt: skip


def split_at(text: str, quote: str) -> tuple[str, str, str]:
    """The text around the quote; ("text", "", "") when the quote is empty or not in it."""
    if not quote or quote not in text:
        return text, "", ""
    before, _, after = text.partition(quote)
    return before, quote, after
