"""서울톡: what a citizen wants, and who in the city acts on it.

Understanding, forms and the search are the engines'; conversations, complaints and cards are the city's. This file turns one
utterance, perhaps with a place, into one outcome: the matter that was understood, the answer or the form, and the district.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from haechi.core.contract import City, KpiReading, Readiness, Request, quantile_of, share_of
from haechi.core.errors import HaechiError, InvalidInput
from haechi.core.outcome import Evidence, Outcome
from haechi.engines.dialogue.intents import Meaning
from haechi.engines.dialogue.ports import AI_LABEL, BotCard, Form, Script
from haechi.engines.geo import Located, Point
from haechi.engines.knowledge.ports import AnswerEvent, Citation, Delta, Done, Reader, Turn

SERVICE = 11
VERSION = "1"
TEXT_LIMIT = 2000
SCRIPT = Path(__file__).with_name("bot.yaml")
CARD = BotCard(
    "seoul_talk",
    "서울톡",
    "Seoul Talk",
    "citizen",
    "디지털도시국",
    "시정 안내와 현장 민원",
    11,
    True,
    False,
    "120다산콜",
    "120",
)
TO_PERSON = "120 상담사가 이어서 답합니다."


class Book(Protocol):
    """A bot's script, open: what it knows, and what words mean in it."""

    script: Script

    def understand(self, text: str) -> Meaning:
        """The topics that the text may mean."""
        ...


class Dialogues(Protocol):
    """The part of the dialogue engine that this service uses."""

    def open(self, source: Path, card: BotCard) -> Book:
        """The script in the file with its ranker."""
        ...


class Knowledge(Protocol):
    """The part of the knowledge engine that this service uses."""

    def answer(self, question: str, reader: Reader, history: Sequence[Turn] = ()) -> Iterator[AnswerEvent]:
        """Retrieval first, Done last."""
        ...


class Districts(Protocol):
    """The part of the geo engine that this service uses."""

    def at(self, point: Point) -> Located:
        """Where a point lies."""
        ...


class SeoulTalk:
    """The service. Holds the city and the open script; nothing of any utterance stays."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._opened: Book | None = None

    def warm_up(self) -> None:
        """Open the script and read the borders."""
        self._book()
        prepare = getattr(self._city.engine("geo"), "warm_up", None)
        if prepare is not None:
            prepare()

    def check(self) -> Readiness:
        """Missing without the dialogue engine; degraded without the borders."""
        try:
            self._book()
        except HaechiError as error:
            return Readiness.missing(error.message, getattr(error, "install", "") or "./haechi up")
        try:
            self._city.engine("geo").at(Point(37.5663, 126.9779))
        except HaechiError as error:
            return Readiness.degraded(error.message, "민원을 받고, 맡을 자치구는 접수 창구가 정합니다.")
        return Readiness.ready()

    def handle(self, request: Request) -> Outcome:
        """payload: 'text', and perhaps 'place' {lat, lon}. Raises InvalidInput for no text or an impossible place."""
        text = request.text("text", limit=TEXT_LIMIT)
        point = _point(request.payload.get("place"))
        start = time.perf_counter()
        try:
            book = self._book()
            meaning = book.understand(text)
            result = _understood(meaning, book.script)
            where = self._where(point)
            if result["leads_to"] == "search" or meaning.kind == "unknown":
                return self._from_documents(text, request, meaning, {**result, **where}, start)
        except InvalidInput:
            raise
        except HaechiError as error:
            return _handed_over(f"{error.message} {TO_PERSON}", time.perf_counter() - start)
        needs, why = _person(meaning, result, where)
        return _outcome({**result, **where}, meaning, (), needs, why, "intents", time.perf_counter() - start)

    def _where(self, point: Point | None) -> dict[str, Any]:
        """The district of the place; empty without one. A geo engine that is away leaves the district to a person."""
        if point is None:
            return {}
        try:
            located: Located = self._city.engine("geo").at(point)
        except HaechiError as error:
            return {"gu": "", "inside": None, "place": "", "place_problem": error.message}
        return {"gu": located.gu, "inside": located.inside, "place": located.words}

    def _from_documents(
        self, text: str, request: Request, meaning: Meaning, result: dict[str, Any], start: float
    ) -> Outcome:
        knowledge: Knowledge = self._city.engine("knowledge")
        reader = Reader(tags=frozenset({"public"}), as_of=request.as_of)
        said, citations, done = "", [], None
        for event in knowledge.answer(text, reader):
            if isinstance(event, Delta):
                said += event.text
            elif isinstance(event, Citation):
                citations.append(event)
            elif isinstance(event, Done):
                done = event
        answered = done is not None and done.answered and bool(citations)
        result |= {"answered": answered, "answer": said.strip() if answered else "모름"}
        evidence = tuple(
            Evidence("passage", one.passage.id, one.passage.title, one.passage.locator, one.quote) for one in citations
        )
        why = "문서에서 찾은 답입니다. 근거를 열어 확인하세요." if answered else f"문서가 말하지 않습니다. {TO_PERSON}"
        model = done.model if done is not None else "none"
        elapsed = time.perf_counter() - start
        return _outcome(result, meaning, evidence if answered else (), not answered, why, model, elapsed)

    def _book(self) -> Book:
        if self._opened is None:
            dialogues: Dialogues = self._city.engine("dialogue")
            self._opened = dialogues.open(SCRIPT, CARD)
        return self._opened


def build(city: City) -> SeoulTalk:
    """Entry point. Cheap: opens nothing."""
    return SeoulTalk(city)


def measure(outcomes: Sequence[Outcome]) -> list[KpiReading]:
    """The manifest's KPIs with source "outcomes", from stored outcomes of this service: its conversations too."""
    own = [outcome for outcome in outcomes if outcome.service == SERVICE]
    return [
        share_of("understood_share", own, lambda outcome: bool(outcome.result.get("intent"))),
        quantile_of("answer_p95", own, lambda outcome: outcome.elapsed, 0.95),
    ]


