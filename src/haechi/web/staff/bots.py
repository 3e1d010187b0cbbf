"""나만의 챗봇: a department makes a bot from its documents, tests it, publishes it, takes it back. No step needs a script."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from starlette.responses import Response

from haechi.city.bots import BotDraft
from haechi.city.bots.policy import bot_policy
from haechi.city.bots.questions import TestQuestion, read_file
from haechi.city.library import GRADES
from haechi.core.errors import HaechiError, InvalidInput
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, is_fragment, page

router = APIRouter(include_in_schema=False)
STEPS = ("name", "documents", "greeting", "questions", "score", "publish")
UNDER_WAY = ("received", "reading")

Viewer = Annotated[Caller, Depends(permitted("bot.list"))]
Maker = Annotated[Caller, Depends(permitted("bot.make"))]
Text = Annotated[str, Form(max_length=4000)]
Short = Annotated[str, Form(max_length=300)]


def house(request: Request) -> Any:
    """The installation behind the request."""
    return request.app.state.installation


def own_bot(request: Request, caller: Caller, bot_id: str) -> dict[str, Any]:
    """The bot's row; NotFound for whoever may not change it."""
    row: dict[str, Any] = house(request).bots.row(caller.actor, bot_id)
    if not row["mine"]:
        from haechi.city.bots.registry import no_bot

        raise no_bot(bot_id)
    return row


def step(request: Request, caller: Caller, name: str, bot: dict[str, Any] | None, **context: Any) -> Response:
    """One step of making a bot, with the way behind and before it."""
    steps = [
        {"key": key, "number": at, "here": key == name, "done": at < STEPS.index(name) + 1, "address": _way(bot, key)}
        for at, key in enumerate(STEPS, 1)
    ]
    return page(request, caller, f"bots_{name}.html", bot=bot, steps=steps, **{"error": None, **context})


def _way(bot: dict[str, Any] | None, key: str) -> str:
    if bot is None:
        return ""
    return f"/bots/{bot['id']}" + ("" if key == "publish" else f"/{key}")


# --- the list, and a new bot -------------------------------------------------------------------------------------------


@router.get("/bots")
def bots(request: Request, caller: Viewer) -> Response:
    """Every bot that this person may know of."""
    rows = house(request).bots.listed(caller.actor)
    groups = [("mine", [r for r in rows if r["mine"]]), ("others", [r for r in rows if r["kind"] == "department" and not r["mine"]]),
              ("services", [r for r in rows if r["kind"] == "service" and r["state"] != "withdrawn"])]  # fmt: skip
    may_make = caller.may("bot.make", caller.actor.bureau or None)
    return page(request, caller, "bots.html", groups=groups, may_make=may_make)


def _name_form(request: Request, caller: Caller, sent: dict[str, str], error: HaechiError | None = None) -> Response:
    bureaux = [row["id"] for row in house(request).library.bureaux(caller.actor)]
    own = [(name, name) for name in bureaux if caller.may("bot.make", name)]
    return step(
        request, caller, "name", None, sent=sent, own_bureaux=own, error=error, status=error.status if error else 200
    )


@router.get("/bots/new")
def new(request: Request, caller: Maker) -> Response:
    """Name, whom it serves, whose it is."""
    return _name_form(
        request, caller, {"name_ko": "", "audience": "citizen", "purpose": "", "bureau": caller.actor.bureau}
    )


@router.post("/bots/new")
def make(
    request: Request,
    caller: Maker,
    name_ko: Short = "",
    audience: Short = "citizen",
    bureau: Short = "",
    purpose: Short = "",
) -> Response:
    """A draft with the bureau as the office to ask; then its documents."""
    try:
        bot_id = house(request).bot_building.create(caller.actor, BotDraft(name_ko, audience, bureau, purpose=purpose))
    except HaechiError as error:
        return _name_form(
            request, caller, {"name_ko": name_ko, "audience": audience, "purpose": purpose, "bureau": bureau}, error
        )
    return go(request, caller, f"/bots/{bot_id}/documents")


@router.get("/bots/{bot_id}/name")
def name(request: Request, caller: Maker, bot_id: str) -> Response:
    """Name and audience of a draft stand in the form of its greeting."""
    return go(request, caller, f"/bots/{own_bot(request, caller, bot_id)['id']}/greeting#name_ko")


# --- documents -----------------------------------------------------------------------------------------------------------


