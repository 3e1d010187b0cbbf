"""관리: people, keys, watched folders, queue, parts and how to mend them, the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from haechi.city.library import GRADES
from haechi.core import audit, clock
from haechi.core.errors import HaechiError
from haechi.core.identity import ROLES, SCOPES
from haechi.web.caller import Caller, permitted
from haechi.web.view import go, page

router = APIRouter(prefix="/admin", include_in_schema=False)

Looker = Annotated[Caller, Depends(permitted("installation.read"))]
PeopleReader = Annotated[Caller, Depends(permitted("user.list"))]
PeopleChanger = Annotated[Caller, Depends(permitted("user.change"))]
KeyReader = Annotated[Caller, Depends(permitted("key.list"))]
KeyMaker = Annotated[Caller, Depends(permitted("key.create"))]
FolderWatcher = Annotated[Caller, Depends(permitted("library.watch_folder"))]
AuditReader = Annotated[Caller, Depends(permitted("audit.read"))]

TABS = (
    ("parts", "/admin", "installation.read"),
    ("people", "/admin/people", "user.list"),
    ("keys", "/admin/keys", "key.list"),
    ("folders", "/admin/folders", "library.watch_folder"),
    ("audit", "/admin/audit", "audit.read"),
)


def _page(request: Request, caller: Caller, template: str, *, status: int = 200, **context: Any) -> Response:
    tabs = [{"key": key, "address": address} for key, address, action in TABS if caller.may(action)]
    return page(request, caller, template, status=status, **{"tabs": tabs, "error": None, **context})


def _try(
    request: Request, caller: Caller, work: Callable[[], Any], back: Callable[..., Response], address: str
) -> Response:
    try:
        work()
    except HaechiError as error:
        return back(request, caller, status=error.status, error=error)
    return go(request, caller, address, "saved")


@router.get("")
def parts(request: Request, caller: Looker) -> Response:
    """Every part, how it stands, and the command that mends it; the queue of reading."""
    installation = request.app.state.installation
    inside, waiting = installation.asking.waiting_room.standing()
    failed = installation.library.documents(caller.actor, state="failed", limit=20)
    return _page(
        request, caller, "admin_parts.html",
        parts=[part.as_dict() for part in request.app.state.readings.parts.get()],
        progress=installation.library.progress(caller.actor), failed=failed, inside=inside, waiting=waiting,
    )  # fmt: skip


# --- people ----------------------------------------------------------------------------------------------------------


def _people(request: Request, caller: Caller, **more: Any) -> Response:
    installation = request.app.state.installation
    bureaux = [row["id"] for row in installation.library.bureaux(caller.actor)]
    context = {"users": installation.accounts.users(), "bureaux": bureaux, "roles": list(ROLES), "sent": {}}
    return _page(request, caller, "admin_people.html", may_change=caller.may("user.change"), **{**context, **more})


@router.get("/people")
def people(request: Request, caller: PeopleReader) -> Response:
    """All accounts."""
    return _people(request, caller)


@router.post("/people")
def new_person(
    request: Request,
    caller: PeopleChanger,
    login: Annotated[str, Form(max_length=100)] = "",
    name: Annotated[str, Form(max_length=100)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    roles: Annotated[list[str] | None, Form()] = None,
    bureau: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """A new account; its owner chooses their own password at the first sign-in."""

    def work() -> None:
        request.app.state.installation.accounts.create(
            login, name, password=password, roles=tuple(roles or ()), bureau=bureau or None,
            must_change_password=True, by=caller.actor,
        )  # fmt: skip

    return _try(request, caller, work, _people, "/admin/people")


@router.post("/people/{user_id}")
def change_person(
    request: Request,
    caller: PeopleChanger,
    user_id: str,
    roles: Annotated[list[str] | None, Form()] = None,
    bureau: Annotated[str, Form(max_length=100)] = "",
    active: Annotated[str, Form()] = "",
) -> Response:
    """Roles, bureau, open or closed; the person's sessions end so that the old rights end at once."""

    def work() -> None:
        request.app.state.installation.accounts.change(
            user_id, roles=tuple(roles or ()), bureau=bureau, active=active == "yes", by=caller.actor
        )

    return _try(request, caller, work, _people, "/admin/people")


@router.post("/people/{user_id}/sessions")
def end_sessions(request: Request, caller: PeopleChanger, user_id: str) -> Response:
    """Sign somebody out everywhere."""

    def work() -> None:
        request.app.state.installation.accounts.revoke_sessions(user_id, by=caller.actor)

    return _try(request, caller, work, _people, "/admin/people")


