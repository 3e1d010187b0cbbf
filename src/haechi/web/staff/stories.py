"""시험 이야기 and 답하지 못한 질문: what is played before publishing, and what the bots could not answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.city.answers import EXPECTATIONS, Line
from haechi.core.errors import HaechiError
from haechi.web.caller import Caller, permitted
from haechi.web.staff.answers import bot_choices, own_bureaux
from haechi.web.view import go, page

router = APIRouter(prefix="/answers", include_in_schema=False)
Reader = Annotated[Caller, Depends(permitted("answers.read"))]
Short = Annotated[str, Form(max_length=300)]
EMPTY_LINES = 4


def stories_page(request: Request, caller: Caller, *, status: int = 200, **more: Any) -> Response:
    """All stories, the form for a new one, and the last results."""
    stories = request.app.state.installation.stories
    bots, kept = bot_choices(request, caller), stories.of(caller.actor)
    context: dict[str, Any] = {
        "stories": kept,
        "runs": stories.runs(caller.actor),
        "bots": bots,
        "bot_names": dict(bots),
        "tried_bots": [(key, name) for key, name in bots if key in {one["bot"] for one in kept}],
        "bureaux": own_bureaux(request, caller),
        "expectations": [(key, caller.wording.pick(names)) for key, names in EXPECTATIONS.items()],
        "sent": {"bot": "", "bureau": caller.actor.bureau, "title": "", "lines": [("", "text", "")] * EMPTY_LINES},
        "error": None,
    }
    return page(request, caller, "answers_stories.html", status=status, **{**context, **more})


@router.get("/stories")
def stories(request: Request, caller: Reader) -> Response:
    """What is tried before anything is published."""
    return stories_page(request, caller)


@router.post("/stories")
def add_story(
    request: Request,
    caller: Reader,
    bot: Short = "",
    bureau: Short = "",
    title: Short = "",
    said: Annotated[list[str] | None, Form()] = None,
    expect: Annotated[list[str] | None, Form()] = None,
    value: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Keep a story; lines without words are left out."""
    lines = list(zip(said or (), expect or (), value or (), strict=False))
    try:
        request.app.state.installation.stories.add(caller.actor, bot, bureau, title, [Line(*line) for line in lines])
    except HaechiError as error:
        shown = [*lines, *[("", "text", "")] * (EMPTY_LINES - len(lines))]
        sent = {"bot": bot, "bureau": bureau, "title": title, "lines": shown}
        return stories_page(request, caller, status=error.status, error=error, sent=sent)
    return go(request, caller, "/answers/stories", "saved")


@router.post("/stories/run")
def run_stories(request: Request, caller: Reader, bot: Short = "") -> Response:
    """Play them with what is published now."""
    try:
        request.app.state.installation.stories.run(caller.actor, bot)
    except HaechiError as error:
        return stories_page(request, caller, status=error.status, error=error)
    return go(request, caller, "/answers/stories#runs", "played")


@router.post("/stories/{story_id}/remove")
def remove_story(request: Request, caller: Reader, story_id: str) -> Response:
    """Take one out of the play."""
    try:
        request.app.state.installation.stories.remove(caller.actor, story_id)
    except HaechiError as error:
        return stories_page(request, caller, status=error.status, error=error)
    return go(request, caller, "/answers/stories", "saved")


# --- what stayed unanswered ------------------------------------------------------------------------------------------


@router.get("/unanswered")
def unanswered(
    request: Request, caller: Reader, bureau: Annotated[str | None, Query(max_length=100)] = None
) -> Response:
    """Alike questions together, the most frequent first; each with the FAQ nearest to it."""
    return _unanswered(request, caller, caller.actor.bureau if bureau is None else bureau)


def _unanswered(request: Request, caller: Caller, bureau: str, *, status: int = 200, **more: Any) -> Response:
    installation = request.app.state.installation
    return page(
        request, caller, "answers_unanswered.html", status=status, clusters=installation.worklist.unanswered(caller.actor, bureau),
        bureau=bureau, bureaux=[(row["id"], row["id"]) for row in installation.library.bureaux(caller.actor)],
        bot_names=dict(bot_choices(request, caller)), **{"error": None, **more},
    )  # fmt: skip


@router.post("/unanswered/{cluster_id}/add")
def add_to(request: Request, caller: Reader, cluster_id: str, answer_id: Short = "") -> Response:
    """One click: the question becomes another wording of the FAQ, and leaves the list."""
    installation = request.app.state.installation
    try:
        installation.worklist.add_to(caller.actor, cluster_id, answer_id)
    except HaechiError as error:
        return _unanswered(request, caller, caller.actor.bureau, status=error.status, error=error)
    return go(request, caller, "/answers/unanswered", "saved")


@router.post("/unanswered/{cluster_id}/dismiss")
def dismiss(request: Request, caller: Reader, cluster_id: str, note: Short = "") -> Response:
    """Not to be answered; the reason stays."""
    try:
        request.app.state.installation.worklist.settle(
            caller.actor, cluster_id, f"dismissed: {note}" if note.strip() else ""
        )
    except HaechiError as error:
        return _unanswered(request, caller, caller.actor.bureau, status=error.status, error=error)
    return go(request, caller, "/answers/unanswered", "saved")
