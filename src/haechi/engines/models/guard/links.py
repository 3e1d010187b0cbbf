"""Which addresses may stand in an answer: the city's hosts, and those that stood in the quoted data."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_TOP = "com|net|org|io|kr|co|info|biz|xyz|top|site|online|shop|app|dev|me|ru|cn|jp|us|uk|eu|cc|tv|example|test|link|click|page|web|zip|ai|gg|to|ly|gl|ws|live|icu|club"
URL = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.-]{{1,20}}:(?://|\\\\)|//|(?:data|javascript|vbscript|mailto|tel|blob|file):)[^\s<>\"'()\[\]{{}}|`\u3000]{{1,4000}}"
    rf"|(?<![A-Za-z0-9@._-])(?:www\.[^\s<>\"'()\[\]]{{1,2000}}|[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{0,5}}\.(?:{_TOP})(?![A-Za-z0-9-])(?::[0-9]+)?(?:[/?#][^\s<>\"'()\[\]]{{0,2000}})?)"
)
_MARKDOWN = re.compile(
    r"(!?)\[([^\[\]]{0,500})\]\(\s*<?([^()\s<>]{0,4000}(?:\([^()\s]{0,500}\)[^()\s<>]{0,500})?)>?(?:\s+[^()]{0,300})?\)"
)
_REFERENCE = re.compile(r"(?m)^ {0,3}\[([^\]\n]{1,200})\]:[ \t]*\S{1,4000}.*$")
_ACTIVE = re.compile(
    r"</?\s*(?:img|a|area|iframe|frame|script|object|embed|link|form|input|button|meta|svg|image|video|audio|source|track|base|style|body|html|math|picture|portal)\b[^>]{0,4000}(?:>|$)",
    re.IGNORECASE,
)  # fmt: skip
_TRAILING = ".,;:!?'\"”’。、…*_~`"
_SAFE_SCHEMES = ("http", "https", "")


def addresses(text: str) -> set[str]:
    """Every address that stands in the text, as `allowed` compares it."""
    return {_same(match[0].rstrip(_TRAILING)) for match in URL.finditer(text)}


def around(text: str, at: int) -> int:
    """`at`, or where the link or tag begins in whose middle it stands."""
    if "](" in text or "<" in text:
        for pattern in (_MARKDOWN, _ACTIVE):
            at = next((match.start() for match in pattern.finditer(text) if match.start() < at < match.end()), at)
    return at


class LinkFilter:
    """Removes addresses that lead elsewhere. removed: what was taken out, in order."""

    def __init__(self, hosts: tuple[str, ...], quoted: frozenset[str], mark: str) -> None:
        self._hosts, self._quoted, self._mark = hosts, quoted, mark
        self.removed: list[str] = []

    def clean(self, text: str) -> str:
        """The text with foreign links as their words, foreign pictures gone, bare addresses as a mark, no active HTML."""
        if not any(sign in text for sign in ".:/<"):
            return text
        text = _MARKDOWN.sub(self._link, text)
        text = _REFERENCE.sub(self._drop, text)
        text = _ACTIVE.sub(self._drop, text)
        return URL.sub(self._bare, text)

    def allowed(self, address: str, *, picture: bool = False) -> bool:
        """A picture is fetched without a click: only from the city's own hosts."""
        if _same(address) in self._quoted and not picture:
            return True
        parts = _parts(address)
        if parts is None or parts[0] not in _SAFE_SCHEMES:
            return False
        return any(parts[1] == host or parts[1].endswith("." + host) for host in self._hosts)

    def _link(self, match: re.Match[str]) -> str:
        picture, words, address = bool(match[1]), match[2], match[3]
        if not address or address.startswith("#") or self.allowed(address, picture=picture):
            return match[0]
        self.removed.append(address)
        return words

    def _drop(self, match: re.Match[str]) -> str:
        self.removed.append(match[0])
        return ""

    def _bare(self, match: re.Match[str]) -> str:
        address = match[0].rstrip(_TRAILING)
        if self.allowed(address):
            return match[0]
        self.removed.append(address)
        return self._mark + match[0][len(address) :]


def _parts(address: str) -> tuple[str, str] | None:
    """(scheme, host), or None for what is no plain web address. A host with letters of other scripts is never the city's."""
    written = (
        address if "://" in address else ("https:" + address if address.startswith("//") else "https://" + address)
    )
    try:
        parts = urlsplit(written)
        host = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        return None
    if (
        not host
        or not host.isascii()
        or "\\" in address
        or "@" in parts.netloc
        or parts.scheme not in ("http", "https")
    ):
        return None
    return parts.scheme, host


def _same(address: str) -> str:
    return unquote(address.strip().rstrip("/")).removeprefix("https://").removeprefix("http://")