def _point(value: Any) -> Point | None:
    if value is None:
        return None
    try:
        return Point(float(value["lat"]), float(value["lon"]))
    except (KeyError, TypeError, ValueError):
        raise InvalidInput(
            "'place'를 읽을 수 없습니다.", next_step='{"lat": 37.5663, "lon": 126.9779}처럼 보내세요.', record="place"
        ) from None


def _understood(meaning: Meaning, script: Script) -> dict[str, Any]:
    """What was understood, with the form's questions when a form follows. Close topics are asked back, never guessed."""
    options = [{"id": id, "title": title} for id, title, _, _ in meaning.topics[:3]]
    found: dict[str, Any] = {"kind": meaning.kind, "intent": "", "title": "", "leads_to": "", "options": options}
    if meaning.kind == "sure" and meaning.topics:
        id, title, leads_to, _ = meaning.topics[0]
        found |= {"intent": id, "title": title, "leads_to": leads_to, "options": []}
    form = _form(found["leads_to"], script)
    if form is not None:
        found["fields"] = [field.label for field in form.fields]
        found["intro"] = form.intro
    return found | {"answered": meaning.kind == "sure", "ai_label": AI_LABEL}


def _form(leads_to: str, script: Script) -> Form | None:
    return next((one for one in script.forms if leads_to == f"form:{one.id}"), None)


def _person(meaning: Meaning, result: Mapping[str, Any], where: Mapping[str, Any]) -> tuple[bool, str]:
    if where.get("inside") is False:
        there = where.get("place") or "알 수 없는 곳"
        return True, f"위치가 서울 밖({there})입니다. 그곳의 담당 부서는 여기서 알 수 없어 사람이 안내합니다."
    if result["leads_to"] == "person":
        return True, TO_PERSON
    if meaning.kind == "close":
        return False, "비슷한 것이 여럿이어서 어느 것인지 되묻습니다."
    if result["leads_to"].startswith("form:"):
        return True, "양식을 채우면 담당 부서 직원이 처리합니다."
    return False, "정해진 안내로 이어집니다. 언제든 상담사를 부를 수 있습니다."


def _outcome(
    result: Mapping[str, Any], meaning: Meaning, evidence: tuple[Evidence, ...], needs: bool, why: str, model: str, elapsed: float
) -> Outcome:  # fmt: skip
    rules = tuple(Evidence("rule", id, title, "주제", f"{share:.2f}") for id, title, _, share in meaning.topics[:3])
    confidence = meaning.topics[0][3] if meaning.topics else 0.0
    return Outcome(
        service=SERVICE,
        result=result,
        confidence=confidence,
        evidence=evidence or (rules if not needs or meaning.kind != "unknown" else ()),
        model=model,
        model_version=VERSION,
        made_by_ai=True,
        needs_person=needs,
        why_person=why,
        elapsed=elapsed,
    )


def _handed_over(why: str, elapsed: float) -> Outcome:
    """No engine spoke: a person does."""
    result = {"kind": "unknown", "intent": "", "answered": False, "answer": "모름", "ai_label": ""}
    return Outcome(SERVICE, result, None, (), "none", VERSION, False, True, why, elapsed)
