"""Notices while an answer is written that it begins to tell the instructions: also spelled out, backwards or encoded."""

from __future__ import annotations

import unicodedata
from collections import deque
from functools import lru_cache

from haechi.engines.models.guard.requests import decoded

_CANARY_AT = 12
_COMPATIBLE = dict(zip(range(0x1100, 0x1113), "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", strict=True))
_COMPATIBLE |= dict(zip(range(0x1161, 0x1176), "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ", strict=True))
_COMPATIBLE |= dict(zip(range(0x11A8, 0x11C3), "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ", strict=True))
_LATIN = str.maketrans("аеорсухіјѕԁһАВЕКМНОРСТХαοερτνικ", "aeopcyxijsdhabekmhopctxaoeptvik")


@lru_cache(maxsize=16384)
def letters(sign: str) -> str:
    """A sign as the letters that are compared: jamo for syllables, small letters, nothing for blanks and punctuation."""
    parted = unicodedata.normalize("NFKD", sign).translate(_COMPATIBLE).casefold().translate(_LATIN)
    return "".join(letter for letter in parted if letter.isalnum())


def spelled(text: str) -> str:
    """The whole text in those letters."""
    return "".join(map(letters, text))


class LeakWatch:
    """Passes a text on, but never more of the instructions in a row than `at` letters. leaked: set once it stopped.

    secret: the instructions. known: text that the reader may see anyway (question, quoted data). canary: a mark of which
    twelve letters are enough.
    """

    def __init__(self, secret: str, known: str, canary: str, at: int) -> None:
        told, mark = spelled(secret), spelled(canary)
        # Separated by a sign that `letters` never gives, so that no run crosses from one part into the next.
        self._secret = "\0".join((told, spelled(secret[::-1]), mark, mark[::-1])) if told else ""
        self._marks = (mark, mark[::-1]) if mark else ()
        self._known = spelled(known) if told else ""
        self._at = at
        self._run = ""
        self._held: deque[tuple[str, int]] = deque()
        self.leaked = False

    def pass_on(self, text: str) -> str:
        """What may be shown by now; what could be the beginning of a leak is held back."""
        if not self._secret:
            return text
        if self._tells_encoded(text):
            self.leaked = True
            return ""
        shown: list[str] = []
        for sign in text:
            self._take(sign, shown)
            if self.leaked:
                break
        return "".join(shown)

    def rest(self) -> str:
        """What is still held, at the end: too short to be a leak."""
        held = "".join(sign for sign, _ in self._held)
        self._held.clear()
        self._run = ""
        return held

    def _take(self, sign: str, shown: list[str]) -> None:
        found = letters(sign)
        self._held.append((sign, len(found)))
        for letter in found:
            self._run += letter
            while self._run and self._run not in self._secret:
                self._run = self._run[1:]
        if self._is_leak():
            self.leaked = True
            return
        spare = sum(count for _, count in self._held) - len(self._run)
        while self._held and (spare > 0 or not self._run):
            first, count = self._held[0]
            if self._run and count > spare:
                break
            spare -= count
            self._held.popleft()
            shown.append(first)

    def _is_leak(self) -> bool:
        if len(self._run) >= _CANARY_AT and any(self._run in mark for mark in self._marks):
            return True
        return len(self._run) >= self._at and self._run not in self._known

    def _tells_encoded(self, text: str) -> bool:
        for hidden in decoded(text):
            told = spelled(hidden)
            if any(
                mark[at : at + _CANARY_AT] in told for mark in self._marks for at in range(len(mark) - _CANARY_AT + 1)
            ):
                return True
            step = range(0, max(1, len(told) - self._at + 1))
            if len(told) >= self._at and any(told[at : at + self._at] in self._secret for at in step):
                return True
        return False
