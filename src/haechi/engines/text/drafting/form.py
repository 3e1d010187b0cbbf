"""The city's forms as data: which sections a press release or a report has, in which words, since when, by whose word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a form. fields: the plan's fields that fill it. heading: printed above it, "" for none."""

    id: str
    name: str
    required: bool = True
    heading: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A form in force since `in_force`. title, subtitle: lengths in characters. limits: how much is taken over.
    caution: words of a plan that may not leave the house."""

    id: str
    name: str
    in_force: date
    source: str
    label: str
    missing: str
    to_fill: str
    meta: tuple[str, ...]
    sections: tuple[Section, ...]
    phrases: Mapping[str, str]
    title: Mapping[str, int] = field(default_factory=dict)
    subtitle: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    caution: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """fields: field → words that announce it in a plan. endings: class of noun → nouns (see policy/forms/wording.yaml)."""

    fields: Mapping[str, tuple[str, ...]]
    endings: Mapping[str, frozenset[str]]


def form_from(data: Mapping[str, Any]) -> Form:
    """A form from its file's content. KeyError or TypeError when a part is missing: the file ships with the program."""
    sections = tuple(
        Section(
            item["id"],
            item["name"],
            bool(item.get("required", True)),
            item.get("heading", ""),
            tuple(item.get("from", ())),
        )
        for item in data["sections"]
    )
    plain = {key: data[key] for key in ("id", "name", "in_force", "source", "label", "missing", "to_fill", "phrases")}
    more = {key: data.get(key, {}) for key in ("title", "subtitle", "limits")}
    return Form(**plain, **more, meta=tuple(data["meta"]), sections=sections, caution=tuple(data.get("caution", ())))


def vocabulary_from(fields: Mapping[str, Any], wording: Mapping[str, Any]) -> Vocabulary:
    """From the contents of plan_fields.yaml and wording.yaml."""
    classes = ("transitive", "intransitive", "manner", "adjective", "copula", "joined", "undertaking")
    return Vocabulary(
        fields={name: tuple(words) for name, words in fields["fields"].items()},
        endings={name: frozenset(wording[name]) for name in classes},
    )
