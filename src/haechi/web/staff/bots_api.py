"""API: bots that one may talk to, and a department's own bots from draft to publication."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from haechi.city.bots import BotDraft
from haechi.city.bots.questions import TestQuestion
from haechi.engines.dialogue.ports import AI_LABEL
from haechi.web.api_models import PROBLEMS, Identifier
from haechi.web.caller import Caller, Who, permitted

router = APIRouter(prefix="/api/v1/bots", tags=["챗봇 · Bots"], responses=PROBLEMS)
Maker = Annotated[Caller, Depends(permitted("bot.make"))]
Line = Annotated[str, Field(max_length=500)]


class Card(BaseModel):
    """챗봇 카드 · What a bot is for; `on` false: switched off, ask `office` instead."""

    id: str
    name_ko: str
    name_en: str
    audience: Literal["citizen", "staff"]
    bureau: str
    purpose: str
    service: int | None
    built: bool
    emergency: bool
    office: str
    phone: str
    does: list[str]
    does_not: list[str]
    examples: list[str]
    on: bool
    off_why: str


class Draft(BaseModel):
    """부서 챗봇의 내용 · What an office says of its bot."""

    model_config = ConfigDict(extra="forbid")

    name_ko: str = Field(max_length=60)
    audience: Literal["citizen", "staff"] = "citizen"
    bureau: str = Field("", max_length=100, description="새로 만들 때만 · Only when it is made")
    name_en: str = Field("", max_length=60)
    purpose: Line = ""
    office: Line = ""
    phone: str = Field("", max_length=40)
    greeting: str = Field("", max_length=2000)
    examples: list[Line] = Field(default=[], max_length=8)

    def taken(self) -> BotDraft:
        """As the office's own type."""
        return BotDraft(**{**self.model_dump(), "examples": tuple(self.examples)})


class Documents(BaseModel):
    """담을 문서 · Documents to put in."""

    model_config = ConfigDict(extra="forbid")

    documents: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=500)


class Asked(BaseModel):
    """시험 질문 · A test question; answer "모름" when the documents should not say."""

    model_config = ConfigDict(extra="forbid")

    question: Line
    answer: Line = ""
    document: str = Field("", max_length=300, description="담긴 문서의 제목·파일 이름·번호 · Title, file name or id")


class AskedList(BaseModel):
    """시험 질문들 · Test questions."""

    model_config = ConfigDict(extra="forbid")

    questions: list[Asked] = Field(min_length=1, max_length=300)


class Reason(BaseModel):
    """까닭 · A reason."""

    model_config = ConfigDict(extra="forbid")

    why: Line = ""


class Switch(Reason):
    """켜고 끄기 · On or off."""

    on: bool


class Try(BaseModel):
    """해 볼 질문 · A question to try."""

    model_config = ConfigDict(extra="forbid")

    question: Line


class Tried(BaseModel):
    """초안의 답 · What the draft answers; nothing is kept."""

    answered: bool
    text: str
    reason: str
    citations: list[dict[str, Any]]
    ai_label: str


class Score(BaseModel):
    """채점 결과 · Each figure as count, n, value and a 95 % interval; each row with its answer and citations."""

    id: str
    at: Any
    figures: dict[str, dict[str, Any]]
    passed: bool
    model: str
    rows: list[dict[str, Any]]


class Version(BaseModel):
    """게시본 번호 · The number of the published version."""

    number: int


def _house(request: Request) -> Any:
    return request.app.state.installation


@router.get("", summary="쓸 수 있는 챗봇 · Bots to talk to", response_model=list[Card])
def bots(request: Request, caller: Who) -> Any:
    """게시된 것만. 시민에게는 시민용만 보입니다 · Published ones; citizens see only bots for citizens."""
    return [asdict(card) for card in _house(request).bots.all(caller.actor)]


@router.post("", summary="챗봇 만들기 · Make a bot", response_model=Identifier, status_code=201)
def make(request: Request, caller: Maker, draft: Draft) -> Any:
    """초안으로 만들어집니다 · Made as a draft."""
    return {"id": _house(request).bot_building.create(caller.actor, draft.taken())}


