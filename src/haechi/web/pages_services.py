"""AI 서비스: the portfolio and one service, drawn from the manifests alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathPart
from starlette.responses import Response

from haechi.city.outcomes import measured
from haechi.city.register import load_plan, load_register, portfolio
from haechi.city.trials import JsonLinesScorecards
from haechi.core.manifest import FIELDS, STAGES
from haechi.web.caller import Who
from haechi.web.view import is_fragment, page

router = APIRouter(include_in_schema=False)


def last_check(home: Path) -> dict[int, dict[str, Any]]:
    """What `haechi check --json` last wrote to `check.json`, by service number; {} before the first check."""
    try:
        data = json.loads((home / "check.json").read_text(encoding="utf-8"))
        return {int(row["number"]): row for row in data["services"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


@router.get("/services")
def services(
    request: Request,
    caller: Who,
    search: Annotated[str, Query(max_length=100)] = "",
    field: Annotated[str, Query(max_length=30)] = "",
    bureau: Annotated[str, Query(max_length=60)] = "",
    stage: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """The city's AI services by field and bureau, with the totals of the plan beside those of the register."""
    whole = portfolio(load_register(), load_plan())
    needle = search.strip().lower()
    shown = [
        row
        for row in whole["services"]
        if (not needle or needle in f"{row['number']} {row['ko']} {row['en']} {row['technology']}".lower())
        and field in ("", row["field"])
        and bureau in ("", row["bureau"])
        and stage in ("", row["stage"])
    ]
    context = {
        "whole": whole,
        "shown": shown,
        "checked": last_check(request.app.state.installation.settings.home),
        "fields": FIELDS,
        "wanted": {"search": search, "field": field, "bureau": bureau, "stage": stage},
        "stages": [name for name in STAGES if any(row["stage"] == name for row in whole["services"])],
    }
    return page(request, caller, "_services_rows.html" if is_fragment(request) else "services.html", **context)


@router.get("/services/{number}")
def service(request: Request, caller: Who, number: Annotated[int, PathPart(ge=1, le=999)]) -> Response:
    """One service as its manifest states it, and its last measured figures."""
    manifest = load_register().get(number)
    installation = request.app.state.installation
    home = installation.settings.home
    return page(
        request,
        caller,
        "service.html",
        readings=measured(installation.worker_store, manifest),
        service=manifest,
        field=FIELDS[manifest.field],
        scorecards=JsonLinesScorecards(home / "scorecards.jsonl").latest(number),
        check=last_check(home).get(number),
    )
