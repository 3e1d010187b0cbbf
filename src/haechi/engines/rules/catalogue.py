"""The catalogue: law → requirement → measure → evidence, and the questionnaires that ask for it, as dated data.

catalogue = catalogue_in_force()
applied(on=date(2026, 1, 22), profile={"generative": "yes", "high_impact": "unknown"})

Form of the files: policy/catalogue/{frameworks.yaml, requirements, measures, instruments}. The idea of keeping policy as
data with links requirement ↔ measure ↔ instrument is that of the Dutch task registry (MinBZK/task-registry).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from haechi.core.roles import ROLES, policy_file

Pair = tuple[str, str]
Answer = Literal["yes", "no", "unknown"]
Profile = Mapping[str, Answer]
"""Trait → answer; a trait that is absent is unknown, never no."""

TRAITS: Mapping[str, Pair] = {
    "generative": ("생성형 AI를 쓴다", "Uses generative AI"),
    "high_impact": ("고영향 인공지능이라고 사람이 답했다", "A person answered that it is of high impact"),
    "personal_data": ("개인정보를 다룬다", "Handles personal data"),
    "public_facing": ("시민이 직접 쓴다", "Used by the public"),
    "decides": ("사람에 대한 결정에 쓰인다", "Used in decisions on people"),
    "vulnerable": ("취약계층에게 영향을 준다", "Affects the vulnerable"),
    "procured": ("바깥에서 사 오거나 맡긴다", "Bought or commissioned"),
}
PHASES: Mapping[str, Pair] = {
    "organisation": ("조직책임", "Organisation"),
    "problem": ("문제분석", "Problem"),
    "design": ("설계", "Design"),
    "data": ("데이터", "Data"),
    "development": ("개발", "Development"),
    "verification": ("검증", "Verification"),
    "introduction": ("도입", "Introduction"),
    "operation": ("운영", "Operation"),
    "retirement": ("폐기", "Retirement"),
}
FORCES: Mapping[str, Pair] = {
    "law": ("법·조례", "Law"),
    "guide": ("지침", "Guide"),
    "voluntary": ("임의 인증", "Voluntary"),
}


class BadCatalogue(ValueError):
    """A catalogue that cannot be used: which entry, and what is wrong."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")


@dataclass(frozen=True, slots=True)
class Applies:
    """To whom a requirement applies: always, or when any / all of the traits are answered with yes."""

    join: Literal["always", "any", "all"] = "always"
    traits: tuple[str, ...] = ()

    def answer(self, profile: Profile) -> Answer:
        """yes, no, or unknown while a trait that would decide it is unknown."""
        if self.join == "always":
            return "yes"
        answers = [profile.get(trait, "unknown") for trait in self.traits]
        deciding, settling = ("yes", "no") if self.join == "any" else ("no", "yes")
        if deciding in answers:
            return "yes" if self.join == "any" else "no"
        if all(answer == settling for answer in answers):
            return "no" if self.join == "any" else "yes"
        return "unknown"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a law or guide asks for. until: the last day on which it was in force. links: framework → items."""

    urn: str
    title: Pair
    says: str
    law: str
    article: str
    in_force: date
    until: date | None
    approved_by: str
    source: str
    force: str
    scope: Literal["city", "service"]
    phases: tuple[str, ...]
    owner: str
    applies: Applies
    measures: tuple[str, ...]
    links: Mapping[str, tuple[str, ...]]

    def holds(self, on: date) -> bool:
        """Whether it was in force on that day."""
        return self.in_force <= on and (self.until is None or on <= self.until)


@dataclass(frozen=True, slots=True)
class Measure:
    """What is done about it. probes: evidence that the platform supplies by itself; judged_by person: no machine can."""

    urn: str
    title: Pair
    says: str
    phases: tuple[str, ...]
    owner: str
    probes: tuple[str, ...]
    judged_by: Literal["machine", "person"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """Questionnaires that ask for requirements, and the flow in which they are filed."""

    urn: str
    title: Pair
    questionnaires: tuple[str, ...]
    flow: str
    in_force: date
    approved_by: str


@dataclass(frozen=True, slots=True)
class Framework:
    """A column of the crosswalk: its items by id, in order."""

    id: str
    name: Pair
    source: str
    items: Mapping[str, Pair]


@dataclass(frozen=True)
class Catalogue:
    """Everything, by urn. asked: requirement → (questionnaire, question) that ask for it."""

    frameworks: Mapping[str, Framework]
    requirements: Mapping[str, Requirement]
    measures: Mapping[str, Measure]
    instruments: Mapping[str, Instrument]
    asked: Mapping[str, tuple[Pair, ...]]

    def measures_of(self, requirement: Requirement) -> tuple[Measure, ...]:
        """In the order of the file."""
        return tuple(self.measures[urn] for urn in requirement.measures)

    def probes_of(self, requirement: Requirement) -> tuple[str, ...]:
        """The platform's own evidence for a requirement, each once."""
        return tuple(dict.fromkeys(probe for measure in self.measures_of(requirement) for probe in measure.probes))

    def touching(self, framework: str, item: str, on: date) -> tuple[Requirement, ...]:
        """The requirements in force that touch an item of a framework."""
        return tuple(one for one in self.requirements.values() if one.holds(on) and item in one.links[framework])


