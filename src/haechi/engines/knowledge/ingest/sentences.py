"""Sentences of Korean official prose by their endings, without a morphological model."""

from __future__ import annotations

import re

# A sentence ends after . ! ? 。 (with closing marks) before a blank; not after a numeral ("2024. 1. 1.", "1. 개요")
# and not inside a date or an abbreviation of one letter.
_END = re.compile(r"(?<=[가-힣A-Za-z)\]」』\"'”’%][.!?。])(?=\s)|(?<=[.!?。][)\]」』\"'”’])(?=\s)|(?<=\n)")
_NOT_AN_END = re.compile(r"(?:^|[\s(])(?:[A-Za-z]|[가-하]|제\d+|\d+[가-힣]?)\.$|\d\.$")


def sentences(text: str) -> list[str]:
    """The text cut after each sentence; joined again it is the text, blanks included."""
    found: list[str] = []
    held = ""
    last = 0
    for cut in [match.start() for match in _END.finditer(text)] + [len(text)]:
        held += text[last:cut]
        last = cut
        if held and (cut == len(text) or not _NOT_AN_END.search(held)):
            found.append(held)
            held = ""
    return [part for part in found if part] if not held else [*found, held]
