"""The keys of one segment's rows, as arrays: found by hash, proved by text, decoded only for hits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .files import Arrays


def text_hash(text: str) -> int:
    """64 bits of BLAKE2b; equal in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


class TextHashes(dict[str, int]):
    """text → text_hash, remembered, because the same words come again and again."""

    def __missing__(self, text: str) -> int:
        if len(self) > 2_000_000:
            self.clear()
        value = self[text] = text_hash(text)
        return value


class Asked:
    """Keys to be found in several segments, hashed once."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = list(keys)
        self.hashes = np.fromiter((text_hash(key) for key in self.keys), np.uint64, len(self.keys))


@dataclass(frozen=True, slots=True)
class KeyTable:
    """n keys by row number. blob, offsets (n+1): UTF-8 text. hashes (n): sorted; rows (n): the row of each hash.

    rank (n): place of the row's key among all keys in code point order, for ties.
    """

    blob: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    rows: NDArray[np.int32]
    rank: NDArray[np.int32]

    @classmethod
    def build(cls, keys: Sequence[str]) -> KeyTable:
        """The table of distinct `keys`, row r being keys[r]. O(n log n) for n keys, once a segment."""
        encoded = [key.encode() for key in keys]
        offsets = np.zeros(len(keys) + 1, np.int64)
        np.cumsum([len(piece) for piece in encoded], out=offsets[1:])
        hashes = np.fromiter((text_hash(key) for key in keys), np.uint64, len(keys))
        rows = np.argsort(hashes, kind="stable").astype(np.int32)
        rank = np.empty(len(keys), np.int32)
        rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys), dtype=np.int32)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets, hashes[rows], rows, rank)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> KeyTable:
        """Over the mapped arrays of a saved segment, without reading them. KeyError when one is not there."""
        return cls(*(arrays[f"key_{name}"] for name in ("blob", "offsets", "hashes", "rows", "rank")))

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """What a saved segment holds of its keys, each name beginning with `key_`; no copies are made."""
        return {
            "key_blob": self.blob,
            "key_offsets": self.offsets,
            "key_hashes": self.hashes,
            "key_rows": self.rows,
            "key_rank": self.rank,
        }

    def __len__(self) -> int:
        return len(self.hashes)

    def text(self, row: int) -> str:
        """The key of one row, 0 ≤ row < n, decoded now: O(length of the key)."""
        return self.blob[self.offsets[row] : self.offsets[row + 1]].tobytes().decode()

    def texts(self) -> list[str]:
        """All keys in row order."""
        whole, at = self.blob.tobytes(), self.offsets.tolist()
        return [whole[at[row] : at[row + 1]].decode() for row in range(len(self))]

    def find(self, asked: Asked) -> dict[str, int]:
        """key → row, for the keys that are here."""
        if not len(asked.keys) or not len(self):
            return {}
        first = np.searchsorted(self.hashes, asked.hashes)
        near = np.flatnonzero(self.hashes[np.minimum(first, len(self) - 1)] == asked.hashes)
        found: dict[str, int] = {}
        for number, at in zip(near.tolist(), first[near].tolist(), strict=True):
            key, hashed = asked.keys[number], self.hashes[at]
            while at < len(self) and self.hashes[at] == hashed:
                row = int(self.rows[at])
                if self.text(row) == key:
                    found[key] = row
                at += 1
        return found
