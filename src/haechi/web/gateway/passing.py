"""POST /v1/embeddings, /v1/rerank, /v1/audio/…: one request, one answer, the same queue and ledger as chat."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import numpy as np
import orjson
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers as FormHeaders
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from haechi.city.gateway.truth import Refused
from haechi.core.errors import NotFound, Unavailable
from haechi.engines.models import rerank as ranking
from haechi.engines.models import tokens
from haechi.engines.models.ports import Backend, Usage
from haechi.engines.models.protocol import AI_LABEL, model_of, read_object, whole, wrong
from haechi.engines.models.upstream import BackendFailed, BackendRefused
from haechi.web.gateway.call import Call, Wanted, refused_by_model
from haechi.web.gateway.gateway import Gateway, Principal
from haechi.web.gateway.http import LABEL_HEADER, Headers, Request

MOST_TEXTS = 2048
SOUND_LIMIT = 100 * 2**20
Produced = tuple[bytes, Usage, str]
"""Body, usage, content type."""


async def embeddings(gateway: Gateway, request: Request, principal: Principal) -> None:
    """Vectors of texts: from a backend, or from the built-in embedder."""
    body = read_object(await request.json(gateway.body_limit))
    alias, texts = model_of(body), _texts(body.get("input"), "input")
    estimated = sum(map(tokens.estimate, texts))

    async def produce(backend: Backend) -> Produced:
        if backend.kind == "built_in":
            vectors = await gateway.built_in.embed(texts, question=body.get("input_type") == "query")
            data = [_embedding(vector, at, body.get("encoding_format")) for at, vector in enumerate(vectors)]
            usage = {"prompt_tokens": estimated, "total_tokens": estimated}
            found = {"object": "list", "data": data, "model": alias, "usage": usage, "haechi": {"backend": "built-in"}}
            return orjson.dumps(found), Usage(estimated, 0, "estimate"), "application/json"
        sent = {key: value for key, value in body.items() if key != "input_type"}
        # Personal data leaves no vector behind either.
        masked = [gateway.guard.log_form(text) for text in texts]
        raw = await _post(gateway, backend, "/embeddings", {**sent, "model": backend.models[alias], "input": masked})
        return orjson.dumps({**raw, "model": alias}), _usage_of(raw, estimated), "application/json"

    wanted = Wanted("embeddings", alias, estimated, sum(map(tokens.at_most, texts)), 0)
    await _run(gateway, request, principal, wanted, produce)


async def rerank(gateway: Gateway, request: Request, principal: Principal) -> None:
    """Documents in order of their nearness to a query; says by which method."""
    body = read_object(await request.json(gateway.body_limit))
    alias, query = model_of(body), body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise wrong("query", "찾는 말이 없습니다.", "query에 글을 넣으세요.")
    given = body.get("documents")
    documents = _texts(
        [each.get("text", "") if isinstance(each, dict) else each for each in given]
        if isinstance(given, list)
        else given,
        "documents",
    )
    most = whole(body.get("top_n") or len(documents), "top_n", least=1, most=MOST_TEXTS)
    estimated = sum(map(tokens.estimate, [query, *documents]))

    async def produce(backend: Backend) -> Produced:
        if backend.kind != "built_in":
            raw = await _post(gateway, backend, "/rerank", _masked_ranking(gateway, backend, body, query, documents))
            _give_back(raw, documents, given)
            return orjson.dumps({**raw, "model": alias}), _usage_of(raw, estimated), "application/json"
        asked = await gateway.built_in.embed([query], question=True)
        vectors = await gateway.built_in.embed(documents, question=False)
        scored = ranking.scores(query, documents, [float(cosine) for cosine in vectors @ asked[0]])
        order = sorted(range(len(documents)), key=lambda at: (-scored[at], at))[:most]
        results = [
            {"index": at, "relevance_score": round(scored[at], 6)}
            | ({"document": {"text": documents[at]}} if body.get("return_documents") else {})
            for at in order
        ]
        found = {
            "model": alias,
            "results": results,
            "usage": {"total_tokens": estimated},
            "haechi": {"method": ranking.METHOD},
        }
        return orjson.dumps(found), Usage(estimated, 0, "estimate"), "application/json"

    bound = sum(map(tokens.at_most, [query, *documents]))
    await _run(gateway, request, principal, Wanted("rerank", alias, estimated, bound, 0), produce)


def _masked_ranking(
    gateway: Gateway, backend: Backend, body: Mapping[str, Any], query: str, documents: list[str]
) -> dict[str, Any]:
    """What a server gets to rank: no personal data, and of a document nothing but its text."""
    asked, *masked = gateway.guard.log_forms([query, *documents])
    return {**body, "model": backend.models[str(body["model"])], "query": asked, "documents": masked}


def _give_back(raw: Mapping[str, Any], documents: list[str], given: Any) -> None:
    """Documents in the answer are the caller's own again, not the masked ones."""
    results = raw.get("results")
    for result in results if isinstance(results, list) else ():
        at = result.get("index") if isinstance(result, dict) else None
        if isinstance(at, int) and 0 <= at < len(documents) and result.get("document") is not None:
            each = given[at] if isinstance(given, list) else documents[at]
            result["document"] = each if isinstance(each, dict) else {"text": documents[at]}


