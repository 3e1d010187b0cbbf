"""How numbers are written to escape notice, undone: full-width digits, other scripts' digits, dashes, invisible signs, words.

The detectors read a shadow of the text in which one character stands for one of the original (or for a few: decomposed
syllables) and `Shadow.place` leads back, so what is found is always an exact piece of the original.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from functools import cache

_DASHES = "‐‑‒–—―−﹘﹣－ー〜～∼ㅡ一⁃﹉⸺"
_SPACES = "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u3164\u115f\u1160"
_PLAIN = {
    "＠": "@",
    "﹫": "@",
    "．": ".",
    "。": ".",
    "：": ":",
    "（": "(",
    "）": ")",
    "＋": "+",
    "／": "/",
    "＿": "_",
    "•": "·",
    "∙": "·",
    "・": "·",
    "ㆍ": "·",
}
_INVISIBLE = "\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
INVISIBLE = re.compile(f"[{_INVISIBLE}]")
"""Signs that show nothing: they are dropped before anything is looked for."""
_DECOMPOSED = re.compile("[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?")
_WORDS = {word: digit for digit, words in enumerate(("공영빵⓪〇○", "일①", "이②", "삼③", "사④", "오⑤", "육륙⑥", "칠⑦", "팔⑧", "구⑨")) for word in words}  # fmt: skip
_LOOKALIKES = {"O": 0, "o": 0, "ㅇ": 0, "О": 0, "о": 0, "l": 1, "I": 1, "ㅣ": 1}
_DIGIT_WORDS = "".join(_WORDS) + "".join(_LOOKALIKES)
# A sign that is no digit is read as one only among at least eight: prose has no such runs.
_SPOKEN = re.compile(rf"[0-9{_DIGIT_WORDS}](?:(?: ?(?:에|의|다시|대시|[-.·_/~,]) ?| )?[0-9{_DIGIT_WORDS}]){{7,}}")
_SPREAD = re.compile(r"(?<![0-9])[0-9](?: {1,2}(?:[-.·] {0,2})?[0-9]){8,}(?![0-9])")
# "…사칠이요": the last 이 is the verb, not a two.
_ENDING = re.compile("이$")
_SYLLABLE = re.compile("[가-힣]")
# "3204718826, 오류동": the word after the comma only begins like a number.
_WORD_BEFORE = re.compile("[가-힣][, ]{1,2}")  # "신규일 2016": the end of the word before
_NEXT_WORD = re.compile("[, ]{1,2}[가-힣]$")
_SPEECH = re.compile(r"[요에예고라래며죠지다야니었였거]")
_JOINT = re.compile(r"에|의|다시|대시|,")


@dataclass(frozen=True, slots=True)
class Shadow:
    """text: what the detectors read. starts, ends: where each of its characters begins and ends in the original; None
    when positions are equal. spoken: whether number words were turned into digits."""

    text: str
    starts: tuple[int, ...] | None = None
    ends: tuple[int, ...] | None = None
    spoken: bool = False

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Positions in the shadow → positions in the original: what was dropped inside belongs to it, what follows does not."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


@cache
def _table() -> dict[int, str]:
    digits = {
        code: str(unicodedata.decimal(chr(code)))
        for code in range(0x80, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Nd"
    }
    wide = {code: chr(code - 0xFEE0) for code in [*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)]}
    plain = {ord(sign): ascii_sign for sign, ascii_sign in _PLAIN.items()}
    return {**digits, **wide, **plain, **dict.fromkeys(map(ord, _DASHES), "-"), **dict.fromkeys(map(ord, _SPACES), " ")}


def shadow(text: str) -> Shadow:
    """The text as the detectors read it."""
    if text.isascii():
        return Shadow(text.replace("\t", " "))
    read = text.translate(_table())
    if not INVISIBLE.search(read) and not _DECOMPOSED.search(read):
        return Shadow(read)
    kept: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    while at < len(read):
        match = _DECOMPOSED.match(read, at)
        if match:
            kept.append(unicodedata.normalize("NFC", match[0]))
            starts.append(at)
            ends.append(at := match.end())
            continue
        if not INVISIBLE.match(read[at]):
            kept.append(read[at])
            starts.append(at)
            ends.append(at + 1)
        at += 1
    return Shadow("".join(kept), tuple(starts), tuple(ends))


def spoken(read: Shadow) -> Shadow | None:
    """The shadow with digits that were written as words ("공일공 일이삼사") as digits; None where there are none."""
    changed = _SPOKEN.sub(_as_digits, read.text)
    return None if changed == read.text else Shadow(changed, read.starts, read.ends, spoken=True)


def spread(read: Shadow) -> Shadow | None:
    """The shadow with numbers that were written digit by digit ("0 1 0 - 1 2 3 4 …") pulled together; None where none are."""
    kept: list[int] = []
    at = 0
    for match in _SPREAD.finditer(read.text):
        kept += range(at, match.start())
        kept += (place for place in range(*match.span()) if read.text[place] != " ")
        at = match.end()
    if not at:
        return None
    kept += range(at, len(read.text))
    places = [read.place(place, place + 1) for place in kept]
    text = "".join(read.text[place] for place in kept)
    return Shadow(text, tuple(start for start, _ in places), tuple(end for _, end in places), spoken=True)


def _as_digits(match: re.Match[str]) -> str:
    run = match[0]
    if run.isascii() and run.strip("OolI") == run and not re.search("[OolI]", run):
        return run
    if re.search("[A-Za-zОоㅇㅣ]", run) and sum(sign.isdigit() and sign.isascii() for sign in run) < 5:
        return run
    ending = _ENDING.search(run) if _SPEECH.match(match.string, match.end()) else None
    begin, end = 0, ending.start() if ending else len(run)
    if match.start() and _SYLLABLE.match(match.string[match.start() - 1]) and (word := _WORD_BEFORE.match(run)):
        begin = word.end()
    if _SYLLABLE.match(match.string, match.end()) and (word := _NEXT_WORD.search(run[:end])):
        end = word.start()
    digits = "".join(str(_WORDS.get(sign, _LOOKALIKES.get(sign, sign))) for sign in run[begin:end])
    return run[:begin] + _closed(digits) + run[end:]


def _closed(digits: str) -> str:
    return _JOINT.sub(lambda joint: "-" + " " * (len(joint[0]) - 1), digits)
