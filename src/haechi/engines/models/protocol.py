"""OpenAI's chat protocol: what a call must look like, what is sent on, how an error is shaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from haechi.core.errors import HaechiError, InvalidInput

AI_LABEL = "AI가 만든 답변입니다. 근거를 확인하세요."
TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "service_unavailable",
}
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A checked chat call. body: as sent. cap: output tokens at most, or None. wants_usage: of a stream, in its last piece."""

    model: str
    messages: list[dict[str, Any]]
    body: dict[str, Any]
    stream: bool
    wants_usage: bool
    cap: int | None
    answers: int
    tools: list[dict[str, Any]]

    def upstream(self, model: str, messages: list[Any], *, cap: int | None, priority: int | None) -> dict[str, Any]:
        """What the backend gets: its own name of the model, masked messages, a bound on the output, usage always on."""
        body = {**self.body, "model": model, "messages": messages}
        if self.stream:
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        if self.cap is None and cap is not None:
            body["max_tokens"] = cap
        if priority is not None:
            body["priority"] = priority
        else:
            body.pop("priority", None)
        return body


def read_chat(body: Any) -> ChatCall:
    """InvalidInput names the field that is wrong. What we do not know is passed on: backends differ."""
    body = read_object(body)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise wrong("messages", "대화 글이 없습니다.", "messages에 하나 이상의 글을 넣으세요.")
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise wrong("messages", "대화 글의 모양이 맞지 않습니다.", "각 글에 role과 content를 넣으세요.")
        if not isinstance(message.get("content"), str | list | None):
            raise wrong(
                "messages", "대화 글의 content를 읽을 수 없습니다.", "content는 글 또는 조각의 목록이어야 합니다."
            )
    tools = body.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise wrong("tools", "tools를 읽을 수 없습니다.", "tools는 함수 명세의 목록이어야 합니다.")
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise wrong("stream_options", "stream_options를 읽을 수 없습니다.", "객체로 보내거나 빼세요.")
    cap = body.get("max_completion_tokens", body.get("max_tokens"))
    answers = body.get("n") or 1
    return ChatCall(
        model=model_of(body),
        messages=messages,
        body=body,
        stream=bool(body.get("stream")),
        wants_usage=bool(options.get("include_usage")),
        cap=whole(cap, "max_tokens", least=1, most=1_000_000) if cap is not None else None,
        answers=whole(answers, "n", least=1, most=16),
        tools=tools,
    )


def read_object(body: Any) -> dict[str, Any]:
    """The body as an object."""
    if not isinstance(body, dict):
        raise wrong("body", "요청이 JSON 객체가 아닙니다.", "JSON 객체로 보내세요.")
    return body


def model_of(body: Mapping[str, Any]) -> str:
    """The model that the caller names."""
    model = body.get("model")
    if not isinstance(model, str) or not model.isprintable() or not 0 < len(model) <= 200:
        raise wrong("model", "모델 이름이 없습니다.", "GET /v1/models의 이름을 model에 넣으세요.")
    return model


def whole(value: Any, name: str, *, least: int, most: int) -> int:
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise wrong(name, f"{name} 값이 맞지 않습니다.", f"{least:,}부터 {most:,}까지의 정수로 보내세요.")
    return value


def wrong(name: str, message: str, next_step: str) -> InvalidInput:
    """A field that cannot be accepted."""
    return InvalidInput(message, next_step=next_step, record=name)


def error_body(status: int, code: str, message: str, next_step: str, record: str = "") -> dict[str, Any]:
    """An error as OpenAI's clients read it; the next step stands in the message too, because they show only that."""
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    whole_message = f"{message} {next_step}".strip()
    error = {"message": whole_message, "type": kind, "param": record or None, "code": code, "next_step": next_step}
    return {"error": error}


def error_of(error: HaechiError) -> dict[str, Any]:
    """The same, from the error tree."""
    return error_body(error.status, error.code, error.message, error.next_step, error.record)
