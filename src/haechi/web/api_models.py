"""What the API takes and gives, as Pydantic models: the OpenAPI description is made from these."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=2000)]


class Problem(BaseModel):
    """오류 · An error: what happened, to which record, and the next step."""

    code: str = Field(description="바뀌지 않는 오류 이름 · Stable name of the error")
    message: str = Field(description="무슨 일이 있었는지 · What happened")
    next_step: str = Field(description="다음에 할 일 · What to do next")
    record: str = Field(description="관련 기록의 번호, 없으면 빈 글 · The record concerned, or empty")


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "받을 수 없는 요청 · The request cannot be accepted"},
    "503": {"model": Problem, "description": "지금은 쓸 수 없음 · Not available right now"},
}


class Question(BaseModel):
    """질문 · A question."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=2000, description="묻는 말 · The question")
    conversation_id: str | None = Field(None, max_length=64, description="이어서 물을 대화 · Conversation to follow up")
    as_of: date | None = Field(None, description="기준일, 없으면 오늘 · The day whose rules count; today by default")


class Answer(BaseModel):
    """한 번에 받은 답변 · A whole answer."""

    conversation_id: str
    turn_id: str
    answered: bool = Field(description="거짓이면 모름 · False: the documents do not say")
    text: str
    citations: list[dict[str, Any]]
    grounding: dict[str, Any]
    contact: dict[str, Any] | None
    model: str
    ai_label: str
    confidence: float
    elapsed_ms: float


class Feedback(BaseModel):
    """답변에 대한 의견 · Feedback on an answer."""

    model_config = ConfigDict(extra="forbid")

    helpful: bool
    reason: str = Field("", max_length=40)
    note: Text = ""


class Identifier(BaseModel):
    """만들어진 기록의 번호 · The identifier of what was made."""

    id: str


class ConversationRow(BaseModel):
    """대화 하나 · A conversation in the list."""

    id: str
    title: str
    created_at: datetime
    updated_at: datetime


class Conversation(BaseModel):
    """대화와 그 문답 · A conversation with its turns."""

    id: str
    title: str
    created_at: datetime
    turns: list[dict[str, Any]]


class Receipt(BaseModel):
    """접수증: 데이터베이스에 적힌 뒤에만 나갑니다 · Given only once the document is in the database."""

    document_id: str
    version_id: str
    number: int
    state: str


class DocumentRow(BaseModel):
    """문서 한 건(가장 새 판) · A document with its newest version."""

    model_config = ConfigDict(extra="ignore")

    id: str
    title: str
    bureau: str
    grade: str
    licence: str
    kind: str
    contact_name: str
    contact_phone: str
    created_at: datetime
    version_id: str
    version_number: int
    filename: str
    bytes: int
    media_type: str
    pages: int | None
    state: str
    error_code: str
    error: str
    next_step: str
    effective_from: date | None
    effective_to: date | None
    revised_on: date | None
    warnings: list[str]
    passages: int
    stale: bool


class Documents(BaseModel):
    """문서 목록 한 쪽 · A page of documents; total counts only what the caller may read."""

    rows: list[DocumentRow]
    total: int


class Document(DocumentRow):
    """문서와 모든 판 · A document with all its versions."""

    versions: list[DocumentRow]
    manageable: bool


class Rights(BaseModel):
    """열람 등급과 담당 · Who may read it, and whom to ask."""

    model_config = ConfigDict(extra="forbid")

    grade: Literal["public", "staff", "bureau", "named"]
    readers: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=500)
    licence: str = Field("", max_length=40)
    kind: Literal["documents", "colloquial", "statutes"] = "documents"
    title: str = Field("", max_length=300)
    contact_name: str = Field("", max_length=100)
    contact_phone: str = Field("", max_length=40)
    review_by: date | None = None


class PassageRow(BaseModel):
    """문단 하나 · One passage."""

    model_config = ConfigDict(extra="ignore")

    id: str
    ordinal: int
    text: str
    heading_path: list[str]
    page: int | None
    article: str
    table_data: dict[str, Any] | None
    terms: bool
    vectors: bool


class Passages(BaseModel):
    """문단 목록 한 쪽 · A page of passages in reading order."""

    rows: list[PassageRow]
    total: int


class Neighbour(BaseModel):
    """앞뒤 문단 · A passage before or after."""

    model_config = ConfigDict(extra="ignore")

    id: str
    text: str


class Passage(BaseModel):
    """근거 문단과 앞뒤 · A cited passage with its neighbours and its document."""

    model_config = ConfigDict(extra="ignore")

    id: str
    document_id: Any
    version_id: Any
    document_title: str
    text: str
    heading_path: list[str]
    page: int | None
    article: str
    table_data: dict[str, Any] | None
    bureau: str
    contact_name: str
    contact_phone: str
    effective_from: date | None
    revised_on: date | None
    version_number: int
    before: Neighbour | None
    after: Neighbour | None


class Progress(BaseModel):
    """읽기 진행 · How many versions stand in which state."""

    received: int
    reading: int
    searchable: int
    complete: int
    failed: int


class Standing(BaseModel):
    """운영 상태 · How the installation stands."""

    state: Literal["ready", "degraded", "missing"]
    parts: list[dict[str, str]]
