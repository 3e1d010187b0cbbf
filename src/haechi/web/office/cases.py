"""사무: what waits for me, the list of cases, one case with its steps, people, tasks, notes, evidence and history."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from starlette.responses import Response

from haechi.core.errors import HaechiError, InvalidInput
from haechi.office.cases import Cases, Opening
from haechi.office.cases.book import person_of
from haechi.office.flows import Flow, Standing
from haechi.office.flows.moves import is_one
from haechi.office.letters import MEDIA_TYPES
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
Anyone = Annotated[Caller, Depends(permitted("case.read"))]
Short = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=4000)]


def cases_of(request: Request) -> Cases:
    """The installation's book of cases."""
    cases: Cases = request.app.state.installation.office.cases
    return cases


@router.get("/office")
def office(request: Request, caller: Member) -> Response:
    """What waits for this person, what is due, what they were told, and what they may begin."""
    cases = cases_of(request)
    mine, _ = cases.reading.listed(caller.actor, mine=True, open_only=True)
    return page(
        request, caller, "office.html", mine=mine, due=cases.reading.due(caller.actor, limit=10),
        inbox=cases.reading.inbox(caller.actor, limit=20), flows=openable(request, caller),
    )  # fmt: skip


@router.post("/office/inbox")
def mark_read(request: Request, caller: Member, notice: Annotated[list[str], Form()]) -> Response:
    """Notices read."""
    cases_of(request).reading.mark_read(caller.actor, notice[:100])
    return go(request, caller, "/office", "office_read")


def openable(request: Request, caller: Caller) -> list[Flow]:
    """The flows that this person may begin, by name."""
    policy, person = cases_of(request).policy, person_of(caller.actor)
    standing = Standing(state="", bureau=caller.actor.bureau, subject=caller.actor.subject)
    newest = {id: policy.flow(id) for id, _ in policy.flows}
    return sorted(
        (flow for flow in newest.values() if any(is_one(who, standing, person) for who in flow.opens)),
        key=lambda flow: flow.title[0],
    )


@router.get("/cases")
def listing(
    request: Request,
    caller: Anyone,
    kind: Annotated[str, Query(max_length=60)] = "",
    state: Annotated[str, Query(max_length=60)] = "",
    bureau: Annotated[str, Query(max_length=100)] = "",
    search: Annotated[str, Query(max_length=200)] = "",
    scope: Annotated[str, Query(max_length=10)] = "open",
    page_number: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1,
) -> Response:
    """Cases that this person sees, the newest first."""
    cases = cases_of(request)
    found, more = cases.reading.listed(
        caller.actor, kinds=[kind] if kind else (), states=[state] if state else (), bureau=bureau, words=search,
        mine=scope == "mine", open_only=scope == "open", page=page_number,
    )  # fmt: skip
    kinds = {flow.kind: flow.title for flow in cases.policy.flows.values()}
    wanted = {"kind": kind, "state": state, "bureau": bureau, "search": search, "scope": scope}
    return page(
        request, caller, "cases.html", rows=found, more=more, number=page_number, wanted=wanted,
        kinds=[("", caller.wording("cases.all_kinds")), *((key, caller.wording.pick(name)) for key, name in kinds.items())],
    )  # fmt: skip


@router.get("/cases/new")
def blank(request: Request, caller: Member, flow: Annotated[str, Query(max_length=60)]) -> Response:
    """A title for a new case."""
    return _blank(request, caller, flow)


def _blank(request: Request, caller: Caller, flow_id: str, *, status: int = 200, **more: Any) -> Response:
    flow = cases_of(request).policy.flow(flow_id)
    context: dict[str, Any] = {"flow": flow, "title": "", "error": None}
    return page(request, caller, "case_new.html", status=status, **{**context, **more})


@router.post("/cases/new")
def begin(request: Request, caller: Member, flow: Short, title: Short = "") -> Response:
    """Open it; the form of its first step follows."""
    try:
        case = cases_of(request).open(caller.actor, flow, Opening(title, bureau=caller.actor.bureau))
    except InvalidInput as error:
        return _blank(request, caller, flow, status=error.status, title=title, error=error)
    return go(request, caller, f"/cases/{case['id']}")


@router.get("/cases/{case_id}")
def one(request: Request, caller: Anyone, case_id: str) -> Response:
    """One case."""
    return show(request, caller, case_id)


def show(request: Request, caller: Caller, case_id: str, *, status: int = 200, **more: Any) -> Response:
    """The page of a case; `more`: an error, and what was typed."""
    cases = cases_of(request)
    seen = cases.reading.one(caller.actor, case_id)
    flow: Flow = seen["flow"]
    assessed = {
        filing["id"]: cases.filings.assessment(filing, flow.stage) for filing in seen["filings"] if filing["id"]
    }
    forms = {
        step.form: cases.filings.form_of(cases.filings.get(caller.actor, case_id, step.form))
        for step in seen["offered"] if step.form
    }  # fmt: skip
    names = caller.may("case.name", seen["case"]["bureau"])
    able = {part: cases.people.able(caller.actor, seen["case"], part) for part in flow.parts} if names else {}
    context: dict[str, Any] = {"error": None, "typed": "", "tried": ""}
    return page(
        request, caller, "case.html", status=status, **seen, assessed=assessed, forms=forms, able=able,
        may_name=names, form_of=cases.filings.form_of, **{**context, **more},
    )  # fmt: skip


