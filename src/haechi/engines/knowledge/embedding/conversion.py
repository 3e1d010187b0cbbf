"""Keeps the converted encoder in a folder, so that only the first start makes it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from haechi.core.errors import Unavailable
from haechi.engines.knowledge.embedding.weights import PackedModel

RECIPE = "w7a8-1"
"""Names what `graph.py` makes (7-bit weights, 8-bit activations); raise the last number when the graph changes."""


def converted(model: PackedModel, cache: Path) -> Path:
    """The encoder's file under `cache`, made when it is not there yet (seconds, under 1 GB of memory).

    Raises Unavailable when the folder cannot be written. Two processes may come at once: each writes its own temporary file and renames it; the last one wins with equal bytes.
    """
    path = cache / f"multilingual-e5-small-{RECIPE}-{model.sha256[:12]}.onnx"
    if path.is_file():
        return path
    # The builder is needed once in an installation's life; importing it costs 0.2 s.
    from haechi.engines.knowledge.embedding.graph import encoder

    content = encoder(model).SerializeToString()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    except OSError as error:
        raise Unavailable(
            f"변환한 임베딩 모델을 저장하지 못했습니다: {error.strerror or error}.",
            next_step=f"{cache} 폴더의 쓰기 권한과 남은 공간(30MB)을 확인하세요.",
            record=path.name,
        ) from error
    return path


def _write(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".making-", suffix=".onnx")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
