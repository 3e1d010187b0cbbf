"""우수사례집: what staff do well with AI, for anybody to read, search and take home as a book."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.office.casebook import Shelf, minutes_saved, paper
from haechi.office.letters import MEDIA_TYPES, to_docx, to_html, to_hwpx, to_pdf
from haechi.web.caller import Caller, Who, permitted
from haechi.web.view import go, page

router = APIRouter(prefix="/casebook", include_in_schema=False)

Keeper = Annotated[Caller, Depends(permitted("casebook.take_back"))]
FORMATS = {"hwpx": to_hwpx, "docx": to_docx, "pdf": to_pdf, "html": to_html}


def _shelf(request: Request) -> Shelf:
    shelf: Shelf = request.app.state.installation.office.shelf
    return shelf


@router.get("")
def shelf(
    request: Request,
    caller: Who,
    round: Annotated[str, Query(max_length=20)] = "",
    search: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The published cases."""
    found = _shelf(request).entries(caller.actor, round=round, words=search)
    choices = [
        ("", caller.wording("casebook.every_round")),
        *((one, one) for one in _shelf(request).rounds(caller.actor)),
    ]
    return page(
        request, caller, "casebook.html", entries=found, round_choices=choices,
        wanted={"round": round, "search": search}, formats=list(FORMATS),
    )  # fmt: skip


@router.get("/book.{format}")
def book(request: Request, caller: Who, format: str, round: Annotated[str, Query(max_length=20)] = "") -> Response:
    """The whole book, or one round of it, as a file."""
    if format not in FORMATS:
        raise NotFound("그런 형식은 없습니다.", next_step=f"{', '.join(FORMATS)} 가운데 고르세요.", record=format)
    city = request.app.state.installation.settings.city_name
    made = paper(city, round, _shelf(request).entries(caller.actor, round=round), clock.today())
    content = FORMATS[format](made)
    if format == "html":
        return Response(content, media_type="text/html; charset=utf-8")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(f'{made.title}.{format}')}"}
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)


@router.get("/{number}")
def entry(request: Request, caller: Who, number: str) -> Response:
    """One case."""
    return _entry(request, caller, number)


def _entry(request: Request, caller: Caller, number: str, *, error: InvalidInput | None = None) -> Response:
    found = _shelf(request).entry(caller.actor, number)
    return page(
        request, caller, "casebook_entry.html", status=error.status if error else 200, entry=found,
        saved=minutes_saved(found["content"]), error=error, may_take_back=caller.may("casebook.take_back"),
    )  # fmt: skip


@router.post("/{number}/withdrawal")
def take_back(
    request: Request, caller: Keeper, number: str, why: Annotated[str, Form(max_length=1000)] = ""
) -> Response:
    """Out of the book again."""
    try:
        _shelf(request).take_back(caller.actor, number, why)
    except InvalidInput as error:
        return _entry(request, caller, number, error=error)
    return go(request, caller, "/casebook", "casebook_taken_back")
