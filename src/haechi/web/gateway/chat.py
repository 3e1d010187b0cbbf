"""POST /v1/chat/completions: through guard, queue and model, and back as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import orjson

from haechi.city.gateway.answerer import Answered
from haechi.city.gateway.truth import Refused
from haechi.engines.models import tokens
from haechi.engines.models.ports import Backend, GuardedCall, Usage
from haechi.engines.models.protocol import ChatCall, read_chat
from haechi.engines.models.relay import ModelBrokeOff, Piece, Relay, readable
from haechi.engines.models.sse import DONE, EventReader, comment, event
from haechi.engines.models.upstream import Answer, BackendFailed, BackendRefused
from haechi.web.gateway.call import Call, Wanted, limited, refused_by_model
from haechi.web.gateway.errors import as_error
from haechi.web.gateway.gateway import Gateway, Principal
from haechi.web.gateway.http import LABEL_HEADER, Request
from haechi.web.gateway.standing_in import answered, origin, stands_in, streamed_answer, whole_answer

PATH = "/chat/completions"


async def chat_completions(gateway: Gateway, request: Request, principal: Principal) -> None:
    """OpenAI's chat: streamed or whole."""
    called = read_chat(await request.json(gateway.body_limit))
    guarded = gateway.guard.before(called.messages, tools=called.tools)
    if guarded.refusal:
        await refuse(request, called, guarded.refusal, PlainStream(request))
        return
    exchange = Exchange(gateway, request, principal, called, guarded)
    if called.stream:
        await exchange.stream(PlainStream(request))
    else:
        body = await exchange.whole()
        await request.reply(200, orjson.dumps(body), [*exchange.call.headers, LABEL_HEADER])


async def refuse(request: Request, called: ChatCall, words: str, out: Any) -> None:
    """The guard answers in the model's place: no model is asked, nothing is charged, and no AI has written this."""
    base = {"id": "guard", "created": 0, "model": called.model, "haechi": {"by": "guard"}}
    if called.stream:
        await request.begin([])
        said = {"index": 0, "delta": {"role": "assistant", "content": words}, "finish_reason": None}
        last = {"index": 0, "delta": {}, "finish_reason": "content_filter"}
        pieces = [{**base, "object": "chat.completion.chunk", "choices": [choice]} for choice in (said, last)]
        await request.end(out.start() + out.pieces(pieces) + out.end(Usage(0, 0, "estimate")))
        return
    await request.reply(200, orjson.dumps(out.whole(refusal_body(called, words))), [])


def refusal_body(called: ChatCall, words: str) -> Piece:
    """A chat answer with the guard's words."""
    choice = {"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "content_filter"}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return {
        "id": "guard", "object": "chat.completion", "created": 0, "model": called.model, "choices": [choice],
        "usage": usage, "haechi": {"by": "guard"},
    }  # fmt: skip


