"""What a plan says about itself: background, contents, budget, schedule …, and the people in charge."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from haechi.engines.text.drafting.form import Vocabulary
from haechi.engines.text.drafting.plan import ITEM, PROSE, Line, Plan, PlanTable

_BLANK_OF_A_DRAFT = re.compile(r"\[(?:계획서에 없음|담당자가 채움)[^\]]*\]?")
_SPACES = re.compile(r"\s+")
_ROLE = r"(?:과장|팀장|국장|본부장|단장|담당관|담당자|담당|주무관|사무관)"
_BY_ROLE = re.compile(
    rf"(?P<role>[가-힣A-Za-z]{{0,14}}?{_ROLE})\s*[:：]\s*(?P<name>[가-힣]\s?[가-힣]{{1,3}}?)\s*(?:☎|\(|,|전화)\s*(?P<phone>\d[\d-]{{2,13}})"
)
_BY_NAME = re.compile(
    rf"(?:(?P<bureau>[가-힣A-Za-z]{{2,14}}(?:국|실|본부|단))\s+)?(?P<department>[가-힣A-Za-z]{{2,14}}(?:과|팀|센터|담당관))\s+"
    rf"(?P<name>[가-힣]{{2,4}})\s*(?P<role>{_ROLE})?\s*[,(☎]?\s*(?P<phone>0\d{{1,2}}-\d{{3,4}}-\d{{4}})"
)
_BUREAU = re.compile(r"(?<![가-힣])([가-힣A-Za-z0-9]{2,14}(?:국|실|본부|재단|사업소))(?![가-힣])")


@dataclass(frozen=True, slots=True)
class Contact:
    """A person in charge as the plan names them; any part may be "". line: where."""

    department: str
    role: str
    name: str
    phone: str
    line: int


@dataclass(frozen=True, slots=True)
class Fields:
    """lines: field → its lines in order. tables: each with the fields of the section that holds it."""

    lines: Mapping[str, tuple[Line, ...]]
    tables: tuple[tuple[PlanTable, tuple[str, ...]], ...] = ()
    contacts: tuple[Contact, ...] = ()
    bureau: tuple[str, int] | None = None
    spoken: frozenset[int] = field(default_factory=frozenset)

    def of(self, name: str) -> tuple[Line, ...]:
        """The lines of a field, () when the plan does not have it."""
        return self.lines.get(name, ())


def squeeze(text: str) -> str:
    """Without blanks: "사업 내용" and "사업내용" are one."""
    return _SPACES.sub("", text)


def meanings(heading: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Fields that a heading or label announces, longest word first; a part of a longer word announces nothing."""
    free = squeeze(heading)
    if len(free) > 24:
        return ()
    words = sorted(
        ((squeeze(word), name) for name, group in vocabulary.fields.items() for word in group),
        key=lambda pair: -len(pair[0]),
    )
    found: list[str] = []
    for word, name in words:
        if word in free:
            free = free.replace(word, "\x00", 1)
            found.append(name)
    return tuple(dict.fromkeys(found))


def fields_of(plan: Plan, vocabulary: Vocabulary) -> Fields:
    """Every line of the plan under the fields that its heading or its own label announces."""
    gathered: dict[str, list[Line]] = {}
    sections: dict[int, tuple[str, ...]] = {}
    contacts = tuple(_contacts(plan.lines))
    people = {contact.line for contact in contacts}
    bureau = _bureau(plan.lines, people)
    named = people | {bureau[1]} if bureau else people
    for line, names in _placed(plan, vocabulary):
        sections[line.number] = names
        if line.kind != "text" or line.number in named or not line.body or _BLANK_OF_A_DRAFT.search(line.text):
            continue
        for name in names:
            gathered.setdefault(name, []).append(line)
    tables = tuple((table, sections.get(table.lines[0], ())) for table in plan.tables if table.lines)
    aside = frozenset(number for number, names in sections.items() if "aside" in names)
    return Fields(
        lines={name: tuple(lines) for name, lines in gathered.items()},
        tables=tuple((table, names) for table, names in tables if "aside" not in names),
        contacts=tuple(contact for contact in contacts if contact.line not in aside),
        bureau=bureau,
        spoken=aside,
    )


def _placed(plan: Plan, vocabulary: Vocabulary) -> Iterator[tuple[Line, tuple[str, ...]]]:
    """(line, fields). A label holds for the deeper lines below it; between title and first heading stands the "intro";
    what a heading that says nothing known holds is "other"."""
    section: tuple[str, ...] = ("intro",)
    label: tuple[int, tuple[str, ...]] | None = None
    aside = False
    for line in plan.lines:
        opening = line.body[:8] if line.rank in (PROSE, 1) else ""
        if line.kind != "row" and re.match(r"(?:참고\s?자료|참고|붙임|별첨)(?:\s|\d|$|[:：])", opening):
            aside = True
        if line.number <= plan.title_line or aside:
            yield line, ("aside",) if aside else ()
            continue
        if line.kind == "heading":
            section, label = meanings(line.body, vocabulary) or ("other",), None
            yield line, ()
            continue
        if label is not None and line.rank <= label[0]:
            label = None
        own = meanings(line.label, vocabulary) if line.label else ()
        if own and not (set(own) <= {"aside", "overview"}):
            label = (line.rank, own) if not line.body else label
            yield (
                line,
                tuple(dict.fromkeys((*own, *(name for name in section if name not in ("overview", "intro", "other"))))),
            )
        elif label is not None:
            yield line, label[1]
        else:
            yield line, ("contents",) if section == ("overview",) else section


def _contacts(lines: Sequence[Line]) -> Iterator[Contact]:
    for line in lines:
        if line.kind == "row":
            continue
        for found in _BY_ROLE.finditer(line.text):
            role = found["role"]
            department = role.removesuffix("장") if role.endswith(("과장", "국장", "팀장")) else ""
            yield Contact(department, role, found["name"].replace(" ", ""), found["phone"], line.number)
        for found in _BY_NAME.finditer(line.text):
            yield Contact(found["department"], found["role"] or "", found["name"], found["phone"], line.number)


def _bureau(lines: Sequence[Line], people: set[int]) -> tuple[str, int] | None:
    """The bureau: alone on a line near the top, or named with the people in charge."""
    for line in lines[:8]:
        if line.rank < ITEM and (found := _BUREAU.fullmatch(line.body)):
            return found[1], line.number
    for line in lines:
        if line.number in people and (found := _BUREAU.search(line.text)):
            return found[1], line.number
    return None
