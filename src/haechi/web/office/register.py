"""AI 서비스 등록부: what everybody may read of the city's AI, its versions and changes, and where one objects. No account needed."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.core.errors import HaechiError, InvalidInput, NotFound
from haechi.core.manifest import FIELDS
from haechi.office.cases import Opening
from haechi.office.forms import Form as Questionnaire
from haechi.office.register import Register, differences, draft_of, mapped, mappings, shown
from haechi.office.register.shelf import as_atom, as_csv, as_json, as_public, drift
from haechi.web.caller import Caller, Who, permitted
from haechi.web.office.cases import cases_of
from haechi.web.view import go, page

router = APIRouter(prefix="/register", include_in_schema=False)
Member = Annotated[Caller, Depends(permitted("office.see"))]
Long = Annotated[str, Form(max_length=4000)]
FORM = "register_entry"


def _register(request: Request) -> Register:
    register: Register = request.app.state.installation.office.register
    return register


def _form(request: Request) -> Questionnaire:
    return cases_of(request).policy.form(FORM)


def _address(request: Request) -> str:
    return str(request.app.state.installation.settings.public_url).rstrip("/") + "/register"


@router.get("")
def listed(
    request: Request,
    caller: Who,
    search: Annotated[str, Query(max_length=100)] = "",
    field: Annotated[str, Query(max_length=30)] = "",
    status: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Everything that is published."""
    form = _form(request)
    statuses = [
        ("", caller.wording("register.every_status")),
        *((o.value, caller.wording.pick(o.text)) for o in form.by_id["status"].options),
    ]
    fields = [
        ("", caller.wording("register.every_field")),
        *((key, caller.wording.pick(name)) for key, name in FIELDS.items()),
    ]
    return page(
        request, caller, "register.html", entries=_register(request).listed(caller.actor, words=search, field=field, status=status),
        fields=fields, statuses=statuses, wanted={"search": search, "field": field, "status": status}, names=dict(statuses),
        manifests=_unpublished(request, caller),
    )  # fmt: skip


def _unpublished(request: Request, caller: Caller) -> list[Any]:
    """For staff: services without an entry, to begin one."""
    if not caller.staff:
        return []
    there = {row["service"] for row in _register(request).listed(caller.actor)}
    return [one for one in request.app.state.installation.office.telemetry.manifests() if one.number not in there]


@router.get("/register.json")
def all_json(request: Request, caller: Who) -> Response:
    """Open data: every newest version."""
    return Response(as_json(_register(request).listed(caller.actor)), media_type="application/json")