async def transcriptions(gateway: Gateway, request: Request, principal: Principal) -> None:
    """Speech to text, by a backend that offers it. The sound is not kept and nothing of it is logged."""
    fields, files = await _form(request)
    alias = model_of(fields)
    if "file" not in files:
        raise wrong("file", "소리 파일이 없습니다.", "file에 소리 파일을 넣으세요.")
    name, kind, sound = files["file"]

    async def produce(backend: Backend) -> Produced:
        form = aiohttp.FormData()
        for key, value in {**fields, "model": backend.models[alias]}.items():
            form.add_field(key, value)
        form.add_field("file", sound, filename=name, content_type=kind)
        body, content_type = await _post_raw(gateway, backend, "/audio/transcriptions", form)
        text = body.decode("utf-8", "replace")
        if content_type.startswith("application/json"):
            said = orjson.loads(body)
            text = str(said.get("text", ""))
            body = orjson.dumps({**said, "haechi": {"label": AI_LABEL}})
        return body, Usage(0, tokens.estimate(text), "estimate"), content_type

    await _run(gateway, request, principal, Wanted("transcriptions", alias, 0, 0, 4096), produce, label=True)


async def speech(gateway: Gateway, request: Request, principal: Principal) -> None:
    """Text to speech, by a backend that offers it."""
    body = read_object(await request.json(gateway.body_limit))
    alias, text = model_of(body), body.get("input")
    if not isinstance(text, str) or not text.strip():
        raise wrong("input", "읽을 글이 없습니다.", "input에 글을 넣으세요.")

    async def produce(backend: Backend) -> Produced:
        sent = orjson.dumps({**body, "model": backend.models[alias]})
        sound, content_type = await _post_raw(gateway, backend, "/audio/speech", sent)
        return sound, Usage(tokens.estimate(text), 0, "estimate"), content_type

    wanted = Wanted("speech", alias, tokens.estimate(text), tokens.at_most(text), 0)
    await _run(gateway, request, principal, wanted, produce, label=True)


# --- one request, one answer -----------------------------------------------------------------------------------------------


