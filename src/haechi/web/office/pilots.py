"""실증: what one is asked to take part in, the diary and the survey, texts to rate blind, counts and results for who runs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import Forbidden, HaechiError, InvalidInput
from haechi.office.pilots import ARMS, Entry, Pilots, agreement, in_words
from haechi.office.pilots.trials import DONE
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import cases_of
from haechi.web.view import go, page

router = APIRouter(prefix="/pilots", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("projects.see"))]
Short = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=20_000)]


def _pilots(request: Request) -> Pilots:
    return Pilots(request.app.state.installation.store)


@router.get("")
def listing(request: Request, caller: Member) -> Response:
    """Trials that this person sees, with their part."""
    flow = cases_of(request).policy.flow("pilot")
    return page(request, caller, "pilots.html", rows=_pilots(request).listed(caller.actor), flow=flow)


@router.get("/{case_id}")
def one(request: Request, caller: Member, case_id: str) -> Response:
    """One's own part of a trial."""
    return _show(request, caller, case_id)


def _show(request: Request, caller: Caller, case_id: str, *, status: int = 200, **more: Any) -> Response:
    pilots = _pilots(request)
    mine = pilots.mine(caller.actor, case_id)
    case, asked = pilots.asked(caller.actor, case_id)
    standing, found = None, None
    if not mine:
        try:
            standing = pilots.standing(caller.actor, case_id)
            found = pilots.results(caller.actor, case_id) if case["state"] in DONE else None
        except Forbidden:
            standing = None
    flow = cases_of(request).policy.flow("pilot", case["flow_version"])
    context: dict[str, Any] = {"error": None, "typed": {}, "key": clock.new_id()}
    return page(
        request, caller, "pilot.html", status=status, case=case, mine=mine, asked=asked, standing=standing, found=found,
        texts=pilots.to_rate(caller.actor, case_id), arms=ARMS, said=in_words, agreement=agreement, flow=flow,
        state=flow.states[case["state"]], today=clock.today(), **{**context, **more},
    )  # fmt: skip


def _done(
    request: Request, caller: Caller, case_id: str, notice: str, work: Callable[[], Any], **typed: Any
) -> Response:
    try:
        work()
    except HaechiError as error:
        if error.status == 404:
            raise
        return _show(request, caller, case_id, status=error.status, error=error, typed=typed)
    return go(request, caller, f"/pilots/{case_id}", notice)


@router.post("/{case_id}/people")
def enrol(request: Request, caller: Member, case_id: str, logins: Long = "") -> Response:
    """Ask people to take part, a login a line."""
    names = [line.strip() for line in logins.splitlines() if line.strip()]
    work = lambda: _pilots(request).enrol_logins(caller.actor, case_id, names)  # noqa: E731 - said once, run inside
    return _done(request, caller, case_id, "pilot_enrolled", work, logins=logins)


@router.post("/{case_id}/consent")
def consent(request: Request, caller: Member, case_id: str, agree: Short = "") -> Response:
    """Take part, or stop."""
    pilots = _pilots(request)
    if agree == "yes":
        return _done(request, caller, case_id, "pilot_agreed", lambda: pilots.agree(caller.actor, case_id))
    try:
        pilots.leave(caller.actor, case_id)
    except HaechiError as error:
        return _show(request, caller, case_id, status=error.status, error=error)
    return go(request, caller, "/pilots", "pilot_left")


@router.post("/{case_id}/diary")
def diary(
    request: Request, caller: Member, case_id: str, day: Short = "", task: Short = "", minutes: Short = "", usual: Short = "",
    note: Annotated[str, Form(max_length=2000)] = "", key: Short = "",
) -> Response:  # fmt: skip
    """A line of one's diary."""

    def work() -> None:
        _pilots(request).write(
            caller.actor, case_id, Entry(_day(day), task, _whole(minutes), _whole(usual), note), key=key
        )

    return _done(
        request, caller, case_id, "pilot_written", work, day=day, task=task, minutes=minutes, usual=usual, note=note
    )


@router.post("/{case_id}/survey")
async def survey(request: Request, caller: Member, case_id: str) -> Response:
    """The survey before or after."""
    sent = await request.form()
    _, asked = await run_in_threadpool(_pilots(request).asked, caller.actor, case_id)
    values = {question: str(sent.get(f"q{at}", "")) for at, question in enumerate(asked)}
    moment = str(sent.get("moment", ""))

    def work() -> None:
        if not all(value.isdecimal() for value in values.values()):
            raise InvalidInput("모든 문항에 1~5점으로 답하세요.", next_step="빠진 문항을 채우세요.", record=moment)
        _pilots(request).answer(caller.actor, case_id, moment, {q: int(value) for q, value in values.items()})

    return await run_in_threadpool(_done, request, caller, case_id, "pilot_answered", work)


@router.post("/{case_id}/texts")
def hand_in(
    request: Request, caller: Member, case_id: str, task: Short = "", arm: Short = "", content: Long = ""
) -> Response:
    """A text for the raters."""
    work = lambda: _pilots(request).hand_in(caller.actor, case_id, task, arm, content)  # noqa: E731 - said once, run inside
    return _done(request, caller, case_id, "pilot_text", work, text_task=task, content=content)


@router.post("/{case_id}/ratings")
def rate(request: Request, caller: Member, case_id: str, text: Short, score: Short = "") -> Response:
    """One's score of a text."""
    work = lambda: _pilots(request).rate(caller.actor, case_id, text, _whole(score))  # noqa: E731 - said once, run inside
    return _done(request, caller, case_id, "pilot_rated", work)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("날짜를 읽을 수 없습니다.", next_step="2026-03-01처럼 적으세요.", record=text) from error


def _whole(text: str) -> int:
    if not text.strip().isdecimal():
        raise InvalidInput("숫자로 적으세요.", next_step="분이나 점수를 숫자로 적으세요.", record=text)
    return int(text)
