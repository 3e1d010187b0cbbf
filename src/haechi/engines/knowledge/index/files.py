"""Named numpy arrays in one file that is mapped, not read; whole or not there at all.

A file is written beside its place, flushed to the disk, and renamed. The catalogue that names the files carries their
size and CRC-32, so a torn or foreign file is found at load and the caller rebuilds from the database.
"""

from __future__ import annotations

import json
import mmap
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from haechi.core.errors import HaechiError

Arrays = Mapping[str, NDArray[Any]]
MAGIC = b"HAECHI-ARRAYS-1\n"
ALIGN = 64
STEP = 1 << 24


class DamagedIndex(HaechiError):
    """The saved index cannot be trusted (torn, missing or of another format); nothing of it was loaded."""

    code = "damaged_index"
    status = 503

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"저장된 색인을 읽을 수 없습니다({why}).",
            next_step="데이터베이스의 문서에서 색인을 다시 만들어야 합니다.",
            record=path.name,
        )
        self.why = why


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file must be: name inside the folder, size in bytes, CRC-32."""

    name: str
    size: int
    crc: int


class _Counted:
    """Passes bytes on and keeps their number and CRC-32."""

    def __init__(self, target: IO[bytes]) -> None:
        self.target = target
        self.size = 0
        self.crc = 0

    def write(self, piece: bytes | memoryview) -> None:
        self.target.write(piece)
        self.size += len(piece)
        self.crc = zlib.crc32(piece, self.crc)


def replace_file(path: Path, fill: Callable[[IO[bytes]], None]) -> None:
    """Let `fill` write beside `path`, then rename: readers see the old file or the whole new one."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as target:
        fill(target)
        target.flush()
        os.fsync(target.fileno())
    os.replace(beside, path)


def flush_folder(folder: Path) -> None:
    """Make the renames inside the folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_arrays(path: Path, arrays: Arrays, meta: Mapping[str, Any]) -> Stamp:
    """Write the arrays and JSON-able `meta` as one file; returns its stamp."""
    entries, offset = [], 0
    for name, array in arrays.items():
        entries.append({"name": name, "dtype": array.dtype.str, "shape": array.shape, "offset": offset})
        offset += -(-array.nbytes // ALIGN) * ALIGN
    header = json.dumps({"arrays": entries, "meta": meta}, ensure_ascii=False).encode()
    header += b" " * (-(len(MAGIC) + 8 + len(header)) % ALIGN)
    result: list[Stamp] = []

    def fill(target: IO[bytes]) -> None:
        counted = _Counted(target)
        counted.write(MAGIC + len(header).to_bytes(8, "little") + header)
        for array in arrays.values():
            flat = memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
            for at in range(0, len(flat), STEP):
                counted.write(flat[at : at + STEP])
            counted.write(bytes(-array.nbytes % ALIGN))
        result.append(Stamp(path.name, counted.size, counted.crc))

    replace_file(path, fill)
    return result[0]


def read_arrays(folder: Path, stamp: Stamp, *, verify: bool = True) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Map a file's arrays, read-only. verify: read it once and compare the CRC-32 (about 1 s a GB).

    Raises DamagedIndex when it is missing, of another size, or of other content.
    """
    path = folder / stamp.name
    try:
        with path.open("rb") as source:
            if os.fstat(source.fileno()).st_size != stamp.size:
                raise DamagedIndex(path, "크기가 다름")
            mapped = memoryview(mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise DamagedIndex(path, "파일이 없음") from error
    if verify and _crc(mapped) != stamp.crc:
        raise DamagedIndex(path, "검사값이 다름")
    if bytes(mapped[: len(MAGIC)]) != MAGIC:
        raise DamagedIndex(path, "형식이 다름")
    start = len(MAGIC) + 8
    length = int.from_bytes(mapped[len(MAGIC) : start], "little")
    header = json.loads(bytes(mapped[start : start + length]))
    return {entry["name"]: _view(mapped, start + length, entry) for entry in header["arrays"]}, header["meta"]


def _crc(mapped: memoryview) -> int:
    crc = 0
    for at in range(0, len(mapped), STEP):
        crc = zlib.crc32(mapped[at : at + STEP], crc)
    return crc


def _view(mapped: memoryview, base: int, entry: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(mapped, dtype=dtype, count=count, offset=base + entry["offset"]).reshape(shape)
