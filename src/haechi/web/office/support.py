"""이용료 지원: rounds and one's own applications; for those who look after it: money, draw, waiting list, payments."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import Conflict, HaechiError
from haechi.engines.rules.dated import parameter
from haechi.office.cases import Opening
from haechi.office.learning import Duties
from haechi.office.support import MODES, STATES, Draws, NewRound, Payments, Rounds, free_won, reach_of
from haechi.web.caller import Caller, permitted
from haechi.web.office.cases import as_file, cases_of
from haechi.web.office.moments import day, moment, whole
from haechi.web.view import go, page

router = APIRouter(prefix="/support", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
Auditor = Annotated[Caller, Depends(permitted("support.audit"))]
Manager = Annotated[Caller, Depends(permitted("support.manage"))]
Short = Annotated[str, Form(max_length=300)]
LIVE = ("refused", "withdrawn")


def _store(request: Request) -> Any:
    return request.app.state.installation.store


def _flow_states(request: Request) -> Any:
    return cases_of(request).policy.flow("fee_support").states


@router.get("")
def overview(request: Request, caller: Member) -> Response:
    """Rounds, and one's own applications with their reasons."""
    return _overview(request, caller)


def _overview(request: Request, caller: Caller, error: HaechiError | None = None, **more: Any) -> Response:
    store, today = _store(request), clock.today()
    rounds, mine = Rounds(store).listed(caller.actor), Draws(store).mine(caller.actor)
    drafts, _ = cases_of(request).reading.listed(caller.actor, kinds=["fee_support"], states=["draft"], mine=True)
    applied = {row["round_id"] for row in mine if row["state"] not in LIVE}
    return page(
        request, caller, "support.html", status=error.status if error else 200, error=error, mine=mine, applied=applied,
        rounds=[{**row, "open": _is_open(row)} for row in rounds if row["state"] != "planned"], modes=MODES, states=STATES,
        duty=Duties(store).mine(caller.actor, today.year), cap=parameter("fee.cap_won", on=today), drafts=drafts,
        of=_flow_states(request), today=today, **{"key": "", **more},
    )  # fmt: skip


def _is_open(row: Any) -> bool:
    return bool(row["state"] == "open" and row["opens_at"] <= clock.now() < row["closes_at"])


@router.post("/rounds/{round_id}/application")
def apply(request: Request, caller: Member, round_id: str) -> Response:
    """Begin an application; the form follows. A draft that stands already is opened again."""
    store = _store(request)
    try:
        round = Rounds(store).one(caller.actor, round_id)
        mine = [row for row in Draws(store).mine(caller.actor) if row["round_id"] == round["id"]]
        if any(row["state"] not in LIVE for row in mine):
            raise Conflict(
                "이 회차에 이미 신청했습니다.", next_step="아래 ‘내 신청’에서 확인하세요.", record=round["title"]
            )
        opening = Opening(
            f"{round['title']} 이용료 지원", bureau=caller.actor.bureau, round=round["id"],
            key=f"fee:{round['id']}:{caller.actor.subject}:{len(mine)}",
        )  # fmt: skip
        case = cases_of(request).open(caller.actor, "fee_support", opening)
    except HaechiError as error:
        return _overview(request, caller, error)
    return go(request, caller, f"/cases/{case['id']}/forms/fee_support")


@router.post("/applications/{case_id}/key")
def take_key(request: Request, caller: Member, case_id: str) -> Response:
    """One's key for the metered mode, shown this once."""
    try:
        key = request.app.state.installation.office.metered.take_key(caller.actor, case_id)
    except HaechiError as error:
        return _overview(request, caller, error)
    answer = _overview(request, caller, key=key)
    answer.headers["cache-control"] = "no-store"
    return answer


@router.get("/rounds/{round_id}")
def one_round(request: Request, caller: Member, round_id: str) -> Response:
    """A round: its rules and commitment, after the draw its seed and result; money and people for those who look after it."""
    return _round(request, caller, round_id)


def _round(request: Request, caller: Caller, round_id: str, error: HaechiError | None = None, **typed: str) -> Response:
    store = _store(request)
    rounds, draws, payments = Rounds(store), Draws(store), Payments(store)
    row = rounds.one(caller.actor, round_id)
    audits = caller.may("support.audit")
    return page(
        request, caller, "support_round.html", status=error.status if error else 200, error=error, row=row, typed=typed,
        reach=reach_of(row), free=free_won(row), draw=draws.record(caller.actor, round_id), modes=MODES, states=STATES,
        counts=rounds.counts(caller.actor, round_id) if audits else {}, of=_flow_states(request), audits=audits,
        people=draws.applications(caller.actor, round_id) if audits else [], may_manage=caller.may("support.manage"),
        payments=payments.listed(caller.actor, round_id) if audits else [], now=clock.now(), today=clock.today(),
        ledger=payments.ledger(caller.actor, round_id, most=50) if audits else [],
    )  # fmt: skip