@dataclass(frozen=True, slots=True)
class Applied:
    """What applied on a day. perhaps: requirements whose deciding trait is unknown."""

    on: date
    applies: tuple[Requirement, ...]
    perhaps: tuple[Requirement, ...]

    @property
    def urns(self) -> frozenset[str]:
        """Of those that certainly apply."""
        return frozenset(one.urn for one in self.applies)


@dataclass(frozen=True, slots=True)
class Difference:
    """Between two days: what came into force, what went out of force."""

    came: tuple[Requirement, ...]
    went: tuple[Requirement, ...]


def applied(*, on: date, profile: Profile, catalogue: Catalogue | None = None, scope: str = "") -> Applied:
    """What applied on that day to a service of this profile (and to the city; scope 'city' or 'service' for one of them).

    ValueError for a trait that nobody knows.
    """
    unknown = sorted(set(profile) - set(TRAITS))
    if unknown:
        raise ValueError(f"unknown traits {', '.join(unknown)}; known: {', '.join(TRAITS)}")
    known = catalogue or catalogue_in_force()
    held = [one for one in known.requirements.values() if one.holds(on) and scope in ("", one.scope)]
    return Applied(
        on,
        tuple(one for one in held if one.applies.answer(profile) == "yes"),
        tuple(one for one in held if one.applies.answer(profile) == "unknown"),
    )


def difference(before: Applied, after: Applied) -> Difference:
    """What came and what went, counting also what perhaps applies."""
    first, second = (*before.applies, *before.perhaps), (*after.applies, *after.perhaps)
    return Difference(
        tuple(one for one in second if one not in first), tuple(one for one in first if one not in second)
    )


# --- reading ---------------------------------------------------------------------------------------------------------


@cache
def catalogue_in_force() -> Catalogue:
    """The city's own; read once."""
    return read_catalogue(policy_file("catalogue"), policy_file("questionnaires"))


def read_catalogue(folder: Path, questionnaires: Path) -> Catalogue:
    """From its folder. BadCatalogue for a link that leads nowhere, a requirement without a measure, days that cannot be."""
    frameworks = {one.id: one for one in map(_framework, _read(folder / "frameworks.yaml"))}
    requirements: dict[str, Requirement] = {}
    for path in sorted((folder / "requirements").glob("*.yaml")):
        law = _read(path)
        for told in law["requirements"]:
            _once(requirements, told["urn"], "req")
            requirements[told["urn"]] = _requirement({**law, **told})
    measures: dict[str, Measure] = {}
    for path in sorted((folder / "measures").glob("*.yaml")):
        for told in _read(path):
            _once(measures, told["urn"], "mea")
            measures[told["urn"]] = _measure(told)
    instruments: dict[str, Instrument] = {}
    for path in sorted((folder / "instruments").glob("*.yaml")):
        for told in _read(path):
            _once(instruments, told["urn"], "ins")
            instruments[told["urn"]] = _instrument(told)
    found = Catalogue(frameworks, requirements, measures, instruments, _asked(instruments, questionnaires))
    _sound(found)
    return found


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _framework(told: Mapping[str, Any]) -> Framework:
    items = {str(item["id"]): _pair(item) for item in told["items"]}
    return Framework(told["id"], _pair(told["name"]), told["source"], items)


