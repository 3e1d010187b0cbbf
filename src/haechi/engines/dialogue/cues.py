"""What is heard before anything else: danger, the wish for a person, and the short words that steer a form."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from haechi.engines.dialogue.ports import Emergency, SensesDanger

Cue = Literal["person", "cancel", "back", "change", "yes", "no", "skip", "asks"]
_SHORT = 300
"""Steering words count only in a text of at most so many characters; danger counts in any."""


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("cues.toml").read_text(encoding="utf-8"))


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in patterns))


def _matches(patterns: Sequence[str], text: str) -> bool:
    return bool(patterns) and _compiled(tuple(patterns)).search(text) is not None


def squeezed(text: str) -> str:
    """Lower case without white space: people space their words as they like."""
    return "".join(text.lower().split())


def emergency_in(text: str, language: str = "ko", senses: SensesDanger | None = None) -> Emergency | None:
    """The call to make now, when the text tells of danger to life; the first kind that fits, in the order of cues.toml.

    senses: asked only where no word of cues.toml fits, because those also know 109 and 112; what it hears is 119's.
    """
    bare = squeezed(text)
    for kind in _data()["emergency"]:
        if _matches(kind["patterns"], bare) and not _matches(kind.get("unless", ()), bare):
            return _call(kind, language)
    if senses is not None and bare and senses.in_danger(text):
        return _call(next(kind for kind in _data()["emergency"] if kind["phone"] == "119"), language)
    return None


def _call(kind: dict[str, Any], language: str) -> Emergency:
    return Emergency(kind["phone"], kind["en" if language == "en" else "ko"])


def hears(cue: Cue, text: str) -> bool:
    """Whether the text says so."""
    bare = squeezed(text)
    return 0 < len(bare) <= _SHORT and _matches(_data()[cue]["patterns"], bare)


def language_of(text: str, wanted: str = "ko") -> Literal["ko", "en"]:
    """'en' where the person chose it, or writes in Latin letters; Hangul in the text makes it Korean again."""
    hangul = sum("가" <= letter <= "힣" or "ㄱ" <= letter <= "ㅣ" for letter in text)
    latin = sum(letter.isascii() and letter.isalpha() for letter in text)
    if hangul == 0 and latin >= 3:
        return "en"
    if hangul and hangul >= latin:
        return "ko"
    return "en" if wanted == "en" else "ko"
