"""Personal data in Korean text: what, where, which kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from haechi.engines.text.personal_data.addresses import find_addresses
from haechi.engines.text.personal_data.contacts import find_contacts
from haechi.engines.text.personal_data.dates import find_births, find_births_beside
from haechi.engines.text.personal_data.labelled import find_labelled
from haechi.engines.text.personal_data.names import find_names
from haechi.engines.text.personal_data.networks import find_machines
from haechi.engines.text.personal_data.numbers import Span, find_numbers
from haechi.engines.text.personal_data.rules import Rules, in_force
from haechi.engines.text.personal_data.tables import find_by_example, find_in_tables
from haechi.engines.text.personal_data.written import shadow, spoken, spread

_DIGIT = re.compile("[0-9]")
_OF_PEOPLE = frozenset(
    ("name", "phone", "resident", "foreigner", "licence", "passport", "customer", "account", "birthdate", "email")
)

_IN_LISTS = frozenset(("phone", "resident", "foreigner", "passport", "licence", "email", "birthdate"))


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of personal data: `text` is exactly `original[start:end]`. kind: a name of `rules.KINDS`."""

    kind: str
    start: int
    end: int
    text: str


def find(text: str, rules: Rules | None = None) -> tuple[Found, ...]:
    """Everything that the rules (default: in force) call personal, in the order of the text, without overlaps.

    Pure apart from the first reading of the rules; linear in the length of the text.
    """
    given = rules or in_force()
    read = shadow(text)
    near = list(_shaped(read.text, given))
    named = set(_read(read.text, text, given))
    spans = {*near, *named, *find_names(read.text, given, (*near, *named))}
    people = sorted((span for span in spans if span[0] in _OF_PEOPLE), key=lambda span: span[1])
    if _DIGIT.search(read.text):
        spans.update(find_addresses(read.text, given, people))
        spans.update(find_births_beside(read.text, given, [span for span in people if span[0] in _IN_LISTS]))
    alike = set(find_by_example(read.text, text, list(spans), given))
    spans |= alike
    named |= alike
    placed = {(kind, *read.place(start, end)) for kind, start, end in spans}
    sure = {(kind, *read.place(start, end)) for kind, start, end in named}
    for other in (spoken(read), spread(read)):
        if other is not None:
            behind = {(kind, *other.place(start, end)) for kind, start, end in find_labelled(other.text, given)}
            sure |= behind
            placed |= behind
            placed.update(
                (kind, *other.place(start, end)) for kind, start, end in _shaped(other.text, given, plain=False)
            )
    return tuple(Found(kind, start, end, text[start:end]) for kind, start, end in _apart(placed, sure, given))


def _shaped(text: str, rules: Rules, *, plain: bool = True) -> Iterator[Span]:
    """What its own shape and the words around it give away."""
    yield from find_numbers(text, rules)
    if plain or _DIGIT.search(text):
        yield from find_contacts(text, rules)
    if plain and _DIGIT.search(text):
        yield from find_machines(text, rules)
    yield from find_births(text, rules)


def _read(text: str, original: str, rules: Rules) -> Iterator[Span]:
    """What a label or the heading of its column says it is."""
    yield from find_labelled(text, rules)
    yield from find_in_tables(text, original, rules)


def _apart(spans: Iterable[Span], sure: set[Span], rules: Rules) -> list[Span]:
    """Of spans that overlap: what a label names, then the earlier kind, then the longer."""
    taken: list[Span] = []
    covered: set[int] = set()
    for span in sorted(
        spans, key=lambda span: (span not in sure, rules.kinds[span[0]].rank, span[1] - span[2], span[1])
    ):
        places = range(span[1], span[2])
        if covered.isdisjoint(places):
            covered.update(places)
            taken.append(span)
    return sorted(taken, key=lambda span: span[1])
