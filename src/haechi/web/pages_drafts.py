"""문서 초안: a plan in, a press release or report out, every figure beside the sentence of the plan it stands in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.responses import Response

from haechi.city.drafting import PLANNED, Drafting
from haechi.core.errors import HaechiError, InvalidInput
from haechi.web.attachments import attachment
from haechi.web.caller import Caller, permitted
from haechi.web.pages_ask import split_at
from haechi.web.view import go, page

router = APIRouter(include_in_schema=False)
Writer = Annotated[Caller, Depends(permitted("draft.make"))]


def _desk(request: Request) -> Drafting:
    installation = request.app.state.installation
    known: Drafting | None = getattr(installation, "drafting", None) or getattr(request.app.state, "drafting", None)
    if known is None:
        known = request.app.state.drafting = Drafting(installation.store, installation.settings)
    return known


def _page(
    request: Request, caller: Caller, *, status: int = 200, error: HaechiError | None = None, kind: str = ""
) -> Response:
    return page(
        request, caller, "drafts.html", status=status, error=error, kind=kind or "press_release",
        kinds=[(key, caller.wording("drafts." + key)) for key in PLANNED], drafts=_desk(request).drafts(caller.actor),
        limit=request.app.state.installation.settings.upload_limit_mib,
    )  # fmt: skip


@router.get("/drafts")
def drafts(request: Request, caller: Writer) -> Response:
    """One's own drafts, and the form for a new one."""
    return _page(request, caller)


@router.post("/drafts")
def make(
    request: Request,
    caller: Writer,
    kind: Annotated[str, Form(max_length=40)] = "press_release",
    part: Annotated[int, Form(ge=1, le=1000)] = 1,
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Read the plan and write the draft."""
    try:
        if file is None or not file.filename:
            raise InvalidInput("고른 파일이 없습니다.", next_step="계획서 파일을 고르세요.")
        made = _desk(request).draft(caller.actor, kind, file.filename, file.file.read(), part=part - 1)
    except HaechiError as error:
        return _page(request, caller, status=error.status, error=error, kind=kind)
    return go(request, caller, f"/drafts/{made['id']}")


def figures_with_place(figures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each figure once a paragraph, with the plan's sentence cut at the figure so that it can be marked."""
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}
    for figure in figures:
        quote = figure.get("quote") or ""
        before, marked, after = split_at(quote, figure["text"])
        key = (figure["paragraph"], figure["text"], quote)
        seen.setdefault(key, {**figure, "before": before, "marked": marked, "after": after})
    return list(seen.values())


@router.get("/drafts/{draft_id}")
def draft(request: Request, caller: Writer, draft_id: str) -> Response:
    """The draft, and where each of its figures stands in the plan."""
    kept = _desk(request).get(caller.actor, draft_id)
    return page(request, caller, "draft.html", draft=kept, figures=figures_with_place(kept["figures"]))


@router.get("/drafts/{draft_id}/file.{format}")
def download(request: Request, caller: Writer, draft_id: str, format: str) -> Response:
    """The draft as HWPX or DOCX in the city's form."""
    filename, media_type, data = _desk(request).export(caller.actor, draft_id, format)
    return attachment(filename, data, media_type)


@router.post("/drafts/{draft_id}/delete")
def delete(request: Request, caller: Writer, draft_id: str) -> Response:
    """Remove one's own draft."""
    _desk(request).delete(caller.actor, draft_id)
    return go(request, caller, "/drafts", "draft_deleted")
