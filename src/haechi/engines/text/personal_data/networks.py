"""Addresses of machines (IPv4, IPv6): with whom a machine is shared, they lead to a person (개인정보 보호법 제2조제1호나목)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from haechi.engines.text.personal_data.numbers import Span, before, has_any
from haechi.engines.text.personal_data.rules import Rules

_FOUR = re.compile(r"(?<![0-9A-Za-z.])(?<![0-9]-)[0-9]{1,3}(?: ?\. ?(?:[0-9]{1,3}|\*{1,3}|[xX]{1,3})){3}(?![0-9A-Za-z*])(?!\.[0-9])(?! ?[년월일절항장]| ?버전)")  # fmt: skip
_SIX = re.compile(r"(?<![0-9A-Za-z:.])(?=[0-9A-Fa-f:]{0,39}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z:])")  # fmt: skip
_FEWEST_DIGITS = 7
_HIDDEN = re.compile("[*xX]{1,3}")


def is_address_of_machine(value: str) -> bool:
    """Whether the text is an address that one machine can have: no loopback, no mask, no group."""
    plain = _HIDDEN.sub("7", value.replace(" ", "")) if "." in value else value
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return not (address.is_loopback or address.is_unspecified) and len(value) >= 6
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or plain.startswith(("255.", "0."))) and not plain.endswith(".0.0")  # fmt: skip


def find_machines(text: str, rules: Rules) -> Iterator[Span]:
    """(kind, start, end) in a shadow text."""
    kind = rules.kinds["ip"]
    if not kind.active:
        return
    if text.count(".") >= 3:
        for match in _FOUR.finditer(text):
            front = before(text, match.start(), 18).lower()
            cued = has_any(front, kind.words("cues"))
            if has_any(front, kind.words("except_after")) and not cued:
                continue
            if text[match.end() : match.end() + 3].startswith("/") and not cued:
                continue
            digits = sum(sign.isdigit() for sign in match[0])
            if is_address_of_machine(match[0]) and (cued or digits >= _FEWEST_DIGITS or "*" in match[0]):
                yield kind.name, match.start(), match.end()
    if text.count(":") >= 2:
        for match in _SIX.finditer(text):
            whole = "::" in match[0] or match[0].count(":") == 7
            if whole and any(sign.isdigit() for sign in match[0]) and is_address_of_machine(match[0]):
                yield kind.name, match.start(), match.end()
