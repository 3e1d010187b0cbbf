"""API: conversations with bots, one turn at a time, as a stream of events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from haechi.core.errors import NotFound, TooManyRequests
from haechi.core.store import NOBODY
from haechi.core.throttle import Limit, count_attempt
from haechi.engines.dialogue.ports import Said
from haechi.web.api_ask import Refused, chain_closing
from haechi.web.api_models import PROBLEMS, Feedback, Identifier
from haechi.web.caller import Caller, Who, remember
from haechi.web.stream import HEADERS, AnswerStream, Event

router = APIRouter(prefix="/api/v1/chat", tags=["챗봇 · Chat"], responses=PROBLEMS)
MINUTE = timedelta(minutes=1)
LONGEST_WAIT = timedelta(seconds=30)


class ChatTurn(BaseModel):
    """한 번의 말 · One turn: exactly one of text, choice, value, wants_person."""

    model_config = ConfigDict(extra="forbid")

    bot: str | None = Field(None, max_length=60, description="챗봇, 없으면 하나의 문 · The bot; none: the one door")
    conversation_id: str | None = Field(None, max_length=64, description="이어 갈 대화 · Conversation to go on with")
    turn_id: str | None = Field(
        None, max_length=64, description="보내는 쪽이 정한 UUID, 되풀이해도 한 번 · Sender's UUID"
    )
    text: str = Field("", max_length=20_000)
    choice: str = Field("", max_length=200, description="누른 버튼의 id · The id of the button")
    value: Any = Field(None, description="묻는 항목의 값 · Value of the field being asked")
    wants_person: bool = Field(False, description="상담사를 원함 · Wants a person")
    language: Literal["ko", "en"] = "ko"


class ChatAnswer(BaseModel):
    """한 번에 받은 사건들 · All events of a turn at once."""

    conversation_id: str
    turn_id: str
    state: str
    events: list[dict[str, Any]]


class Timeline(BaseModel):
    """대화 한 건 · A conversation: turns of the person, the bot and human agents in one order."""

    id: str
    title: str
    bot: str
    audience: str
    with_person: bool
    ticket: str
    turns: list[dict[str, Any]]


STREAM_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ChatAnswer,
        "description": "사건의 흐름, 또는 Accept: application/json이면 한 번에 · A stream of events, or all at once",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def hold_back(request: Request, caller: Caller) -> None:
    """Guests of one address are slowed down above HAECHI_CHAT_PER_MINUTE turns a minute."""
    installation = request.app.state.installation
    if caller.via != "guest" or request.client is None:
        return
    limit = Limit(free=installation.settings.chat_per_minute, longest=LONGEST_WAIT, forget=MINUTE)
    try:
        with installation.store.transaction(NOBODY) as tx:
            count_attempt(tx, [(f"chat:{request.client.host}", limit)])
    except TooManyRequests as error:
        raise TooManyRequests(
            "같은 곳에서 짧은 시간에 너무 많은 말이 왔습니다.",
            retry_after=error.retry_after,
            next_step=f"{error.retry_after}초 뒤에 다시 보내 주세요. 적으신 글은 그대로 두셔도 됩니다. 급하면 120에 전화하세요.",
        ) from error


def open_turn(request: Request, caller: Caller, sent: ChatTurn) -> Iterator[Event]:
    """The events, the first of which has already happened: a turn that cannot be taken raises here."""
    hold_back(request, caller)
    said = Said(sent.text, sent.choice, sent.value, sent.wants_person, sent.language)
    events = request.app.state.installation.conversing.turn(
        caller.actor, said, bot=sent.bot, conversation_id=sent.conversation_id, turn_id=sent.turn_id
    )
    return chain_closing(next(events), events)


def all_at_once(events: Iterator[Event]) -> dict[str, Any]:
    """The events gathered into one answer; an error is answered as one."""
    told = [dict(event) for event in events]
    error = next((event for event in told if event["event"] == "error"), None)
    if error is not None:
        raise Refused(error)
    first, last = told[0], told[-1]
    ids = {key: first[key] for key in ("conversation_id", "turn_id")}
    return {**ids, "state": last["state"], "events": told[1:]}


@router.post("", summary="챗봇에 말하기 · Say something to a bot", response_model=None, responses=STREAM_RESPONSE)
async def say(request: Request, caller: Who, sent: ChatTurn) -> Response:
    """사건: accepted, routed, emergency, say, choices, ask_field, card, handed_off, waiting, retrieval, delta, citation,
    grounding, answer_done, error, ended.

    Events arrive as Server-Sent Events, each a line of JSON. With `Accept: application/json` all of them come at once.
    """
    limiter = request.app.state.streams
    events = await to_thread.run_sync(partial(open_turn, request, caller, sent), limiter=limiter)
    accept = request.headers.get("accept", "")
    if "application/json" in accept and "text/event-stream" not in accept:
        response: Response = JSONResponse(await to_thread.run_sync(all_at_once, events, limiter=limiter))
    else:
        response = StreamingResponse(AnswerStream(lambda: events, limiter).bytes(), headers=HEADERS)
    remember(request, response, caller)
    return response


@router.get("/{conversation_id}", summary="챗봇 대화 한 건 · One conversation with bots", response_model=Timeline)
def timeline(request: Request, caller: Who, conversation_id: str) -> Any:
    """내 것만: 내 말, 챗봇, 상담사가 한 줄로 · Only one's own."""
    return request.app.state.installation.conversing.timeline(caller.actor, conversation_id)


class ChatFeedback(Feedback):
    """대화의 한 답에 대한 의견 · Feedback on one turn of the conversation."""

    turn_id: Annotated[str, Field(max_length=64)]


@router.post(
    "/{conversation_id}/feedback",
    summary="챗봇 답변에 의견 남기기 · Give feedback on a bot's answer",
    response_model=Identifier,
    status_code=201,
)
def feedback(request: Request, caller: Who, conversation_id: str, said: ChatFeedback) -> Any:
    """의견은 답을 맡은 부서로 갑니다 · Goes to the bureau that answers for it."""
    installation = request.app.state.installation
    turns = installation.conversing.timeline(caller.actor, conversation_id)["turns"]
    if said.turn_id not in {turn["id"] for turn in turns}:
        raise NotFound("답변을 찾을 수 없습니다.", next_step="대화에서 다시 고르세요.", record=said.turn_id)
    given = installation.feedback.give(
        caller.actor, said.turn_id, helpful=said.helpful, reason=said.reason, note=said.note
    )
    return {"id": given}
