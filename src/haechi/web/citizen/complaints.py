"""현장 민원: how a reporter sends a photo and asks after a report, and where the office in charge works on it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from haechi.city.complaints import STATE_NAMES, STATES, Complaints, kind, kinds, rules
from haechi.core.errors import HaechiError, InvalidInput
from haechi.web.caller import Caller, Who, permitted
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["현장 민원 · Complaints"])
Officer = Annotated[Caller, Depends(permitted("complaints.desk"))]


def _complaints(request: Request) -> Complaints:
    found: Complaints = request.app.state.installation.complaints
    return found


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


# --- the reporter ----------------------------------------------------------------------------------------------------


@router.get("/complaints")
def mine(request: Request, caller: Who) -> Response:
    """One's own reports of this device, and the form for a receipt number."""
    return _mine(request, caller)


@router.post("/complaints")
def look_up(
    request: Request,
    caller: Who,
    receipt: Annotated[str, Form(max_length=40)] = "",
    digits: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """State of a report by receipt number and the last four digits of the phone."""
    try:
        told = _complaints(request).status.look_up(receipt, digits, address=_address(request))
    except HaechiError as error:
        return _mine(request, caller, status=error.status, error=error, receipt=receipt)
    return _mine(request, caller, told=told, receipt=receipt)


def _mine(request: Request, caller: Caller, *, status: int = 200, **more: Any) -> Response:
    own = _complaints(request).status.own(caller.actor)
    context: dict[str, Any] = {"own": own, "told": None, "error": None, "receipt": "", "names": STATE_NAMES}
    return page(request, caller, "complaints.html", status=status, **{**context, **more})


@router.get("/complaints/photo/{token}")
def photo_form(request: Request, caller: Who, token: str) -> Response:
    """The page behind a one-time link."""
    return _photo(request, caller, token, kind(_complaints(request).photos.linked_kind(token)))


@router.post("/complaints/photo/{token}")
def photo_send(
    request: Request, caller: Who, token: str, photo: Annotated[UploadFile | None, File()] = None
) -> Response:
    """Take the photo. A refused one does not use the link up."""
    wanted = kind(_complaints(request).photos.linked_kind(token))
    try:
        kept = _complaints(request).photos.keep_by_link(token, _content(photo))
    except HaechiError as error:
        return _photo(request, caller, token, wanted, status=error.status, error=error)
    return _photo(request, caller, token, wanted, kept=kept)


@router.post("/complaints/photo/{token}/place")
def photo_place(request: Request, caller: Who, token: str, agree: Annotated[str, Form()] = "no") -> Response:
    """Whether the place in the photo may be used. Asked once."""
    _complaints(request).photos.answer_place(token, agree == "yes")
    return page(
        request, caller, "complaint_photo.html", token="", wanted=None, kept=None, error=None, answered=agree == "yes"
    )


def _photo(
    request: Request, caller: Caller, token: str, wanted: Any, *, status: int = 200, error: HaechiError | None = None, kept: Any = None
) -> Response:  # fmt: skip
    return page(
        request,
        caller,
        "complaint_photo.html",
        status=status,
        token=token,
        wanted=wanted,
        error=error,
        kept=kept,
        answered=None,
    )


def _content(photo: UploadFile | None) -> bytes:
    if photo is None or not photo.filename:
        raise InvalidInput("고른 사진이 없습니다.", next_step="사진을 고르거나 찍으세요.", record="photo")
    return photo.file.read(rules().photos["limit_mib"] * 2**20 + 1)


# --- the office in charge --------------------------------------------------------------------------------------------


@router.get("/complaints/desk")
def desk(
    request: Request,
    caller: Officer,
    state: Annotated[str, Query(max_length=20)] = "",
    search: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Reports of the caller's office, the nearest due day first."""
    wanted = state if state in STATES else ""
    handling = _complaints(request).handling
    return page(
        request, caller, "complaints_desk.html", rows=handling.waiting(caller.actor, state=wanted, search=search),
        counts=handling.counts(caller.actor), state=wanted, states=STATES, search=search, names=STATE_NAMES,
    )  # fmt: skip


@router.get("/complaints/desk/{complaint_id}")
def one(request: Request, caller: Officer, complaint_id: str) -> Response:
    """One report with its history and photos."""
    return _one(request, caller, complaint_id)


@router.post("/complaints/desk/{complaint_id}")
def change(
    request: Request,
    caller: Officer,
    complaint_id: str,
    state: Annotated[str, Form(max_length=20)],
    version: Annotated[int, Form(ge=0)],
    note: Annotated[str, Form(max_length=4000)] = "",
    office: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Take it, work, finish, hand on, decline; or leave a note among colleagues (state 'note')."""
    handling = _complaints(request).handling
    try:
        if state == "note":
            handling.note(caller.actor, complaint_id, note)
        else:
            handling.change(caller.actor, complaint_id, state, note=note, version=version, office=office)
    except HaechiError as error:
        if error.status == 404:
            raise
        return _one(request, caller, complaint_id, status=error.status, error=error, note=note, office=office)
    return go(request, caller, f"/complaints/desk/{complaint_id}", "complaint_changed")


def _one(request: Request, caller: Caller, complaint_id: str, *, status: int = 200, **more: Any) -> Response:
    found = _complaints(request).handling.get(caller.actor, complaint_id)
    context: dict[str, Any] = {"one": found, "names": STATE_NAMES, "error": None, "note": "", "office": ""}
    return page(request, caller, "complaint.html", status=status, **{**context, **more})


@router.get("/complaints/desk/photos/{photo_id}")
def photo_of(request: Request, caller: Officer, photo_id: str) -> Response:
    """A photo, for the office in charge only; opening it is written down."""
    media_type, data = _complaints(request).handling.photo(caller.actor, photo_id)
    return Response(data, media_type=media_type, headers={"cache-control": "no-store", "content-disposition": "inline"})


# --- programs --------------------------------------------------------------------------------------------------------


class Asked(BaseModel):
    """receipt: '20261122-ABCD-1234'. digits: the last four of the phone."""

    receipt: str = Field(max_length=40)
    digits: str = Field(max_length=20)


@api.get("/complaints/kinds", summary="현장 민원의 종류 · Kinds of on-site reports")
def all_kinds() -> list[dict[str, Any]]:
    """Every kind of on-site report: id, title, line of work, whether a photo is required."""
    return [
        {
            "id": one.id,
            "title": one.title,
            "line": one.line,
            "level": one.level,
            "photo": one.photo,
            "danger": one.danger,
        }
        for one in kinds().values()
    ]


@api.post("/complaints/photos", summary="민원에 쓸 사진 · A photo for a report")
def send_photo(
    request: Request, caller: Who, kind: Annotated[str, Form(max_length=40)], photo: Annotated[UploadFile, File()]
) -> dict[str, Any]:
    """Keep a photo for a report; `file` goes into the form. `place` is offered once and kept nowhere."""
    kept = _complaints(request).photos.keep(caller.actor, _content(photo), kind)
    place = {"lat": kept.place.lat, "lon": kept.place.lon} if kept.place else None
    return {
        "file": kept.id,
        "faces": kept.faces,
        "hidden": kept.hidden,
        "place": place,
        "says": caller.wording.pick(kept.says),
    }


@api.post("/complaints/status", summary="민원의 처리 상태 · State of a report")
def status_of(request: Request, caller: Who, asked: Asked) -> dict[str, Any]:
    """State and steps of a report. 404, in the same words, for an unknown number and for wrong digits; 429 when guessed."""
    del caller
    return _complaints(request).status.look_up(asked.receipt, asked.digits, address=_address(request))
