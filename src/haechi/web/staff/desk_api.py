"""API of the desk: lists, one ticket, every act of an agent, and news of the desk as a stream."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from haechi.city.desk import DESK
from haechi.web import live
from haechi.web.api_models import PROBLEMS, Text
from haechi.web.caller import Caller, permitted, remember
from haechi.web.citizen.api_desk import STREAM

router = APIRouter(prefix="/api/v1/desk", tags=["상담 · People at the desk"], responses=PROBLEMS)
Agent = Annotated[Caller, Depends(permitted("desk.work"))]
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=100)]
State = Literal["unanswered", "active", "pending", "history"]
Version = Annotated[int | None, Field(ge=0, le=2**31 - 1, description="본 그대로일 때만 · Only if unchanged since")]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Seen(_Sent):
    """그사이 바뀌었으면 하지 않습니다 · Refused when the ticket has changed."""

    version: Version = None


class Words(_Sent):
    """시민에게 하는 말 · Words to the citizen."""

    text: str = Field(min_length=1, max_length=4000)
    saved: str = Field("", max_length=40, description="시작한 저장 답변 · The saved reply it began from")


class AskBack(_Sent):
    """시민에게 되묻는 말 · What is asked of the citizen."""

    text: str = Field(min_length=1, max_length=4000)


class Transfer(Seen):
    """옮길 곳 하나와 까닭 · One place to go, and why."""

    office: str = Field("", max_length=100)
    person: str = Field("", max_length=64)
    reason: str = Field(min_length=1, max_length=500)


class Closing(Seen):
    """결과 · The result."""

    result: str = Field(max_length=40)
    note: Text = ""


class Presence(_Sent):
    """상담 가능 또는 자리 비움 · Available or away."""

    state: Literal["available", "away"]
    at_once: int | None = Field(None, ge=1, le=20)


class TicketRow(BaseModel):
    """상담 한 건 · One ticket; personal data masked."""

    model_config = ConfigDict(extra="ignore")

    id: str
    number: int
    conversation_id: str | None
    bot: str
    audience: Literal["citizen", "staff"]
    office: str
    office_name: tuple[str, str]
    agency: tuple[str, str]
    reason: str
    priority: Literal["urgent", "normal", "low"]
    state: State
    wants: str
    opened_at: datetime
    state_at: datetime
    waits_since: datetime | None
    sla_due: datetime | None
    minutes_left: int | None
    overdue: bool
    overdue_times: int
    mine: bool
    taken_by_name: str
    taken_at: datetime | None
    closed_at: datetime | None
    result: str
    result_note: str
    reopened: int
    rating: int | None
    rating_note: str
    version: int


class Tickets(BaseModel):
    """한 탭의 상담들과 탭마다의 수 · The tickets of one tab, and the number in each."""

    rows: list[TicketRow]
    counts: dict[str, int]


class Ticket(TicketRow):
    """상담 한 건과 그 대화 · A ticket with its conversation."""

    summary: list[dict[str, Any]]
    timeline: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    masked: bool
    closed_to_me: bool
    position: int
    expected_minutes: int | None


class Targets(BaseModel):
    """옮길 수 있는 곳 · Where the ticket may go."""

    offices: list[dict[str, Any]]
    colleagues: list[dict[str, str]]


def _whole(request: Request, caller: Caller, ticket_id: str) -> Any:
    return request.app.state.installation.desk.views.ticket(caller.actor, ticket_id)


@router.get("/tickets", summary="상담 목록 · Tickets", response_model=Tickets)
def tickets(
    request: Request, caller: Agent, state: State = "unanswered", limit: Annotated[int, Query(ge=1, le=100)] = 100
) -> Any:
    """내가 맡을 수 있거나 거쳐 간 상담만 보입니다 · Only those of one's own desk."""
    views = request.app.state.installation.desk.views
    return {"rows": views.tickets(caller.actor, state, limit=limit), "counts": views.counts(caller.actor)}


@router.get("/tickets/{ticket_id}", summary="상담 한 건 · One ticket", response_model=Ticket)
def ticket(request: Request, caller: Agent, ticket_id: str) -> Any:
    """대화는 이 창구의 상담이 열려 있거나 내가 맡은 동안만, 개인정보는 맡은 사람에게만 보입니다 · The conversation while it is this
    desk's; personal data for its holder alone."""
    return _whole(request, caller, ticket_id)


