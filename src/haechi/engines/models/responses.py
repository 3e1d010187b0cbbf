"""OpenAI's Responses API, spoken over chat: backends rarely have it, callers expect it.

What needs a server that remembers (previous_response_id, background, stored responses) is refused with a reason: this
gateway keeps no conversations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from haechi.core.errors import InvalidInput
from haechi.engines.models.ports import Usage
from haechi.engines.models.protocol import AI_LABEL, read_object, wrong
from haechi.engines.models.sse import named

Item = dict[str, Any]
_REMEMBERED = ("previous_response_id", "conversation", "background", "prompt")
_SAME = ("model", "stream", "temperature", "top_p", "parallel_tool_calls", "seed", "user")


def as_chat(body: Any) -> dict[str, Any]:
    """The chat call that means the same. InvalidInput for what cannot be said in chat."""
    body = read_object(body)
    for name in _REMEMBERED:
        if body.get(name):
            raise wrong(name, f"이 관문은 {name}을(를) 지원하지 않습니다.", "대화 전체를 input에 넣어 보내세요.")
    chat = {name: body[name] for name in _SAME if body.get(name) is not None}
    chat["messages"] = _messages(body)
    if body.get("max_output_tokens") is not None:
        chat["max_tokens"] = body["max_output_tokens"]
    tools = [_tool(tool) for tool in body.get("tools") or ()]
    if tools:
        chat["tools"] = tools
    choice = body.get("tool_choice")
    if choice is not None:
        named_tool = isinstance(choice, dict) and choice.get("type") == "function"
        chat["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}} if named_tool else choice
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        schema = {key: form[key] for key in ("name", "schema", "strict", "description") if form.get(key) is not None}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form.get("type") == "json_object":
        chat["response_format"] = {"type": "json_object"}
    return chat


def _messages(body: Mapping[str, Any]) -> list[Item]:
    given = body.get("input")
    messages: list[Item] = []
    if body.get("instructions"):
        messages.append({"role": "system", "content": str(body["instructions"])})
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise wrong("input", "물을 글이 없습니다.", "input에 글 또는 항목의 목록을 넣으세요.")
    for item in given:
        if not isinstance(item, dict):
            raise wrong("input", "input의 항목을 읽을 수 없습니다.", "각 항목은 객체여야 합니다.")
        messages.append(_message(item))
    return messages


def _message(item: Item) -> Item:
    match item.get("type", "message"):
        case "message":
            return {"role": item.get("role", "user"), "content": _content(item.get("content"))}
        case "function_call":
            function = {"name": item.get("name", ""), "arguments": item.get("arguments", "")}
            call = {"id": item.get("call_id", ""), "type": "function", "function": function}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        case "function_call_output":
            output = item.get("output")
            text = output if isinstance(output, str) else orjson.dumps(output).decode()
            return {"role": "tool", "tool_call_id": item.get("call_id", ""), "content": text}
    raise wrong("input", f"'{item.get('type')}' 항목은 지원하지 않습니다.", "message와 function_call만 보내세요.")


def _content(content: Any) -> Any:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise wrong("input", "input의 content를 읽을 수 없습니다.", "글 또는 조각의 목록으로 보내세요.")
    return [_part(part) for part in content if isinstance(part, dict)]


def _part(part: Item) -> Item:
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            return {"type": "text", "text": str(part.get("text", ""))}
        case "input_image" if part.get("image_url"):
            return {"type": "image_url", "image_url": {"url": part["image_url"]}}
    raise wrong("input", f"'{part.get('type')}' 조각은 지원하지 않습니다.", "글과 그림(image_url)만 보내세요.")


def _tool(tool: Any) -> Item:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise InvalidInput(
            "함수가 아닌 도구는 지원하지 않습니다.", next_step="type이 function인 도구만 보내세요.", record="tools"
        )
    function = {key: tool[key] for key in ("name", "description", "parameters", "strict") if tool.get(key) is not None}
    return {"type": "function", "function": function}


class Response:
    """The response object as it grows. id: of the call. body: as the caller sent it. label: '' where no AI wrote it."""

    def __init__(self, id: str, body: Mapping[str, Any], created: int, *, label: str = AI_LABEL) -> None:
        self._label = label
        self._text: list[str] = []
        self._calls: list[Item] = []
        self._base: Item = {
            "id": f"resp_{id.replace('-', '')}", "object": "response", "created_at": created, "model": body["model"],
            "instructions": body.get("instructions"), "metadata": body.get("metadata") or {}, "parallel_tool_calls": True,
            "temperature": body.get("temperature"), "top_p": body.get("top_p"), "tools": body.get("tools") or [],
            "tool_choice": body.get("tool_choice") or "auto", "error": None, "incomplete_details": None, "store": False,
            "text": body.get("text") or {"format": {"type": "text"}},
        }  # fmt: skip
        self._message_id = f"msg_{id.replace('-', '')}"
        self._number = 0
        self._incomplete = False

    # --- whole --------------------------------------------------------------------------------------------------------------

    def whole(self, answer: Item) -> Item:
        """From a complete chat answer."""
        choice = answer["choices"][0]
        message = choice.get("message") or {}
        self._text = [message["content"]] if message.get("content") else []
        self._calls = [_call_item(call) for call in message.get("tool_calls") or ()]
        self._incomplete = choice.get("finish_reason") == "length"
        usage = answer.get("usage") or {}
        return self._finished(usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))

    # --- stream -------------------------------------------------------------------------------------------------------------

    def start(self) -> bytes:
        """Before anything was said."""
        shell = {**self._base, "status": "in_progress", "output": [], "usage": None}
        return self._event("response.created", response=shell) + self._event("response.in_progress", response=shell)

    def pieces(self, pieces: list[Item]) -> bytes:
        """Chat pieces as events."""
        out = b""
        for piece in pieces:
            for choice in piece.get("choices") or ():
                if choice.get("index"):
                    continue
                delta = choice.get("delta") or {}
                if delta.get("content"):
                    out += self._say(delta["content"])
                for call in delta.get("tool_calls") or ():
                    out += self._call(call)
                self._incomplete = self._incomplete or choice.get("finish_reason") == "length"
        return out

    def end(self, usage: Usage) -> bytes:
        """After the last piece."""
        done = self._finished(usage.tokens_in, usage.tokens_out)
        name = "response.incomplete" if self._incomplete else "response.completed"
        return self._close_text() + self._event(name, response=done)

    def error(self, body: Item) -> bytes:
        """In the middle of a stream."""
        error = {"code": body["error"]["code"], "message": body["error"]["message"]}
        failed = {**self._base, "status": "failed", "output": self._output(), "usage": None, "error": error}
        return self._event("response.failed", response=failed)

    def _say(self, text: str) -> bytes:
        out = b""
        if not self._text:
            item = {**self._message(""), "status": "in_progress", "content": []}
            out += self._event("response.output_item.added", output_index=0, item=item)
            out += self._event("response.content_part.added", **self._at(), part=_part_of(""))
        self._text.append(text)
        return out + self._event("response.output_text.delta", **self._at(), delta=text, logprobs=[])

    def _close_text(self) -> bytes:
        if not self._text:
            return b""
        text = "".join(self._text)
        return (
            self._event("response.output_text.done", **self._at(), text=text, logprobs=[])
            + self._event("response.content_part.done", **self._at(), part=_part_of(text))
            + self._event("response.output_item.done", output_index=0, item=self._message(text))
        )

    def _call(self, call: Item) -> bytes:
        item = _call_item(call)
        index = bool(self._text) + len(self._calls)
        self._calls.append(item)
        begun = {**item, "arguments": "", "status": "in_progress"}
        where = {"item_id": item["id"], "output_index": index}
        return (
            self._event("response.output_item.added", output_index=index, item=begun)
            + self._event("response.function_call_arguments.delta", **where, delta=item["arguments"])
            + self._event(
                "response.function_call_arguments.done", **where, arguments=item["arguments"], name=item["name"]
            )
            + self._event("response.output_item.done", output_index=index, item=item)
        )

    def _at(self) -> Item:
        return {"item_id": self._message_id, "output_index": 0, "content_index": 0}

    def _message(self, text: str) -> Item:
        return {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [_part_of(text)],
        }

    def _output(self) -> list[Item]:
        said = [self._message("".join(self._text))] if self._text else []
        return [*said, *self._calls]

    def _finished(self, tokens_in: int, tokens_out: int) -> Item:
        usage = {
            "input_tokens": tokens_in, "output_tokens": tokens_out, "total_tokens": tokens_in + tokens_out,
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0},
        }  # fmt: skip
        details = {"reason": "max_output_tokens"} if self._incomplete else None
        status = "incomplete" if self._incomplete else "completed"
        return {
            **self._base, "status": status, "incomplete_details": details, "output": self._output(), "usage": usage,
            "haechi": {"label": self._label} if self._label else {"by": "guard"},
        }  # fmt: skip

    def _event(self, name: str, **fields: Any) -> bytes:
        self._number += 1
        return named(name, orjson.dumps({"type": name, "sequence_number": self._number - 1, **fields}))


def _part_of(text: str) -> Item:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call_item(call: Item) -> Item:
    function = call.get("function") or {}
    known = str(call.get("id") or "call")
    return {
        "id": f"fc_{known}", "type": "function_call", "status": "completed", "call_id": known,
        "name": function.get("name", ""), "arguments": function.get("arguments", ""),
    }  # fmt: skip
