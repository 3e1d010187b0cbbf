"""서우리주무관: a question becomes a cited answer, or "모름" and a person.

All reading, ranking and answering is the knowledge engine's; this file only turns its events into one outcome.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from haechi.core.contract import City, KpiReading, Readiness, Request, quantile_of, share_of
from haechi.core.errors import HaechiError, InvalidInput
from haechi.core.outcome import Evidence, Outcome
from haechi.engines.knowledge.ports import AnswerEvent, Citation, Delta, Done, Grounding, Reader, Retrieval, Turn

SERVICE = 39
VERSION = "1"
QUESTION_LIMIT = 2000
HISTORY_TURNS = 3
AI_LABEL = "AI가 만든 답변입니다. 근거를 확인하세요."
UNKNOWN_ANSWER = "모름"
CHECK_SOURCES = "직원이 근거를 열어 확인한 뒤 씁니다. 답변은 결정이 아닙니다."


class Knowledge(Protocol):
    """The part of the knowledge engine that this service uses."""

    def answer(self, question: str, reader: Reader, history: Sequence[Turn] = ()) -> Iterator[AnswerEvent]:
        """Retrieval first, Done last."""
        ...


@dataclass(slots=True)
class _Heard:
    """What the event stream said."""

    citations: list[Citation] = field(default_factory=list)
    text: str = ""
    conflicts: int = 0
    withdrawn: int = 0
    found: int = 0
    done: Done | None = None


class StaffChatbot:
    """The service. Holds the city and, once asked for, the engine; nothing about any question stays."""

    def __init__(self, city: City) -> None:
        self._city = city

    def warm_up(self) -> None:
        """Open the knowledge engine; where it prepares something heavy, do that now."""
        engine = self._knowledge()
        prepare = getattr(engine, "warm_up", None)
        if prepare is not None:
            prepare()

    def check(self) -> Readiness:
        """Ready when the engine opens; missing or degraded, with the reason, when it does not."""
        try:
            self._knowledge()
        except HaechiError as error:
            if install := getattr(error, "install", ""):
                return Readiness.missing(error.message, install)
            return Readiness.degraded(error.message, "질문을 받아 담당자에게 넘길 수 있습니다.")
        return Readiness.ready()

    def handle(self, request: Request) -> Outcome:
        """Answer `payload["question"]` from what the asker may read.

        Raises InvalidInput for an empty or overlong question or a malformed history. An engine that fails gives an
        outcome that needs a person.
        """
        question = request.text("question", limit=QUESTION_LIMIT)
        history = _history(request.payload.get("history", ()))
        reader = Reader(tags=request.tags, as_of=request.as_of)
        start = time.perf_counter()
        try:
            heard = _listen(self._knowledge().answer(question, reader, history), request)
        except InvalidInput:
            raise
        except HaechiError as error:
            return _handed_over(f"{error.message} 담당자에게 직접 물어보세요.", time.perf_counter() - start)
        if heard.done is None:
            return _handed_over(
                "시간 안에 답을 마치지 못했습니다. 담당자에게 직접 물어보세요.", time.perf_counter() - start
            )
        return _outcome(heard, heard.done, time.perf_counter() - start)

    def _knowledge(self) -> Knowledge:
        engine: Knowledge = self._city.engine("knowledge")
        return engine


def build(city: City) -> StaffChatbot:
    """Entry point. Cheap: opens nothing."""
    return StaffChatbot(city)


def measure(outcomes: Sequence[Outcome]) -> list[KpiReading]:
    """The manifest's KPIs with source "outcomes", from stored outcomes of this service."""
    own = [outcome for outcome in outcomes if outcome.service == SERVICE]
    answered = [outcome for outcome in own if outcome.result.get("answered")]
    return [
        share_of("answered_share", own, lambda outcome: bool(outcome.result.get("answered"))),
        share_of("cited_share", answered, lambda outcome: bool(outcome.evidence)),
        quantile_of("answer_p95", own, lambda outcome: outcome.elapsed, 0.95),
    ]


