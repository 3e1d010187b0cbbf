"""경보: what holds now, for anybody; and the same as a feed and as CAP documents for other systems."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from haechi.core import clock
from haechi.core.store import NOBODY, Row
from haechi.office.alerts import MEDIA_TYPE, Board, Message, atom, read_xml
from haechi.web.caller import Who
from haechi.web.view import page

router = APIRouter(prefix="/alerts", include_in_schema=False)


def board(request: Request) -> Board:
    """The installation's board of alerts."""
    found: Board = request.app.state.installation.office.board
    return found


@router.get("")
def now(request: Request, caller: Who) -> Response:
    """What holds now, and what was sent lately."""
    holding = board(request).in_force(caller.actor)
    here = {row["identifier"] for row in holding}
    earlier = [row for row in board(request).lately(caller.actor) if row["identifier"] not in here]
    return page(
        request, caller, "alerts.html", holding=[_told(row, caller.language) for row in holding], earlier=[_told(row, caller.language) for row in earlier[:20]],
        may_desk=caller.may("alert.desk"),
    )  # fmt: skip


@router.get("/feed.xml")
def feed(request: Request) -> Response:
    """Atom; each entry leads to its CAP document."""
    settings = request.app.state.installation.settings
    address = (settings.public_url or str(request.base_url)).rstrip("/")
    found = board(request).lately(NOBODY)
    content = atom(
        found, address=address, title=f"{settings.city_name} 경보", author=settings.city_name, now=clock.now()
    )
    return Response(content, media_type="application/atom+xml", headers={"cache-control": "max-age=30"})


@router.get("/{identifier}.xml")
def document(request: Request, identifier: str) -> Response:
    """One message as CAP 1.2."""
    found = board(request).message(NOBODY, identifier)
    return Response(found["xml"], media_type=MEDIA_TYPE)


@router.get("/{identifier}")
def one(request: Request, caller: Who, identifier: str) -> Response:
    """One message, for people."""
    found = board(request).message(caller.actor, identifier)
    return page(request, caller, "alert.html", one=_told(found, caller.language))


def _told(row: Row, language: str) -> dict[str, Any]:
    """The row with `info` in the reader's language and the message itself."""
    message: Message = read_xml(row["xml"].encode())
    return {**row, "message": message, "info": message.in_language(language)}
