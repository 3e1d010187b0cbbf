"""What comes back from a model on its way to the caller: guarded, labelled, counted; nothing else is changed."""

from __future__ import annotations

from typing import Any

import orjson

from haechi.engines.models.ports import Guarding, Restoring, Usage
from haechi.engines.models.protocol import AI_LABEL
from haechi.engines.models.sse import DONE
from haechi.engines.models.tokens import estimate

Piece = dict[str, Any]
_TEXTS = ("content", "reasoning_content", "refusal")


class ModelBrokeOff(Exception):
    """The backend said in the middle of its answer that it cannot go on."""


class Relay:
    """One answer. restore: of the guarded call. model: the name that the caller used.

    tokens_out: counted so far (one a piece, as servers stream them, until the backend says). finished: the end was seen.
    Tool calls of a stream are sent whole, once they are known to be allowed.
    """

    def __init__(self, model: str, guard: Guarding, restore: Any, *, wants_usage: bool = False) -> None:
        self._model, self._guard, self._restore = model, guard, restore
        self._wants_usage = wants_usage
        self._texts: dict[tuple[int, str], Restoring] = {}
        self._calls: dict[int, dict[int, Piece]] = {}
        self._labelled = False
        self._said: Usage | None = None
        self._written: list[str] = []
        self.tokens_out = 0
        self.finished = False

    # --- streams ------------------------------------------------------------------------------------------------------------

    def feed(self, payloads: list[bytes]) -> list[Piece]:
        """The pieces to send for `data` payloads that came together. ModelBrokeOff for an error inside them."""
        out: list[Piece] = []
        pending: Piece | None = None
        for payload in payloads:
            if payload == DONE:
                self.finished = True
                continue
            piece = self._read(payload)
            if (
                pending is not None
                and _only_text(piece)
                and pending["choices"][0].get("index") == piece["choices"][0].get("index")
            ):
                # The guard looks at the whole of what came at once, not at each token.
                pending["choices"][0]["delta"]["content"] += piece["choices"][0]["delta"]["content"]
                continue
            if pending is not None:
                out += self._guarded(pending)
            pending = piece
            if not _only_text(piece):
                out += self._guarded(piece)
                pending = None
        if pending is not None:
            out += self._guarded(pending)
        if out and not self._labelled:
            self._labelled = True
            out[0]["haechi"] = {"label": AI_LABEL}
        return out

    def _read(self, payload: bytes) -> Piece:
        try:
            piece: Piece = orjson.loads(payload)
            broken = piece.get("error")
        except (ValueError, AttributeError) as error:
            raise ModelBrokeOff("읽을 수 없는 조각") from error
        if broken:
            raise ModelBrokeOff(str(broken)[:200])
        if not readable(piece.get("choices"), "delta"):
            raise ModelBrokeOff("읽을 수 없는 조각")
        self._note_usage(piece.get("usage"))
        piece["model"] = self._model
        for choice in piece.get("choices") or ():
            self._count(choice.get("delta") or {})
        return piece

    def _guarded(self, piece: Piece) -> list[Piece]:
        choices = piece.get("choices")
        if not choices:
            return [piece] if self._wants_usage and piece.get("usage") else []
        if not self._wants_usage:
            piece.pop("usage", None)
        held = [before for choice in choices for before in self._guard_delta(choice)]
        pieces = [{**piece, "choices": [choice]} for choice in held]
        return pieces if all(map(_silent, choices)) else [*pieces, piece]

    def _guard_delta(self, choice: Piece) -> list[Piece]:
        """Guard a choice in place; what was held back comes as choices to be sent before it, once it finishes."""
        index, delta = int(choice.get("index") or 0), choice.get("delta") or {}
        for name in _TEXTS:
            if delta.get(name):
                text = self._texts.get((index, name))
                if text is None:
                    text = self._texts[(index, name)] = self._guard.after_stream(self._restore)
                delta[name] = text.feed(delta[name])
        for call in delta.pop("tool_calls", None) or ():
            _add_call(self._calls.setdefault(index, {}), call)
        return self._flush(index) if choice.get("finish_reason") else []

    def _flush(self, index: int) -> list[Piece]:
        found: list[Piece] = []
        for at, name in [key for key in self._texts if key[0] == index]:
            rest = self._texts.pop((at, name)).finish()
            if rest:
                found.append({"index": index, "delta": {name: rest}, "finish_reason": None})
        calls = self._calls.pop(index, {})
        kept, _ = self._guard.after_tools(self._restore, [calls[place] for place in sorted(calls)])
        if kept:
            numbered = [{**call, "index": place} for place, call in enumerate(kept)]
            found.append({"index": index, "delta": {"tool_calls": numbered}, "finish_reason": None})
        return found

    # --- whole answers --------------------------------------------------------------------------------------------------------

    def whole(self, body: Piece) -> Piece:
        """A complete answer, guarded and labelled."""
        self._note_usage(body.get("usage"))
        for choice in body.get("choices") or ():
            message = choice.get("message") or {}
            self._count(message)
            for name in _TEXTS:
                if message.get(name):
                    text = self._guard.after_stream(self._restore)
                    message[name] = text.feed(message[name]) + text.finish()
            if message.get("tool_calls"):
                message["tool_calls"], _ = self._guard.after_tools(self._restore, message["tool_calls"])
        body["model"] = self._model
        body["haechi"] = {"label": AI_LABEL}
        self.finished = True
        return body

    # --- counting -------------------------------------------------------------------------------------------------------------

    def usage(self, tokens_in: int) -> Usage:
        """As the backend said, else estimated. tokens_in: our estimate."""
        if self._said is not None:
            return self._said
        return Usage(tokens_in, max(self.tokens_out, estimate("".join(self._written))), "estimate")

    def _count(self, delta: Piece) -> None:
        texts = [delta[name] for name in _TEXTS if delta.get(name)]
        texts += [
            arguments
            for call in delta.get("tool_calls") or ()
            if (arguments := (call.get("function") or {}).get("arguments"))
        ]
        if texts:
            self.tokens_out += 1
            self._written += texts

    def _note_usage(self, usage: Any) -> None:
        if isinstance(usage, dict) and isinstance(usage.get("prompt_tokens"), int):
            written = usage.get("completion_tokens")
            self._said = Usage(usage["prompt_tokens"], written if isinstance(written, int) else 0, "backend")
            self.tokens_out = max(self.tokens_out, self._said.tokens_out)