def _listen(events: Iterable[AnswerEvent], request: Request) -> _Heard:
    """Gather the stream; stops listening at the request's deadline and leaves `done` None."""
    heard = _Heard()
    for event in events:
        match event:
            case Retrieval():
                heard.found = len(event.hits)
            case Delta():
                heard.text += event.text
            case Citation():
                heard.citations.append(event)
            case Grounding():
                heard.conflicts, heard.withdrawn = len(event.conflicts), len(event.withdrawn)
            case Done():
                heard.done = event
        left = request.seconds_left
        if heard.done is None and left is not None and left <= 0:
            break
    return heard


def _outcome(heard: _Heard, done: Done, elapsed: float) -> Outcome:
    # An answer without a citation cannot be checked by anyone, so it is not given.
    answered = done.answered and bool(heard.citations)
    needs_person = not answered or heard.conflicts > 0
    return Outcome(
        service=SERVICE,
        result={
            "answered": answered,
            "answer": (heard.text.strip() or done.text) if answered else (done.text or UNKNOWN_ANSWER),
            "citations": [_shown(citation) for citation in heard.citations] if answered else [],
            "conflicts": heard.conflicts,
            "withdrawn": heard.withdrawn,
            "ai_label": done.ai_label or AI_LABEL,
        },
        confidence=done.confidence,
        evidence=tuple(_evidence(citation) for citation in heard.citations) if answered else (),
        model=done.model,
        model_version=VERSION,
        made_by_ai=True,
        needs_person=needs_person,
        why_person=_why_person(heard, done, answered),
        elapsed=elapsed,
    )


def _why_person(heard: _Heard, done: Done, answered: bool) -> str:
    if answered and heard.conflicts:
        return f"서로 다른 내용의 문서가 {heard.conflicts}쌍 있습니다. 문서 담당 부서가 어느 쪽이 맞는지 정해야 합니다."
    if answered:
        return CHECK_SOURCES
    if done.answered:
        return "근거를 붙일 수 없는 답이어서 보이지 않았습니다. 담당자에게 물어보세요."
    if heard.found == 0:
        return "읽을 수 있는 문서 가운데 관련된 것이 없습니다. 담당자에게 물어보세요."
    return done.reason or "문서가 이 질문에 답하지 않습니다. 담당자에게 물어보세요."


def _handed_over(why: str, elapsed: float) -> Outcome:
    """The outcome when nothing could be answered for a technical reason: no AI spoke, a person must."""
    return Outcome(
        service=SERVICE,
        result={"answered": False, "answer": UNKNOWN_ANSWER, "citations": [], "ai_label": ""},
        confidence=None,
        evidence=(),
        model="none",
        model_version=VERSION,
        made_by_ai=False,
        needs_person=True,
        why_person=why,
        elapsed=elapsed,
    )


def _shown(citation: Citation) -> dict[str, Any]:
    passage = citation.passage
    return {
        "sentence": citation.sentence,
        "marker": citation.marker,
        "title": passage.title,
        "locator": passage.locator,
        "quote": citation.quote,
        "passage": passage.id,
    }


def _evidence(citation: Citation) -> Evidence:
    passage = citation.passage
    return Evidence("passage", passage.id, passage.title, passage.locator, citation.quote)


def _history(raw: Any) -> tuple[Turn, ...]:
    """The last earlier exchanges, oldest first. Raises InvalidInput when one is not {"question", "answer"}."""
    if not isinstance(raw, list | tuple):
        raise InvalidInput(
            "'history'는 앞선 문답의 목록이어야 합니다.", next_step='[{"question": …, "answer": …}]로 보내세요.'
        )
    turns = []
    for item in raw[-HISTORY_TURNS:]:
        if not isinstance(item, Mapping) or not all(isinstance(item.get(key), str) for key in ("question", "answer")):
            raise InvalidInput(
                "'history'의 문답에는 question과 answer가 글로 있어야 합니다.",
                next_step="빈 항목을 지우고 다시 보내세요.",
            )
        turns.append(Turn(item["question"], item["answer"]))
    return tuple(turns)
