"""Passwords: what is accepted, and how they are kept.

Policy after NIST SP 800-63B-4 §3.1.1: length, not composition; commonly used and context words are refused. Kept as
argon2id with RFC 9106's second recommended parameters (t=3, m=64 MiB, p=4); a hash made with others is renewed at the
next sign-in.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from haechi.core.errors import InvalidInput

SHORTEST = 10
LONGEST = 256
_SEQUENCES = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "가나다라마바사아자차카타파하",
)


class Passwords:
    """Hashes and checks. At most one hash a core runs at a time, so that many sign-ins cost time and not memory."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turn = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """The argon2id string to store."""
        with self._turn:
            return self._hasher.hash(_normal(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one behind `stored`. Without a stored hash it takes as long, and says no."""
        known = stored if stored is not None else self._hash_of_nobody()
        try:
            with self._turn:
                self._hasher.verify(known, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether `stored` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self.hash(os.urandom(16).hex())
        return self._nobody


def _normal(password: str) -> str:
    # The same word typed on two keyboards must be the same bytes (한글 자모 조합, full-width letters). Over-long input is
    # cut before hashing so that a megabyte of password costs nothing; no accepted password is that long.
    return unicodedata.normalize("NFKC", password[: LONGEST * 4])


@cache
def _common() -> frozenset[str]:
    lines = files("haechi.core").joinpath("common_passwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def check_policy(password: str, *, login: str = "", name: str = "") -> None:
    """Raise InvalidInput, saying what to change, unless the password may be used."""
    normal = _normal(password)
    if len(normal) < SHORTEST:
        raise _refused(
            f"비밀번호가 너무 짧습니다({len(normal)}자).",
            f"{SHORTEST}자 이상으로 정하세요. 낱말 여럿을 이어 써도 됩니다.",
        )
    if len(normal) > LONGEST:
        raise _refused(f"비밀번호가 너무 깁니다({len(normal)}자).", f"{LONGEST}자 이내로 정하세요.")
    lowered = normal.casefold()
    if _is_common(lowered):
        raise _refused("널리 쓰여 쉽게 추측되는 비밀번호입니다.", "다른 낱말을 골라 정하세요.")
    for own in (login, name):
        if len(own) >= 3 and _core_of(lowered) in {own.casefold(), own.casefold()[::-1]}:
            raise _refused("아이디나 이름에 숫자·기호만 붙인 비밀번호입니다.", "아이디·이름과 관계없는 말로 정하세요.")


def _is_common(lowered: str) -> bool:
    core = _core_of(lowered)
    if lowered in _common() or core in _common() or len(set(lowered)) < 4:
        return True
    return any(lowered in sequence or lowered in sequence[::-1] for sequence in _SEQUENCES) or (
        # Only digits and marks: a telephone number or a date.
        core == "" and len(lowered) < 16
    )


def _core_of(lowered: str) -> str:
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", lowered)


def _refused(message: str, next_step: str) -> InvalidInput:
    return InvalidInput(message, next_step=next_step, record="password")
