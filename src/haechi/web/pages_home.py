"""첫 화면, 상태, 연계 안내."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from haechi.city.register import load_register
from haechi.core.errors import HaechiError
from haechi.web.caller import Who
from haechi.web.view import page

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, caller: Who) -> Response:
    """What Haechi is, how it stands, and the box to ask."""
    installation = request.app.state.installation
    register = load_register()
    return page(
        request,
        caller,
        "home.html",
        documents=installation.library.documents(caller.actor, limit=1).total,
        services=sum(manifest.in_city_list for manifest in register.manifests),
        built=sum(manifest.built for manifest in register.manifests),
        state=request.app.state.readings.state(),
    )


@router.get("/status")
def status(request: Request, caller: Who) -> Response:
    """How the installation stands, for everybody: no addresses, no commands, no names of people."""
    parts = [part.as_dict() for part in request.app.state.readings.parts.get()]
    inside, waiting = request.app.state.installation.asking.waiting_room.standing()
    return page(
        request,
        caller,
        "status.html",
        parts=parts,
        state=request.app.state.readings.state(),
        inside=inside,
        waiting=waiting,
        detail=caller.signed_in and caller.may("installation.read"),
    )


@router.get("/healthz")
def healthz(request: Request) -> Response:
    """200 while this process can serve people from its database, else 503. For supervisors and load balancers."""
    try:
        with request.app.state.installation.store.transaction() as tx:
            tx.value("select 1")
    except HaechiError as error:
        return PlainTextResponse(error.code, status_code=503)
    return PlainTextResponse("ok")


@router.get("/api")
def api_guide(request: Request, caller: Who) -> Response:
    """The API as a page: every call with what it wants, drawn from the OpenAPI description itself."""
    description = request.app.openapi()
    calls = [
        {
            "path": path,
            "method": method.upper(),
            "summary": call.get("summary", ""),
            "tag": (call.get("tags") or [""])[0],
        }
        for path, methods in description["paths"].items()
        for method, call in methods.items()
    ]
    return page(request, caller, "api.html", calls=calls, address=request.app.state.installation.settings.address)
