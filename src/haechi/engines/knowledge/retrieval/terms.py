"""Korean text → terms: content words by Kiwi, and hangul character bigrams.

Function words hurt Korean ranking (spec: −4 to −8 points nDCG@10), so only content tags are kept. Compounds are kept as
Kiwi cuts them, and runs of adjoining nouns are added once more as one word, so that "주거 급여" meets "주거급여".
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

CONTENT_TAGS = frozenset({"NNG", "NNP", "NNB", "NR", "SL", "SN", "SH", "XR", "VV", "VA", "MM", "MAG", "XSN"})
_RUN = re.compile(r"[가-힣]+|[a-z]+|\d+|[一-鿿]+")
_LONGEST = 20_000
"""Characters Kiwi is given at once; longer text is cut, because its lattice grows with the length."""

_loading = threading.Lock()
_loaded: list[Any] = []


def kiwi() -> Any:
    """The process's one Kiwi (about 5 s and 500 MB the first time); safe to call from several threads."""
    if not _loaded:
        with _loading:
            if not _loaded:
                from kiwipiepy import Kiwi

                _loaded.append(Kiwi())
    return _loaded[0]


def is_loaded() -> bool:
    """Whether Kiwi stands ready, so that a caller can search by bigram meanwhile."""
    return bool(_loaded)


class KiwiTerms:
    """Content morphemes, lower case. The same text gives the same terms always."""

    name = "kiwi-0.24-content"

    def terms(self, texts: Sequence[str]) -> list[list[str]]:
        """One list of terms a text, duplicates and order kept."""
        return [_content_words(text) for text in texts] if len(texts) < 8 else self._many(texts)

    def _many(self, texts: Sequence[str]) -> list[list[str]]:
        return [_kept(tokens) for tokens in kiwi().tokenize([_bounded(text) for text in texts])]


class BigramTerms:
    """Hangul character bigrams; Latin words and numbers whole; a single hangul letter stays alone."""

    name = "bigram-1"

    def terms(self, texts: Sequence[str]) -> list[list[str]]:
        """One list of terms a text, duplicates and order kept."""
        return [list(_bigrams(text)) for text in texts]


def _bounded(text: str) -> str:
    return text[:_LONGEST]


@lru_cache(maxsize=4096)
def _cached_words(text: str) -> tuple[str, ...]:
    return tuple(_kept(kiwi().tokenize(text)))


def _content_words(text: str) -> list[str]:
    return list(_cached_words(_bounded(text)))


def _kept(tokens: Iterable[Any]) -> list[str]:
    return [token.form.lower() for token in tokens if token.tag.partition("-")[0] in CONTENT_TAGS]


def _bigrams(text: str) -> Iterable[str]:
    for run in _RUN.findall(text.lower()):
        if len(run) > 1 and "가" <= run[0] <= "힣":
            yield from (run[at : at + 2] for at in range(len(run) - 1))
        else:
            yield run
