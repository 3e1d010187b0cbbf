"""The portfolio: every service with its money, its totals explained, edits compared, files previewed before they are stored."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from fastapi import Path as PathPart
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput, NotFound
from haechi.core.manifest import FIELDS, STAGES, UNKNOWN
from haechi.office.portfolio import FORMATS, Changed, Portfolio, export, preview, store
from haechi.office.portfolio.book import CONTINUITY, EDITABLE, KINDS
from haechi.office.portfolio.sheet import MOST_BYTES
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, page

router = APIRouter(prefix="/portfolio", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
Bringer = Annotated[Caller, Depends(permitted("portfolio.import"))]
Number = Annotated[int, PathPart(ge=1, le=999)]
Text = Annotated[str, Form(max_length=2000)]
Short = Annotated[str, Form(max_length=40)]
KPI_DAYS = 30
MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


def _book(request: Request) -> Portfolio:
    book: Portfolio = request.app.state.installation.office.portfolio
    return book


@router.get("")
def whole(
    request: Request,
    caller: Member,
    field: Annotated[str, Query(max_length=30)] = "",
    bureau: Annotated[str, Query(max_length=60)] = "",
    stage: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """All services, by field, bureau and stage; the totals are always those of all."""
    found = _book(request).whole(caller.actor)
    rows = found["services"]
    wanted = {"field": field, "bureau": bureau, "stage": stage}
    return page(
        request, caller, "portfolio.html", wanted=wanted, fields=FIELDS,
        shown=[row for row in rows if all(not value or row[key] == value for key, value in wanted.items())],
        bureaux=sorted({row["bureau"] for row in rows}), stages=[one for one in STAGES if any(row["stage"] == one for row in rows)],
        may_import=caller.may("portfolio.import"), **{key: found[key] for key in ("money", "programmes", "lines", "plan")},
    )  # fmt: skip


@router.get("/file")
def file(request: Request, caller: Bringer) -> Response:
    """Files out, and the form for a file in."""
    return _file(request, caller)


@router.get("/file/portfolio.{format}")
def taken(request: Request, caller: Member, format: str) -> Response:
    """The whole portfolio as a file."""
    if format not in FORMATS:
        raise NotFound("그런 형식은 없습니다.", next_step=f"{', '.join(FORMATS)} 가운데 고르세요.", record=format)
    headers = {
        "content-disposition": f'attachment; filename="portfolio.{format}"',
        "cache-control": "private, no-store",
    }
    return Response(export(_book(request), caller.actor, format), media_type=MEDIA[format], headers=headers)


def _file(request: Request, caller: Caller, *, error: HaechiError | None = None, **more: Any) -> Response:
    status = error.status if error else 200
    context = {"seen": None, "format": "", "held": "", **more}
    return page(request, caller, "portfolio_file.html", status=status, error=error, formats=FORMATS, **context)


@router.post("/file")
def looked(request: Request, caller: Bringer, file: Annotated[UploadFile | None, File()] = None) -> Response:
    """What the file would change; nothing is stored."""
    try:
        format = (file.filename or "").rpartition(".")[2].lower() if file else ""
        if file is None or format not in FORMATS:
            raise InvalidInput("XLSX, CSV, JSON 파일을 고르세요.", next_step="내려받은 파일을 고쳐 올리면 됩니다.")
        content = file.file.read(MOST_BYTES + 1)
        seen = preview(_book(request), caller.actor, format, content)
    except InvalidInput as error:
        return _file(request, caller, error=error)
    return _file(request, caller, seen=seen, format=format, held=base64.b64encode(content).decode())


@router.post("/file/apply")
def applied(
    request: Request, caller: Bringer, format: Short, digest: Annotated[str, Form(max_length=64)],
    held: Annotated[str, Form(max_length=2 * MOST_BYTES)],
) -> Response:  # fmt: skip
    """Store what was shown; nothing else."""
    try:
        if format not in FORMATS:
            raise InvalidInput("XLSX, CSV, JSON 파일을 고르세요.", next_step="파일을 다시 올리세요.")
        try:
            content = base64.b64decode(held, validate=True)
        except ValueError as error:
            raise InvalidInput("파일이 온전하지 않습니다.", next_step="파일을 다시 올리세요.") from error
        store(_book(request), caller.actor, format, content, digest)
    except HaechiError as error:
        if error.status == 403:
            raise
        return _file(request, caller, error=error)
    return go(request, caller, "/portfolio", "portfolio_imported")


@router.get("/{number}")
def one(request: Request, caller: Member, number: Number) -> Response:
    """One service: cells, money, KPI readings, changes."""
    return _one(request, caller, number)


def _one(
    request: Request, caller: Caller, number: int, *, error: HaechiError | None = None,
    sent: Mapping[str, str] | None = None, line: Mapping[str, Any] | None = None,
) -> Response:  # fmt: skip
    book, today = _book(request), clock.today()
    found = book.one(caller.actor, number)
    service = found["service"]
    blank = {"year": today.year, "kind": KINDS[0], "label": "", "won": "", "source": "", "version": 0}
    return page(
        request, caller, "portfolio_one.html", status=error.status if error else 200, error=error,
        differences=error.differences if isinstance(error, Changed) else [], editable=EDITABLE, continuity=CONTINUITY,
        cells={**{key: service[key] for key in EDITABLE}, **(sent or {})}, kinds=KINDS, line=line or blank, days=KPI_DAYS,
        fields=FIELDS, readings=book.sources.readings(number, today - timedelta(days=KPI_DAYS), today),
        may_change=caller.may("portfolio.change", service["bureau"]), **found,
    )  # fmt: skip


@router.post("/{number}")
def edited(
    request: Request, caller: Member, number: Number, version: Annotated[int, Form(ge=0)],
    bureau: Text = "", technology: Text = "", continuity: Short = "", contact: Text = "", note: Text = "",
) -> Response:  # fmt: skip
    """Cells changed; where another changed the same ones, both values are shown and nothing is stored."""
    sent = {"bureau": bureau, "technology": technology, "continuity": continuity, "contact": contact, "note": note}
    try:
        _book(request).edit(caller.actor, number, sent, version=version)
    except (Changed, InvalidInput) as error:
        return _one(request, caller, number, error=error, sent=sent)
    return go(request, caller, f"/portfolio/{number}", "case_moved")


@router.post("/{number}/money")
def entered(
    request: Request, caller: Member, number: Number, year: Annotated[int, Form()], kind: Short,
    won: Short, source: Text, version: Annotated[int, Form(ge=0)] = 0, label: Text = "",
) -> Response:  # fmt: skip
    """A line of money, new or changed."""
    line = {"year": year, "kind": kind, "label": label, "won": won, "source": source, "version": version}
    try:
        _book(request).enter(caller.actor, number, year, kind, _won(won), source, label=label.strip(), version=version)
    except HaechiError as error:
        if error.status not in (400, 409, 422):
            raise
        return _one(request, caller, number, error=error, line=line)
    return go(request, caller, f"/portfolio/{number}", "case_moved")


def _won(text: str) -> int | None:
    plain = text.replace(",", "").strip().removesuffix("원").strip()
    if plain == UNKNOWN:
        return None
    if not (plain.isdecimal() and len(plain) <= 15):
        raise InvalidInput(
            f"금액 ‘{text}’을 읽을 수 없습니다.",
            next_step="원 단위의 정수를 적고, 모르면 미상이라고 적으세요.",
            record="won",
        )
    return int(plain)
