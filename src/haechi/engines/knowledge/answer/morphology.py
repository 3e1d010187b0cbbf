"""Korean morphemes for the answerer: remembered analyses, content words, particles.

Analyses of the same text are kept,
because the passages of a small collection come back question after question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from haechi.engines.knowledge.retrieval.terms import kiwi

CONTENT_TAGS = frozenset({"NNG", "NNP", "NR", "SL", "SN", "SH", "XR", "VV", "VA", "VV-I", "VV-R", "VA-I", "VA-R"})
NOUN_TAGS = frozenset({"NNG", "NNP", "NR", "SL", "SH", "XR"})


@dataclass(frozen=True, slots=True)
class Morpheme:
    """One morpheme at text[start:end]; `tag` is Kiwi's (Sejong) tag without irregularity marks."""

    form: str
    tag: str
    start: int
    end: int


@lru_cache(maxsize=16384)
def analyse(text: str) -> tuple[Morpheme, ...]:
    """Morphemes in order of appearance."""
    return tuple(
        Morpheme(token.form, token.tag.split("-")[0], token.start, token.start + token.len)
        for token in kiwi().tokenize(text)
    )


@lru_cache(maxsize=16384)
def content_words(text: str) -> tuple[str, ...]:
    """Forms of nouns, verbs, adjectives, roots, foreign words and numbers, lower-cased, repeats kept."""
    return tuple(m.form.lower() for m in analyse(text) if m.tag in CONTENT_TAGS)


@lru_cache(maxsize=16384)
def word_set(text: str) -> frozenset[str]:
    """The distinct content words."""
    return frozenset(content_words(text))


@lru_cache(maxsize=16384)
def squeezed(text: str) -> str:
    """Lower-cased letters and digits only, so that spacing and punctuation differences do not matter."""
    return re.sub(r"[^0-9a-z가-힣一-鿿]+", "", text.lower())


def with_josa(word: str, with_final: str, without_final: str) -> str:
    """`word` with the particle that fits its last sound: with_josa("요금", "은", "는") → "요금은"."""
    bare = re.sub(r"[^0-9A-Za-z가-힣]+$", "", re.sub(r"\([^)]*\)$", "", word.strip()))
    return word + (with_final if _ends_in_consonant(bare) else without_final)


def _ends_in_consonant(word: str) -> bool:
    if not word:
        return False
    last = word[-1]
    if "가" <= last <= "힣":
        return (ord(last) - ord("가")) % 28 != 0
    if last.isdigit():
        return last in "013678"
    return last.lower() in "lmnr"
