"""Calls to backends: one HTTP exchange, its answer as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp
import orjson

from haechi.engines.models.ports import Backend


class BackendFailed(Exception):
    """The backend did not answer, or answered that it cannot: another may be tried. why: for operators, without secrets."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class BackendRefused(Exception):
    """The backend answered that this call is wrong: no other would do better. status, body: as it said."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.body = status, body

    @property
    def message(self) -> str:
        """What the backend said, as text; '' when it said nothing readable."""
        try:
            said: Any = orjson.loads(self.body)
            error = said.get("error", said)
            found = error.get("message", "") if isinstance(error, Mapping) else error
            return str(found)[:500]
        except (ValueError, AttributeError):
            return ""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a connection, for the first byte and between two, and for a whole answer."""

    connect: float = 3.0
    between: float = 120.0
    whole: float = 900.0


class Answer:
    """An answer under way. Close it always: what is still under way ends then, on the backend too."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.content_type = response.headers.get("content-type", "application/octet-stream")

    async def pieces(self) -> AsyncIterator[bytes]:
        """Bytes as they come. BackendFailed when it breaks off."""
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BackendFailed(f"끊김 ({type(error).__name__})") from error

    async def whole(self, limit: int = 64 * 2**20) -> bytes:
        """Everything."""
        found = bytearray()
        async for piece in self.pieces():
            found += piece
            if len(found) > limit:
                raise BackendFailed("답이 너무 큼")
        return bytes(found)

    def close(self, *, finished: bool) -> None:
        """finished: the whole answer was read, the connection may serve again."""
        if finished:
            self._response.release()
        else:
            self._response.close()


class Upstream:
    """Connections to all backends of this process."""

    def __init__(self, patience: Patience = Patience()) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=patience.whole, sock_connect=patience.connect, sock_read=patience.between
        )
        # A proxy from the environment must not receive the city's questions: trust_env stays off.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )

    async def __aenter__(self) -> Upstream:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def post(self, backend: Backend, path: str, body: bytes | aiohttp.FormData) -> Answer:
        """Send and wait for the head of the answer. path: '/chat/completions', …

        BackendFailed: not reached, 5xx, 408, 429, sent elsewhere, or our key was not accepted. BackendRefused: other 4xx.
        """
        headers = _headers(backend)
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        try:
            # Not to where a server would send it on: only the described address may have the city's questions.
            response = await self._session.post(backend.url + path, data=body, headers=headers, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BackendFailed(f"연결 안 됨 ({type(error).__name__})") from error
        if response.status == 200:
            return Answer(response)
        answer = Answer(response)
        try:
            said = await answer.whole(2**20)
        finally:
            answer.close(finished=False)
        # 401 and 403 speak of our key, not of the caller's.
        if not 400 <= response.status < 500 or response.status in (401, 403, 408, 429):
            raise BackendFailed(f"HTTP {response.status}")
        raise BackendRefused(response.status, said)

    async def models(self, backend: Backend, seconds: float = 3.0) -> None:
        """Whether it answers at all: GET /models. BackendFailed when not."""
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.get(
                backend.url + "/models", headers=_headers(backend), timeout=timeout
            ) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BackendFailed(f"연결 안 됨 ({type(error).__name__})") from error
        # A server without this list is alive all the same.
        if response.status >= 500 or response.status in (401, 403):
            raise BackendFailed(f"HTTP {response.status}")


def _headers(backend: Backend) -> dict[str, str]:
    return {"Authorization": f"Bearer {backend.key}"} if backend.key else {}


async def still(task: asyncio.Future[Any], seconds: float) -> bool:
    """Whether `task` is not done after so many seconds; it goes on."""
    done, _ = await asyncio.wait((task,), timeout=seconds)
    return not done