def _requirement(told: Mapping[str, Any]) -> Requirement:
    return Requirement(
        urn=told["urn"],
        title=_pair(told["title"]),
        says=told["says"],
        law=told["law"],
        article=str(told["article"]),
        in_force=told["from"],
        until=told.get("until"),
        approved_by=told["approved_by"],
        source=told["source"],
        force=told["force"],
        scope=told["scope"],
        phases=tuple(told["phases"]),
        owner=told["owner"],
        applies=_applies(told["applies"], told["urn"]),
        measures=tuple(told["measures"]),
        links={framework: tuple(items) for framework, items in told["map"].items()},
    )


def _applies(told: Any, urn: str) -> Applies:
    if told == "always":
        return Applies()
    if isinstance(told, Mapping) and len(told) == 1:
        ((join, traits),) = told.items()
        if join in ("any", "all") and traits and set(traits) <= set(TRAITS):
            return Applies(join, tuple(traits))
    raise BadCatalogue(urn, f"applies is 'always', or any / all of {', '.join(TRAITS)}: {told!r}")


def _measure(told: Mapping[str, Any]) -> Measure:
    return Measure(
        told["urn"], _pair(told["title"]), told["says"], tuple(told["phases"]), told["owner"], tuple(told["probes"]),
        told["judged_by"],
    )  # fmt: skip


def _instrument(told: Mapping[str, Any]) -> Instrument:
    return Instrument(
        told["urn"],
        _pair(told["title"]),
        tuple(told["questionnaires"]),
        told["flow"],
        told["from"],
        told["approved_by"],
    )


def _asked(instruments: Mapping[str, Instrument], folder: Path) -> dict[str, tuple[Pair, ...]]:
    """Requirement → questions, from the `laws` of the questionnaires that instruments name."""
    asked: dict[str, list[Pair]] = {}
    for instrument in instruments.values():
        for name in instrument.questionnaires:
            path = folder / f"{name}.yaml"
            if not path.exists():
                raise BadCatalogue(instrument.urn, f"there is no questionnaire {name!r}")
            for section in _read(path)["sections"]:
                for question in section["questions"]:
                    for urn in question.get("laws", ()):
                        asked.setdefault(urn, []).append((name, question["id"]))
    return {urn: tuple(dict.fromkeys(found)) for urn, found in asked.items()}


def _pair(told: Mapping[str, Any]) -> Pair:
    return str(told["ko"]), str(told.get("en", ""))


def _once(known: Mapping[str, Any], urn: str, kind: str) -> None:
    if not urn.startswith(f"urn:seoul:ai:{kind}:"):
        raise BadCatalogue(urn, f"begins with urn:seoul:ai:{kind}:")
    if urn in known:
        raise BadCatalogue(urn, "stands twice")


def _sound(catalogue: Catalogue) -> None:
    used: set[str] = set()
    for one in catalogue.requirements.values():
        _sound_requirement(one, catalogue)
        used |= set(one.measures)
    for idle in sorted(set(catalogue.measures) - used):
        raise BadCatalogue(idle, "no requirement asks for this measure")
    for measure in catalogue.measures.values():
        _sound_parts(measure.urn, measure.phases, measure.owner)
    for urn in catalogue.asked:
        if urn not in catalogue.requirements:
            raise BadCatalogue(urn, "is asked for by a questionnaire and stands nowhere")


def _sound_requirement(one: Requirement, catalogue: Catalogue) -> None:
    if not one.measures:
        raise BadCatalogue(one.urn, "has no measure")
    for urn in one.measures:
        if urn not in catalogue.measures:
            raise BadCatalogue(one.urn, f"there is no measure {urn}")
    if type(one.in_force) is not date or (one.until is not None and one.until < one.in_force):
        raise BadCatalogue(one.urn, f"in force from {one.in_force} until {one.until}")
    if one.force not in FORCES or one.scope not in ("city", "service"):
        raise BadCatalogue(one.urn, f"unknown force or scope: {one.force}, {one.scope}")
    _sound_parts(one.urn, one.phases, one.owner)
    if set(one.links) != set(catalogue.frameworks):
        raise BadCatalogue(one.urn, f"the crosswalk has the columns {', '.join(catalogue.frameworks)}")
    for framework, items in one.links.items():
        for item in items:
            if item not in catalogue.frameworks[framework].items:
                raise BadCatalogue(one.urn, f"{framework} has no {item!r}")


def _sound_parts(urn: str, phases: Iterable[str], owner: str) -> None:
    for phase in phases:
        if phase not in PHASES:
            raise BadCatalogue(urn, f"unknown phase {phase!r}")
    if owner not in ROLES:
        raise BadCatalogue(urn, f"unknown owner role {owner!r}")