def _documents(request: Request, caller: Caller, bot_id: str, *, search: str = "", **more: Any) -> Response:
    bot, desk = own_bot(request, caller, bot_id), house(request).bots
    held = desk.documents(caller.actor, bot_id)
    grades = ("public",) if bot["audience"] == "citizen" else ("bureau", "staff", "public")
    context: dict[str, Any] = {
        "held": held,
        "busy": any(row["state"] in UNDER_WAY for row in held),
        "grades": [(key, caller.wording.pick(GRADES[key])) for key in grades],
        "grade_names": dict(GRADES),
        "search": search,
        "limit": house(request).settings.upload_limit_mib,
    }
    if is_fragment(request):
        return page(request, caller, "_bots_documents.html", bot=bot, **context)
    found = desk.to_choose(caller.actor, bot_id, search)
    return step(request, caller, "documents", bot, found=found, **{"problems": [], **context, **more})


@router.get("/bots/{bot_id}/documents")
def documents(
    request: Request, caller: Maker, bot_id: str, search: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """What the bot knows; the list alone while htmx asks how far reading is."""
    return _documents(request, caller, bot_id, search=search.strip())


@router.post("/bots/{bot_id}/documents")
def put_in(
    request: Request,
    caller: Maker,
    bot_id: str,
    chosen: Annotated[list[str] | None, Form()] = None,
    grade: Short = "",
    files: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    """Put chosen documents and uploaded files in; files that cannot be taken are named, the others are in."""
    bot = own_bot(request, caller, bot_id)
    problems: list[HaechiError] = []
    taken = list(chosen or [])
    wanted = [file for file in files or [] if file.filename]
    for file in wanted:
        try:
            taken.append(_upload(request, caller, bot, file, grade))
        except HaechiError as error:
            problems.append(error)
    try:
        if not taken and not problems:
            raise InvalidInput("고른 문서가 없습니다.", next_step="파일을 고르거나 자료실 문서에 표시하세요.")
        if taken:
            house(request).bot_building.put_in(caller.actor, bot_id, taken)
    except HaechiError as error:
        problems.append(error)
    if problems:
        return _documents(request, caller, bot_id, problems=problems, status=problems[0].status)
    return go(request, caller, f"/bots/{bot_id}/documents", "bot_documents")


def _upload(request: Request, caller: Caller, bot: dict[str, Any], file: UploadFile, grade: str) -> str:
    receipt = house(request).library.upload(
        caller.actor, filename=file.filename or "", data=file.file.read(), bureau=bot["bureau"],
        grade="public" if bot["audience"] == "citizen" else grade or "bureau",
    )  # fmt: skip
    return str(receipt.document_id)


@router.post("/bots/{bot_id}/documents/{document_id}/remove")
def take_out(request: Request, caller: Maker, bot_id: str, document_id: str) -> Response:
    """Take a document out of the draft; it stays in the library."""
    house(request).bot_building.take_out(caller.actor, bot_id, document_id)
    return go(request, caller, f"/bots/{bot_id}/documents", "saved")


# --- greeting ------------------------------------------------------------------------------------------------------------


def _greeting(
    request: Request, caller: Caller, bot_id: str, sent: dict[str, Any] | None = None, **more: Any
) -> Response:
    bot = own_bot(request, caller, bot_id)
    proposed = False
    if sent is None:
        sent = {key: bot[key] for key in ("name_ko", "name_en", "audience", "purpose", "office", "phone", "greeting")}
        sent["examples"] = "\n".join(bot["examples"])
        if not bot["greeting"]:
            greeting, examples = house(request).bot_building.proposed_greeting(caller.actor, bot_id)
            sent |= {"greeting": greeting, "examples": "\n".join(examples)}
            proposed = True
    held = house(request).bots.documents(caller.actor, bot_id)
    busy = sum(row["state"] in UNDER_WAY for row in held)
    return step(request, caller, "greeting", bot, sent=sent, proposed=proposed, busy=busy, held=len(held), **more)


@router.get("/bots/{bot_id}/greeting")
def greeting(request: Request, caller: Maker, bot_id: str) -> Response:
    """What it says first; proposed from its documents' headings until somebody wrote it."""
    return _greeting(request, caller, bot_id)


@router.post("/bots/{bot_id}/greeting")
def describe(
    request: Request,
    caller: Maker,
    bot_id: str,
    name_ko: Short = "",
    name_en: Short = "",
    audience: Short = "citizen",
    purpose: Short = "",
    office: Short = "",
    phone: Short = "",
    greeting: Text = "",
    examples: Text = "",
) -> Response:
    """Keep it; then the test questions."""
    values = {"name_ko": name_ko, "name_en": name_en, "audience": audience, "purpose": purpose, "office": office, "phone": phone,
              "greeting": greeting}  # fmt: skip
    try:
        if not greeting.strip():
            raise InvalidInput("첫인사가 없습니다.", next_step="챗봇이 처음 건넬 말을 한두 문장으로 적으세요.")
        draft = BotDraft(**values, examples=tuple(examples.splitlines()))
        house(request).bot_building.describe(caller.actor, bot_id, draft)
    except HaechiError as error:
        if error.status == 404:
            raise
        return _greeting(request, caller, bot_id, values | {"examples": examples}, error=error, status=error.status)
    return go(request, caller, f"/bots/{bot_id}/questions", "saved")


# --- test questions and the score ----------------------------------------------------------------------------------------


def _questions(request: Request, caller: Caller, bot_id: str, **more: Any) -> Response:
    bot = own_bot(request, caller, bot_id)
    rows = house(request).bot_questions.listed(caller.actor, bot_id)
    held = house(request).bots.documents(caller.actor, bot_id)
    context: dict[str, Any] = {
        "proposals": [row for row in rows if row["proposed"]],
        "accepted": [row for row in rows if not row["proposed"]],
        "documents": [("", caller.wording("bots.any_document"))] + [(row["title"], row["title"]) for row in held],
        "rule": bot_policy(),
        "sent": {"question": "", "expected": "", "document": ""},
    }
    return step(request, caller, "questions", bot, **{**context, **more})


@router.get("/bots/{bot_id}/questions")
def questions(request: Request, caller: Maker, bot_id: str) -> Response:
    """The list; proposals stand apart and do not count."""
    return _questions(request, caller, bot_id)


@router.post("/bots/{bot_id}/questions")
def add_questions(
    request: Request,
    caller: Maker,
    bot_id: str,
    question: Text = "",
    expected: Text = "",
    document: Short = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """One typed in, or a file of them."""
    try:
        if file is not None and file.filename:
            wanted = read_file(file.filename, file.file.read())
        else:
            wanted = [TestQuestion(question.strip(), expected.strip(), document)]
        house(request).bot_questions.add(caller.actor, bot_id, wanted)
    except HaechiError as error:
        sent = {"question": question, "expected": expected, "document": document}
        return _questions(request, caller, bot_id, error=error, sent=sent, status=error.status)
    return go(request, caller, f"/bots/{bot_id}/questions", "saved")


@router.post("/bots/{bot_id}/questions/propose")
def propose(request: Request, caller: Maker, bot_id: str) -> Response:
    """Proposals from the documents' own headings."""
    try:
        house(request).bot_questions.propose(caller.actor, bot_id)
    except HaechiError as error:
        return _questions(request, caller, bot_id, error=error, status=error.status)
    return go(request, caller, f"/bots/{bot_id}/questions", "bot_proposed")


@router.post("/bots/{bot_id}/questions/accept")
def accept(
    request: Request, caller: Maker, bot_id: str, chosen: Annotated[list[str] | None, Form()] = None
) -> Response:
    """A person looked at these and stands in for them."""
    house(request).bot_questions.accept(caller.actor, bot_id, chosen or [])
    return go(request, caller, f"/bots/{bot_id}/questions", "saved")


@router.post("/bots/{bot_id}/questions/{question_id}/remove")
def remove_question(request: Request, caller: Maker, bot_id: str, question_id: str) -> Response:
    """Take a question from the list."""
    house(request).bot_questions.remove(caller.actor, bot_id, question_id)
    return go(request, caller, f"/bots/{bot_id}/questions", "saved")


@router.post("/bots/{bot_id}/score")
def run(request: Request, caller: Maker, bot_id: str) -> Response:
    """Ask every accepted question through the real pipeline, while the page shows how far it is."""
    try:
        house(request).bot_scoring.start(caller.actor, bot_id)
    except HaechiError as error:
        return _questions(request, caller, bot_id, error=error, status=error.status)
    return go(request, caller, f"/bots/{bot_id}/score")


@router.get("/bots/{bot_id}/score")
def score(request: Request, caller: Maker, bot_id: str) -> Response:
    """The newest score question by question; how far it is, while one runs."""
    bot = own_bot(request, caller, bot_id)
    under = house(request).bot_scoring.under_way(bot_id)
    if under is not None and under.problem is None and is_fragment(request):
        return page(request, caller, "_bots_scoring.html", bot=bot, under=under)
    scores = house(request).bot_scoring.scores(caller.actor, bot_id)
    return step(
        request, caller, "score", bot, score=scores[0] if scores else None, rule=bot_policy(), under=under,
        error=under.problem if under is not None else None,
    )  # fmt: skip
