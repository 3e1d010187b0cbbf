"""API: questions, answers as a stream of events, conversations, feedback."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from haechi.core.errors import HaechiError, Unavailable
from haechi.web.api_models import PROBLEMS, Answer, Conversation, ConversationRow, Feedback, Identifier, Question
from haechi.web.caller import Caller, Who, remember
from haechi.web.stream import HEADERS, AnswerStream, Event

router = APIRouter(prefix="/api/v1", tags=["묻기 · Ask"], responses=PROBLEMS)

STREAM_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Answer,
        "description": "사건의 흐름, 또는 Accept: application/json이면 답 전체 · A stream of events, or the whole answer",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


class Refused(HaechiError):
    """An answer that ended in an error event, for callers who asked for JSON."""

    def __init__(self, event: Event) -> None:
        super().__init__(str(event["message"]), next_step=str(event.get("next_step", "")))
        self.code = str(event.get("code", "error"))  # type: ignore[misc]
        self.status = 429 if self.code == "too_many_requests" else 503  # type: ignore[misc]


def open_question(request: Request, caller: Caller, question: Question) -> Iterator[Event]:
    """The events, the first of which has already happened: a question that cannot be taken raises here."""
    events = request.app.state.installation.asking.ask(
        caller.actor, question.question, conversation_id=question.conversation_id, as_of=question.as_of
    )
    first = next(events)
    if first["event"] == "error":
        raise Refused(first)
    return chain_closing(first, events)


def chain_closing(first: Event, rest: Iterator[Event]) -> Iterator[Event]:
    """`first`, then the rest; closing this closes the rest."""
    try:
        yield from chain((first,), rest)
    finally:
        close = getattr(rest, "close", None)
        if close is not None:
            close()


def whole_answer(events: Iterator[Event]) -> dict[str, Any]:
    """The events gathered into one Answer."""
    found: dict[str, Any] = {"citations": [], "grounding": {}, "contact": None}
    for event in events:
        body = {key: value for key, value in event.items() if key != "event"}
        match event["event"]:
            case "accepted":
                found.update(body)
            case "citation":
                found["citations"].append(body)
            case "grounding":
                found["grounding"] = body
            case "done":
                found.update(body)
            case "error":
                raise Refused(event)
    if "answered" not in found:
        raise Unavailable("답변이 끝까지 만들어지지 않았습니다.", next_step="다시 물어보세요.")
    return {key: found.get(key) for key in Answer.model_fields}


@router.post(
    "/ask",
    summary="질문하고 근거 있는 답을 받습니다 · Ask and get a cited answer",
    response_model=None,
    responses=STREAM_RESPONSE,
)
async def ask(request: Request, caller: Who, question: Question) -> Response:
    """사건: accepted, waiting, retrieval, delta, citation, grounding, done, error.

    Events arrive as Server-Sent Events, each a line of JSON. With `Accept: application/json` the whole answer comes at once.
    """
    limiter = request.app.state.streams
    events = await to_thread.run_sync(partial(open_question, request, caller, question), limiter=limiter)
    accept = request.headers.get("accept", "")
    if "application/json" in accept and "text/event-stream" not in accept:
        answer = await to_thread.run_sync(whole_answer, events, limiter=limiter)
        response: Response = JSONResponse(answer)
    else:
        response = StreamingResponse(AnswerStream(lambda: events, limiter).bytes(), headers=HEADERS)
    remember(request, response, caller)
    return response


@router.get("/conversations", summary="내 대화 목록 · My conversations", response_model=list[ConversationRow])
def conversations(request: Request, caller: Who) -> Any:
    """최근 것부터 · Latest first."""
    return request.app.state.installation.asking.conversations(caller.actor)


@router.get("/conversations/{conversation_id}", summary="대화 한 건 · One conversation", response_model=Conversation)
def conversation(request: Request, caller: Who, conversation_id: str) -> Any:
    """내 것만 볼 수 있습니다 · Only one's own."""
    return request.app.state.installation.asking.conversation(caller.actor, conversation_id)


@router.delete("/conversations/{conversation_id}", summary="대화 지우기 · Forget a conversation", status_code=204)
def forget(request: Request, caller: Who, conversation_id: str) -> Response:
    """되돌릴 수 없습니다 · Cannot be undone."""
    request.app.state.installation.asking.forget(caller.actor, conversation_id)
    return Response(status_code=204)


@router.post(
    "/turns/{turn_id}/feedback",
    summary="답변에 의견 남기기 · Give feedback on an answer",
    response_model=Identifier,
    status_code=201,
)
def feedback(request: Request, caller: Who, turn_id: str, said: Feedback) -> Any:
    """의견은 문서를 맡은 부서로 갑니다 · Goes to the bureau that owns the cited document."""
    given = request.app.state.installation.feedback.give(
        caller.actor, turn_id, helpful=said.helpful, reason=said.reason, note=said.note
    )
    return {"id": given}
