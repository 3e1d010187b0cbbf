"""API: documents, versions, passages."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, UploadFile
from starlette.responses import Response

from haechi.web.api_models import PROBLEMS, Document, Documents, Passage, Passages, Progress, Receipt, Rights
from haechi.web.caller import Caller, Who, permitted
from haechi.web.pages_library import STATES
from haechi.web.pages_library import original as original_file

router = APIRouter(prefix="/api/v1", tags=["자료실 · Library"], responses=PROBLEMS)

Uploader = Annotated[Caller, Depends(permitted("library.upload"))]
Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]
Short = Annotated[str, Form(max_length=300)]
State = Annotated[str, Query(pattern=f"^({'|'.join(STATES)}|)$")]


@router.get("/documents", summary="문서 목록 · Documents", response_model=Documents)
def documents(
    request: Request,
    caller: Who,
    search: Annotated[str, Query(max_length=200)] = "",
    bureau: Annotated[str, Query(max_length=100)] = "",
    state: State = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> Any:
    """볼 수 있는 문서만 세고 보여 줍니다 · Counts and shows only what the caller may read."""
    found = request.app.state.installation.library.documents(
        caller.actor, search=search, bureau=bureau, state=state, limit=limit, offset=offset
    )
    return {"rows": found.rows, "total": found.total}


@router.post("/documents", summary="문서 올리기 · Upload a document", response_model=Receipt, status_code=202)
def upload(
    request: Request,
    caller: Uploader,
    file: Annotated[UploadFile, File(description="파일 · The file")],
    bureau: Short,
    grade: Short = "staff",
    readers: Annotated[list[str] | None, Form(max_length=500)] = None,
    licence: Short = "",
    kind: Short = "documents",
    title: Short = "",
    contact_name: Short = "",
    contact_phone: Short = "",
    effective_from: Annotated[date | None, Form()] = None,
    revised_on: Annotated[date | None, Form()] = None,
    document_id: Annotated[
        str | None, Form(max_length=64, description="새 판을 올릴 문서 · Document it is a new version of")
    ] = None,
    idempotency_key: Annotated[str | None, Header(max_length=200, description="같은 값이면 한 번만 받습니다")] = None,
) -> Any:
    """접수증은 데이터베이스에 적힌 뒤에 나갑니다. 읽기는 뒤에서 이어집니다 · Accepted once stored; read in the background."""
    receipt = request.app.state.installation.library.upload(
        caller.actor,
        filename=file.filename or "document",
        data=file.file.read(),
        bureau=bureau,
        grade=grade,
        readers=readers or (),
        licence=licence,
        kind=kind,
        title=title,
        contact_name=contact_name,
        contact_phone=contact_phone,
        effective_from=effective_from,
        revised_on=revised_on,
        document_id=document_id,
        idempotency_key=f"{caller.actor.subject}:{idempotency_key}" if idempotency_key else None,
        source="api",
    )
    return asdict(receipt)


@router.get(
    "/documents/{document_id}", summary="문서와 모든 판 · A document with its versions", response_model=Document
)
def document(request: Request, caller: Who, document_id: str) -> Any:
    """없는 문서와 볼 수 없는 문서는 구별되지 않습니다 · Absent and forbidden look the same."""
    return request.app.state.installation.library.document(caller.actor, document_id)


@router.put("/documents/{document_id}/rights", summary="열람 등급 바꾸기 · Change who may read", status_code=204)
def rights(request: Request, caller: Uploader, document_id: str, wanted: Rights) -> Response:
    """다음 질문부터 적용됩니다 · In force for the next question."""
    request.app.state.installation.library.change_rights(caller.actor, document_id, **wanted.model_dump())
    return Response(status_code=204)


@router.delete("/documents/{document_id}", summary="문서 지우기 · Delete a document", status_code=204)
def delete(request: Request, caller: Uploader, document_id: str) -> Response:
    """되돌릴 수 없습니다 · Cannot be undone."""
    request.app.state.installation.library.delete(caller.actor, document_id)
    return Response(status_code=204)


@router.get("/versions/{version_id}/passages", summary="판의 문단 · Passages of a version", response_model=Passages)
def passages(request: Request, caller: Who, version_id: str, limit: Limit = 100, offset: Offset = 0) -> Any:
    """읽는 차례대로 · In reading order."""
    found = request.app.state.installation.library.passages(caller.actor, version_id, limit=limit, offset=offset)
    return {"rows": found.rows, "total": found.total}


@router.get("/versions/{version_id}/original", summary="원본 파일 · The file as uploaded", response_class=Response)
def original(request: Request, caller: Who, version_id: str) -> Response:
    """올린 그대로 · As it was uploaded."""
    return original_file(request, caller, "", version_id)


@router.get("/passages/{passage_id}", summary="근거 문단 · A cited passage", response_model=Passage)
def passage(request: Request, caller: Who, passage_id: str) -> Any:
    """앞뒤 문단과 문서의 날짜·담당을 함께 줍니다 · With neighbours, dates and contact."""
    return request.app.state.installation.library.passage(caller.actor, passage_id)


@router.get("/progress", summary="읽기 진행 · Progress of reading", response_model=Progress)
def progress(request: Request, caller: Who) -> Any:
    """볼 수 있는 문서만 셉니다 · Counts only what the caller may read."""
    return request.app.state.installation.library.progress(caller.actor)