def readable(choices: Any, part: str) -> bool:
    """Whether a server's choices have the shape that the guard reads: what cannot be read is never passed on unread."""
    if choices is None:
        return True
    if not isinstance(choices, list):
        return False
    for choice in choices:
        if not isinstance(choice, dict) or not isinstance(choice.get("index"), int | None):
            return False
        said = choice.get(part)
        if said is None:
            continue
        if not isinstance(said, dict) or any(not isinstance(said.get(name), str | None) for name in _TEXTS):
            return False
        calls = said.get("tool_calls")
        if calls is not None and not (isinstance(calls, list) and all(map(_is_call, calls))):
            return False
    return True


def _is_call(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else False
    if function is None:
        return isinstance(call.get("index"), int | None)
    return (
        isinstance(function, dict)
        and isinstance(call.get("index"), int | None)
        and all(isinstance(function.get(name), str | None) for name in ("name", "arguments"))
    )


def _only_text(piece: Piece) -> bool:
    choices = piece.get("choices")
    if not choices or len(choices) != 1 or piece.get("usage") or choices[0].get("finish_reason"):
        return False
    delta = choices[0].get("delta")
    return bool(delta) and len(delta) == 1 and isinstance(delta.get("content"), str)


def _silent(choice: Piece) -> bool:
    """Nothing is left to say: every text of it is held back by the guard."""
    delta = choice.get("delta")
    if choice.get("finish_reason") or delta is None:
        return False
    return not any(delta.values())


def _add_call(calls: dict[int, Piece], piece: Piece) -> None:
    """Streamed pieces of a tool call add up: names come first, arguments in pieces."""
    place = int(piece.get("index") or 0)
    function = piece.get("function") or {}
    call = calls.setdefault(place, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
    call["id"] = piece.get("id") or call["id"]
    call["function"]["name"] += function.get("name") or ""
    call["function"]["arguments"] += function.get("arguments") or ""
