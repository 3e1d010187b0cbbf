"""자료실: list, upload, one document, its versions and passages."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from starlette.responses import Response

from haechi.city.library import GRADES, KINDS, LICENCES
from haechi.core.errors import HaechiError, InvalidInput
from haechi.web.attachments import attachment
from haechi.web.caller import Caller, Who, permitted
from haechi.web.pages_ask import read_day
from haechi.web.view import go, is_fragment, page, pages_of

router = APIRouter(include_in_schema=False)
PER_PAGE = 20
CHUNKS = 50
STATES = ("received", "reading", "searchable", "complete", "failed")
UNDER_WAY = ("received", "reading", "searchable")

Uploader = Annotated[Caller, Depends(permitted("library.upload"))]


class DocumentForm:
    """The fields that describe a document, as the form sends them."""

    def __init__(
        self,
        bureau: Annotated[str, Form()] = "",
        grade: Annotated[str, Form()] = "staff",
        readers: Annotated[str, Form(max_length=2000)] = "",
        licence: Annotated[str, Form()] = "",
        kind: Annotated[str, Form()] = "documents",
        title: Annotated[str, Form(max_length=300)] = "",
        contact_name: Annotated[str, Form(max_length=100)] = "",
        contact_phone: Annotated[str, Form(max_length=40)] = "",
        effective_from: Annotated[str, Form()] = "",
        revised_on: Annotated[str, Form()] = "",
        review_by: Annotated[str, Form()] = "",
    ) -> None:
        self.sent = {key: value.strip() for key, value in locals().items() if key != "self"}

    def described(self, *, dates: bool = True) -> dict[str, Any]:
        """Arguments for Library.upload (or, without `dates`, for change_rights)."""
        keys = ("grade", "licence", "kind", "title", "contact_name", "contact_phone")
        values: dict[str, Any] = {key: self.sent[key] for key in keys}
        values["readers"] = read_readers(self.sent["readers"])
        values["review_by"] = read_day(self.sent["review_by"])
        if dates:
            values["effective_from"] = read_day(self.sent["effective_from"])
            values["revised_on"] = read_day(self.sent["revised_on"])
        return values


Described = Annotated[DocumentForm, Depends()]
BLANK = dict.fromkeys(inspect.signature(DocumentForm).parameters, "")


def read_readers(text: str) -> list[str]:
    """Readers of a 'named' document, one a line or separated by commas: a bureau's name, or a tag as it is."""
    names = [name.strip() for line in text.splitlines() for name in line.split(",")]
    return [name if ":" in name else f"bureau:{name}" for name in names if name]


def choices(request: Request, caller: Caller) -> dict[str, Any]:
    """What the selects of the forms offer."""
    t = caller.wording
    bureaux = [row["id"] for row in request.app.state.installation.library.bureaux(caller.actor)]
    own = [name for name in bureaux if caller.may("library.upload", name)]
    return {
        "bureaux": [(name, name) for name in bureaux],
        "own_bureaux": [(name, name) for name in own],
        "grades": [(key, t.pick(names)) for key, names in GRADES.items()],
        "licences": [(name, name or t("document.licence_none")) for name in LICENCES],
        "kinds": [(key, t("kind." + key)) for key in KINDS],
        "limit": request.app.state.installation.settings.upload_limit_mib,
    }


