"""Letters as data (policy/letters/*.yaml): the wording belongs to the city, only the facts come from the case.

id: objection_answer
kind: 회신
title: …
meta: [[문서번호, "{number}"]]
parts: [{heading: …}, {subheading: …}, {text: …}, {item: …}, {note: …}, {answers: <questionnaire>}, {tasks: 조건}]
sign: "{city}"
watermark: 초안

Places: {number} {title} {state} {bureau} {subject_name} {note} {opened_on} {today} {due_on} {city}, and {facts.<name>}.
A place that the case does not fill is refused when the letter is written, never left blank without a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from haechi.office.letters.paper import Heading, Item, Note, Paper, Part, Table, Text

KEYS = {"id", "version", "source", "approved_by", "kind", "title", "meta", "parts", "sign", "watermark", "label"}
PARTS = {"heading", "subheading", "text", "item", "note", "answers", "tasks"}
PLACES = {
    "number", "title", "state", "bureau", "subject_name", "note", "opened_on", "today", "due_on", "city",
}  # fmt: skip
_PLACE = re.compile(r"\{([^{}]*)\}")


class BadTemplate(ValueError):
    """A template that cannot be used: the file, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Template:
    """The wording of a letter. parts: (what, text) in their order."""

    id: str
    version: int
    kind: str
    title: str
    meta: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, str], ...]
    sign: str = ""
    watermark: str = ""
    label: str = ""

    @property
    def forms(self) -> tuple[str, ...]:
        """The questionnaires whose answers it repeats."""
        return tuple(text for what, text in self.parts if what == "answers")


def load_templates(folder: Path) -> dict[str, Template]:
    """Every template of a folder by its id. BadTemplate says where one breaks its form."""
    found: dict[str, Template] = {}
    for path in sorted(folder.glob("*.yaml")):
        template = read_template(yaml.safe_load(path.read_text(encoding="utf-8")), path.name)
        if template.id in found:
            raise BadTemplate(f"{path.name}: {template.id} stands twice")
        found[template.id] = template
    return found


def read_template(told: Mapping[str, Any], name: str = "template") -> Template:
    """The template of a parsed YAML. BadTemplate for unknown keys, parts and places."""
    if unknown := sorted(set(told) - KEYS):
        raise BadTemplate(f"{name}: unknown keys {', '.join(unknown)}")
    parts = []
    for part in told["parts"]:
        ((what, text),) = part.items()
        if what not in PARTS:
            raise BadTemplate(f"{name}: a part is one of {', '.join(sorted(PARTS))}, not {what!r}")
        parts.append((what, str(text)))
    template = Template(
        id=told["id"],
        version=int(told["version"]),
        kind=told.get("kind", ""),
        title=told["title"],
        meta=tuple((str(label), str(text)) for label, text in told.get("meta", ())),
        parts=tuple(parts),
        sign=told.get("sign", ""),
        watermark=told.get("watermark", ""),
        label=told.get("label", ""),
    )
    for text in (template.title, template.sign, *(t for _, t in template.meta), *(t for _, t in template.parts)):
        for place in _PLACE.findall(text):
            if place not in PLACES and not place.startswith("facts."):
                raise BadTemplate(f"{name}: nothing is called {{{place}}}")
    return template


def fill(
    template: Template,
    told: Mapping[str, Any],
    *,
    answers: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    tasks: Sequence[tuple[str, str]] = (),
    exercise: bool = False,
) -> Paper:
    """The paper. told: a value for every place; answers: questionnaire → (question, answer); tasks: (task, until).

    KeyError names a place for which nothing was told. What the values hold is never read as a place again.
    """

    def put(text: str) -> str:
        return _PLACE.sub(lambda match: str(told[match[1]]), text)

    parts: list[Part] = []
    for what, text in template.parts:
        parts += _part(what, text, put, answers or {}, tasks)
    return Paper(
        kind=template.kind,
        title=put(template.title),
        meta=tuple((label, put(text)) for label, text in template.meta),
        parts=tuple(parts),
        sign=put(template.sign),
        watermark="훈련" if exercise else template.watermark,
        label=template.label,
    )


def _part(
    what: str, text: str, put: Any, answers: Mapping[str, Sequence[tuple[str, str]]], tasks: Sequence[tuple[str, str]]
) -> list[Part]:
    if what == "answers":
        rows = (("문항", "답"), *answers.get(text, ()))
        return [Table(rows)] if len(rows) > 1 else [Text("제출한 내용이 없습니다.")]
    if what == "tasks":
        return [Table(((text, "기한"), *tasks))] if tasks else [Text("없음")]
    if what in ("heading", "subheading"):
        return [Heading(put(text), 1 if what == "heading" else 2)]
    if what == "text":
        return [Text(line) for line in put(text).splitlines() if line.strip()]
    return [Item(put(text)) if what == "item" else Note(put(text))]
