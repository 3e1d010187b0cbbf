"""검토함: what services propose and a person decides on, one queue for all services."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core.errors import HaechiError
from haechi.office.reviews import Reviews
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, page

router = APIRouter(prefix="/reviews", include_in_schema=False)
Reader = Annotated[Caller, Depends(permitted("review.see"))]
Decider = Annotated[Caller, Depends(permitted("review.decide"))]
Short = Annotated[str, Form(max_length=60)]
Long = Annotated[str, Form(max_length=4000)]


def _reviews(request: Request) -> Reviews:
    found: Reviews = request.app.state.installation.office.reviews
    return found


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 5 else None


@router.get("")
def listing(
    request: Request,
    caller: Reader,
    service: Annotated[str, Query(max_length=4)] = "",
    severity: Annotated[str, Query(max_length=1)] = "",
    age: Annotated[str, Query(max_length=10)] = "",
    kind: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """What waits, in the fair order."""
    reviews = _reviews(request)
    found = reviews.waiting(caller.actor, service=_number(service), severity=_number(severity) or 0, age=age, kind=kind)
    return page(
        request, caller, "reviews.html", rows=found, counters=reviews.counters(caller.actor),
        service_choices=[("", caller.wording("reviews.all")), *((str(n), str(n)) for n in sorted(reviews.services(caller.actor)))],
        lately=reviews.lately(caller.actor),
        wanted={"service": service, "severity": severity, "age": age, "kind": kind},
    )  # fmt: skip


@router.get("/{review_id}")
def one(request: Request, caller: Reader, review_id: str) -> Response:
    """One, with what the service says and on what it rests."""
    return _one(request, caller, review_id)


def _one(request: Request, caller: Caller, review_id: str, *, status: int = 200, **more: Any) -> Response:
    context: dict[str, Any] = {"error": None, "typed": {"decision": "", "reason": "", "verdict": "", "severity": 0}}
    found = _reviews(request).one(caller.actor, review_id)
    may = caller.may("review.decide")
    return page(request, caller, "review.html", status=status, **found, may_decide=may, **{**context, **more})


@router.post("/{review_id}/take")
def take(request: Request, caller: Decider, review_id: str) -> Response:
    """Take it, so that nobody else looks at it meanwhile."""
    try:
        _reviews(request).take(caller.actor, review_id)
    except HaechiError as error:
        if error.status == 404:
            raise
        return _one(request, caller, review_id, status=error.status, error=error)
    return go(request, caller, f"/reviews/{review_id}", "review_taken")


@router.post("/{review_id}")
def decide(
    request: Request, caller: Decider, review_id: str, decision: Short = "", reason: Long = "", verdict: Short = "",
    severity: Short = "",
) -> Response:  # fmt: skip
    """Accept, correct or refuse."""
    try:
        made = _reviews(request).decide(
            caller.actor, review_id, decision, reason=reason, verdict=verdict, severity=_number(severity) or 0
        )
    except HaechiError as error:
        if error.status == 404:
            raise
        typed = {"decision": decision, "reason": reason, "verdict": verdict, "severity": _number(severity) or 0}
        return _one(request, caller, review_id, status=error.status, error=error, typed=typed)
    onward = made["kind"] in ("alert", "incident") and decision != "refuse" and caller.may("alert.desk")
    return go(request, caller, f"/alerts/desk/{made['case_id']}" if onward else "/reviews", "review_decided")
