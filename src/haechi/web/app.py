"""The web application of one installation: pages, API, static files, errors."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from haechi.core.errors import HaechiError, InvalidInput, NotFound, TooManyRequests
from haechi.web import assets, telemetry
from haechi.web.caller import Caller, identify
from haechi.web.readings import Readings
from haechi.web.rooms import ROUTERS
from haechi.web.security import HEADERS, BodyLimit, SecurityHeaders, TooLarge
from haechi.web.telemetry import Telemetry
from haechi.web.view import page
from haechi.web.wording import Wording

log = logging.getLogger("haechi.web")

TITLES = {401: "not_signed_in", 403: "forbidden", 404: "not_found", 429: "too_many", 503: "unavailable"}


def create_app(installation: Any) -> FastAPI:
    """The application over `installation` (city/installation.py). It opens nothing itself and closes nothing."""
    settings = installation.settings
    application = FastAPI(
        title="해치 Haechi",
        version="1",
        description="도시의 AI 행정 · A city's AI administration. 오류는 code, message, next_step, record로 답합니다.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    application.state.installation = installation
    application.state.readings = Readings(installation)
    room = settings.simultaneous_answers + settings.waiting_answers
    application.state.streams_wanted = room + 32
    for router in ROUTERS:
        application.include_router(router)
    application.add_route("/static/{name:path}", assets.serve, methods=["GET"], include_in_schema=False)
    application.add_route("/favicon.ico", _favicon, methods=["GET"], include_in_schema=False)
    application.add_exception_handler(HaechiError, _expected)
    application.add_exception_handler(HTTPException, _http)
    application.add_exception_handler(RequestValidationError, _invalid)
    application.add_exception_handler(DataError, _unstorable)
    application.add_exception_handler(UnicodeEncodeError, _unstorable)
    application.add_exception_handler(Exception, _unexpected)
    application.add_middleware(BodyLimit, files_mib=settings.upload_limit_mib)
    application.add_middleware(SecurityHeaders, https=settings.public_url.startswith("https:"))
    application.add_middleware(Telemetry)
    application.add_route("/metrics", telemetry.metrics, methods=["GET"], include_in_schema=False)
    return application


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    application.state.streams = CapacityLimiter(application.state.streams_wanted)
    yield


def _favicon(request: Request) -> Response:
    request.path_params["name"] = "haechi.svg"
    return assets.serve(request)


def wants_json(request: Request) -> bool:
    """Whether a program asks: the API always answers in JSON."""
    return request.url.path.startswith("/api/")


def _fallback_caller(request: Request) -> Caller:
    """For an error page when even the caller cannot be found (database away, bad key)."""
    from haechi.core.store import NOBODY

    language = "en" if request.query_params.get("lang") == "en" or request.cookies.get("haechi_lang") == "en" else "ko"
    return Caller(NOBODY, "guest", language, wording=Wording(language))


async def _error(request: Request, error: HaechiError, number: str = "") -> Response:
    headers = {"retry-after": str(error.retry_after)} if isinstance(error, TooManyRequests) else {}
    if wants_json(request):
        return JSONResponse(error.as_dict() | ({"record": number} if number else {}), error.status, headers)
    caller = getattr(request.state, "caller", None)
    if caller is None:
        try:
            caller = await run_in_threadpool(identify, request)
        except HaechiError:
            caller = _fallback_caller(request)
    key = TITLES.get(error.status, "server" if error.status >= 500 else "invalid")
    response = page(
        request, caller, "error.html", status=error.status,
        error=error, title=caller.wording("error." + key), number=number,
    )  # fmt: skip
    response.headers.update(headers)
    return response


async def _expected(request: Request, error: Exception) -> Response:
    assert isinstance(error, HaechiError)
    return await _error(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return await _error(
            request, NotFound("그런 화면이 없습니다.", next_step="주소를 확인하거나 첫 화면에서 찾아가세요.")
        )
    said = InvalidInput(
        _HTTP_WORDS.get(error.status_code, "요청을 처리할 수 없습니다."), next_step="연계(API) 안내를 확인하세요."
    )
    said.status = error.status_code  # type: ignore[misc]
    said.code = f"http_{error.status_code}"  # type: ignore[misc]
    return await _error(request, said)


_HTTP_WORDS = {405: "이 주소에는 그 방식으로 요청할 수 없습니다.", 400: "요청을 읽을 수 없습니다."}


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    said = InvalidInput(
        f"'{where or '요청'}' 값을 받을 수 없습니다: {first['msg']}",
        next_step="연계(API) 안내에서 형식을 확인해 다시 보내세요."
        if wants_json(request)
        else "값을 고쳐 다시 보내세요.",
        record=where,
    )
    return await _error(request, said)


async def _unstorable(request: Request, error: Exception) -> Response:  # noqa: ARG001
    # Zero bytes, half characters, numbers beyond all measure: nothing that a person types.
    said = InvalidInput(
        "보낸 글이나 수에 저장할 수 없는 값이 있습니다.", next_step="특수한 제어 문자를 빼고 다시 보내세요."
    )
    return await _error(request, said)


async def _unexpected(request: Request, error: Exception) -> Response:
    if isinstance(error, TooLarge):
        raise error
    number = secrets.token_hex(4)
    log.error("unexpected error %s on %s %s", number, request.method, request.url.path, exc_info=error)
    said = HaechiError(
        "뜻하지 않은 문제가 생겼습니다.", next_step="잠시 뒤 다시 시도하세요. 계속되면 관리자에게 알려 주세요."
    )
    response = await _error(request, said, number)
    # This handler stands outside of the middleware that adds them.
    response.headers.update(HEADERS)
    return response