@router.post("/cases/{case_id}/steps/{step}")
def act(
    request: Request,
    caller: Anyone,
    case_id: str,
    step: str,
    version: Annotated[int, Form()],
    note: Long = "",
    key: Short = "",
) -> Response:
    """Take a step."""
    try:
        cases_of(request).act(caller.actor, case_id, step, version=version, note=note, key=key)
    except HaechiError as error:
        if error.status == 404:
            raise
        return show(request, caller, case_id, status=error.status, error=error, typed=note, tried=step)
    return go(request, caller, f"/cases/{case_id}", "case_moved")


@router.post("/cases/{case_id}/people")
def name(request: Request, caller: Member, case_id: str, part: Short, person: Short) -> Response:
    """Give somebody a part."""
    return _done(
        request,
        caller,
        case_id,
        "case_named",
        lambda: cases_of(request).people.name(caller.actor, case_id, part, person),
    )


@router.post("/cases/{case_id}/recusal")
def recuse(
    request: Request, caller: Member, case_id: str, why: Long = "", person: Short = "", kind: Short = "회피"
) -> Response:
    """Step back, or take somebody out."""
    who = person or caller.actor.subject
    try:
        cases_of(request).people.recuse(caller.actor, case_id, who, kind, why)
    except HaechiError as error:
        return show(request, caller, case_id, status=error.status, error=error, typed=why, tried="recusal")
    return go(request, caller, "/office" if who == caller.actor.subject else f"/cases/{case_id}", "case_recused")


@router.post("/cases/{case_id}/hold")
def hold(request: Request, caller: Member, case_id: str) -> Response:
    """Take it into one's own hands."""
    return _done(request, caller, case_id, "case_held", lambda: cases_of(request).work.hold(caller.actor, case_id))


@router.post("/cases/{case_id}/notes")
def note(request: Request, caller: Anyone, case_id: str, text: Long = "", audience: Short = "office") -> Response:
    """Write a note."""
    return _done(
        request, caller, case_id, "case_noted",
        lambda: cases_of(request).work.note(caller.actor, case_id, text, to_all=audience == "all"),
    )  # fmt: skip


@router.post("/cases/{case_id}/tasks")
def add_task(request: Request, caller: Member, case_id: str, text: Long = "", due_on: Short = "") -> Response:
    """A task of the case."""
    return _done(
        request, caller, case_id, "case_task",
        lambda: cases_of(request).work.add_task(caller.actor, case_id, text, due_on=_day(due_on)),
    )  # fmt: skip


@router.post("/cases/{case_id}/tasks/{task_id}")
def move_task(
    request: Request,
    caller: Member,
    case_id: str,
    task_id: str,
    state: Short,
    version: Annotated[int, Form()],
    result: Long = "",
) -> Response:
    """Report a task, accept it, send it back."""
    return _done(
        request, caller, case_id, "case_task",
        lambda: cases_of(request).work.move_task(caller.actor, task_id, state, result, version=version),
    )  # fmt: skip


@router.post("/cases/{case_id}/evidence")
async def add_evidence(
    request: Request,
    caller: Anyone,
    case_id: str,
    file: Annotated[UploadFile, File()],
    question: Short = "",
    text: Long = "",
) -> Response:
    """A file that proves something."""
    from starlette.concurrency import run_in_threadpool

    content = await file.read()
    work = cases_of(request).work

    def add() -> Any:
        return work.add_evidence(
            caller.actor, case_id, name=file.filename or "파일", media_type=file.content_type or "", content=content,
            question=question, note=text,
        )  # fmt: skip

    return await run_in_threadpool(_done, request, caller, case_id, "case_evidence", add)


@router.get("/cases/{case_id}/evidence/{evidence_id}")
def evidence(request: Request, caller: Anyone, case_id: str, evidence_id: str) -> Response:  # noqa: ARG001 - the address
    """Fetch a file; who fetched it is kept."""
    found = cases_of(request).work.open_evidence(caller.actor, evidence_id, act="exported")
    return _file(found["name"], found["content"], "application/octet-stream")


@router.get("/cases/{case_id}/letters/{letter_id}.{format}")
def letter(request: Request, caller: Anyone, case_id: str, letter_id: str, format: str) -> Response:
    """A letter as HWPX, DOCX or PDF."""
    name, content = cases_of(request).reading.letter(caller.actor, case_id, letter_id, format)
    return _file(f"{name}.{format}", content, MEDIA_TYPES.get(format, "application/octet-stream"))


def _done(request: Request, caller: Caller, case_id: str, notice: str, work: Any) -> Response:
    try:
        work()
    except HaechiError as error:
        if error.status == 404:
            raise
        return show(request, caller, case_id, status=error.status, error=error)
    return go(request, caller, f"/cases/{case_id}", notice)


def as_file(name: str, content: bytes, format: str) -> Response:
    """A file to keep, of a format by its ending; stored nowhere on the way."""
    return _file(name, content, MEDIA_TYPES.get(format, "application/octet-stream"))


def _file(name: str, content: bytes, media_type: str) -> Response:
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "cache-control": "private, no-store",
    }
    return Response(content, media_type=media_type, headers=headers)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidInput("날짜를 읽을 수 없습니다.", next_step="2026-03-01처럼 적으세요.", record=text) from error
