"""API: one-click correction of the bot that the door chose, and what the door did, in counts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from haechi.web.api_models import PROBLEMS
from haechi.web.caller import Who
from haechi.web.citizen.api_chat import hold_back

router = APIRouter(prefix="/api/v1", tags=["챗봇 · Chat"], responses=PROBLEMS)


class RouteCorrection(BaseModel):
    """다른 챗봇이 맞다 · Another bot should have answered."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: str = Field(max_length=64)
    right: str = Field(max_length=60, description="맞는 챗봇의 id · The right bot's id")


class Corrected(BaseModel):
    """남긴 바로잡음 · The correction as kept."""

    routed: str
    right: str


class RoutingReport(BaseModel):
    """하나의 문에서 있었던 일, 수로만 · What happened at the door, in counts."""

    days: int
    routed: list[dict[str, Any]]
    asked: int
    unknown: int
    emergency: int
    corrections: list[dict[str, Any]]


@router.post(
    "/chat/route-correction",
    summary="챗봇 바로잡기 · Correct the choice of the bot",
    response_model=Corrected,
    status_code=201,
)
def correct(request: Request, caller: Who, sent: RouteCorrection) -> Any:
    """말은 남기지 않고 챗봇의 이름만 남깁니다 · Keeps the bots' names and no words."""
    hold_back(request, caller)
    kept = request.app.state.installation.routing_desk.correct(caller.actor, sent.conversation_id, sent.right)
    return {"routed": kept.routed, "right": kept.right}


@router.get("/routing/report", summary="길 찾기의 수 · What the door did", response_model=RoutingReport)
def report(request: Request, caller: Who, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Any:
    """챗봇마다 고른 수, 바로잡은 수, 되물은 수, 맡지 않는다고 한 수 · Counts per bot, corrections, asked, unknown."""
    return request.app.state.installation.routing_desk.report(caller.actor, days)
