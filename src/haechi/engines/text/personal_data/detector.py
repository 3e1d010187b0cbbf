"""Personal data in Korean text: what, where, which kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from haechi.engines.text.personal_data.addresses import find_addresses
from haechi.engines.text.personal_data.contacts import find_contacts
from haechi.engines.text.personal_data.names import find_names
from haechi.engines.text.personal_data.numbers import Span, find_numbers
from haechi.engines.text.personal_data.rules import Rules, in_force
from haechi.engines.text.personal_data.written import shadow, spoken, spread


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
    near = (*find_numbers(read.text, given), *find_contacts(read.text, given), *find_addresses(read.text, given))
    spans = {(kind, *read.place(start, end)) for kind, start, end in (*near, *find_names(read.text, given, near))}
    for other in (spoken(read), spread(read)):
        if other is not None:
            spans.update((kind, *other.place(start, end)) for kind, start, end in find_numbers(other.text, given))
    return tuple(Found(kind, start, end, text[start:end]) for kind, start, end in _apart(spans, given))


def _apart(spans: Iterable[Span], rules: Rules) -> list[Span]:
    """Of spans that overlap, the one of the earlier kind, then the longer."""
    taken: list[Span] = []
    covered: set[int] = set()
    for span in sorted(spans, key=lambda span: (rules.kinds[span[0]].rank, span[1] - span[2], span[1])):
        places = range(span[1], span[2])
        if covered.isdisjoint(places):
            covered.update(places)
            taken.append(span)
    return sorted(taken, key=lambda span: span[1])
