"""Vectors from any service that speaks OpenAI's `/v1/embeddings` (vLLM, TEI, Ollama, a city's own server)."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import numpy as np

from haechi.core.errors import InvalidInput, Unavailable
from haechi.engines.knowledge.ports import Vectors

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 10.0
_CHECK = "주소와 모델 이름을 확인하고 `haechi doctor`를 실행하세요."


class HttpEmbedder:
    """An Embedder behind a URL.

    url: the base ("http://host:8000/v1") or the full path of the endpoint. key: sent as Bearer, never shown.
    dimensions: what the index expects; None asks the service once. passage_prefix, question_prefix: for e5-like models
    "passage: " and "query: ". batch: texts a request. timeout: seconds a request. retries: further tries after a
    refused connection, a time-out, 429 or 5xx. hide: what every text goes through before it is sent (personal data must not
    leave the city). Rows come back with length 1 whatever the service sends.
    Raises Unavailable when the service cannot be used. Safe to share between threads; `close()` when done.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        *,
        dimensions: int | None = None,
        passage_prefix: str = "",
        question_prefix: str = "",
        batch: int = 32,
        timeout: float = 60.0,
        retries: int = 3,
        hide: Callable[[str], str] | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput("임베딩 서비스 주소는 http:// 또는 https://로 시작해야 합니다.", next_step=_CHECK)
        if batch < 1:
            raise InvalidInput("한 번에 보낼 글의 수는 1 이상이어야 합니다.")
        base = url.rstrip("/")
        self.name = model
        self.url = base if base.endswith("/embeddings") else f"{base}/embeddings"
        self._prefixes = (passage_prefix, question_prefix)
        self._hide = hide
        # Vectors of masked texts are others: they are made anew where masking begins or ends.
        identity = "\0".join((self.url, model, *self._prefixes, *(("masked",) if hide is not None else ())))
        self.version = f"http-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
        self._dimensions = dimensions
        self._batch, self._retries = batch, retries
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Timeout(timeout, connect=min(timeout, 5.0))
        # As for the model: a proxy from the environment must not receive the city's key and its documents.
        self._client = httpx.Client(headers=headers, timeout=limits, trust_env=False)
        self._asking = threading.Lock()

    @property
    def dimensions(self) -> int:
        """Numbers a vector; asks the service once when it was not given."""
        with self._asking:
            if self._dimensions is None:
                self._dimensions = self._request(["차원 확인"]).shape[1]
            return self._dimensions

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), rows of length 1."""
        return self._encode([self._prefixes[0] + self._hidden(text) for text in texts])

    def questions(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), rows of length 1."""
        return self._encode([self._prefixes[1] + self._hidden(text) for text in texts])

    def _hidden(self, text: str) -> str:
        return text if self._hide is None else self._hide(text)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def _encode(self, texts: Sequence[str]) -> Vectors:
        expected = self.dimensions
        vectors = np.empty((len(texts), expected), np.float32)
        for start in range(0, len(texts), self._batch):
            part = self._request([_sendable(text) for text in texts[start : start + self._batch]])
            if part.shape[1] != expected:
                raise self._unusable(f"벡터의 차원이 {expected}이어야 하는데 {part.shape[1]}입니다.")
            vectors[start : start + len(part)] = part
        return vectors

    def _request(self, texts: Sequence[str]) -> Vectors:
        response = self._answered({"model": self.name, "input": list(texts), "encoding_format": "float"})
        try:
            rows = _rows(response.json(), len(texts))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unusable("응답이 약속된 형식이 아닙니다.") from error
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(rows).all() and (lengths > 0).all()):
            raise self._unusable("응답에 쓸 수 없는 벡터(0 또는 무한)가 있습니다.")
        return rows / lengths

    def _answered(self, body: Mapping[str, Any]) -> httpx.Response:
        """The first answer that is a success. Raises Unavailable."""
        reason, wait = "", 0.0
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(min(_LONGEST_WAIT, max(wait, 0.25 * 2**attempt)))
            try:
                response = self._client.post(self.url, json=body)
            except httpx.TimeoutException:
                reason, wait = "시간 안에 응답하지 않았습니다.", 0.0
            except httpx.TransportError as error:
                reason, wait = f"연결하지 못했습니다({type(error).__name__}).", 0.0
            else:
                if response.is_success:
                    return response
                reason, wait = _refusal(response), _retry_after(response)
                if response.status_code not in _AGAIN:
                    break
        raise self._unusable(reason)

    def _unusable(self, reason: str) -> Unavailable:
        return Unavailable(f"임베딩 서비스({self.url}, 모델 {self.name})를 쓸 수 없습니다: {reason}", next_step=_CHECK)


def _sendable(text: str) -> str:
    """Half characters cannot travel as UTF-8, and services refuse an empty text where a space means the same."""
    return text.encode("utf-8", "replace").decode() or " "


def _rows(body: Mapping[str, Any], expected: int) -> Vectors:
    data = sorted(body["data"], key=lambda item: item["index"])
    if [item["index"] for item in data] != list(range(expected)):
        raise ValueError("indices")
    rows = np.asarray([item["embedding"] for item in data], np.float32)
    if rows.ndim != 2:
        raise ValueError("lengths differ")
    return rows


def _refusal(response: httpx.Response) -> str:
    meanings = {
        401: "키가 없거나 맞지 않습니다.",
        403: "이 키로는 쓸 수 없습니다.",
        404: "그 주소나 모델이 없습니다.",
        413: "한 번에 보낸 글이 너무 큽니다.",
        429: "요청이 너무 많습니다.",
    }
    return f"{meanings.get(response.status_code, '요청을 처리하지 못했습니다.')} (HTTP {response.status_code})"


def _retry_after(response: httpx.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("retry-after", "0")))
    except ValueError:
        return 0.0