async def _run(
    gateway: Gateway,
    request: Request,
    principal: Principal,
    wanted: Wanted,
    produce: Callable[[Backend], Awaitable[Produced]],
    *,
    label: bool = False,
) -> None:
    if not any(wanted.kind in offers for offers in gateway.aliases().values()):
        raise Unavailable(
            "이 종류의 모델이 연결되어 있지 않습니다.",
            next_step=f'관리자가 backends.toml에 offers = ["{wanted.kind}"]인 모델 서버를 적으면 쓸 수 있습니다.',
            record=wanted.kind,
        )
    if wanted.alias not in gateway.aliases():
        raise NotFound("그런 이름의 모델이 없습니다.", next_step="GET /v1/models의 목록에서 고르세요.", record="model")
    call = Call(gateway, request, principal, wanted)
    try:
        body, usage, content_type = await _produced(call, produce)
        call.began()
        call.end("done", usage)
    except Refused as refusal:
        call.refused(refusal)
        raise
    except BackendRefused as refusal:
        call.end("failed", error=str(refusal))
        raise refused_by_model(refusal) from refusal
    except Unavailable as error:
        call.end("failed", error=error.message)
        raise
    finally:
        call.end("hung_up")
    headers: Headers = [*call.headers, *([LABEL_HEADER] if label else [])]
    await request.reply(200, body, headers, content_type.encode())


async def _produced(call: Call, produce: Callable[[Backend], Awaitable[Produced]]) -> Produced:
    while True:
        backend = await call.turn()
        try:
            return await produce(backend)
        except BackendFailed as failure:
            call.move(failure)


async def _post(gateway: Gateway, backend: Backend, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    raw, _ = await _post_raw(gateway, backend, path, orjson.dumps(body))
    try:
        found = orjson.loads(raw)
    except ValueError as error:
        raise BackendFailed("읽을 수 없는 답") from error
    if not isinstance(found, dict):
        raise BackendFailed("읽을 수 없는 답")
    return found


async def _post_raw(gateway: Gateway, backend: Backend, path: str, body: bytes | aiohttp.FormData) -> tuple[bytes, str]:
    answer = await gateway.upstream.post(backend, path, body)
    finished = False
    try:
        found = await answer.whole()
        finished = True
    finally:
        answer.close(finished=finished)
    return found, answer.content_type


def _texts(given: Any, name: str) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise wrong(
            name, f"{name}에 글이 없습니다.", "빈 글이 아닌 글 또는 글의 목록으로 보내세요(토큰 번호는 받지 않습니다)."
        )
    if len(texts) > MOST_TEXTS:
        raise wrong(name, f"한 번에 {MOST_TEXTS:,}개까지 받습니다.", "나누어 보내세요.")
    return texts


def _embedding(vector: Any, at: int, form: Any) -> dict[str, Any]:
    values = np.asarray(vector, dtype=np.float32)
    shown: Any = base64.b64encode(values.tobytes()).decode() if form == "base64" else values.tolist()
    return {"object": "embedding", "index": at, "embedding": shown}


def _usage_of(raw: Mapping[str, Any], estimated: int) -> Usage:
    usage = raw.get("usage") or {}
    read = usage.get("prompt_tokens", usage.get("total_tokens"))
    return Usage(read, 0, "backend") if isinstance(read, int) else Usage(estimated, 0, "estimate")


async def _form(request: Request) -> tuple[dict[str, str], dict[str, tuple[str, str, bytes]]]:
    kind, _ = parse_options_header(request.headers.get(b"content-type", b""))
    if kind != b"multipart/form-data":
        raise wrong("file", "multipart/form-data로 보내야 합니다.", "소리 파일을 multipart 양식의 file에 넣으세요.")
    data = await request.body(SOUND_LIMIT)

    async def once() -> Any:
        yield data

    try:
        form = await MultiPartParser(FormHeaders(raw=list(request.headers.items())), once()).parse()
    except MultiPartException as error:
        raise wrong("file", "보낸 양식을 읽을 수 없습니다.", "multipart 양식을 확인하세요.") from error
    fields, files = {}, {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            sound = await value.read()
            files[name] = (value.filename or "sound", value.content_type or "application/octet-stream", sound)
        else:
            fields[name] = str(value)
    await form.close()
    return fields, files
