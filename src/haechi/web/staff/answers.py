"""답변 관리: the list of kept answers, an FAQ with its versions, review, publishing, other wordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.city.answers import STANDINGS, WORK, Written
from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput
from haechi.web.caller import Caller, permitted
from haechi.web.citizen.chat_view import turn_view
from haechi.web.pages_ask import read_day
from haechi.web.view import go, page, pages_of

router = APIRouter(prefix="/answers", include_in_schema=False)

Reader = Annotated[Caller, Depends(permitted("answers.read"))]
PAGE = 50
YEAR = timedelta(days=365)
Short = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=8000)]


def bot_choices(request: Request, caller: Caller) -> list[tuple[str, str]]:
    """Every bot that this person may talk to: id and name."""
    ko = caller.language == "ko"
    return [
        (one.id, one.name_ko if ko else one.name_en) for one in request.app.state.installation.bots.all(caller.actor)
    ]


def own_bureaux(request: Request, caller: Caller) -> list[tuple[str, str]]:
    """The bureaux for which this person may write."""
    rows = request.app.state.installation.library.bureaux(caller.actor)
    return [(row["id"], row["id"]) for row in rows if caller.may("answers.edit", row["id"])]


@router.get("")
def shelf(
    request: Request,
    caller: Reader,
    search: Annotated[str, Query(max_length=200)] = "",
    bot: Annotated[str, Query(max_length=100)] = "",
    kind: Annotated[str, Query(max_length=20)] = "",
    standing: Annotated[str, Query(max_length=20)] = "",
    bureau: Annotated[str, Query(max_length=100)] = "",
    page_number: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1,
) -> Response:
    """All that this person may see, the soonest end first."""
    wanted = {"search": search, "bot": bot, "kind": kind, "standing": standing, "bureau": bureau}
    installation = request.app.state.installation
    found = installation.answers.shelf(caller.actor, **wanted, limit=PAGE, offset=(page_number - 1) * PAGE)
    t, bots = caller.wording, bot_choices(request, caller)
    standings = [(key, t("answers.standing_" + key)) for key in STANDINGS]
    return page(
        request, caller, "answers.html", shelf=found, wanted=wanted, bots=bots, bot_names=dict(bots),
        standings=standings + [(key, t("answers.work_" + key)) for key in WORK],
        bureaux=[(row["id"], row["id"]) for row in installation.library.bureaux(caller.actor)],
        may_edit=bool(own_bureaux(request, caller)), pager=pages_of(found.total, PAGE, page_number, wanted),
    )  # fmt: skip


# --- one FAQ ---------------------------------------------------------------------------------------------------------


def sent_of(one: Mapping[str, Any] | None, caller: Caller) -> dict[str, Any]:
    """The values of the form: of the newest version, or of a new answer."""
    today = clock.today()
    if one is None:
        return {
            "bot": "", "bureau": caller.actor.bureau, "question": "", "answer": "", "links": "", "phrases": "",
            "owner": caller.actor.name, "valid_from": today, "valid_until": today + YEAR, "why": "", "base": 0,
        }  # fmt: skip
    content = one["content"]
    return {
        "question": content.get("question", ""), "answer": content.get("answer", ""), "owner": one["owner"],
        "links": "\n".join(f"{label} | {address}" for label, address in content.get("links", ())),
        "valid_from": one["valid_from"], "valid_until": one["valid_until"], "why": "", "base": one["number"],
    }  # fmt: skip


def one_page(
    request: Request, caller: Caller, one: dict[str, Any] | None, *, status: int = 200, **more: Any
) -> Response:
    """The page of an FAQ, or of a new one (None)."""
    sent = sent_of(one, caller) | more.pop("sent", {})
    return page(
        request, caller, "answers_one.html", status=status, one=one, sent=sent, bots=bot_choices(request, caller),
        bureaux=own_bureaux(request, caller), preview=preview_of(sent, caller, one), reasons=(),
        **{"error": None, "say": "", "rehearsed": None, **standing_of(request, caller, one), **more},
    )  # fmt: skip


def standing_of(request: Request, caller: Caller, one: Mapping[str, Any] | None) -> dict[str, Any]:
    """What this person may do with the answer, and how its newest version did in the test stories."""
    if one is None:
        return {"may_edit": True, "may_publish": False, "has_stories": False, "tried": None}
    newest, bureau = one["versions"][0], one["bureau"]
    own = newest["made_by"] == caller.actor.subject and not caller.may("answers.publish_own", bureau)
    stories = request.app.state.installation.stories
    runs = (run for run in stories.runs(caller.actor, one["bot"], limit=200) if run["candidate"] == one["id"])
    return {
        "may_edit": caller.may("answers.edit", bureau),
        "may_publish": caller.may("answers.publish", bureau) and not own,
        "has_stories": bool(stories.of(caller.actor, one["bot"])),
        "tried": next((run for run in runs if run["candidate_number"] == newest["number"]), None),
    }


def rehearsed(request: Request, caller: Caller, one: Mapping[str, Any], say: str) -> dict[str, Any]:
    """What comes back to `say` with the newest version, as a turn of the chat page; {} for nothing said."""
    if not say.strip():
        return {"say": "", "rehearsed": None}
    stories = request.app.state.installation.stories
    events = stories.rehearse(caller.actor, one["bot"], say, (one["id"], one["number"]))
    return {"say": say, "rehearsed": turn_view(as_turn("rehearsal", say, events), caller.wording) | {"may_rate": False}}


def as_turn(id: str, said: str, events: list[Any]) -> dict[str, Any]:
    """A turn that was never said, in the shape of the timeline."""
    return {
        "id": id, "kind": "turn", "state": "answered", "said": said, "events": events, "by_name": "", "at": None, "text": "",
    }  # fmt: skip


def preview_of(sent: Mapping[str, Any], caller: Caller, one: Mapping[str, Any] | None) -> dict[str, Any]:
    """The answer as a turn of the chat page."""
    try:
        links = read_links(str(sent["links"]))
    except InvalidInput:
        links = []
    event = {
        "event": "say", "text": sent["answer"], "by": "person", "owner": sent["owner"], "links": links,
        "bureau": one["bureau"] if one else sent.get("bureau", ""), "valid_until": sent["valid_until"],
    }  # fmt: skip
    return turn_view(as_turn("preview", str(sent["question"]), [event]), caller.wording) | {"may_rate": False}


def read_links(text: str) -> list[list[str]]:
    """'name | address' lines. InvalidInput for a line without the bar."""
    links = []
    for line in filter(None, map(str.strip, text.splitlines())):
        label, bar, address = line.rpartition("|")
        if not bar:
            raise InvalidInput(f"링크를 읽을 수 없습니다: {line}", next_step="이름 | https://주소 모양으로 적으세요.")
        links.append([label.strip(), address.strip()])
    return links


def needed_day(value: str) -> Any:
    """A day that must be there."""
    day = read_day(value)
    if day is None:
        raise InvalidInput(
            "날짜가 비어 있습니다.", next_step="시작하는 날과 끝나는 날을 적으세요.", record="valid_until"
        )
    return day


def _written(sent: Mapping[str, str]) -> Written:
    content = {"question": sent["question"], "answer": sent["answer"], "links": read_links(sent["links"])}
    days = needed_day(sent["valid_from"]), needed_day(sent["valid_until"])
    return Written(content, sent["owner"], *days, sent["why"])


@router.get("/new")
def new(
    request: Request, caller: Reader, kind: Annotated[str, Query(max_length=20)] = "faq",
    bot: Annotated[str, Query(max_length=100)] = "", q: Annotated[str, Query(max_length=300)] = "",
    phrases: Annotated[str, Query(max_length=8000)] = "",
) -> Response:  # fmt: skip
    """An empty form; `?q=` and `?phrases=` come from a question that stayed unanswered."""
    if kind == "scenario":
        return go(request, caller, "/answers/scenarios/new")
    return one_page(request, caller, None, sent={"bot": bot, "question": q, "phrases": phrases})


@router.post("/new")
def create(
    request: Request, caller: Reader, bot: Short = "", bureau: Short = "", question: Short = "", answer: Long = "",
    links: Long = "", phrases: Long = "", owner: Short = "", valid_from: Short = "", valid_until: Short = "",
) -> Response:  # fmt: skip
    """Keep it as a draft."""
    sent = {
        "bot": bot, "bureau": bureau, "question": question, "answer": answer, "links": links, "phrases": phrases,
        "owner": owner, "valid_from": valid_from, "valid_until": valid_until, "why": "",
    }  # fmt: skip
    try:
        made = request.app.state.installation.answer_desk.create(
            caller.actor, "faq", bot, bureau, _written(sent), phrases.splitlines()
        )
    except HaechiError as error:
        return one_page(request, caller, None, status=error.status, error=error, sent=sent)
    return go(request, caller, f"/answers/{made}", "saved")


@router.get("/{answer_id}")
def one(request: Request, caller: Reader, answer_id: str, say: Annotated[str, Query(max_length=500)] = "") -> Response:
    """One FAQ: edit, preview, what is to be done next, history. `?say=` rehearses a sentence."""
    found = request.app.state.installation.answers.one(caller.actor, answer_id)
    if found["kind"] == "scenario":
        return go(request, caller, f"/answers/scenarios/{answer_id}")
    return one_page(request, caller, found, **rehearsed(request, caller, found, say))


@router.post("/{answer_id}")
def revise(
    request: Request, caller: Reader, answer_id: str, base: Annotated[int, Form(ge=1)], question: Short = "",
    answer: Long = "", links: Long = "", owner: Short = "", valid_from: Short = "", valid_until: Short = "", why: Short = "",
) -> Response:  # fmt: skip
    """A new version; what was typed stays on the screen when somebody else was faster."""
    sent = {
        "question": question, "answer": answer, "links": links, "owner": owner, "valid_from": valid_from,
        "valid_until": valid_until, "why": why,
    }  # fmt: skip
    installation = request.app.state.installation
    try:
        installation.answer_desk.revise(caller.actor, answer_id, base, _written(sent))
    except HaechiError as error:
        found = installation.answers.one(caller.actor, answer_id)
        return one_page(request, caller, found, status=error.status, error=error, sent=sent)
    return go(request, caller, f"/answers/{answer_id}#next", "saved")


# --- what is done with either kind -----------------------------------------------------------------------------------


def attempt(request: Request, caller: Caller, answer_id: str, work: Callable[[], Any], anchor: str) -> Response:
    """Do it and go back to the answer; on refusal show the answer's page with the reason."""
    try:
        work()
    except HaechiError as error:
        found = request.app.state.installation.answers.one(caller.actor, answer_id)
        if found["kind"] == "scenario":
            from haechi.web.staff.scenarios import scenario_page

            return scenario_page(request, caller, found, status=error.status, error=error)
        return one_page(request, caller, found, status=error.status, error=error)
    return go(request, caller, f"/answers/{answer_id}#{anchor}", "saved")


