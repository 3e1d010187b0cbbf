"""Text → features that survive typing slips: syllable and letter n-grams, word beginnings, hashed to a fixed size.

Korean is cut into letters (jamo) as well, so that '청년수땅' still shares most of its features with '청년수당'. Latin words
give character n-grams, Chinese characters and kana give single characters and pairs. Hashing (CRC-32) needs no vocabulary, so
the frozen model is one matrix.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

import numpy as np
import numpy.typing as npt

SIZE = 1 << 15
LONGEST = 1200
"""Characters of an utterance that count: its first and last halves of this, because stories end in the question."""

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

_FIRST, _MIDDLE = 588, 28
_WORD = re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣ]+|[a-zà-ɏḀ-ỹЀ-ӿ]+|\d+|[一-鿿぀-ヿ]+|[฀-๿]+|[؀-ۿ]+")
_REPEATS = re.compile(r"(.)\1{2,}")
_LAUGH = re.compile(r"[ㅋㅎㅠㅜ]{2,}")


def plain(text: str) -> str:
    """Lower case, composed, one blank between words, runs of one letter cut to two, long text cut in the middle."""
    text = unicodedata.normalize("NFC", text).lower()
    text = _REPEATS.sub(r"\1\1", re.sub(r"\s+", " ", text)).strip()
    if len(text) > LONGEST:
        half = LONGEST // 2
        text = f"{text[:half]} {text[-half:]}"
    return text


def words(text: str) -> list[str]:
    """Runs of one script, laughter and tears left out."""
    return _WORD.findall(_LAUGH.sub(" ", plain(text)))


@lru_cache(maxsize=65536)
def letters(word: str) -> str:
    """Syllables cut into first, middle and last letter: '수' → two marks, '당' → three."""
    return "".join(_cut(char) for char in word)


def _cut(char: str) -> str:
    code = ord(char) - 0xAC00
    if not 0 <= code < 11172:
        return char
    first, rest = divmod(code, _FIRST)
    middle, last = divmod(rest, _MIDDLE)
    # Marks of three ranges that occur in no text: the same letter at the beginning and the end differs.
    return chr(0xE000 + first) + chr(0xE100 + middle) + (chr(0xE200 + last) if last else "")


@lru_cache(maxsize=65536)
def of_word(word: str) -> tuple[str, ...]:
    """Features of one word for itself."""
    if "가" <= word[0] <= "힣":
        return tuple(_korean(word))
    if "฀" <= word[0] <= "๿":
        return tuple(f"t{word[at : at + n]}" for n in (3, 4) for at in range(max(1, len(word) - n + 1)))
    if "぀" <= word[0] <= "鿿":
        return tuple(f"z{word[at : at + n]}" for n in (1, 2) for at in range(len(word) - n + 1))
    if word[0].isdigit():
        return (f"d{word if len(word) <= 3 else len(word)}",)
    marked = f"<{word}>"
    grams = tuple(f"l{marked[at : at + n]}" for n in (3, 4) for at in range(len(marked) - n + 1))
    return (f"w{word}", *grams)


def _korean(word: str) -> Iterator[str]:
    yield f"w{word}"
    for n in (1, 2, 3):
        yield from (f"s{word[at : at + n]}" for at in range(len(word) - n + 1))
    for n in (2, 3):
        if len(word) >= n:
            yield f"p{word[:n]}"
    cut = letters(word)
    for n in (4, 5, 6):
        yield from (f"j{cut[at : at + n]}" for at in range(len(cut) - n + 1))


def _across(found: list[str]) -> Iterator[str]:
    """Pairs over a blank, so that '수도 요금' and '수도요금' meet; and word pairs."""
    for one, two in itertools.pairwise(found):
        if "가" <= one[0] <= "힣" and "가" <= two[0] <= "힣":
            yield f"s{one[-1]}{two[0]}"
            yield f"p{one[:2]}_{two[:2]}"
        else:
            yield f"w{one}_{two}"


@lru_cache(maxsize=262144)
def place(feature: str) -> int:
    """Where a feature stands, 0..SIZE-1."""
    return crc32(feature.encode()) % SIZE


def features(text: str) -> tuple[Places, Floats]:
    """Places and weights, length 1 over all; empty for a text without letters. Weights damp repeats."""
    found = words(text)
    counts: Counter[int] = Counter()
    for word in found:
        counts.update(place(feature) for feature in of_word(word))
    counts.update(place(feature) for feature in _across(found))
    if not counts:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    places = np.fromiter(counts, np.int64, len(counts))
    weights = np.fromiter((1 + math.log(n) for n in counts.values()), np.float32, len(counts))
    return places, weights
