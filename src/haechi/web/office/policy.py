"""정책: what applied on a day to a service of a kind, how it meets other frameworks, what changed between two days."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import InvalidInput
from haechi.engines.rules import dated
from haechi.engines.rules.catalogue import (
    FORCES,
    PHASES,
    TRAITS,
    Answer,
    Applied,
    Requirement,
    applied,
    catalogue_in_force,
    difference,
)
from haechi.web.caller import Who
from haechi.web.view import page

router = APIRouter(include_in_schema=False)
ANSWERS: tuple[Answer, ...] = ("yes", "no", "unknown")
HEAD = ("urn", "제목", "법·지침", "조", "시행", "끝", "승인", "적용", "대상", "단계", "담당")
Day = Annotated[str, Query(max_length=10)]


@router.get("/policy")
def policy(request: Request, caller: Who, on: Day = "", against: Day = "") -> Response:
    """Pick a day and a profile."""
    problem, profile = None, _profile(request.query_params)
    try:
        day, other = _day(on) or clock.today(), _day(against)
    except InvalidInput as error:
        day, other, problem = clock.today(), None, error
    found = applied(on=day, profile=profile)
    catalogue = catalogue_in_force()
    asked = "&".join(f"{trait}={answer}" for trait, answer in profile.items())
    return page(
        request, caller, "policy.html", status=422 if problem else 200, error=problem, found=found, day=day, other=other,
        changed=difference(applied(on=other, profile=profile), found) if other else None, profile=profile, traits=TRAITS,
        answers=ANSWERS, catalogue=catalogue, phases=PHASES, forces=FORCES, parameters=_parameters(day), said=lambda value: _said(value.value, caller.language, value.keys),
        export=f"on={day.isoformat()}&{asked}",
    )  # fmt: skip


@router.get("/policy.json")
def as_json(request: Request, caller: Who, on: Day = "") -> Response:  # noqa: ARG001 - public
    """What applied, as data."""
    found = _asked(request, on)
    told = {"on": found.on.isoformat(), "profile": _profile(request.query_params), "requirements": list(_told(found))}
    return Response(json.dumps(told, ensure_ascii=False, indent=1), media_type="application/json")


@router.get("/policy.csv")
def as_csv(request: Request, caller: Who, on: Day = "") -> Response:  # noqa: ARG001 - public
    """The same as a table, with the crosswalk; UTF-8 with a mark, as spreadsheets want it."""
    found, out = _asked(request, on), io.StringIO()
    frameworks = catalogue_in_force().frameworks
    writer = csv.writer(out)
    writer.writerow([*HEAD, *(frameworks[id].name[0] for id in frameworks)])
    for told in _told(found):
        row = [
            told[key] for key in ("urn", "title", "law", "article", "from", "until", "approved_by", "applies", "scope")
        ]
        row += [" ".join(told["phases"]), told["owner"], *(" ".join(told["map"][id]) for id in frameworks)]
        writer.writerow(row)
    headers = {"content-disposition": f'attachment; filename="policy-{found.on.isoformat()}.csv"'}
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _asked(request: Request, on: str) -> Applied:
    return applied(on=_day(on) or clock.today(), profile=_profile(request.query_params))


def _profile(query: Mapping[str, str]) -> dict[str, Answer]:
    return {trait: next((a for a in ANSWERS if a == query.get(trait)), "unknown") for trait in TRAITS}


def _day(told: str) -> date | None:
    if not told:
        return None
    try:
        return date.fromisoformat(told)
    except ValueError as error:
        raise InvalidInput(
            f"‘{told}’은(는) 날짜가 아닙니다.", next_step="2026-01-22처럼 적으세요.", record="on"
        ) from error


def _told(found: Applied) -> Iterable[dict[str, Any]]:
    for answer, several in (("yes", found.applies), ("unknown", found.perhaps)):
        for one in several:
            yield _row(one, answer)


def _row(one: Requirement, answer: str) -> dict[str, Any]:
    return {
        "urn": one.urn, "title": one.title[0], "title_en": one.title[1], "says": one.says, "law": one.law,
        "article": one.article, "from": one.in_force.isoformat(), "until": one.until.isoformat() if one.until else "",
        "approved_by": one.approved_by, "source": one.source, "force": one.force, "applies": answer, "scope": one.scope,
        "phases": list(one.phases), "owner": one.owner, "measures": list(one.measures),
        "map": {framework: list(items) for framework, items in one.links.items()},
    }  # fmt: skip


def _parameters(day: date) -> Sequence[tuple[Any, Any, int]]:
    """(newest name, value of the day or None, how many values it has had), by id."""
    known = dated.parameters()
    return [
        (known[id][-1], next((one for one in known[id] if one.holds(day)), None), len(known[id]))
        for id in sorted(known)
    ]


def _said(value: Any, language: str, keys: Mapping[str, tuple[str, str]] | None = None) -> str:
    """A dated value in words: names of a mapping, numbers with the names of their keys, lists one after the other."""
    named = keys or {}
    if isinstance(value, dict):
        if {"ko", "en"} <= set(value):
            more = ", ".join(_said(one, language) for key, one in value.items() if key not in ("ko", "en"))
            return str(value[language]) + (f" ({more})" if more else "")
        return ", ".join(
            f"{named[key][language == 'en']} {_said(one, language, keys)}" if key in named
            else _said(one, language, keys) if isinstance(one, dict) else f"{key} {_said(one, language, keys)}"
            for key, one in value.items()
        )  # fmt: skip
    if isinstance(value, list):
        return ", ".join(_said(one, language) for one in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value > 9999 else str(value)