# --- keys ------------------------------------------------------------------------------------------------------------


def _keys(request: Request, caller: Caller, **more: Any) -> Response:
    installation = request.app.state.installation
    bureaux = [row["id"] for row in installation.library.bureaux(caller.actor)]
    scopes = [(key, caller.wording.pick(names)) for key, names in SCOPES.items()]
    context = {"keys": installation.keys.all(), "bureaux": bureaux, "scopes": scopes, "secret": "", "made": None}
    return _page(request, caller, "admin_keys.html", may_make=caller.may("key.create"), **{**context, **more})


@router.get("/keys")
def keys(request: Request, caller: KeyReader) -> Response:
    """All keys; never a secret."""
    return _keys(request, caller)


@router.post("/keys")
def new_key(
    request: Request,
    caller: KeyMaker,
    holder: Annotated[str, Form(max_length=200)] = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    note: Annotated[str, Form(max_length=300)] = "",
    days: Annotated[int, Form(ge=1, le=730)] = 365,
) -> Response:
    """A key for a bureau or a service: it reads what that bureau's staff read, or what is public. Shown this once."""
    tags = {"public"} | ({"staff", holder} if holder.startswith("bureau:") else set())
    try:
        made, secret = request.app.state.installation.keys.create(
            holder, tags, scopes or (), note, clock.now() + timedelta(days=days), caller.actor
        )
    except HaechiError as error:
        return _keys(request, caller, status=error.status, error=error)
    return _keys(request, caller, secret=secret, made=made)


@router.post("/keys/{key_id}/revoke")
def revoke_key(request: Request, caller: KeyMaker, key_id: str) -> Response:
    """End a key at once."""

    def work() -> None:
        request.app.state.installation.keys.revoke(key_id, by=caller.actor)

    return _try(request, caller, work, _keys, "/admin/keys")


# --- folders ---------------------------------------------------------------------------------------------------------


def _folders(request: Request, caller: Caller, **more: Any) -> Response:
    library = request.app.state.installation.library
    return _page(
        request, caller, "admin_folders.html",
        **{"folders": library.folders(caller.actor), "bureaux": [row["id"] for row in library.bureaux(caller.actor)],
           "grades": [(key, caller.wording.pick(names)) for key, names in GRADES.items() if key != "named"],
           "grade_names": GRADES, **more},
    )  # fmt: skip


@router.get("/folders")
def folders(request: Request, caller: FolderWatcher) -> Response:
    """Folders of this machine whose files become documents by themselves."""
    return _folders(request, caller)


@router.post("/folders")
def watch(
    request: Request,
    caller: FolderWatcher,
    path: Annotated[str, Form(max_length=1000)] = "",
    bureau: Annotated[str, Form(max_length=100)] = "",
    grade: Annotated[str, Form(max_length=20)] = "staff",
) -> Response:
    """Watch one more."""

    def work() -> None:
        request.app.state.installation.library.watch_folder(caller.actor, path.strip(), bureau=bureau, grade=grade)

    return _try(request, caller, work, _folders, "/admin/folders")


@router.post("/folders/{folder_id}/unwatch")
def unwatch(request: Request, caller: FolderWatcher, folder_id: str) -> Response:
    """Stop watching; what was taken in stays."""

    def work() -> None:
        request.app.state.installation.library.unwatch(caller.actor, folder_id)

    return _try(request, caller, work, _folders, "/admin/folders")


# --- audit -----------------------------------------------------------------------------------------------------------


def _audit(request: Request, caller: Caller, before: int | None = None, **more: Any) -> Response:
    with request.app.state.installation.store.transaction(caller.actor) as tx:
        context = {"entries": audit.entries(tx, before=before, limit=50), "heads": audit.heads(tx, 30)}
    names = {f"user:{user.id}": user.name for user in request.app.state.installation.accounts.users()}
    return _page(request, caller, "admin_audit.html", **{"verification": None, "names": names, **context, **more})


@router.get("/audit")
def audit_log(
    request: Request, caller: AuditReader, before: Annotated[int | None, Query(ge=1, le=2**60)] = None
) -> Response:
    """What was done, newest first, and the published heads."""
    return _audit(request, caller, before)


@router.post("/audit/verify")
def verify(request: Request, caller: AuditReader) -> Response:
    """Read the whole chain now and compare it with every published head."""
    installation = request.app.state.installation
    with installation.store.transaction(caller.actor) as tx:
        verification = audit.verify(tx, installation.settings.home / "published")
    return _audit(request, caller, verification=verification)
