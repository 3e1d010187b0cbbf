"""A questionnaire of a case: saved as it is written, merged when two write, the open questions counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Request, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import Response

from haechi.core.errors import HaechiError, InvalidInput, NotFound
from haechi.office.cases.filings import Differs
from haechi.office.forms import UNKNOWN, Question, open_questions, read_answers, required, visible
from haechi.office.forms.exchange import from_csv, from_json, from_xlsx, to_csv, to_json, to_xlsx
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import as_file, cases_of
from haechi.web.view import go, is_fragment, page

router = APIRouter(prefix="/cases/{case_id}/forms/{form_id}", include_in_schema=False)
Anyone = Annotated[Caller, Depends(permitted("case.read"))]
BLANK_ROWS = 3


@router.get("")
def read(request: Request, caller: Anyone, case_id: str, form_id: str) -> Response:
    """The questions with what is answered so far."""
    return _page(request, caller, case_id, form_id)


@router.post("")
async def write(request: Request, caller: Anyone, case_id: str, form_id: str) -> Response:
    """Store what changed. htmx gets what must change on the page; a browser without it gets the page."""
    sent = await request.form()
    return await run_in_threadpool(_write, request, caller, case_id, form_id, sent)


EXPORTS = {"json": (to_json, from_json), "csv": (to_csv, from_csv), "xlsx": (to_xlsx, from_xlsx)}
LARGEST = 4 << 20
"""Bytes of a file that answers are read from."""


@router.get("/answers.{format}")
def export(request: Request, caller: Anyone, case_id: str, form_id: str, format: str) -> Response:
    """The answers as a file that can be filled in elsewhere and brought back."""
    cases = cases_of(request)
    filing = cases.filings.get(caller.actor, case_id, form_id)
    form = cases.filings.form_of(filing)
    if format not in EXPORTS:
        raise NotFound("그런 형식은 없습니다.", next_step=f"{', '.join(EXPORTS)} 가운데 고르세요.", record=format)
    content = EXPORTS[format][0](form, filing["answers"])
    return as_file(f"{form.title[0]}.{format}", content if isinstance(content, bytes) else content.encode(), format)


@router.post("/import")
async def bring_back(
    request: Request, caller: Anyone, case_id: str, form_id: str, file: Annotated[UploadFile, File()]
) -> Response:
    """Answers from a file: those that it holds replace those that stand; what cannot be read is named and not stored."""
    content = await file.read(LARGEST + 1)
    return await run_in_threadpool(_bring_back, request, caller, case_id, form_id, file.filename or "", content)


def _bring_back(request: Request, caller: Caller, case_id: str, form_id: str, name: str, content: bytes) -> Response:
    cases = cases_of(request)
    filing = cases.filings.get(caller.actor, case_id, form_id)
    form, format = cases.filings.form_of(filing), name.rsplit(".", 1)[-1].lower()
    try:
        if format not in EXPORTS or len(content) > LARGEST:
            raise InvalidInput(
                "읽을 수 없는 파일입니다.",
                next_step="여기서 받은 JSON, CSV, XLSX 파일(4MB 이하)을 채워서 올리세요.",
                record=name,
            )
        read: Any = EXPORTS[format][1]
        told = content if format == "xlsx" else content.decode("utf-8-sig", errors="replace")
        answers, faults = read(form, told)
        cases.filings.save(caller.actor, case_id, form_id, answers, base=filing["version"])
    except HaechiError as error:
        return _page(request, caller, case_id, form_id, status=error.status, error=error)
    if faults:
        wrong = {fault.question: fault.message for fault in faults}
        typed = {id: answers[id] for id in wrong if id in answers}
        return _page(request, caller, case_id, form_id, status=422, wrong=wrong, typed=typed)
    return go(request, caller, f"/cases/{case_id}/forms/{form_id}", "form_saved")


def _write(request: Request, caller: Caller, case_id: str, form_id: str, sent: FormData) -> Response:
    cases = cases_of(request)
    filing = cases.filings.get(caller.actor, case_id, form_id)
    form = cases.filings.form_of(filing)
    asked = [id for id in str(sent.get("asked", "")).split(",") if id in form.by_id]
    raw = {id: raw_answer(form.by_id[id], sent) for id in asked}
    base = int(str(sent.get("base") or 0))
    mine = str(sent.get("mine", ""))
    try:
        if mine in form.by_id:  # after a difference: this one answer of mine stands
            filing, faults = cases.filings.save(
                caller.actor, case_id, form_id, {mine: raw.get(mine)}, base=filing["version"]
            )
        else:
            filing, faults = cases.filings.save_page(caller.actor, case_id, form_id, raw, asked=asked, base=base)
    except Differs as error:
        typed, _ = read_answers(form, raw)
        return _page(
            request, caller, case_id, form_id, status=409, typed=typed, error=error, differences=error.differences
        )
    wrong = {fault.question: fault.message for fault in faults}
    if not is_fragment(request) and not wrong:
        return go(request, caller, f"/cases/{case_id}/forms/{form_id}", "form_saved")
    return _page(
        request,
        caller,
        case_id,
        form_id,
        status=422 if wrong else 200,
        wrong=wrong,
        typed={id: raw[id] for id in wrong},
    )


def _page(
    request: Request, caller: Caller, case_id: str, form_id: str, *, status: int = 200,
    typed: Mapping[str, Any] | None = None, wrong: Mapping[str, Any] | None = None, error: HaechiError | None = None,
    differences: list[dict[str, Any]] | None = None,
) -> Response:  # fmt: skip
    cases = cases_of(request)
    seen = cases.reading.one(caller.actor, case_id)
    filing = cases.filings.get(caller.actor, case_id, form_id)
    form, answers = cases.filings.form_of(filing), filing["answers"]
    stage = next((step.stage for step in seen["offered"] if step.form == form_id), "") or seen["flow"].stage
    waiting = open_questions(form, answers, stage=stage, proofs=seen["proofs"])
    may_write = any(step.form == form_id for step in seen["offered"])
    return page(
        request, caller, "_case_form.html" if is_fragment(request) else "case_form.html",
        status=200 if is_fragment(request) else status,
        case=seen["case"], form=form, filing=filing, answers={**answers, **(typed or {})}, wrong=wrong or {},
        shown={question.id for question in visible(form, answers)}, waiting=[one.id for one in waiting],
        needed={one.id for one in form.questions if required(one, stage)}, may_write=may_write,
        blank_rows=BLANK_ROWS, error=error, differences=differences or [], changed=status != 200,
    )  # fmt: skip


def raw_answer(question: Question, sent: FormData) -> Any:
    """What the page sent for a question: text, texts of several boxes, rows of a table."""
    if question.kind == "choices":
        return [str(value) for value in sent.getlist(question.id) if value]
    if question.kind == "table":
        rows = []
        for at in range(_rows(question, sent)):
            rows.append({c.id: str(sent.get(f"{question.id}.{at}.{c.id}", "")) for c in question.columns})
        return rows
    written = str(sent.get(question.id, ""))
    # What was written counts more than the tick beside it: nothing is lost by a slip.
    return UNKNOWN if not written.strip() and sent.get(f"{question.id}.unknown") else written


def _rows(question: Question, sent: FormData) -> int:
    start = f"{question.id}."
    numbers = [key.split(".")[1] for key in sent if key.startswith(start) and key.count(".") >= 2]
    return min(500, 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1))
