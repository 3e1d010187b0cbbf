"""Values behind a word that says what they are: "고객번호는 0412-88", `"card_no": "4539…"`, "주민번호 880214-2******".

The word makes shapes acceptable that alone mean nothing: bare digits, digits hidden by stars, letters typed for digits, an
answer on the next line of a transcript.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from haechi.engines.text.personal_data.dates import DATE, is_birth
from haechi.engines.text.personal_data.networks import is_address_of_machine
from haechi.engines.text.personal_data.numbers import FEWEST_SHOWN, Span
from haechi.engines.text.personal_data.rules import Rules

_REACH = 56
_GAP = 26
D = r"[0-9*Xx#○●◯•OolISB]"
"""A digit, a sign that hides one, or a letter that is typed for one: only behind a word that says what follows."""
_S = r"[ \n]{0,2}(?:[-.·/~][ \n]{0,2})?"
_START = r"(?<![0-9A-Za-z*])"
_STOP = r"(?![0-9A-Za-z*])"
_UNIT = r"(?! ?(?:원|명|건|개|자리|년|개월|시간|%|점|회|천|만|억|호선|kg|㎡|여 |통화|차 |일까지|일 이|줄|칸|장|종|부|쪽|세 |살)(?![가-힣]{2}))"
_SHAPES = {
    "resident": rf"{D}(?:{_S}{D}){{12}}|{D}{{6}}{_S}[0-9](?!{_S}[0-9*])",
    "foreigner": rf"{D}(?:{_S}{D}){{12}}|{D}{{6}}{_S}[0-9](?!{_S}[0-9*])",
    "corporate": rf"{D}(?:{_S}{D}){{12}}",
    "card": rf"{D}(?:{_S}{D}){{13,15}}",
    "account": rf"{D}(?:{_S}{D}){{8,15}}",
    "licence": rf"(?:[가-힣]{{2,4}} ?)?{D}(?:{_S}{D}){{9,11}}",
    "passport": rf"[A-Za-z]{{1,2}} ?{D}{{3}}[A-Za-z]{D}{{4}}|[A-Za-z]{{1,2}} ?{D}(?: ?{D}){{6,7}}[A-Za-z]?|[A-Za-z](?=[A-Za-z]{{0,4}}[0-9])[0-9A-Za-z]{{7,8}}|[0-9](?=[0-9A-Z]{{0,3}}[0-9]{{4}})[0-9A-Z]{{7,8}}",
    "business": rf"{D}(?:{_S}{D}){{9}}",
    "customer": rf"(?:[A-Za-z]{{1,4}}[-_ ]?)?{D}(?: ?[-./]? ?{D}){{4,19}}",
    "phone": rf"\(?(?:\+? ?82|{D})\)?(?:[ \n]{{0,2}}(?:[-.·/~)*][ \n]{{0,2}})?{D}){{7,11}}",
    "vehicle": rf"(?:[가-힣]{{2}} ?)?(?:[가-힣]{{2}} ?)?[0-9*](?: ?[0-9*]){{1,2}} ?[가-힣] ?{D}(?: ?{D}){{3}}|(?<![가-힣])[가-힣]{{2}}(?: ?[가-힣]{{2}})? ?[가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배하허호] ?{D}{{4}}|임 ?[0-9]{{4,6}}|[공영일이삼사오육칠팔구십]{{2,4}} ?[가-힣] ?[공영일이삼사오육칠팔구]{{4}}",
    "birthdate": rf"{DATE}|{D}(?: ?{D}){{1,3}}(?: ?[-./] ?{D}(?: ?{D})?){{2}}|[12] ?[089] ?[0-9] ?[0-9] ?년 ?[01]? ?[0-9] ?월 ?[0-3]? ?[0-9] ?일|[01]?[0-9]월 ?[0-3]?[0-9]일|{D}(?: ?{D}){{5}}(?:(?: ?{D}){{2}})?",
    "ip": r"[0-9]{1,3}(?: ?\. ?[0-9*x]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}",
    "email": r"[^\s@,;:<>\"'(){}\[\]]{1,40} ?@ ?[^\s@,;:<>\"'(){}\[\]]{1,40}",
}  # fmt: skip
_LEADIN = re.compile(r"(?:[ \"'\\\])}]{0,4}(?:no|No|NO|number|Number|num|id|ID|번호)\.?)?[?？]?[ \"'\\\])}]{0,4}")
_FEWEST_DIGITS = 3
_OF_ALL = re.compile(r"1[568][0-9]{2}[-. ]?[0-9]{4}")
"""The numbers of companies and offices that everybody may call."""
_HOW_MANY = re.compile(
    r"\(?(?:앞|뒤)?(?:의)? ?[0-9]{1,2} ?자리(?:까지)?(?: ?포함)?\)?|\((?:앞|뒤) ?[0-9][^)\n]{0,10}\)"
)
_JOINTS = re.compile("[ _-]")
_MORE = re.compile(r"(?: ?[,/·、] ?| 및 | 또는 |와 |과 | 와 |\n[-·] ?)")
# Prose that speaks about the number instead of giving it.
_CLOSED = re.compile(r"없이|없는|없음|형식|형태|예시|예:|자릿수|건수|발급|건을|도용|입력하|적는")


@dataclass(frozen=True, slots=True)
class Labels:
    """words: finds every label. kind_of: the label without spaces, small → kind. values: kind → shape of the value."""

    words: re.Pattern[str]
    kind_of: dict[str, str]
    values: dict[str, re.Pattern[str]]

    def kind(self, word: str) -> str | None:
        """The kind that a label announces, None where it is no label."""
        return self.kind_of.get(_JOINTS.sub("", word).lower())


@lru_cache(maxsize=8)
def labels_of(rules: Rules) -> Labels:
    """The labels of the kinds that are switched on, read once per set of rules."""
    kinds = [kind for kind in rules.kinds.values() if kind.active and kind.name in _SHAPES]
    pairs = [(word, kind.name) for kind in kinds for word in kind.words("value_labels")]
    keys = [(word, kind.name) for kind in kinds for word in kind.words("keys")]
    longest = sorted((word for word, _ in pairs), key=len, reverse=True)
    korean = "|".join(_loosely(word) for word in longest if not word.isascii())
    latin = "|".join(_loosely(word) for word in longest if word.isascii())
    # Short names of fields ("tel":, <hp>, bd=) say something only where a value is assigned to them.
    fields = "|".join(_any_case(word) for word, _ in keys)
    groups = [
        shape.format(words)
        for shape, words in (
            ("{}", korean),
            ("(?<![A-Za-z])(?:{})(?![a-z])", latin),
            ("(?<![A-Za-z0-9_-])(?:{})(?=[\"'\\\\]{{0,3}} ?[:=>])", fields),
        )
        if words
    ]
    words, pairs = "|".join(groups), [*keys, *pairs]
    values = {kind.name: re.compile(f"{_START}(?:{_SHAPES[kind.name]}){_STOP}{_UNIT}") for kind in kinds}
    kind_of = {_JOINTS.sub("", word).lower(): name for word, name in pairs}
    return Labels(re.compile(words or "(?!)"), kind_of, values)


def find_labelled(text: str, rules: Rules) -> Iterator[Span]:
    """(kind, start, end) of values behind their labels, in a shadow text."""
    labels = labels_of(rules)
    marks = list(labels.words.finditer(text))
    for at, mark in enumerate(marks):
        kind = labels.kind(mark[0])
        if kind is None:
            continue
        until = min(mark.end() + _REACH, marks[at + 1].start() if at + 1 < len(marks) else len(text))
        window = text[mark.end() : until]
        match = labels.values[kind].search(window)
        if match is not None and not _leads(window[: match.start()]):
            continue
        while match is not None and is_value(kind, match[0]):
            yield kind, mark.end() + match.start(), mark.end() + match.end()
            more = _MORE.match(window, match.end())
            match = labels.values[kind].match(window, more.end()) if more else None


def is_value(kind: str, value: str) -> bool:
    """Whether what has the shape of the kind can be one: enough digits, a day that exists."""
    digits = sum(sign.isdigit() for sign in value)
    if kind == "ip":
        return is_address_of_machine(value)
    if kind == "birthdate":
        return is_birth(value)
    if kind == "email":
        return "." in value.partition("@")[2]
    if kind == "vehicle" and not digits:
        return True
    if kind in ("phone", "customer") and _OF_ALL.fullmatch(value):
        return False
    if kind == "phone" and not "".join(filter(str.isdigit, value))[-8:].strip("0"):
        return False
    if kind == "phone" and digits < FEWEST_SHOWN:
        return False
    return digits >= _FEWEST_DIGITS and bool(set(value) - set("0 -.*XxOo"))


def _leads(gap: str) -> bool:
    """Whether what stands between the label and the value only leads over to it."""
    gap = _HOW_MANY.sub("", gap)
    rest = gap[_LEADIN.match(gap).end() :]  # type: ignore[union-attr]
    line, newline, after = rest.partition("\n")
    if len(line) > _GAP or any(sign.isdigit() for sign in gap) or _CLOSED.search(rest):
        return False
    if not newline:
        return "." not in rest.strip(" .:#") and "?" not in rest and "!" not in rest
    return "\n" not in after.strip("\n") and len(after.strip()) <= 16


def _loosely(word: str) -> str:
    """Korean labels are also written with spaces between syllables; Latin ones in any case and joint."""
    if word.isascii():
        return "[ _-]?".join(map(_any_case, re.split("[ _-]", word)))
    return " ?".join(map(re.escape, word.replace(" ", "")))


def _any_case(word: str) -> str:
    return "".join(f"[{sign.lower()}{sign.upper()}]" if sign.isalpha() else re.escape(sign) for sign in word)
