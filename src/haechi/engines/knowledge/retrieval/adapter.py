"""A small learned turn of the question's vector: q → q + (q · A) · B, made a unit vector again.

Trained so that a question lies nearer the sentences that answer it (welfare train split) and a situation nearer its
administrative words (the lexicon); passages keep their plain vectors. It belongs to one embedder and is left out for others.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from haechi.engines.knowledge.ports import Embedder


@lru_cache(maxsize=1)
def _weights() -> tuple[str, NDArray[np.float32], NDArray[np.float32]] | None:
    source = resources.files(__package__).joinpath("adapter.npz")
    if not source.is_file():
        return None
    with np.load(BytesIO(source.read_bytes())) as stored:
        return str(stored["embedder"]), stored["a"].astype(np.float32), stored["b"].astype(np.float32)


def adapted(vector: NDArray[np.float32], embedder: Embedder) -> NDArray[np.float32]:
    """The turned vector, (dimensions,); the same vector where the adapter is not of this embedder."""
    weights = _weights()
    if weights is None or weights[0] != embedder.name or weights[1].shape[0] != len(vector):
        return vector
    turned = vector + (vector @ weights[1]) @ weights[2]
    return (turned / np.linalg.norm(turned)).astype(np.float32)
