"""Words that turn one item into another: 매트리스만 and 매트리스 포함, 살 때 and 빌릴 때. The one's value is no answer to the other."""

from __future__ import annotations

import re

_ONLY = re.compile(r"(?P<item>[가-힣]{2,})(?:만(?=\s|[?.,]|$)|\s?(?:없이|제외|빼고|미포함))")
_WITH = re.compile(r"(?P<item>[가-힣]{2,}?)(?:까지)?\s?(?:포함|함께|딸린)")
_INCLUDED = r"\s?(?:를|을)?\s?포함"
_ALONE = r"\s?(?:(?:를|을)?\s?(?:제외|미포함|없음|없이)|만(?=[\s)]|$))"
_BUY = re.compile(r"(?:살|사는|샀을|사려는)\s?때|사려면|(?:을|를)\s(?:사면|샀)|매입|매수|구입|매각")
_RENT = re.compile(r"빌리|빌릴|대부|사용료|사용허가|임대|임차|대여|빌린")


def contradicted(question: str, sentence: str, passage: str) -> bool:
    """Whether the sentence speaks of the item with the opposite qualifier only, or its whole passage of the opposite deal."""
    wants = ((_ONLY, _INCLUDED, _ALONE), (_WITH, _ALONE, _INCLUDED))
    for asked, opposite, same in wants:
        for found in asked.finditer(question):
            item = re.escape(found["item"])
            if re.search(item + opposite, sentence) and not re.search(item + same, sentence):
                return True
    return any(
        asked.search(question) and not other.search(question) and other.search(passage) and not asked.search(passage)
        for asked, other in ((_BUY, _RENT), (_RENT, _BUY))
    )


def names_alone(question: str, cell: str) -> bool:
    """Whether a cell states the value of the item alone that the question asks for: "매트리스만 8,000원"."""
    return any(re.search(re.escape(found["item"]) + _ALONE, cell) for found in _ONLY.finditer(question))
