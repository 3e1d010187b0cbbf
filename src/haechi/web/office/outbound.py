"""반출 전 점검: staff drop a file or paste a text and see what is personal in it before it leaves. Nothing is kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from haechi.city.outbound import Findings, release, scan_outbound
from haechi.core.errors import HaechiError, InvalidInput
from haechi.web.caller import Caller, permitted
from haechi.web.view import page

router = APIRouter(prefix="/privacy/outbound", include_in_schema=False)

Officer = Annotated[Caller, Depends(permitted("office.see"))]
MOST_BYTES = 20 * 1024 * 1024
SHOWN = 100


@router.get("")
def ask(request: Request, caller: Officer) -> Response:
    """The empty form."""
    return page(request, caller, "outbound.html", found=None, held=None, error=None, shown=SHOWN)


@router.post("")
async def look(
    request: Request,
    caller: Officer,
    text: Annotated[str, Form(max_length=200_000)] = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """What was found in the file or the text."""
    found, held, error = None, None, None
    try:
        found = await _scanned(file, text, caller.wording("outbound.pasted"))
        release(found)
    except HaechiError as refusal:
        held, error = (refusal, None) if found else (None, refusal)
    return page(request, caller, "outbound.html", found=found, held=held, error=error, shown=SHOWN)


async def _scanned(file: UploadFile | None, text: str, pasted: str) -> Findings:
    if file is not None and file.filename:
        data = await file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise InvalidInput("파일이 20 MB보다 큽니다.", next_step="나누어 올리세요.")
        return await run_in_threadpool(scan_outbound, file.filename, data)
    if not text.strip():
        raise InvalidInput("살펴볼 것이 없습니다.", next_step="파일을 고르거나 글을 붙여 넣으세요.")
    return await run_in_threadpool(scan_outbound, pasted, text)
