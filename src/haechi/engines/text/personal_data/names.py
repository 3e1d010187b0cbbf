"""Names of people, where words around them say that a person is named. Without such a word nothing is a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from haechi.engines.text.personal_data.numbers import Span
from haechi.engines.text.personal_data.rules import Kind, Rules

_END = r"(?=[^가-힣]|$|입니다|이고|이며|인데|이라|라고|라는|이에요|예요|이에|님|씨|에게|한테|으로|이가|이는|이의|께서|[은는이가을를의과와도로야](?![가-힣]))"
_LATIN = r"[A-Z][A-Za-z'’-]{1,20}(?: [A-Z][A-Za-z'’-]{1,20}){1,3}"


@dataclass(frozen=True, slots=True)
class _Patterns:
    labelled: re.Pattern[str]
    loose: re.Pattern[str]
    titled: re.Pattern[str]
    said: re.Pattern[str]
    numbered: re.Pattern[str]
    not_names: frozenset[str]


def find_names(text: str, rules: Rules, others: Sequence[Span] = ()) -> Iterator[Span]:
    """(kind, start, end) in a shadow text. others: what was found already; a name directly before a personal number is one."""
    kind = rules.kinds["name"]
    if not kind.active:
        return
    patterns = _patterns(rules)
    for pattern in (patterns.labelled, patterns.loose, patterns.titled, patterns.said):
        for match in pattern.finditer(text):
            if _is_name(match["name"], patterns):
                yield kind.name, *match.span("name")
    for other, start, _ in others:
        if other in ("address", "business", "vehicle"):
            continue
        begin = max(0, start - 12)
        for match in patterns.numbered.finditer(text[begin:start]):
            if _is_name(match["name"], patterns):
                yield kind.name, begin + match.start("name"), begin + match.end("name")


def _is_name(name: str, patterns: _Patterns) -> bool:
    return name[:2] not in patterns.not_names


@lru_cache(maxsize=8)
def _patterns(rules: Rules) -> _Patterns:
    kind: Kind = rules.kinds["name"]
    single = "".join(word for word in kind.words("surnames") if len(word) == 1)
    double = "|".join(word for word in kind.words("surnames") if len(word) == 2)
    given = "".join(kind.words("given"))
    full = rf"(?:(?:{double})[{given}]{{1,2}}|[{single}][{given}]{{2}})"
    short = rf"[{single}][{given}]"
    label = "|".join(sorted(kind.words("labels"), key=len, reverse=True))
    titles = "|".join(word for word in kind.words("titles") if word not in ("군", "양", "옹", "씨", "님"))
    return _Patterns(
        re.compile(rf"(?:{label})(?:\)|\]|명)? ?[:=|\]] ?(?P<name>{full}{_END}|{short}{_END}|{_LATIN})"),
        re.compile(rf"(?:{label})(?:은|는|이|가)? (?P<name>{full})(?<!한){_END}"),
        re.compile(
            rf"(?<![가-힣])(?P<name>{full}|{short}(?= ?씨))(?: ?(?:씨|님|{titles})(?![가-힣]{{2}}[^은는이가을를의께도 ])|"
            rf" (?<!한 )(?:군|양|옹)(?=[은는이가을를의과와도 .,)]|$))"
        ),
        re.compile(
            rf"(?:저는|나는|저의 이름은|제 이름은|이름은|성함은|본인은|저희 아버지|저희 어머니|제 아내|제 남편|아들|딸|친구) ?(?P<name>{full}|{short})"
            r"(?=이라고|라고|입니다|이에요|예요|인데|이고|이며|이라는|라는|이 |가 |의 |을 |를 )"
        ),
        re.compile(rf"(?<![가-힣])(?P<name>{full})(?: ?님| ?씨)? ?[(,:/]? ?$"),
        frozenset(kind.words("not_names")),
    )
