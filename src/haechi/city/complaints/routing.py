"""Which office must act on a complaint, and why, in a sentence that the reporter reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from haechi.city.complaints.kinds import Kind, Otherwise, Rules
from haechi.core.errors import InvalidInput
from haechi.engines.geo import Located, Named


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is, as far as it is known. words: in the reporter's words. gu '': not known."""

    words: str
    lat: float | None = None
    lon: float | None = None
    gu: str = ""
    dong: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """office: bureau or district that acts. department: line of work there. intake: a person must still pass it on.

    because: one Korean sentence or two. phone: of an agency outside.
    """

    office: str
    department: str
    because: str
    intake: bool
    phone: str = ""


def place_of(words: str, located: Located | None, named: Named | None, city: str) -> Place:
    """The place from a point (it decides) or from an address. InvalidInput outside the city."""
    if located is not None:
        if not located.inside:
            raise _outside(located.words or "", city)
        near = f" {', '.join(located.near)}와(과)의 경계가 25 m 안에 있습니다." if located.near else ""
        area = located.area
        return Place(
            words or located.words,
            located.point.lat,
            located.point.lon,
            located.gu,
            area.dong if area else "",
            f"위치가 {located.words}에 있습니다.{near}",
        )
    if named is not None and named.elsewhere:
        raise _outside(named.elsewhere, city)
    if named is not None and named.gu:
        return Place(
            words,
            gu=named.gu,
            dong=named.dong,
            note=f"주소에서 {named.gu}{' ' + named.dong if named.dong else ''}을(를) 읽었습니다.",
        )
    gus = sorted({gu for gu, _ in named.candidates}) if named is not None else []
    note = f"주소가 {', '.join(gus)} 가운데 어디인지 알 수 없습니다." if gus else "주소에서 자치구를 알 수 없습니다."
    return Place(words, note=note)


def route(kind: Kind, place: Place, answers: Mapping[str, Any], rules: Rules, bureaux: frozenset[str]) -> Route:
    """The office. bureaux: those that work with this installation; what belongs to another goes to the intake desk."""
    exception = next((e for e in kind.exceptions if str(answers.get(e.field, "")) == e.is_), None)
    if exception is not None:
        return _by_exception(kind, exception, rules, bureaux)
    if kind.level == "agency":
        return _to_agency(kind, kind.agency, f"'{kind.title}'은(는)", rules)
    if kind.level == "headquarters":
        return _to_headquarters(kind, f"'{kind.title}'은(는)", rules, bureaux)
    if not place.gu:
        return Route(
            rules.intake_office, kind.department, f"{place.note} 접수 창구에서 확인해 맡을 곳을 정합니다.", intake=True
        )
    because = f"{place.note} '{kind.title}'은(는) 자치구의 일입니다."
    return _to_bureau(place.gu, kind.department, because, rules, bureaux)


def _by_exception(kind: Kind, exception: Otherwise, rules: Rules, bureaux: frozenset[str]) -> Route:
    if exception.to == "headquarters":
        return _to_headquarters(kind, exception.why, rules, bureaux)
    return _to_agency(kind, exception.to, exception.why, rules)


def _to_headquarters(kind: Kind, why: str, rules: Rules, bureaux: frozenset[str]) -> Route:
    office = rules.headquarters[kind.line]
    return _to_bureau(office, kind.department, f"{why} 시 본청({office})의 일입니다.", rules, bureaux)


def _to_bureau(office: str, department: str, because: str, rules: Rules, bureaux: frozenset[str]) -> Route:
    if office in bureaux:
        return Route(office, department, because, intake=False)
    return Route(
        office, department, f"{because} {office}은(는) 이 시스템을 쓰지 않아 접수 창구({rules.intake_office})가 받아 넘깁니다.",
        intake=True,
    )  # fmt: skip


def _to_agency(kind: Kind, agency: str, why: str, rules: Rules) -> Route:
    named = rules.agencies[agency]
    phone = named["phone"]
    because = f"{why} {named['name']}의 일입니다. 접수 창구({rules.intake_office})가 받아 넘깁니다."
    return Route(named["name"], kind.department, because, intake=True, phone=phone)


def _outside(where: str, city: str) -> InvalidInput:
    said = f"그 위치는 {where}입니다." if where else "그 위치는 어느 시·군·구에도 들어 있지 않습니다."
    return InvalidInput(
        f"{said} {city} 밖이어서 접수하지 못했습니다.",
        next_step="그곳의 시청·구청 민원실이나 국민신문고에 알리세요. 그곳의 담당 부서는 여기서 알 수 없습니다."
        if where
        else "지도에서 위치를 다시 고르세요.",
        record="place",
    )
