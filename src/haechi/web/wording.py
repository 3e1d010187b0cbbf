"""What the screens say, in Korean and English, and how dates, amounts and sizes are written.

The words stand in language/ko/*.toml and language/en/*.toml, a file a part of the house; a test holds their keys equal.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from haechi.core.clock import SEOUL

FOLDER = Path(__file__).parent / "language"
LANGUAGES = ("ko", "en")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@cache
def words(language: str) -> Mapping[str, str]:
    """Every text of a language by its dotted key ("ask.title"). ValueError when two files claim a key."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.toml")):
        texts = dict(_flatten(tomllib.loads(path.read_text(encoding="utf-8"))))
        if twice := found.keys() & texts.keys():
            raise ValueError(f"{path.name} says again what another file says: {sorted(twice)[:3]}")
        found |= texts
    return found


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        flat.extend(_flatten(value, path) if isinstance(value, Mapping) else [(path, str(value))])
    return flat


class Wording:
    """One language, as templates call it: `t("ask.title")`, `t("library.count", n=3)`, `t.date(day)`."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "ko"
        self._words = words(self.language)

    def __call__(self, key: str, **values: Any) -> str:
        """The text under `key`; KeyError for an unknown key, so that a test finds it."""
        text = self._words[key]
        return text.format(**values) if values else text

    def known(self, key: str, otherwise: str = "") -> str:
        """The text under a key that comes from data ("state.failed"); `otherwise`, or the last part, when there is none."""
        return self._words.get(key, otherwise or key.rsplit(".", 1)[-1])

    def pick(self, pair: tuple[str, str]) -> str:
        """Korean or English of a pair."""
        return pair[0] if self.language == "ko" else pair[1]

    def date(self, value: date | datetime | str | None) -> str:
        """'2026. 11. 22.' or '22 Nov 2026', in Seoul's calendar; '' for None."""
        day = as_moment(value)
        if day is None:
            return ""
        if self.language == "ko":
            return f"{day.year}. {day.month}. {day.day}."
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}"

    def moment(self, value: datetime | str | None) -> str:
        """Date and time to the minute, Seoul time."""
        moment = as_moment(value)
        return "" if moment is None else f"{self.date(moment)} {moment:%H:%M}"

    def number(self, value: float | None) -> str:
        """1234567 → '1,234,567'."""
        if value is None:
            return ""
        return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"

    def won(self, value: int) -> str:
        """'1,234,000원' or '₩1,234,000'."""
        return f"{value:,}원" if self.language == "ko" else f"₩{value:,}"

    def size(self, value: int | None) -> str:
        """Bytes for people: '512 B', '3.4 MB'."""
        amount = float(value or 0)
        for unit in ("B", "KB", "MB"):
            if amount < 1000:
                return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
            amount /= 1000
        return f"{amount:.1f} GB"

    def seconds(self, milliseconds: float | None) -> str:
        """'0.8초' or '0.8 s'."""
        value = (milliseconds or 0) / 1000
        return f"{value:.1f}초" if self.language == "ko" else f"{value:.1f} s"


def as_moment(value: date | datetime | str | None) -> datetime | None:
    """A date, moment or ISO text as a moment in Seoul; None for None, '' and what is no date."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.astimezone(SEOUL)
    return datetime(value.year, value.month, value.day, tzinfo=SEOUL)
