"""API: the citizen's side of the desk: news of the conversation, how the ticket stands, how it was, and once more."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from haechi.core.errors import NotFound
from haechi.web import live
from haechi.web.api_models import PROBLEMS, Text
from haechi.web.caller import Who, remember

router = APIRouter(prefix="/api/v1/chat", tags=["상담 · People at the desk"], responses=PROBLEMS)
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=100)]
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "끊길 때까지 이어지는 사건의 흐름 · Events until one hangs up",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


class Rating(BaseModel):
    """상담 평가 · How it was."""

    model_config = ConfigDict(extra="forbid")

    score: Literal[1, 2, 3, 4, 5] = Field(description="1(나쁨)–5(좋음)")
    note: Text = ""


class Standing(BaseModel):
    """상담이 지금 어떤지 · How the ticket stands."""

    model_config = ConfigDict(extra="allow")

    id: str
    number: int
    state: Literal["unanswered", "active", "pending", "history"]
    office: str
    taken_by_name: str
    position: int | None = None
    expected_minutes: int | None = None
    open: bool | None = None
    opens_at: Any = None
    result: str
    rating: int | None
    may_reopen: bool | None = None


@router.get(
    "/{conversation_id}/events",
    summary="대화의 새 소식을 바로 받습니다 · News of the conversation",
    responses=STREAM,
    response_model=None,
)
async def events(request: Request, caller: Who, conversation_id: str) -> Response:
    """사건: standing, turn(시민·챗봇·상담사의 말), ticket(상담의 변화), position, cursor. `Last-Event-ID`를 보내면 그 뒤의 것부터 빠짐없이
    옵니다 · With `Last-Event-ID` everything after it comes."""
    feed = request.app.state.installation.desk.feed
    last: list[Any] = [None]

    def beat() -> dict[str, Any] | None:
        place = feed.place(caller.actor, conversation_id)
        if place is None or place == last[0]:
            return None
        last[0] = place
        return {"event": "position", "position": place[0], "expected_minutes": place[1]}

    response = await live.follow(
        request, conversation_id, partial(feed.of_conversation, caller.actor, conversation_id), beat=beat
    )
    remember(request, response, caller)
    return response


@router.get("/{conversation_id}/ticket", summary="상담이 지금 어떤지 · How the ticket stands", response_model=Standing)
def ticket(request: Request, caller: Who, conversation_id: str) -> Any:
    """차례와 예상 시간, 맡은 사람, 끝났으면 다시 열 수 있는지 · Place and expected minutes, who took it, whether it can be reopened."""
    standing = request.app.state.installation.desk.standing(caller.actor, conversation_id)
    if standing is None:
        raise NotFound(
            "이 대화에는 상담이 없습니다.", next_step="상담사 연결을 먼저 눌러 주세요.", record=conversation_id
        )
    return standing


@router.post(
    "/{conversation_id}/ticket/rating", summary="마친 상담을 평가합니다 · Rate a closed ticket", status_code=204
)
def rate(request: Request, caller: Who, conversation_id: str, said: Rating) -> Response:
    """다시 보내면 고칩니다 · Sent again, it replaces the earlier one."""
    request.app.state.installation.desk.rate(caller.actor, conversation_id, said.score, said.note)
    return Response(status_code=204)


@router.post(
    "/{conversation_id}/ticket/reopen",
    summary="마친 상담을 다시 엽니다 · Open a closed ticket again",
    response_model=Standing,
)
def reopen(request: Request, caller: Who, conversation_id: str, key: Key = "") -> Any:
    """정해진 날 안에는 같은 상담으로 다시 줄을 섭니다 · Within the days of the policy it joins the line again."""
    desk = request.app.state.installation.desk
    desk.reopen(caller.actor, conversation_id, key=key)
    return desk.standing(caller.actor, conversation_id)
