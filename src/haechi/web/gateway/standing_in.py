"""No model of the name lives: the built-in answerer answers from the documents, in the words of a chat answer, and says so."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import orjson

from haechi.city.gateway.answerer import Answered
from haechi.city.gateway.truth import Refused
from haechi.core.errors import HaechiError
from haechi.engines.models import tokens
from haechi.engines.models.ports import Backend
from haechi.engines.models.protocol import ChatCall
from haechi.engines.models.relay import Piece
from haechi.engines.models.sse import DONE
from haechi.web.gateway.gateway import Gateway
from haechi.web.gateway.http import Request

MOST_CHARACTERS, LAST_TURNS = 1000, 3
_NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def stands_in(gateway: Gateway, request: Request, called: ChatCall, refusal: Refused) -> Backend | None:
    """What may answer in a model's place. None: the refusal stands.

    Where the caller wants a model or nothing (x-haechi-fallback: none), a tool, a schema or several answers, sentences of
    documents would be no answer to the call.
    """
    schema = (called.body.get("response_format") or {}) not in ({}, {"type": "text"})
    if refusal.code != "no_backend" or called.tools or schema or called.answers > 1:
        return None
    if request.header(b"x-haechi-fallback").strip().lower() == "none":
        return None
    return gateway.answerer_for(called.model)


async def answered(
    gateway: Gateway, request: Request, messages: Sequence[Mapping[str, Any]], bot: str
) -> Answered | None:
    """The last question answered from what the caller's key may read; None where that cannot be done now."""
    question, history = asked_last(messages)
    if not question:
        return None
    secret = request.header(b"authorization").partition(" ")[2].strip()
    try:
        found: Answered = await gateway.answerer.answer(question, history, secret, bot)
    except (HaechiError, Refused):
        return None  # what the caller hears is that no model lives
    return found


def asked_last(messages: Sequence[Mapping[str, Any]]) -> tuple[str, list[tuple[str, str]]]:
    """(the last thing that a person said, what was said before), each cut to what may be a question."""
    said = [
        (message["role"], "\n".join(tokens.texts_of([message])).strip()[:MOST_CHARACTERS])
        for message in messages
        if message.get("role") in ("user", "assistant")
    ]
    if not said or said[-1][0] != "user":
        return "", []
    pairs = [(a[1], b[1]) for a, b in pairwise(said) if (a[0], b[0]) == ("user", "assistant")]
    return said[-1][1], pairs[-LAST_TURNS:]


def whole_answer(call_id: str, model: str, said: Answered) -> Piece:
    """As a server of models would have written it; no tokens were spent."""
    choice = {"index": 0, "message": {"role": "assistant", "content": said.text}, "finish_reason": "stop"}
    return {
        "id": call_id, "object": "chat.completion", "created": int(time.time()), "model": model, "choices": [choice],
        "usage": dict(_NOTHING),
    }  # fmt: skip


def streamed_answer(call_id: str, model: str, said: Answered) -> list[bytes]:
    """The same as the payloads of a stream."""
    base = {"id": call_id, "object": "chat.completion.chunk", "created": int(time.time()), "model": model}
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "content": ""}, None), ({"content": said.text}, None), ({}, "stop"),
    ]  # fmt: skip
    chunks: list[dict[str, Any]] = [
        {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]} for delta, reason in deltas
    ]
    return [*map(orjson.dumps, [*chunks, {**base, "choices": [], "usage": _NOTHING}]), DONE]


def origin(backend: Backend, said: Answered) -> dict[str, Any]:
    """What stands beside the label in `haechi`: by whom, whether it was found, from where."""
    return {"by": "built_in_answerer", "backend": backend.id, "answered": said.answered, "citations": said.citations}
