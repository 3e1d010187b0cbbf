"""A chat model behind any OpenAI-compatible URL (vLLM, llama.cpp, Ollama, a city's gateway), read as a stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from haechi.core.errors import InvalidInput, Unavailable

_CHECK = "모델 서버의 주소와 상태를 확인하고 `haechi doctor`를 실행하세요."


class OpenAICompatible:
    """Implements `LanguageModel`. The key is sent as Bearer and never stands in an error, a log or a repr.

    url: the base ("http://host:8000/v1") or the full path of the endpoint. connect, between: seconds to wait for the
    connection and for each further piece; whole: seconds for the whole answer. Share one among threads; `close()`
    when done.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        *,
        connect: float = 5.0,
        between: float = 30.0,
        whole: float = 120.0,
        temperature: float = 0.0,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput("모델 서비스 주소는 http:// 또는 https://로 시작해야 합니다.", next_step=_CHECK)
        base = url.rstrip("/")
        self.name = model
        self.url = base if base.endswith("/chat/completions") else f"{base}/chat/completions"
        self._whole, self._temperature = whole, temperature
        # What is written here is checked against passages that stand in the prompt: an answer of another kind is of no use.
        headers = {"x-haechi-fallback": "none", **({"Authorization": f"Bearer {key}"} if key else {})}
        limits = httpx.Timeout(between, connect=connect)
        # The city's own gateway stands beside us: a proxy from the environment must not receive its key and its questions.
        self._client = httpx.Client(headers=headers, timeout=limits, trust_env=False)

    def __repr__(self) -> str:
        return f"OpenAICompatible(url={self.url!r}, model={self.name!r})"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def chat(self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int = 512) -> Iterator[str]:
        """Pieces of the answer as they come. Raises Unavailable when the model cannot be reached, refuses, is too slow,
        breaks off or sends what is no stream; pieces that came before stay valid."""
        body = {
            "model": self.name,
            "messages": [dict(message) for message in messages],
            "max_tokens": max_tokens,
            "temperature": self._temperature,
            "stream": True,
        }
        deadline = time.monotonic() + self._whole
        try:
            with self._client.stream("POST", self.url, json=body) as response:
                if response.status_code != 200:
                    raise self._refused(response)
                yield from self._pieces(response, deadline)
        except httpx.TimeoutException as error:
            raise self._unavailable("언어 모델이 제때 답하지 않았습니다.") from error
        except httpx.HTTPError as error:
            raise self._unavailable(f"언어 모델과의 연결이 끊겼습니다({type(error).__name__}).") from error

    def _pieces(self, response: httpx.Response, deadline: float) -> Iterator[str]:
        ended = False
        for line in response.iter_lines():
            if time.monotonic() > deadline:
                raise self._unavailable(f"언어 모델의 답이 {self._whole:g}초 안에 끝나지 않았습니다.")
            if not line.startswith("data:"):
                continue
            data = line[5:].strip()
            if data == "[DONE]":
                return
            text, finished = self._piece(data)
            ended = ended or finished
            if text:
                yield text
        if not ended:
            raise self._unavailable("언어 모델의 답이 중간에 끊겼습니다.")

    def _piece(self, data: str) -> tuple[str, bool]:
        try:
            event = json.loads(data)
            if "error" in event:
                raise self._unavailable("언어 모델이 오류를 알렸습니다.")
            choices = event.get("choices") or []
            if not choices:
                return "", False
            return str((choices[0].get("delta") or {}).get("content") or ""), choices[0].get(
                "finish_reason"
            ) is not None
        except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
            raise self._unavailable("언어 모델이 보낸 글을 읽을 수 없습니다.") from error

    def _refused(self, response: httpx.Response) -> Unavailable:
        status = response.status_code
        why = {
            401: "키를 받아들이지 않았습니다",
            403: "키를 받아들이지 않았습니다",
            404: "모델을 모릅니다",
            429: "지금 붐빕니다",
        }
        return self._unavailable(f"언어 모델 서버가 {why.get(status, '거절했습니다')}(HTTP {status}).")

    def _unavailable(self, message: str) -> Unavailable:
        return Unavailable(message, next_step=_CHECK, record=self.name)
