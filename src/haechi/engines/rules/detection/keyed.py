"""Keyed hashes: whose data were touched, without anybody's number in the memory of the detector."""

from __future__ import annotations

import hashlib

REMEMBERED = 200_000


class Keyed:
    """HMAC-like keyed BLAKE2b (RFC 7693, keyed mode) to 63 bits. The same key must be used for log, register and watch list.

    key: 16 to 64 secret bytes; whoever lacks it cannot try out known numbers. 63 bits: among 10 million people the chance
    that any two meet is about 5 in 1,000,000. Never 0: 0 means "none".
    """

    def __init__(self, key: bytes) -> None:
        if not 16 <= len(key) <= 64:
            raise ValueError("the key has 16 to 64 bytes")
        self._base = hashlib.blake2b(key=key, digest_size=8)
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """The number of a text; 0 for an empty one. Remembers a bounded number of texts."""
        found = self._known.get(text)
        if found is not None:
            return found
        if not text:
            return 0
        digest = self._base.copy()
        digest.update(text.encode())
        number = (int.from_bytes(digest.digest(), "big") >> 1) or 1
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[text] = number
        return number