@router.get(
    "/tickets/{ticket_id}/targets", summary="옮길 수 있는 곳 · Where it may be passed on", response_model=Targets
)
def targets(request: Request, caller: Agent, ticket_id: str) -> Any:
    """동료, 다른 창구와 부서, 다른 기관 · Colleagues, offices, agencies."""
    views = request.app.state.installation.desk.views
    found = views.ticket(caller.actor, ticket_id)
    return {"offices": views.offices(caller.actor, found), "colleagues": views.colleagues(caller.actor, found)}


@router.post("/next", summary="가장 급한 상담을 맡습니다 · Take the most urgent", response_model=Ticket | None)
def take_next(request: Request, caller: Agent, key: Key = "") -> Any:
    """기다리는 상담이 없으면 null · null when nobody waits."""
    taken = request.app.state.installation.desk.take_next(caller.actor, key=key)
    return _whole(request, caller, taken["id"]) if taken is not None else None


@router.post("/tickets/{ticket_id}/take", summary="상담을 맡습니다 · Take it", response_model=Ticket)
def take(request: Request, caller: Agent, ticket_id: str, seen: Seen, key: Key = "") -> Any:
    """다른 사람이 먼저 맡았으면 409 · 409 when somebody else has it."""
    request.app.state.installation.desk.take(caller.actor, ticket_id, key=key, version=seen.version)
    return _whole(request, caller, ticket_id)


@router.post("/tickets/{ticket_id}/reply", summary="답합니다 · Reply", response_model=Ticket)
def reply(request: Request, caller: Agent, ticket_id: str, said: Words, key: Key = "") -> Any:
    """같은 Idempotency-Key로 다시 보내면 한 번만 갑니다 · Sent again with its key, it goes out once."""
    request.app.state.installation.desk.reply(caller.actor, ticket_id, said.text, key=key, saved=said.saved)
    return _whole(request, caller, ticket_id)


@router.post("/tickets/{ticket_id}/ask", summary="되묻고 기다립니다 · Ask back and wait", response_model=Ticket)
def ask(request: Request, caller: Agent, ticket_id: str, said: AskBack, key: Key = "") -> Any:
    """시민이 답하면 상담 중으로 돌아옵니다 · The citizen's answer calls it back."""
    request.app.state.installation.desk.ask_back(caller.actor, ticket_id, said.text, key=key)
    return _whole(request, caller, ticket_id)


@router.post("/tickets/{ticket_id}/transfer", summary="옮깁니다 · Pass it on", response_model=Ticket)
def transfer(request: Request, caller: Agent, ticket_id: str, to: Transfer, key: Key = "") -> Any:
    """동료(`person`) 또는 창구·기관(`office`)에, 까닭과 함께 · To a colleague or an office, with the reason."""
    request.app.state.installation.desk.transfer(
        caller.actor, ticket_id, office=to.office, person=to.person, reason=to.reason, key=key, version=to.version
    )
    return _whole(request, caller, ticket_id)


@router.post("/tickets/{ticket_id}/close", summary="마칩니다 · Close it", response_model=Ticket)
def close(request: Request, caller: Agent, ticket_id: str, closing: Closing, key: Key = "") -> Any:
    """결과는 policy/desk.yaml의 results 가운데 하나 · The result is one of policy/desk.yaml."""
    request.app.state.installation.desk.close(
        caller.actor, ticket_id, closing.result, closing.note, key=key, version=closing.version
    )
    return _whole(request, caller, ticket_id)


@router.put("/presence", summary="상담 가능·자리 비움 · Available or away", status_code=204)
def presence(request: Request, caller: Agent, said: Presence) -> Response:
    """예상 대기 시간은 자리에 있는 사람으로 셉니다 · Expected waits count those who are there."""
    request.app.state.installation.desk.present(caller.actor, said.state, said.at_once)
    return Response(status_code=204)


@router.get(
    "/events", summary="창구의 새 소식을 바로 받습니다 · News of the desk", responses=STREAM, response_model=None
)
async def events(request: Request, caller: Agent) -> Response:
    """사건: ticket(무슨 상담에 무슨 일이), cursor. `Last-Event-ID` 뒤의 것이 빠짐없이 옵니다 · Everything after `Last-Event-ID`."""
    desk = request.app.state.installation.desk

    def beat() -> None:
        desk.seen(caller.actor)

    response = await live.follow(request, DESK, partial(desk.feed.of_desk, caller.actor), beat=beat)
    remember(request, response, caller)
    return response