@router.get("/library")
def library(
    request: Request,
    caller: Who,
    search: Annotated[str, Query(max_length=200)] = "",
    bureau: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    page_number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """The documents that the caller may read; the table alone when htmx asks."""
    desk = request.app.state.installation.library
    wanted = {"search": search.strip(), "bureau": bureau, "state": state if state in STATES else ""}
    found = desk.documents(caller.actor, **wanted, limit=PER_PAGE, offset=(page_number - 1) * PER_PAGE)
    busy = any(row["state"] in UNDER_WAY for row in found.rows)
    context: dict[str, Any] = {
        "found": found,
        "busy": busy,
        "wanted": wanted,
        "links": pages_of(found.total, PER_PAGE, page_number, wanted),
        "states": [(key, caller.wording("state." + key)) for key in STATES],
        "grades": dict(GRADES),
        "progress": desk.progress(caller.actor),
        "may_add": caller.may("library.upload", caller.actor.bureau or None),
    }
    if is_fragment(request):
        return page(request, caller, "_library_rows.html", **context)
    bureaux = [(row["id"], row["id"]) for row in desk.bureaux(caller.actor)]
    return page(request, caller, "library.html", bureaux=bureaux, **context)


@router.get("/library/new")
def upload_form(request: Request, caller: Uploader) -> Response:
    """The form for new documents."""
    sent = {**BLANK, "bureau": caller.actor.bureau, "grade": "staff", "kind": "documents"}
    return page(request, caller, "upload.html", sent=sent, problems=[], received=[], **choices(request, caller))


@router.post("/library/new")
def upload(
    request: Request,
    caller: Uploader,
    form: Described,
    files: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    """Take every file; those that cannot be taken are named with the reason, the others are in."""
    problems: list[HaechiError] = []
    received = []
    try:
        described = form.described()
        for file in [file for file in files or [] if file.filename]:
            try:
                received.append((file.filename, _take(request, caller, file, form.sent["bureau"], described)))
            except HaechiError as error:
                problems.append(error)
        if not received and not problems:
            raise InvalidInput("고른 파일이 없습니다.", next_step="올릴 파일을 하나 이상 고르세요.")
    except HaechiError as error:
        problems.append(error)
    if not problems:
        only = received[0][1]
        return go(request, caller, f"/library/{only.document_id}" if len(received) == 1 else "/library", "received")
    return page(
        request, caller, "upload.html", status=problems[0].status,
        sent=form.sent, problems=problems, received=received, **choices(request, caller),
    )  # fmt: skip


def _take(
    request: Request,
    caller: Caller,
    file: UploadFile,
    bureau: str,
    described: dict[str, Any],
    document: str | None = None,
) -> Any:
    data = file.file.read()
    return request.app.state.installation.library.upload(
        caller.actor, filename=file.filename or "", data=data, bureau=bureau, document_id=document, **described
    )


def _document_page(request: Request, caller: Caller, document_id: str, *, status: int = 200, **more: Any) -> Response:
    found = request.app.state.installation.library.document(caller.actor, document_id)
    readers = [tag.removeprefix("bureau:") for tag in found["access"] if found["grade"] == "named"]
    context: dict[str, Any] = {
        "document": found,
        "busy": any(version["state"] in UNDER_WAY for version in found["versions"]),
        "readers": "\n".join(readers),
        "error": None,
        "blank": BLANK,
        "grade_names": dict(GRADES),
        **choices(request, caller),
    }
    name = "_versions.html" if is_fragment(request) else "document.html"
    return page(request, caller, name, status=status, **{**context, **more})


@router.get("/library/{document_id}")
def document(request: Request, caller: Who, document_id: str) -> Response:
    """One document; only its versions when htmx asks how far reading is."""
    return _document_page(request, caller, document_id)


@router.post("/library/{document_id}/versions")
def new_version(
    request: Request,
    caller: Uploader,
    document_id: str,
    form: Described,
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """A newer version; the older one answers only questions as of its own time."""
    found = request.app.state.installation.library.document(caller.actor, document_id)
    try:
        if file is None or not file.filename:
            raise InvalidInput("고른 파일이 없습니다.", next_step="새 판 파일을 고르세요.")
        described = {
            "grade": found["grade"],
            "readers": found["access"] if found["grade"] == "named" else (),
            "effective_from": read_day(form.sent["effective_from"]),
            "revised_on": read_day(form.sent["revised_on"]),
        }
        _take(request, caller, file, found["bureau"], described, document_id)
    except HaechiError as error:
        return _document_page(request, caller, document_id, status=error.status, error=error)
    return go(request, caller, f"/library/{document_id}", "received")


@router.post("/library/{document_id}/rights")
def change_rights(request: Request, caller: Uploader, document_id: str, form: Described) -> Response:
    """Who may read it, under which licence, whom to ask."""
    try:
        request.app.state.installation.library.change_rights(caller.actor, document_id, **form.described(dates=False))
    except HaechiError as error:
        return _document_page(request, caller, document_id, status=error.status, error=error)
    return go(request, caller, f"/library/{document_id}", "saved")


@router.get("/library/{document_id}/delete")
def sure_to_delete(request: Request, caller: Uploader, document_id: str) -> Response:
    """What deleting means, before it is done."""
    found = request.app.state.installation.library.document(caller.actor, document_id)
    return page(request, caller, "delete.html", document=found)


@router.post("/library/{document_id}/delete")
def delete(request: Request, caller: Uploader, document_id: str) -> Response:
    """Remove it for good."""
    request.app.state.installation.library.delete(caller.actor, document_id)
    return go(request, caller, "/library", "deleted")


@router.post("/library/{document_id}/versions/{version_id}/retry")
def retry(request: Request, caller: Uploader, document_id: str, version_id: str) -> Response:
    """Read a failed version once more."""
    request.app.state.installation.library.retry(caller.actor, version_id)
    return go(request, caller, f"/library/{document_id}", "queued")


@router.get("/library/{document_id}/versions/{version_id}")
def version(
    request: Request,
    caller: Who,
    document_id: str,
    version_id: str,
    page_number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """The passages of a version, as search sees them."""
    desk = request.app.state.installation.library
    found = desk.document(caller.actor, document_id)
    one = next((v for v in found["versions"] if v["version_id"] == version_id), None)
    passages = desk.passages(caller.actor, version_id, limit=CHUNKS, offset=(page_number - 1) * CHUNKS)
    return page(
        request, caller, "version.html",
        document=found, version=one or found["versions"][0], passages=passages,
        links=pages_of(passages.total, CHUNKS, page_number, {}),
    )  # fmt: skip


@router.get("/library/{document_id}/versions/{version_id}/original")
def original(request: Request, caller: Who, document_id: str, version_id: str) -> Response:  # noqa: ARG001
    """The file as it was uploaded, always as a download: what somebody uploaded never runs in this site."""
    filename, _, data = request.app.state.installation.library.original(caller.actor, version_id)
    return attachment(filename, data)
