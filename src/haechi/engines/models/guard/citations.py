"""Citations of law in an answer that stand nowhere in what the model was given: it made them up, or was told to."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBER = r"제 ?[0-9]{1,4} ?조(?: ?의 ?[0-9]{1,3})?"
_LAW = r"(?:[가-힣]*(?:법|법률|시행령|시행규칙|조례|규칙|규정|훈령|예규|고시|지침|헌법)[」』\"'’”)]?)"
_CITED = re.compile(
    rf"(?<=[가-힣」』\"'’”)]) ?(?P<article>{_NUMBER})|(?P<ground>{_NUMBER})(?=(?: ?제 ?[0-9]+ ?[항호])*(?:에|을 근거|를 근거|상 |의 규정))"
    r"|(?P<case>(?<![0-9])(?:19|20)?[0-9]{2} ?(?:다|두|도|누|나|구합|구단|가합|가단|고합|고단|헌가|헌마|헌바|행정심판) ?[0-9]{2,6}(?![0-9]))"
    r"|(?P<notice>제 ?(?:19|20)[0-9]{2} ?- ?[0-9]{1,5} ?호)"
    r"|(?P<english>\b(?:Article|Section) [0-9]{1,4}(?:-[0-9]{1,3})?\b)"
)
_NAMED = re.compile(rf"{_LAW}\s*$")


def unfounded(text: str, known: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the numbers of articles, judgments and notices that `known` does not contain.

    The heading of an article in a draft ("제1조(목적)") is no citation; "「주차장법」 제19조" and "제19조에 따라" are.
    """
    given = ""
    for match in _CITED.finditer(text):
        kind = match.lastgroup or ""
        if kind == "article" and not _NAMED.search(text, max(0, match.start() - 40), match.start()):
            continue
        given = given or _bare(known)
        start, end = match.span(kind)
        if not re.search(rf"{re.escape(_bare(match[kind]))}(?!의?[0-9])", given):
            yield start, end


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text).lower()
