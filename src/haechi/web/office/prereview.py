"""사전검토: projects by outcome with their money, what resembles an idea, the scores for whoever decides; rounds of review."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput
from haechi.engines.rules.dated import parameter
from haechi.office.prereview import CATEGORIES, OUTCOMES, PreReviews
from haechi.office.rounds import KINDS, Round, Rounds
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import cases_of
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("projects.see"))]
Keeper = Annotated[Caller, Depends(permitted("projects.round"))]
Short = Annotated[str, Form(max_length=300)]
HOMES = {"pre_review": "/prereview", "consulting": "/consulting", "advice": "/advice"}


def rounds_of(request: Request) -> Rounds:
    """The installation's rounds."""
    return Rounds(request.app.state.installation.store)


def _shelf(request: Request) -> PreReviews:
    installation = request.app.state.installation
    return PreReviews(installation.store, installation.office.projects)


@router.get("/prereview")
def listing(
    request: Request,
    caller: Member,
    round: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=30)] = "",
    like: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Projects by outcome; with `like`, services and projects that resemble a description."""
    return _listing(request, caller, round=round, state=state, like=like)


def _listing(
    request: Request,
    caller: Caller,
    *,
    round: str = "",
    state: str = "",
    like: str = "",
    status: int = 200,
    **more: Any,
) -> Response:
    shelf, rounds = (
        _shelf(request),
        rounds_of(request).listed(caller.actor, "pre_review"),
    )
    flow = cases_of(request).policy.flow("pre_review")
    shown = round if any(one["id"] == round for one in rounds) else ""
    context: dict[str, Any] = {
        "rounds": rounds, "round": next((one for one in rounds if one["id"] == shown), None), "state": state, "like": like,
        "rows": shelf.listed(caller.actor, round=shown, state=state if state in flow.states else ""),
        "sums": shelf.sums(caller.actor, shown), "states": flow.states, "outcomes": OUTCOMES, "error": None,
        "hits": _like(shelf, caller, like) if like.strip() else None, "today": clock.today(),
    }  # fmt: skip
    return page(request, caller, "prereview.html", status=status, **{**context, **more})


def _like(shelf: PreReviews, caller: Caller, like: str) -> Any:
    least = float(parameter("pre_review.similar_shown", on=clock.today()).value)
    return shelf.like(caller.actor, "", like, least=least)


@router.get("/prereview/{case_id}")
def scores(request: Request, caller: Member, case_id: str) -> Response:
    """The weighted score with its sheets: advice for whoever decides."""
    seen = _shelf(request).scores(caller.actor, case_id)
    form = cases_of(request).policy.form("pre_review_score")
    return page(request, caller, "prereview_scores.html", **seen, form=form, categories=CATEGORIES)


@router.post("/rounds")
def open_round(
    request: Request,
    caller: Keeper,
    kind: Short,
    id: Short = "",
    title: Short = "",
    opens_on: Short = "",
    closes_on: Short = "",
    due_on: Short = "",
    seats: Short = "",
    cap_won: Short = "",
    place: Short = "",
) -> Response:
    """A new round of any of the three kinds."""
    if kind not in KINDS:
        raise InvalidInput("회차의 종류를 고르세요.", next_step="화면을 새로 고치세요.", record=kind)
    try:
        new = Round(
            id.strip(), kind, title.strip(), _day(opens_on), _day(closes_on), _day(due_on) if due_on else None,
            _whole(seats), _whole(cap_won), place.strip(),
        )  # fmt: skip
        rounds_of(request).add(caller.actor, new)
    except HaechiError as error:
        return page(
            request, caller, "round_error.html", status=error.status, error=error, home=HOMES[kind], kind=KINDS[kind]
        )
    return go(request, caller, HOMES[kind], "round_opened")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("날짜를 읽을 수 없습니다.", next_step="2026-03-01처럼 적으세요.", record=text) from error


def _whole(text: str) -> int | None:
    plain = text.replace(",", "").strip()
    if not plain:
        return None
    if not plain.isdecimal():
        raise InvalidInput("숫자로 적으세요.", next_step="모르면 비워 두세요.", record=text)
    return int(plain)