@router.get("/register.csv")
def all_csv(request: Request, caller: Who) -> Response:
    """The same as a table."""
    text = as_csv(_form(request), _register(request).listed(caller.actor))
    headers = {"content-disposition": "attachment; filename=register.csv"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/feed.xml")
def feed(request: Request, caller: Who) -> Response:
    """Changes as an Atom feed."""
    city = request.app.state.installation.settings.city_name
    return Response(
        as_atom(_register(request).changes(caller.actor), _address(request), city), media_type="application/atom+xml"
    )


@router.get("/objections")
def objection_status(request: Request, caller: Who) -> Response:
    """Where one asks how an objection stands."""
    return page(request, caller, "register_objection_status.html", found=None, error=None, code="")


@router.post("/objections")
def look(request: Request, caller: Who, code: Annotated[str, Form(max_length=40)] = "") -> Response:
    """How it stands; the code is not put into an address."""
    try:
        found = request.app.state.installation.office.objections.look(caller.actor, code)
    except NotFound as error:
        return page(request, caller, "register_objection_status.html", status=404, found=None, error=error, code=code)
    return page(request, caller, "register_objection_status.html", found=found, error=None, code=code)


@router.get("/{service}.json")
def one_json(request: Request, caller: Who, service: int, view: Annotated[str, Query(max_length=30)] = "") -> Response:
    """One entry as open data; `view`: in the words of another register, with what could not be filled."""
    version = _register(request).one(caller.actor, service)
    told: dict[str, Any] = as_public(version)
    if view:
        if view not in mappings():
            raise NotFound("그런 형식은 없습니다.", next_step=f"{', '.join(mappings())} 가운데 고르세요.", record=view)
        made = mapped(mappings()[view], _form(request), version, _about(request, caller, version))
        told = {
            "standard": {"name": mappings()[view].name, "version": mappings()[view].version, "source": mappings()[view].source},
            "fields": made.fields, "missing_required": made.missing, "shortened": made.cut, "notes": made.notes,
        }  # fmt: skip
    return Response(json.dumps(told, ensure_ascii=False, indent=1, default=str), media_type="application/json")


def _about(request: Request, caller: Caller, version: Any) -> dict[str, str]:
    first = _register(request).versions(caller.actor, version["service"])[-1]
    return {
        "organization": request.app.state.installation.settings.city_name,
        "address": f"{_address(request)}/{version['service']}",
        "uuid": str(version["entry"].get("urn", "")),
        "first_published": first["published_at"].date().isoformat(),
    }


@router.get("/{service}")
def newest(request: Request, caller: Who, service: int) -> Response:
    """The newest version of a service's entry."""
    return _entry(request, caller, service, None)


@router.get("/{service}/{version}")
def one_version(request: Request, caller: Who, service: int, version: int) -> Response:
    """A version as it was published."""
    return _entry(request, caller, service, version)


def _entry(request: Request, caller: Caller, service: int, number: int | None) -> Response:
    register, form = _register(request), _form(request)
    version = register.one(caller.actor, service, number)
    versions = register.versions(caller.actor, service)
    before = next((one for one in versions if one["version"] == version["version"] - 1), None)
    return page(
        request, caller, "register_entry.html", version=version, versions=versions, sections=shown(form, version["entry"]), form=form,
        titles={section.id: section.title for section in form.sections}, plain={"plain", "rights"},
        changes=differences(form, before["entry"], version["entry"]) if before else [],
        drifted=drift(versions[0], request.app.state.installation.office.telemetry.running(service)),
        views=mappings(), draft=register.drafts(caller.actor).get(service) if caller.staff else None,
    )  # fmt: skip


# --- writing ---------------------------------------------------------------------------------------------------------


@router.post("/{service}/drafts")
def begin(request: Request, caller: Member, service: int) -> Response:
    """A draft of the entry: what is published now, else what the manifest knows. One draft a service at a time."""
    office, cases, register = request.app.state.installation.office, cases_of(request), _register(request)
    known = register.drafts(caller.actor).get(service)
    if known is not None:
        return go(request, caller, f"/cases/{known['case_id']}")
    manifest = next((one for one in office.telemetry.manifests() if one.number == service), None)
    if manifest is None:
        raise NotFound("그런 서비스가 없습니다.", next_step="등록부에서 다시 고르세요.", record=str(service))
    bureau = caller.actor.bureau if manifest.bureau == "미상" else manifest.bureau
    try:
        answers = dict(register.one(caller.actor, service)["entry"])
        answers.pop("revision_note", None)
    except NotFound:
        answers = draft_of(manifest)
    case = cases.open(caller.actor, FORM, Opening(f"{manifest.name.ko} 등록부 항목", bureau=bureau, service=service))
    cases.filings.save(caller.actor, case["id"], FORM, answers, base=0)
    return go(request, caller, f"/cases/{case['id']}")


@router.get("/{service}/drafts/{case_id}")
def compare(request: Request, caller: Member, service: int, case_id: str) -> Response:
    """Exactly what becomes public: the draft beside what is published now. Looked at before 공개."""
    cases, register = cases_of(request), _register(request)
    filing = cases.filings.get(caller.actor, case_id, FORM)
    form = cases.filings.form_of(filing)
    try:
        published = register.one(caller.actor, service)["entry"]
    except NotFound:
        published = {}
    return page(
        request, caller, "register_draft.html", changes=differences(form, published, filing["answers"]), first=not published,
        case_id=case_id, service=service,
    )  # fmt: skip


# --- objections ------------------------------------------------------------------------------------------------------


@router.get("/{service}/objections/new")
def object_to(request: Request, caller: Who, service: int) -> Response:
    """The form."""
    return _objection(request, caller, service)


def _objection(
    request: Request,
    caller: Caller,
    service: int,
    *,
    error: HaechiError | None = None,
    typed: dict[str, str] | None = None,
    key: str = "",
) -> Response:
    form = cases_of(request).policy.form("objection")
    return page(
        request, caller, "register_objection.html", status=error.status if error else 200, error=error, form=form,
        entry=_register(request).one(caller.actor, service), typed=typed or {}, key=key or secrets.token_hex(16), code="",
    )  # fmt: skip


@router.post("/{service}/objections/new")
def send_objection(
    request: Request, caller: Who, service: int, key: Annotated[str, Form(max_length=64)], what: Long = "", when: Long = "",
    kind: Long = "", data: Long = "", wish: Long = "",
) -> Response:  # fmt: skip
    """Hand it in; the receipt code is shown once."""
    typed = {"what": what, "when": when, "kind": kind, "data": data if kind == "data" else "", "wish": wish}
    try:
        code = request.app.state.installation.office.objections.send(
            caller.actor, service, typed, key=f"{caller.actor.subject}:{key}"
        )
    except InvalidInput as error:
        return _objection(request, caller, service, error=error, typed=typed, key=key)
    return page(
        request, caller, "register_objection.html", error=None, form=cases_of(request).policy.form("objection"), typed=typed, key=key,
        entry=_register(request).one(caller.actor, service), code=code,
    )  # fmt: skip