class PlainStream:
    """Chat pieces as they are."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def start(self) -> bytes:
        """Before the first piece."""
        return b""

    def whole(self, answer: Piece) -> Piece:
        """An answer that does not stream."""
        return answer

    def pieces(self, pieces: list[Piece]) -> bytes:
        """As events."""
        return b"".join(event(orjson.dumps(piece)) for piece in pieces)

    def end(self, usage: Usage) -> bytes:  # noqa: ARG002 - the Responses API needs it
        """After the last piece."""
        return event(DONE)

    def error(self, body: dict[str, Any]) -> bytes:
        """In the middle of a stream."""
        return event(orjson.dumps(body)) + event(DONE)


class Exchange:
    """One chat call and its answer, for whatever API it came by."""

    def __init__(
        self, gateway: Gateway, request: Request, principal: Principal, called: ChatCall, guarded: GuardedCall
    ) -> None:
        self._gateway, self._request, self._called, self._guarded = gateway, request, called, guarded
        self._messages: list[Any] = list(self._guarded.messages)
        more = orjson.dumps([called.tools, called.body.get("response_format")]).decode() if called.tools else ""
        estimated, bound = tokens.of_messages(self._messages, more)
        rules = gateway.rules
        self._cap = rules.output_limit if limited(principal) else None
        wanted = Wanted(
            kind="chat",
            alias=called.model,
            tokens_in=estimated,
            bound_in=bound,
            bound_out=(called.cap or rules.output_limit) * called.answers,
            streamed=called.stream,
            found=_kinds(self._guarded.found),
            log=self._log_text(rules.log_characters),
        )
        self._estimated = estimated
        self.call = Call(gateway, request, principal, wanted)

    def _log_text(self, characters: int) -> str:
        # The messages are masked already: what the guard lets the model see, the log may hold.
        return "".join(tokens.texts_of(self._messages[-1:]))[:characters].replace("\x00", "")

    def _relay(self) -> Relay:
        return Relay(
            self._called.model, self._gateway.guard, self._guarded.restore, wants_usage=self._called.wants_usage
        )

    def _body(self, backend: Backend) -> bytes:
        upstream = self._called.upstream(
            backend.models.get(self._called.model, self._called.model),
            self._messages,
            cap=self._cap,
            priority=self.call.priority,
        )
        return orjson.dumps(upstream)

    # --- whole ------------------------------------------------------------------------------------------------------------

    async def whole(self) -> Piece:
        """The answer at once. Settled when this returns or raises."""
        call, relay = self.call, self._relay()
        try:
            while True:
                backend = await call.turn()
                try:
                    body = await self._fetch(backend)
                    break
                except BackendFailed as failure:
                    call.move(failure)
            call.began()
            answer = relay.whole(body)
            call.end("done", relay.usage(self._estimated))
            return answer
        except Refused as refusal:
            stand_in = await self._stand_in(refusal)
            if stand_in is None:
                call.refused(refusal)
                raise
            body = relay.whole(whole_answer(call.lease.id, self._called.model, stand_in[1]))
            body["haechi"] |= origin(*stand_in)
            call.end("done", relay.usage(0))
            return body
        except BackendRefused as refusal:
            call.end("failed", error=str(refusal))
            raise refused_by_model(refusal) from refusal
        finally:
            call.end("hung_up", relay.usage(self._estimated))

    async def _stand_in(self, refusal: Refused) -> tuple[Backend, Answered] | None:
        """No model lives: the built-in answerer's answer where the name has one and the call may be answered so."""
        backend = stands_in(self._gateway, self._request, self._called, refusal)
        if backend is None:
            return None
        said = await answered(self._gateway, self._request, self._messages, self.call.bot)
        if said is None:
            return None
        self.call.stand_in(backend)
        self.call.began()
        return backend, said

    async def _fetch(self, backend: Backend) -> Piece:
        answer = await self._gateway.upstream.post(backend, PATH, self._body(backend))
        finished = False
        try:
            body = orjson.loads(await answer.whole())
            finished = True
        except ValueError as error:
            raise BackendFailed("읽을 수 없는 답") from error
        finally:
            answer.close(finished=finished)
        if not isinstance(body, dict) or not body.get("choices"):
            raise BackendFailed("답이 비어 있음")
        if not readable(body["choices"], "message"):
            raise BackendFailed("읽을 수 없는 답")
        return body

    # --- stream -----------------------------------------------------------------------------------------------------------

    async def stream(self, out: Any) -> None:
        """Send the answer as it comes, in the words of `out`. Settled when this returns or raises."""
        call, relay = self.call, self._relay()
        try:
            await self._stream(out, relay)
            call.end("done", relay.usage(self._estimated))
            await self._request.end(out.end(relay.usage(self._estimated)))
        except Refused as refusal:
            stand_in = await self._stand_in(refusal)
            if stand_in is None:
                call.refused(refusal)
                await self._fail(refusal, out)
                return
            pieces = relay.feed(streamed_answer(call.lease.id, self._called.model, stand_in[1]))
            pieces[0]["haechi"] |= origin(*stand_in)
            call.end("done", relay.usage(0))
            await self._begin(out)
            await self._request.end(out.pieces(pieces) + out.end(relay.usage(0)))
        except BackendRefused as refusal:
            call.end("failed", error=str(refusal))
            await self._fail(refused_by_model(refusal), out)
        except BackendFailed as failure:
            call.end("failed", relay.usage(self._estimated), error=failure.why)
            await self._fail(failure, out)
        finally:
            call.end("hung_up", relay.usage(self._estimated))

    async def _fail(self, error: Exception, out: Any) -> None:
        """Before the stream has begun as a status; afterwards inside it."""
        if not self._request.started:
            raise error
        await self._request.end(out.error(as_error(error)[1]))

    async def _stream(self, out: Any, relay: Relay) -> None:
        call = self.call
        while True:
            await self._wait(out)
            assert call.backend is not None
            try:
                answer = await self._gateway.upstream.post(call.backend, PATH, self._body(call.backend))
            except BackendFailed as failure:
                call.move(failure)
                continue
            try:
                await self._pass_on(answer, relay, out)
            except BackendFailed as failure:
                if relay.tokens_out:
                    self._gateway.failed(call.backend.id, failure.why)
                    raise
                call.move(failure)
                continue
            finally:
                answer.close(finished=relay.finished)
            return

    async def _wait(self, out: Any) -> None:
        """For admission; a caller who waits longer than a moment is told where they stand."""
        async with aclosing(self.call.waiting()) as looks:
            async for position, seconds in looks:
                await self._begin(out)
                about = round(seconds) if seconds is not None else None
                said = orjson.dumps({"waiting": {"position": position, "seconds": about}}).decode()
                await self._request.more(comment(f"haechi {said}"))

    async def _begin(self, out: Any) -> None:
        if not self._request.started:
            await self._request.begin([*self.call.headers, LABEL_HEADER])
            first = out.start()
            if first:
                await self._request.more(first)

    async def _pass_on(self, answer: Answer, relay: Relay, out: Any) -> None:
        try:
            async for payloads in _payloads(answer):
                before = relay.tokens_out
                pieces = relay.feed(payloads)
                if relay.tokens_out != before:
                    self.call.began()
                    self.call.wrote(relay.tokens_out)
                if pieces:
                    await self._begin(out)
                    await self._request.more(out.pieces(pieces))
        except ModelBrokeOff as error:
            raise BackendFailed(f"모델이 오류를 알림: {error}") from error
        if not relay.finished:
            raise BackendFailed("답이 중간에 끊김")
        await self._begin(out)
        self.call.began()


async def _payloads(answer: Answer) -> AsyncIterator[list[bytes]]:
    reader = EventReader()
    async for data in answer.pieces():
        payloads = reader.feed(data)
        if payloads:
            yield payloads
    rest = reader.finish()
    if rest:
        yield rest


def _kinds(found: Any) -> tuple[str, ...]:
    return tuple(sorted({str(getattr(each, "kind", each)) for each in found}))