Number = Annotated[int, Form(ge=1)]
Note = Annotated[str, Form(max_length=1000)]


@router.post("/{answer_id}/submit")
def submit(request: Request, caller: Reader, answer_id: str, number: Number) -> Response:
    """Ask a colleague for the review."""
    desk = request.app.state.installation.answer_desk
    return attempt(request, caller, answer_id, lambda: desk.submit(caller.actor, answer_id, number), "next")


@router.post("/{answer_id}/publish")
def publish(
    request: Request, caller: Reader, answer_id: str, number: Number, note: Note = "", despite: Short = ""
) -> Response:
    """The second person says yes."""
    desk = request.app.state.installation.answer_desk
    work = lambda: desk.publish(caller.actor, answer_id, number, note, despite=despite == "yes")  # noqa: E731
    return attempt(request, caller, answer_id, work, "next")


@router.post("/{answer_id}/send_back")
def send_back(request: Request, caller: Reader, answer_id: str, number: Number, note: Note = "") -> Response:
    """The second person says no, and why."""
    desk = request.app.state.installation.answer_desk
    return attempt(request, caller, answer_id, lambda: desk.send_back(caller.actor, answer_id, number, note), "next")


@router.post("/{answer_id}/withdraw")
def withdraw(request: Request, caller: Reader, answer_id: str, note: Note = "") -> Response:
    """Stop saying it now."""
    desk = request.app.state.installation.answer_desk
    return attempt(request, caller, answer_id, lambda: desk.withdraw(caller.actor, answer_id, note), "next")


