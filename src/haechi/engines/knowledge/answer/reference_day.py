"""The day that a question asks about: "2025년 8월 기준으로 …", "2024년 5월에는 … 열었나요?" → that day's rules.

Only where the words say that a moment in time is meant; "2025년 예산" names a thing, not a moment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from haechi.engines.knowledge.ports import Hit, Reader

_DAY = r"(?P<y>(?:19|20)\d{2})\s*(?:년도?|\.)\s*(?:(?P<m>1[0-2]|0?[1-9])\s*(?:월|\.)\s*(?:(?P<d>3[01]|[12]\d|0?[1-9])\s*(?:일|\.))?)?"
_NAMED = re.compile(_DAY + r"\s*(?:을|를)?\s*(?:기준(?:으로는?|에서?|일)?|현재|당시(?:에는?)?|시점(?:에는?|에서)?)")
_PAST = re.compile(_DAY + r"\s*(?:에는?|까지는?)")
_TENSE = re.compile(r"[었았였했]\s*(?:나|을까|습니까|는가|는지|던|어요|죠|지)|(?:있|없)었|였나|이었나")


@dataclass(frozen=True, slots=True)
class ReferenceDay:
    """day: the day meant (the first of the month, or of the year, where no more is said). rest: the question without it."""

    day: date
    rest: str


def reference_day(question: str) -> ReferenceDay | None:
    """The moment whose rules are asked about, or None."""
    match = _NAMED.search(question) or (_PAST.search(question) if _TENSE.search(question) else None)
    if match is None:
        return None
    try:
        day = date(int(match["y"]), int(match["m"] or 1), int(match["d"] or 1))
    except ValueError:
        return None
    rest = re.sub(r"^[\s,]+", "", question[: match.start()] + question[match.end() :])
    return ReferenceDay(day, re.sub(r"\s{2,}", " ", rest))


def on_that_day(question: str, reader: Reader) -> Reader:
    """The reader as of the day that the question names; a day that the reader already set stays."""
    found = reference_day(question) if reader.as_of is None else None
    return reader if found is None else replace(reader, as_of=found.day)


def without_the_day(question: str, hits: Sequence[Hit]) -> str:
    """The question without its reference day, where the first hit says since when it is in force: the index has already
    chosen the version, whose text need not name the day. Else the question as it is."""
    found = reference_day(question)
    dated = bool(hits) and hits[0].passage.valid_from is not None
    return found.rest if found is not None and dated else question