@router.get("/rounds/{round_id}/draw.csv")
def draw_file(request: Request, caller: Member, round_id: str) -> Response:
    """The draw's rows, without names."""
    told = Draws(_store(request)).record(caller.actor, round_id)
    return as_file("draw.csv", told["rows"] if told else b"", "csv")


@router.get("/manage")
def manage(request: Request, caller: Auditor) -> Response:
    """Every round, and a new one."""
    return _manage(request, caller)


def _manage(request: Request, caller: Caller, error: HaechiError | None = None, **typed: str) -> Response:
    today = clock.today()
    limits = [
        parameter(f"fee.{id}", on=today)
        for id in ("cap_won", "months", "rounds_a_year", "seats_a_year", "budget_a_year_won")
    ]
    rows = [
        {**row, "reach": reach_of(row), "free": free_won(row)} for row in Rounds(_store(request)).listed(caller.actor)
    ]
    return page(
        request, caller, "support_manage.html", status=error.status if error else 200, error=error, rows=rows, limits=limits,
        modes=MODES, states=STATES, typed=typed, may_manage=caller.may("support.manage"),
        mode_choices=[(key, caller.wording.pick(name)) for key, name in MODES.items()],
    )  # fmt: skip


@router.post("/rounds")
def plan(
    request: Request, caller: Manager, title: Short = "", number: Short = "", mode: Short = "", fund: Short = "",
    opens_at: Short = "", closes_at: Short = "", starts_on: Short = "", seats_main: Short = "", seats_branch: Short = "",
    cap_won: Short = "", budget_won: Short = "",
) -> Response:  # fmt: skip
    """A new round."""
    typed = {
        "title": title, "number": number, "mode": mode, "fund": fund, "opens_at": opens_at, "closes_at": closes_at,
        "starts_on": starts_on, "seats_main": seats_main, "seats_branch": seats_branch, "cap_won": cap_won, "budget_won": budget_won,
    }  # fmt: skip
    try:
        new = NewRound(
            title, whole(number, "회차"), mode, moment(opens_at, "신청 시작"), moment(closes_at, "신청 마감"),
            day(starts_on, "이용 시작일"), whole(seats_main, "본청 자리"), whole(seats_branch, "사업소 자리"),
            whole(budget_won, "예산"), whole(cap_won, "1인 한도"), fund,
        )  # fmt: skip
        id = Rounds(_store(request)).plan(caller.actor, new)
    except HaechiError as error:
        return _manage(request, caller, error, **typed)
    return go(request, caller, f"/support/rounds/{id}", "support_saved")


def _done(request: Request, caller: Caller, round_id: str, notice: str, work: Any, **typed: str) -> Response:
    try:
        work()
    except HaechiError as error:
        if error.status == 404:
            raise
        return _round(request, caller, round_id, error, **typed)
    return go(request, caller, f"/support/rounds/{round_id}", notice)


@router.post("/rounds/{round_id}/opening")
def open_round(request: Request, caller: Manager, round_id: str, accept: Short = "") -> Response:
    """Let people apply."""
    rounds = Rounds(_store(request))
    return _done(
        request, caller, round_id, "support_opened", lambda: rounds.open(caller.actor, round_id, accept=accept)
    )


@router.post("/rounds/{round_id}/draw")
def draw(request: Request, caller: Manager, round_id: str) -> Response:
    """Draw."""
    draws = Draws(_store(request))
    return _done(request, caller, round_id, "support_drawn", lambda: draws.draw(caller.actor, round_id))


@router.post("/rounds/{round_id}/payment")
def pay(request: Request, caller: Manager, round_id: str, batch: Short = "") -> Response:
    """Pay a batch."""
    payments = Payments(_store(request))
    return _done(
        request,
        caller,
        round_id,
        "support_paid",
        lambda: payments.pay(caller.actor, round_id, batch.strip()),
        batch=batch,
    )


@router.post("/rounds/{round_id}/settlement")
def settle(request: Request, caller: Manager, round_id: str) -> Response:
    """Settle a metered round."""
    metered = request.app.state.installation.office.metered
    return _done(request, caller, round_id, "support_settled", lambda: metered.settle(caller.actor, round_id))


@router.post("/rounds/{round_id}/end")
def end(request: Request, caller: Manager, round_id: str) -> Response:
    """Close the waiting list."""
    rounds = Rounds(_store(request))
    return _done(request, caller, round_id, "support_ended", lambda: rounds.end(caller.actor, round_id))


@router.get("/payments/{batch}.{format}")
def payment_file(request: Request, caller: Auditor, batch: str, format: str) -> Response:
    """A batch's file."""
    return as_file(f"{batch}.{format}", Payments(_store(request)).file(caller.actor, batch, format), format)
