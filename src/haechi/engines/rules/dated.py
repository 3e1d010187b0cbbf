"""Parameters that change by law or decision, as data: what value was in force on that day, by which law, approved by whom.

parameter("plan.basic_plan_years", on=date(2025, 8, 1)).value     # 3
history("plan.basic_plan_years")                                  # every value, oldest first

A file of policy/parameters/*.yaml is a list of
  {id: fee.cap_won, name: {ko: …, en: …}, unit: 원, values: [{from: 2025-07-01, value: 90000, law: …, source: …, approved_by: …}]}
A value holds from its day on until the day before the next one (or until its own `until`, that day included).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from haechi.core.errors import NotFound
from haechi.core.roles import policy_file

DAY = timedelta(days=1)
UNKNOWN = "미상"


class BadParameter(ValueError):
    """A parameter that cannot be used: which file and parameter, and what is wrong."""

    def __init__(self, file: str, id: str, what: str) -> None:
        super().__init__(f"{file}: {id}: {what}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value as it was in force from `in_force` until `until` (that day included; None: open).

    value: number, text, list or mapping as the YAML gives it; None: known to be in force, its value unknown (미상).
    name: (ko, en). keys: names of the keys of a mapping, where they are not names themselves. law, approved_by, source: '미상' where the city has not said.
    """

    value: Any
    in_force: date
    until: date | None
    law: str
    approved_by: str
    source: str
    id: str = ""
    name: tuple[str, str] = ("", "")
    unit: str = ""
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)

    def holds(self, on: date) -> bool:
        """Whether it was in force on that day."""
        return self.in_force <= on and (self.until is None or on <= self.until)


def parameter(id: str, *, on: date) -> Parameter:
    """The value in force on a day.

    NotFound for an id that no file has, and for a day on which nothing was in force: never a value of another day.
    """
    known = history(id)
    for one in reversed(known):
        if one.holds(on):
            return one
    spans = ", ".join(f"{one.in_force}~{one.until or ''}" for one in known)
    raise NotFound(
        f"{on}에는 ‘{known[0].name[0] or id}’에 시행 중인 값이 없습니다.",
        next_step=f"값이 있는 기간은 {spans}입니다. 날짜를 확인하거나 policy/parameters에 그날의 값을 근거와 함께 넣으세요.",
        record=id,
    )


def history(id: str) -> tuple[Parameter, ...]:
    """Every value that a parameter has had, oldest first, and those that are still to come. NotFound for an unknown id."""
    known = parameters()
    if id not in known:
        near = get_close_matches(id, known, n=3)
        raise NotFound(
            f"‘{id}’이라는 기준값이 없습니다.",
            next_step=f"비슷한 것: {', '.join(near)}." if near else "policy/parameters의 파일에서 이름을 확인하세요.",
            record=id,
        )
    return known[id]


@cache
def parameters() -> Mapping[str, tuple[Parameter, ...]]:
    """Every parameter of the city, by id; read once."""
    return read_parameters(policy_file("parameters"))


def read_parameters(folder: Path) -> Mapping[str, tuple[Parameter, ...]]:
    """Every parameter of a folder. BadParameter for gaps, overlaps, doubles and unknown keys."""
    known: dict[str, tuple[Parameter, ...]] = {}
    for path in sorted(folder.glob("*.yaml")):
        for told in yaml.safe_load(path.read_text(encoding="utf-8")) or ():
            id, values = _parameter(told, path.name)
            if id in known:
                raise BadParameter(path.name, id, "this parameter stands twice")
            known[id] = values
    return MappingProxyType(known)


def _parameter(told: Any, file: str) -> tuple[str, tuple[Parameter, ...]]:
    if not isinstance(told, Mapping) or not told.get("id"):
        raise BadParameter(file, "?", "a parameter is a mapping with an id")
    id = str(told["id"])
    _only(told, {"id", "name", "unit", "keys", "values", "note"}, file, id)
    spans = [_value(told, one, file, id) for one in told.get("values") or ()]
    if not spans:
        raise BadParameter(file, id, "has no values")
    return id, tuple(_in_turn(spans, file, id))


def _value(told: Mapping[str, Any], one: Mapping[str, Any], file: str, id: str) -> Parameter:
    _only(one, {"from", "until", "value", "law", "source", "approved_by", "note"}, file, id)
    start: Any = one.get("from")
    end: Any = one.get("until")
    if not _is_day(start) or (end is not None and not _is_day(end)):
        raise BadParameter(file, id, f"'from' and 'until' are days like 2025-07-14: {start!r}, {end!r}")
    if "value" not in one:
        raise BadParameter(file, id, f"the value from {start} is missing; write 미상 where it is unknown")
    if end is not None and end < start:
        raise BadParameter(file, id, f"ends on {end}, before it begins on {start}")
    name = told.get("name", id)
    pair = (str(name["ko"]), str(name.get("en", ""))) if isinstance(name, Mapping) else (str(name), "")
    return Parameter(
        value=None if one["value"] == UNKNOWN else one["value"],
        in_force=start,
        until=end,
        law=str(one.get("law") or UNKNOWN),
        approved_by=str(one.get("approved_by") or UNKNOWN),
        source=str(one.get("source") or UNKNOWN),
        id=id,
        name=pair,
        unit=str(told.get("unit", "")),
        keys={key: (str(said["ko"]), str(said["en"])) for key, said in (told.get("keys") or {}).items()},
    )


def _in_turn(spans: list[Parameter], file: str, id: str) -> Iterable[Parameter]:
    """Each value until the day before the next; the file must already stand in the order of the days."""
    for one, later in zip(spans, [*spans[1:], None], strict=True):
        if later is None:
            yield one
            continue
        if later.in_force <= one.in_force or (one.until is not None and one.until >= later.in_force):
            raise BadParameter(file, id, f"the values from {one.in_force} and {later.in_force} overlap")
        if one.until is not None and one.until + DAY != later.in_force:
            raise BadParameter(file, id, f"nothing is in force between {one.until} and {later.in_force}")
        yield replace(one, until=later.in_force - DAY)


def _is_day(told: Any) -> bool:
    return type(told) is date


def _only(told: Mapping[str, Any], keys: set[str], file: str, id: str) -> None:
    unknown = sorted(map(str, set(told) - keys))
    if unknown:
        raise BadParameter(file, id, f"unknown keys {', '.join(unknown)}")