@router.post("/{answer_id}/try")
def try_stories(request: Request, caller: Reader, answer_id: str, number: Number) -> Response:
    """Play the bot's test stories with this version."""
    installation = request.app.state.installation

    def work() -> None:
        bot = installation.answers.one(caller.actor, answer_id)["bot"]
        installation.stories.run(caller.actor, bot, (answer_id, number))

    return attempt(request, caller, answer_id, work, "next")


@router.post("/{answer_id}/phrases")
def add_phrase(
    request: Request,
    caller: Reader,
    answer_id: str,
    phrase: Short = "",
    source: Annotated[str, Form(max_length=20)] = "typed",
) -> Response:
    """One more wording; from the unanswered questions with one click."""
    desk = request.app.state.installation.answer_desk
    came_from = "unanswered" if source == "unanswered" else "typed"
    return attempt(
        request, caller, answer_id, lambda: desk.add_phrase(caller.actor, answer_id, phrase, came_from), "phrases"
    )


@router.post("/{answer_id}/phrases/{phrase_id}/remove")
def remove_phrase(request: Request, caller: Reader, answer_id: str, phrase_id: str) -> Response:
    """Take a wording away."""
    desk = request.app.state.installation.answer_desk
    return attempt(
        request, caller, answer_id, lambda: desk.remove_phrase(caller.actor, answer_id, phrase_id), "phrases"
    )
