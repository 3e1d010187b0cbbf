"""The staff messenger's webhook, and the linking of one's messenger account."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from haechi.core.errors import Forbidden
from haechi.web.api_models import PROBLEMS
from haechi.web.caller import SignedIn
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["메신저 · Messenger"], responses=PROBLEMS)


class Message(BaseModel):
    """메신저에서 온 글 · A message."""

    model_config = ConfigDict(extra="ignore")

    user: str = Field(min_length=1, max_length=200, description="메신저가 부르는 그 사람 · The sender's account there")
    text: str = Field(min_length=1, max_length=2000, description="글 · The message")


class Reply(BaseModel):
    """메신저로 보낼 답 · What to show."""

    text: str = Field(description="그대로 보일 글(마크다운) · To be shown as it is, Markdown")
    linked: bool = Field(description="거짓이면 계정을 먼저 연결 · False: the account is not linked yet")
    answered: bool
    sources: list[dict[str, Any]]
    ai_label: str = Field(description="비어 있으면 AI가 만든 말이 아님 · Empty: not made by AI")


@api.post("/messenger", summary="직원 메신저의 물음 · A message from the staff messenger", response_model=Reply)
def receive(request: Request, caller: SignedIn, message: Message) -> Any:
    """범위 `messenger`의 키로 메신저 서버가 부릅니다. 사람마다 먼저 계정을 연결해야 합니다 · Called by the messenger's server."""
    if caller.via != "key":
        raise Forbidden(
            "메신저 서버만 부를 수 있습니다.", next_step="범위가 messenger인 키로 부르세요.", record="messenger"
        )
    return request.app.state.installation.messenger.receive(caller.actor, message.user, message.text)


@router.get("/me/messenger")
def linking(request: Request, caller: SignedIn) -> Response:
    """One's linked messenger accounts."""
    links = request.app.state.installation.messenger.links(caller.actor)
    return page(request, caller, "messenger.html", links=links, code="")


@router.post("/me/messenger")
def new_code(request: Request, caller: SignedIn) -> Response:
    """A fresh code, shown once."""
    messenger = request.app.state.installation.messenger
    return page(
        request, caller, "messenger.html", links=messenger.links(caller.actor), code=messenger.code(caller.actor)
    )


@router.post("/me/messenger/unlink")
def unlink(request: Request, caller: SignedIn) -> Response:
    """End all links."""
    request.app.state.installation.messenger.unlink(caller.actor)
    return go(request, caller, "/me/messenger", "messenger_unlinked")
