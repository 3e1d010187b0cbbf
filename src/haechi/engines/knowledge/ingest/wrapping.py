"""Wrapped lines of a page → running text.

Korean is set either by words or by syllables, so a line may end in the middle of a word and the page does not say which.
The document's own words decide, then the grammar: endings and particles never begin a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[가-힣]+")
_LAST = re.compile(r"([가-힣]+)$")
_FIRST = re.compile(r"^([가-힣]+)([.,)]?)")
# Endings and particles that cannot begin a word.
_TAIL = re.compile(
    r"^(?:니다|니까|습니다|읍니다|입니다|합니다|됩니다|십시오|세요|시오|다|요|며|면|거나|지만|도록|여야|여서|였다|었다|았다|겠다|"
    r"는|을|를|은|에|에서|에게|으로|로|와|과|도|만|의|까지|부터|마다|보다|처럼|이나|이며|이고|이다|라도|"
    r"하는|하여|하며|하고|하면|한다|하거나|하지|하도록|된다|되는|되며|되어|되면|받는|적인|적으로)$"
)
# Single syllables that stand as words of their own at the end of a line.
_ALONE = frozenset(
    "수것등및이그저한두세네때날중전후더안못각매약제총월일년시분초원명개번회곳또즉단건데채뿐만큼동안내외위"
)


class Vocabulary:
    """The words that a document has inside its lines, where no wrap can have cut them."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.words: Counter[str] = Counter()
        for line in lines:
            inside = line.split(" ")[1:-1]
            for word in inside:
                self.words.update(_WORD.findall(word))

    def joined(self, lines: Sequence[str]) -> str:
        """The lines as one paragraph."""
        text = ""
        for line in lines:
            text = self._append(text, line) if text else line
        return text

    def _append(self, text: str, line: str) -> str:
        if re.search(r"[A-Za-z]-$", text) and re.match(r"[a-z]", line):
            return text[:-1] + line
        return text + line if self._inside_a_word(text, line) else f"{text} {line}"

    def _inside_a_word(self, text: str, line: str) -> bool:
        last, first = _LAST.search(text), _FIRST.search(line)
        if last is None or first is None:
            # A number and its unit: "3" + "월" is one word, as is "2.5" + "퍼센트".
            return bool(
                re.search(r"\d$", text)
                and re.match(r"(?:년|월|일|원|명|개월|퍼센트|세|권|만원|천원|억)(?![가-힣])", line)
            )
        left, right = last[1], first[1]
        whole = self.words[left + right]
        apart = min(self.words[left], self.words[right])
        if whole or apart:
            return whole >= apart
        if _TAIL.match(right):
            return True
        if any(word.startswith(left + right) for word in self.words):
            return True
        return len(left) == 1 and left not in _ALONE and not self.words[right]
