"""Receipt numbers that cannot be guessed, and the check of the last digits of a phone."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import date

LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U: read aloud and typed from paper."""
_SHAPE = re.compile(r"^(\d{8})[-\s]?([A-Z]{4})[-\s]?(\d{4})$")


def new_receipt(day: date) -> str:
    """'20261122-KDTW-4821': 2.3 thousand million possibilities a day, from the system's source of chance."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(4))
    return f"{day:%Y%m%d}-{letters}-{secrets.randbelow(10_000):04d}"


def normal_receipt(text: str) -> str:
    """As kept: upper case, with its hyphens; '' when it cannot be a receipt number."""
    found = _SHAPE.match(text.strip().upper())
    return "-".join(found.groups()) if found else ""


def last_digits(phone: str) -> str:
    """The last four digits, '' when there are fewer."""
    digits = re.sub(r"\D", "", phone)
    return digits[-4:] if len(digits) >= 4 else ""


def phone_check(receipt: str, digits: str, salt: bytes) -> bytes:
    """scrypt (16 MiB, some 40 ms): four digits are few, so each try must cost; throttling does the rest."""
    return hashlib.scrypt(f"{receipt}\0{digits}".encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)


def matches(receipt: str, digits: str, salt: bytes | None, kept: bytes | None) -> bool:
    """Whether the digits are the kept ones. Takes the same time when there is nothing to compare with."""
    known = salt is not None and kept is not None
    computed = phone_check(receipt, digits, bytes(salt) if salt is not None else bytes(16))
    return hmac.compare_digest(computed, bytes(kept) if kept is not None else bytes(32)) and known
