"""What the engine itself says, in Korean and English (frames.toml)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from haechi.engines.dialogue.ports import BotCard


@cache
def _data() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("frames.toml").read_text(encoding="utf-8"))


def sentences() -> list[str]:
    """All of them, in both languages."""
    return [text for language in _data().values() for text in language.values() if text]


class Frames:
    """`frames("unknown", office=…)` in one language; where to ask instead is always at hand."""

    def __init__(self, language: str, card: BotCard) -> None:
        self.language = language
        self._office = card.office or card.bureau
        self._phone = f"({card.phone})" if card.phone and card.phone not in self._office else ""

    def __call__(self, key: str, **values: object) -> str:
        """The sentence; KeyError for one that does not exist."""
        return _data()[self.language][key].format(**{"office": self._office, "phone": self._phone, **values})
