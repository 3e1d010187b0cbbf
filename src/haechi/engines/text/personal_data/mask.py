"""Consistent placeholders for personal data, and the way back."""

from __future__ import annotations

import re

from haechi.engines.text.personal_data.detector import Found, find
from haechi.engines.text.personal_data.rules import Rules, in_force

_OPEN, _CLOSE = "⟦", "⟧"
_LITERAL = "글"
PLACEHOLDER = re.compile("⟦ ?([가-힣]{1,8}) ?([0-9]{1,5}) ?⟧")
LONGEST = 20
"""Characters of the longest placeholder: what a stream has to hold back after an opening bracket."""


class Mask:
    """The placeholders of one request. The same value has the same placeholder in all texts that it hides.

    `show(hide(text)) == text` for every text, also for one that contains placeholders of its own making: those are
    hidden as ⟦글1⟧. Not shared between requests: a placeholder means nothing to anybody else's Mask.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or in_force()
        self._of_value: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self.found: list[Found] = []

    @property
    def values(self) -> tuple[str, ...]:
        """Every value that was hidden, as it stood in the texts."""
        return tuple(self._values.values())

    @property
    def keys(self) -> frozenset[str]:
        """The names of all placeholders so far, such as "전화1"."""
        return frozenset(self._values)

    def hide(self, text: str) -> str:
        """The text with a placeholder such as ⟦전화1⟧ for each piece of personal data."""
        pieces: list[str] = []
        at = 0
        for found in find(text, self._rules):
            self.found.append(found)
            pieces += [self._literal(text[at : found.start]), self._placeholder(found.kind, found.text)]
            at = found.end
        return "".join([*pieces, self._literal(text[at:])])

    def show(self, text: str) -> str:
        """The text with this mask's placeholders as the values they stand for; foreign placeholders stay."""
        return PLACEHOLDER.sub(lambda match: self._values.get(f"{match[1]}{match[2]}", match[0]), text)

    def _literal(self, text: str) -> str:
        if _OPEN not in text:
            return text
        return PLACEHOLDER.sub(lambda match: self._placeholder(_LITERAL, match[0]), text)

    def _placeholder(self, kind: str, value: str) -> str:
        label = self._rules.kinds[kind].label if kind in self._rules.kinds else kind
        key = self._of_value.get((label, value))
        if key is None:
            self._counts[label] = self._counts.get(label, 0) + 1
            key = f"{label}{self._counts[label]}"
            self._of_value[label, value] = key
            self._values[key] = value
        return f"{_OPEN}{key}{_CLOSE}"
