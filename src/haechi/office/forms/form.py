"""A questionnaire as read from policy/questionnaires/*.yaml, and what makes one unusable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from haechi.office.forms.conditions import Condition, read_condition

STAGES: Mapping[str, tuple[str, str]] = {
    "plan": ("기획", "Planning"),
    "review": ("검토", "Review"),
    "build": ("구축", "Building"),
    "run": ("운영", "Running"),
    "retire": ("폐기", "Retired"),
}
"""A project's life, in order (spec governance A2: fields are asked for from a stage on)."""
KINDS = ("text", "long", "number", "money", "date", "yesno", "choice", "choices", "bureau", "table")
"""money: integer won. table: rows of columns. choice: one of the options, choices: several."""
COLUMN_KINDS = ("text", "number", "money", "date")
EVIDENCE = ("file", "run", "record")
"""What proves an answer: an uploaded file; a figure or test run of this platform; a record of the office (case, register)."""
Pair = tuple[str, str]


class BadForm(ValueError):
    """A questionnaire that cannot be used: the file, where in it, and what is wrong."""

    def __init__(self, form: str, where: str, what: str) -> None:
        super().__init__(f"{form}: {where}: {what}")


@dataclass(frozen=True, slots=True)
class Option:
    """A choice: what is stored, what is shown (ko, en), and its points in the question's area."""

    value: str
    text: Pair
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table question."""

    id: str
    text: Pair
    kind: str = "text"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """One question. required_from: stage from which it must be answered ('' never). laws: urns of the requirements that
    ask for it. evidence: kinds of proof that must stand beside the answer; evidence_when: only for these answers."""

    id: str
    text: Pair
    kind: str
    section: str
    help: Pair = ("", "")
    options: tuple[Option, ...] = ()
    columns: tuple[Column, ...] = ()
    required_from: str = ""
    when: Condition | None = None
    area: str = ""
    evidence: tuple[str, ...] = ()
    evidence_when: tuple[Any, ...] = ()
    laws: tuple[str, ...] = ()
    longest: int = 4000
    least: int | None = None
    most: int | None = None
    may_be_unknown: bool = False
    machine: str = ""

    @property
    def weights(self) -> tuple[int, ...]:
        """The points its options can bring."""
        return tuple(option.weight for option in self.options)

    @property
    def most_points(self) -> int:
        """The most points it can bring."""
        if not self.area or not self.options:
            return 0
        return sum(w for w in self.weights if w > 0) if self.kind == "choices" else max(self.weights)


@dataclass(frozen=True, slots=True)
class Section:
    """Questions under one heading."""

    id: str
    title: Pair
    intro: Pair = ("", "")


@dataclass(frozen=True, slots=True)
class LevelRule:
    """A level and the share of the area's points (0–1) up to which it reaches; duties: what it asks for (ko, en)."""

    id: str
    name: Pair
    up_to: float
    duties: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """How answers become a level: points of `area`, lowered by `factor` when `relief` reaches `relief_from` of its points
    (method: the Canadian Algorithmic Impact Assessment, MIT)."""

    area: str
    levels: tuple[LevelRule, ...]
    relief: str = ""
    relief_from: float = 1.0
    factor: float = 1.0


@dataclass(frozen=True)
class Form:
    """A questionnaire of one version. A filing pins the version that it was begun with."""

    id: str
    version: int
    in_force: date
    title: Pair
    sections: tuple[Section, ...]
    questions: tuple[Question, ...]
    source: str = ""
    approved_by: str = ""
    intro: Pair = ("", "")
    score: ScoreRule | None = None
    by_id: Mapping[str, Question] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {question.id: question for question in self.questions})

    @cached_property
    def areas(self) -> tuple[str, ...]:
        """The areas in which points are counted, in the order of the questions."""
        return tuple(dict.fromkeys(q.area for q in self.questions if q.area))


# --- reading ---------------------------------------------------------------------------------------------------------


def load_forms(folder: Path) -> dict[tuple[str, int], Form]:
    """Every questionnaire of a folder by (id, version). BadForm for two of the same."""
    forms: dict[tuple[str, int], Form] = {}
    for path in sorted(folder.glob("*.yaml")):
        form = load_form(path)
        if (form.id, form.version) in forms:
            raise BadForm(path.name, "version", f"{form.id} {form.version} stands twice")
        forms[form.id, form.version] = form
    return forms


def load_form(path: Path) -> Form:
    """One questionnaire. BadForm says where it breaks its form."""
    return read_form(yaml.safe_load(path.read_text(encoding="utf-8")), path.name)


FORM_KEYS = {"id", "version", "in_force", "title", "intro", "source", "approved_by", "sections", "score"}
QUESTION_KEYS = {
    "id", "text", "kind", "help", "options", "columns", "required_from", "when", "area", "evidence", "evidence_when",
    "laws", "longest", "least", "most", "may_be_unknown", "machine",
}  # fmt: skip