@router.get("/{bot_id}", summary="챗봇 카드 · A bot's card", response_model=Card)
def bot(request: Request, caller: Who, bot_id: str) -> Any:
    """없는 것과 볼 수 없는 것은 구별되지 않습니다 · Absent and forbidden look the same."""
    return asdict(_house(request).bots.get(bot_id, caller.actor))


@router.put("/{bot_id}", summary="초안 고치기 · Change the draft", status_code=204)
def describe(request: Request, caller: Maker, bot_id: str, draft: Draft) -> Response:
    """게시본은 다시 게시할 때 바뀝니다 · The published version stays until it is published anew."""
    _house(request).bot_building.describe(caller.actor, bot_id, draft.taken())
    return Response(status_code=204)


@router.post("/{bot_id}/documents", summary="문서 담기 · Put documents in", status_code=204)
def put_in(request: Request, caller: Maker, bot_id: str, wanted: Documents) -> Response:
    """시민용에는 공개 문서만 담깁니다 · A citizens' bot takes public documents only."""
    _house(request).bot_building.put_in(caller.actor, bot_id, wanted.documents)
    return Response(status_code=204)


@router.delete("/{bot_id}/documents/{document_id}", summary="문서 빼기 · Take a document out", status_code=204)
def take_out(request: Request, caller: Maker, bot_id: str, document_id: str) -> Response:
    """자료실에는 남습니다 · It stays in the library."""
    _house(request).bot_building.take_out(caller.actor, bot_id, document_id)
    return Response(status_code=204)


@router.post("/{bot_id}/questions", summary="시험 질문 더하기 · Add test questions", status_code=204)
def add_questions(request: Request, caller: Maker, bot_id: str, wanted: AskedList) -> Response:
    """같은 질문은 새 기대로 바뀝니다 · A question that stands there takes the new expectation."""
    asked = [TestQuestion(one.question, one.answer, one.document) for one in wanted.questions]
    _house(request).bot_questions.add(caller.actor, bot_id, asked)
    return Response(status_code=204)


@router.post("/{bot_id}/score", summary="채점하기 · Run the test", response_model=Score)
def score(request: Request, caller: Maker, bot_id: str) -> Any:
    """실제 검색과 답변기로, 챗봇의 문서 안에서만 · The real search and answerer, inside the bot's documents."""
    score_id = _house(request).bot_scoring.run(caller.actor, bot_id)
    return next(one for one in _house(request).bot_scoring.scores(caller.actor, bot_id) if one["id"] == score_id)


@router.post("/{bot_id}/try", summary="초안에 물어보기 · Ask the draft", response_model=Tried)
def ask(request: Request, caller: Maker, bot_id: str, wanted: Try) -> Any:
    """저장하지 않습니다 · Nothing is kept."""
    found = _house(request).bot_scoring.ask(caller.actor, bot_id, wanted.question)
    return {**found, "ai_label": AI_LABEL if found["answered"] else ""}


@router.post("/{bot_id}/publish", summary="게시하기 · Publish", response_model=Version)
def publish(request: Request, caller: Maker, bot_id: str, said: Reason) -> Any:
    """경고가 있으면 까닭이 있어야 합니다 · With warnings, a reason is needed."""
    return {"number": _house(request).bot_publishing.publish(caller.actor, bot_id, said.why)}


@router.post("/{bot_id}/withdraw", summary="거두어들이기 · Withdraw", status_code=204)
def withdraw(request: Request, caller: Maker, bot_id: str, said: Reason) -> Response:
    """다음 질문부터 아무도 쓰지 못합니다 · Out of service from the next turn."""
    _house(request).bot_publishing.withdraw(caller.actor, bot_id, said.why)
    return Response(status_code=204)


@router.post("/{bot_id}/switch", summary="켜고 끄기 · Switch on or off", status_code=204)
def switch(
    request: Request, caller: Annotated[Caller, Depends(permitted("bot.list"))], bot_id: str, said: Switch
) -> Response:
    """끄려면 까닭이 있어야 합니다 · Off needs a reason, which people are shown."""
    _house(request).bots.switch(caller.actor, bot_id, said.on, said.why)
    return Response(status_code=204)
