"""The step editor of scenarios: add a step, its text, its options; dead ends and loops shown at every redraw.

Every button sends the whole form; only 'save' keeps it. Nothing needs a script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from haechi.city.answers import WAYS_OUT, Written, checked, findings, from_yaml, to_yaml
from haechi.core.errors import HaechiError
from haechi.web.caller import Caller, permitted
from haechi.web.staff.answers import bot_choices, needed_day, own_bureaux, rehearsed, sent_of, standing_of
from haechi.web.view import go, page

router = APIRouter(prefix="/answers/scenarios", include_in_schema=False)
Reader = Annotated[Caller, Depends(permitted("answers.read"))]
EMPTY: dict[str, Any] = {"title": "", "steps": [{"id": "start", "text": "", "options": []}]}
MOST = 60


def scenario_page(
    request: Request, caller: Caller, one: dict[str, Any] | None, *, content: Mapping[str, Any] | None = None,
    status: int = 200, **more: Any,
) -> Response:  # fmt: skip
    """The editor with what is kept, or with `content` that is not kept yet."""
    shown = content if content is not None else one["content"] if one else EMPTY
    sent = sent_of(one, caller) | more.pop("sent", {})
    bot = one["bot"] if one else sent["bot"]
    faq = faq_choices(request, caller, bot)
    found = findings(shown, [key for key, _ in faq])
    return page(
        request, caller, "answers_scenario.html", status=status, one=one, content=shown, sent=sent,
        bots=bot_choices(request, caller), bureaux=own_bureaux(request, caller), faq=faq, found=found,
        marked={item.step: item.blocks for item in sorted(found, key=lambda item: item.blocks)},
        known_targets=[*WAYS_OUT, *(f"faq:{key}" for key, _ in faq)], yaml=to_yaml(shown), unsaved=content is not None,
        reasons=(), **{"error": None, "say": "", "rehearsed": None, **standing_of(request, caller, one), **more},
    )  # fmt: skip


def faq_choices(request: Request, caller: Caller, bot: str) -> list[tuple[str, str]]:
    """The bot's FAQ to which an option may lead."""
    if not bot:
        return []
    rows = request.app.state.installation.answers.shelf(caller.actor, bot=bot, kind="faq", limit=500).rows
    return [(row["id"], row["title"]) for row in rows]


def read_form(form: FormData) -> dict[str, Any]:
    """The graph in the form: fields title, id-N, text-N, label-N-M, to-N-M."""
    steps = []
    for n in range(MOST):
        if f"id-{n}" not in form:
            break
        options = []
        for m in range(MOST):
            if f"label-{n}-{m}" not in form:
                break
            options.append([str(form[f"label-{n}-{m}"]), str(form.get(f"to-{n}-{m}", ""))])
        steps.append({"id": str(form[f"id-{n}"]).strip(), "text": str(form[f"text-{n}"]).strip(), "options": options})
    return {"title": str(form.get("title", "")).strip(), "steps": steps}


def acted(content: dict[str, Any], act: str) -> dict[str, Any]:
    """The graph after a button of the editor: add-step, add-option-N, remove-step-N, up-N."""
    steps = content["steps"]
    name, _, number = act.rpartition("-")
    at = int(number) if number.isdigit() else -1
    if act == "add-step":
        taken = {step["id"] for step in steps}
        new = next(f"step{n}" for n in range(len(steps) + 1, len(steps) + MOST + 2) if f"step{n}" not in taken)
        steps.append({"id": new, "text": "", "options": []})
    elif 0 <= at < len(steps):
        if name == "add-option":
            steps[at]["options"].append(["", ""])
        elif name == "remove-step":
            del steps[at]
        elif name == "up" and at:
            steps[at - 1], steps[at] = steps[at], steps[at - 1]
    return content


@router.get("/new")
def new(request: Request, caller: Reader, bot: Annotated[str, Query(max_length=100)] = "") -> Response:
    """An empty scenario with one step."""
    return scenario_page(request, caller, None, sent={"bot": bot})


@router.post("/new")
async def create(request: Request, caller: Reader) -> Response:
    """A button of the editor, or keep it as a draft."""
    return await _edit(request, caller, "")


@router.get("/{answer_id}")
def one(request: Request, caller: Reader, answer_id: str, say: Annotated[str, Query(max_length=500)] = "") -> Response:
    """One scenario: editor, findings, history. `?say=` rehearses a sentence."""
    found = request.app.state.installation.answers.one(caller.actor, answer_id)
    if found["kind"] != "scenario":
        return go(request, caller, f"/answers/{answer_id}")
    return scenario_page(request, caller, found, **rehearsed(request, caller, found, say))


@router.post("/{answer_id}")
async def edit(request: Request, caller: Reader, answer_id: str) -> Response:
    """A button of the editor, or keep it as a new version."""
    return await _edit(request, caller, answer_id)


async def _edit(request: Request, caller: Caller, answer_id: str) -> Response:
    form = await request.form()
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(_edited, request, caller, answer_id, form)


def _edited(request: Request, caller: Caller, answer_id: str, form: FormData) -> Response:
    installation = request.app.state.installation
    kept = installation.answers.one(caller.actor, answer_id) if answer_id else None
    names = ("bot", "bureau", "phrases", "owner", "valid_from", "valid_until", "why")
    sent = {name: str(form.get(name, "")) for name in names if name in form}
    content, act = read_form(form), str(form.get("act", ""))
    try:
        if act == "yaml":
            content = from_yaml(str(form.get("yaml", "")))
        if act != "save":
            return scenario_page(request, caller, kept, content=acted(content, act), sent=sent)
        days = needed_day(sent["valid_from"]), needed_day(sent["valid_until"])
        written = Written(checked(content), sent["owner"], *days, sent.get("why", ""))
        if kept is None:
            phrases = sent.get("phrases", "").splitlines()
            answer_id = installation.answer_desk.create(
                caller.actor, "scenario", sent["bot"], sent["bureau"], written, phrases
            )
        else:
            installation.answer_desk.revise(caller.actor, answer_id, int(str(form.get("base", "0"))), written)
    except HaechiError as error:
        return scenario_page(request, caller, kept, content=content, sent=sent, status=error.status, error=error)
    return go(request, caller, f"/answers/scenarios/{answer_id}", "saved")