def read_form(told: Mapping[str, Any], name: str = "form") -> Form:
    """The form of a parsed YAML. BadForm for unknown keys, kinds and stages, and conditions that can hide a decision."""
    _known(told, FORM_KEYS, name, "top")
    sections, questions = [], []
    for section in told["sections"]:
        _known(section, {"id", "title", "intro", "questions"}, name, str(section.get("id")))
        sections.append(Section(section["id"], _pair(section["title"]), _pair(section.get("intro", ""))))
        questions += [_question(one, section["id"], name) for one in section["questions"]]
    form = Form(
        id=told["id"],
        version=int(told["version"]),
        in_force=_day(told["in_force"], name),
        title=_pair(told["title"]),
        sections=tuple(sections),
        questions=tuple(questions),
        source=told.get("source", ""),
        approved_by=told.get("approved_by", ""),
        intro=_pair(told.get("intro", "")),
        score=_score(told["score"]) if "score" in told else None,
    )
    _sound(form, name)
    return form


def _question(told: Mapping[str, Any], section: str, name: str) -> Question:
    where = str(told.get("id"))
    _known(told, QUESTION_KEYS, name, where)
    try:
        when = read_condition(told["when"]) if "when" in told else None
    except ValueError as error:
        raise BadForm(name, where, str(error)) from error
    return Question(
        id=told["id"],
        text=_pair(told["text"]),
        kind=told["kind"],
        section=section,
        help=_pair(told.get("help", "")),
        options=tuple(_option(one) for one in told.get("options", ())),
        columns=tuple(
            Column(one["id"], _pair(one["text"]), one.get("kind", "text"), one.get("required", True))
            for one in told.get("columns", ())
        ),
        required_from=told.get("required_from", ""),
        when=when,
        area=told.get("area", ""),
        evidence=tuple(told.get("evidence", ())),
        evidence_when=tuple(told.get("evidence_when", ())),
        laws=tuple(told.get("laws", ())),
        longest=told.get("longest", 4000),
        least=told.get("least"),
        most=told.get("most"),
        may_be_unknown=told.get("may_be_unknown", False),
        machine=told.get("machine", ""),
    )


def _option(told: Mapping[str, Any]) -> Option:
    return Option(str(told["value"]), _pair(told), int(told.get("weight", 0)))


def _score(told: Mapping[str, Any]) -> ScoreRule:
    levels = tuple(
        LevelRule(str(one["id"]), _pair(one["name"]), float(one["up_to"]), tuple(map(_pair, one.get("duties", ()))))
        for one in told["levels"]
    )
    return ScoreRule(
        told["area"], levels, told.get("relief", ""), told.get("relief_from", 1.0), told.get("factor", 1.0)
    )


def _sound(form: Form, name: str) -> None:
    """What would let a form lie: doubles, unknown words, and a hidden question whose key may stay blank."""
    ids = [question.id for question in form.questions]
    for id in sorted({id for id in ids if ids.count(id) > 1}):
        raise BadForm(name, id, "this question stands twice")
    stages = list(STAGES)
    seen: set[str] = set()
    for q in form.questions:
        _sound_question(q, name)
        for key in q.when.questions() if q.when else ():
            if key not in seen:
                raise BadForm(name, q.id, f"depends on '{key}', which does not stand before it")
            asked = form.by_id[key].required_from
            needed = q.required_from or (stages[0] if q.area else "")
            if needed and (not asked or stages.index(asked) > stages.index(needed)):
                raise BadForm(name, q.id, f"depends on '{key}', which may stay blank: a blank would hide this question")
        if q.area and not q.required_from:
            raise BadForm(name, q.id, "brings points and may stay blank: a blank would count as the lowest risk")
        seen.add(q.id)
    if form.score is not None:
        _sound_score(form, form.score, name)


def _sound_question(q: Question, name: str) -> None:
    if q.kind not in KINDS:
        raise BadForm(name, q.id, f"unknown kind {q.kind!r}")
    if (q.kind in ("choice", "choices")) != bool(q.options):
        raise BadForm(name, q.id, "options belong to choice and choices, and to these always")
    if (q.kind == "table") != bool(q.columns):
        raise BadForm(name, q.id, "columns belong to table, and to it always")
    if q.required_from and q.required_from not in STAGES:
        raise BadForm(name, q.id, f"unknown stage {q.required_from!r}")
    if q.area and q.kind not in ("choice", "choices"):
        raise BadForm(name, q.id, "points belong to options")
    for kind in q.evidence:
        if kind not in EVIDENCE:
            raise BadForm(name, q.id, f"unknown evidence {kind!r}")
    for column in q.columns:
        if column.kind not in COLUMN_KINDS:
            raise BadForm(name, f"{q.id}.{column.id}", f"unknown kind {column.kind!r}")


def _sound_score(form: Form, rule: ScoreRule, name: str) -> None:
    for area in filter(None, (rule.area, rule.relief)):
        if area not in form.areas:
            raise BadForm(name, "score", f"no question counts for {area!r}")
    if [level.up_to for level in rule.levels] != sorted({level.up_to for level in rule.levels}):
        raise BadForm(name, "score", "levels must rise")
    if rule.levels[-1].up_to < 1:
        raise BadForm(name, "score", "the last level must reach 1")


def _known(told: Mapping[str, Any], keys: Iterable[str], name: str, where: str) -> None:
    unknown = sorted(set(told) - set(keys))
    if unknown:
        raise BadForm(name, where, f"unknown keys {', '.join(unknown)}")


def _pair(told: Any) -> Pair:
    if isinstance(told, Mapping):
        return str(told["ko"]), str(told.get("en", ""))
    return str(told), ""


def _day(told: Any, name: str) -> date:
    if not isinstance(told, date):
        raise BadForm(name, "in_force", f"not a day: {told!r}")
    return told
