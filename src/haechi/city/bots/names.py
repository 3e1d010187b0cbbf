"""A bot's id from its Korean name: letters by the Revised Romanization, each syllable for itself."""

from __future__ import annotations

import re
import unicodedata

_FIRST = ["g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h"]
_MIDDLE = [
    "a",
    "ae",
    "ya",
    "yae",
    "eo",
    "e",
    "yeo",
    "ye",
    "o",
    "wa",
    "wae",
    "oe",
    "yo",
    "u",
    "wo",
    "we",
    "wi",
    "yu",
    "eu",
    "ui",
    "i",
]
_LAST = [
    "",
    "k",
    "k",
    "k",
    "n",
    "n",
    "n",
    "t",
    "l",
    "k",
    "m",
    "l",
    "l",
    "l",
    "p",
    "l",
    "m",
    "p",
    "p",
    "t",
    "t",
    "ng",
    "t",
    "t",
    "k",
    "t",
    "p",
    "t",
]
_LONGEST = 32


def id_from(name: str) -> str:
    """'출산지원 안내' → 'chulsanjiwon_annae'; 'bot' where nothing of the name can be written so."""
    letters = "".join(_letter(char) for char in unicodedata.normalize("NFC", name).lower())
    words = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")[:_LONGEST].strip("_")
    return words if words[:1].isalpha() and len(words) > 1 else f"bot_{words}".rstrip("_")


def _letter(char: str) -> str:
    code = ord(char) - 0xAC00
    if not 0 <= code < 11172:
        return char
    return _FIRST[code // 588] + _MIDDLE[code % 588 // 28] + _LAST[code % 28]
