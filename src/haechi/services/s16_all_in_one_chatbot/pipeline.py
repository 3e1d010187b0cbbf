"""All-In-One 서울챗봇: one door. An utterance becomes the bot that answers, with the reason; danger becomes 119 at once.

How the way is found is the dialogue engine's; this file turns a Decision into one outcome and says what follows for whom.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from haechi.core.contract import City, KpiReading, Readiness, Request, quantile_of, share_of
from haechi.core.errors import HaechiError, InvalidInput
from haechi.core.outcome import Evidence, Outcome
from haechi.engines.dialogue.ports import BotCard
from haechi.engines.dialogue.routing import OUT_OF_SCOPE, Decision, Standing, standing

SERVICE = 16
VERSION = "1"
LONGEST = 4000
MODEL = "routing"
AI_LABEL = "AI가 고른 챗봇입니다. 아니면 다른 챗봇을 누르세요."
CALL_119 = "지금 119에 전화하세요. 말하기 어려우면 문자나 119 신고 앱으로도 됩니다."
NOT_OURS = "서울시 챗봇들이 맡는 일이 아닙니다. 시정에 관한 일이면 다시 말씀해 주시거나 120다산콜(120)에 물어보세요."
WHICH = "어느 쪽 일인지 골라 주세요."
DOOR_CLOSED = "지금은 챗봇을 고를 수 없습니다. 120다산콜(120)에 물어보세요. 목숨이 달린 일이면 바로 119에 전화하세요."


class Dialogue(Protocol):
    """The part of the dialogue engine that this service uses."""

    version: str
    lexical_only: bool

    def route(self, text: str, *, tags: frozenset[str], previous: str | None = None) -> Decision:
        """Where an utterance goes for somebody with these tags."""
        ...

    def shown(self, tags: frozenset[str]) -> list[BotCard]:
        """The cards that they may see."""
        ...

    def warm_up(self) -> None:
        """Use everything once."""
        ...


class AllInOne:
    """The service. Holds the city only; nothing about any utterance stays.

    checks: how the bots behind the door stand, by bot id; a bot without one is taken at its card's word.
    """

    def __init__(self, city: City, checks: Mapping[str, Callable[[], Readiness]] | None = None) -> None:
        self._city = city
        self._checks = dict(checks or {})

    def warm_up(self) -> None:
        """Open the engine and use it once."""
        self._dialogue().warm_up()

    def check(self) -> Readiness:
        """Ready with letters and meaning; degraded with letters alone; missing without the frozen model."""
        try:
            engine = self._dialogue()
            if engine.lexical_only:
                return Readiness.degraded(
                    "뜻을 견주는 임베딩이 없습니다.", "글자만으로 챗봇을 고릅니다. 응급 규칙은 그대로입니다."
                )
        except HaechiError as error:
            if install := getattr(error, "install", ""):
                return Readiness.missing(error.message, install)
            return Readiness.degraded(error.message, "120다산콜을 안내합니다.")
        return Readiness.ready()

    def handle(self, request: Request) -> Outcome:
        """Route `payload["text"]`; `payload["previous"]` is the bot of the turn before, if any.

        Raises InvalidInput for an empty or overlong text or an unknown form of `previous`.
        """
        text = request.text("text", limit=LONGEST)
        previous = request.payload.get("previous")
        if previous is not None and not isinstance(previous, str):
            raise InvalidInput("'previous'는 챗봇의 id여야 합니다.", next_step="앞서 답한 챗봇의 id를 글로 보내세요.")
        start = time.perf_counter()
        try:
            engine = self._dialogue()
            cards = {card.id: card for card in engine.shown(request.tags)}
            decision = engine.route(text, tags=request.tags, previous=previous or None)
            version = engine.version
        except InvalidInput:
            raise
        except HaechiError:
            return _closed(time.perf_counter() - start)
        if decision.bot not in cards and decision.bot != OUT_OF_SCOPE:
            return _closed(time.perf_counter() - start)
        return self._outcome(decision, cards, f"{VERSION}/{version}", start)

    def _outcome(self, decision: Decision, cards: Mapping[str, BotCard], version: str, start: float) -> Outcome:
        card = cards.get(decision.bot)
        stands = self._stands(card, decision)
        message, why, needs_person = _what_follows(decision, card, stands)
        return Outcome(
            service=SERVICE,
            result={
                "bot": decision.bot,
                "name": card.name_ko if card else "맡지 않는 말",
                "why": decision.why,
                "message": message,
                "others": [{"id": id, "name": cards[id].name_ko} for id in decision.others if id in cards],
                "ask": decision.ask,
                "emergency": decision.emergency,
                "state": stands.state,
                "office": card.office if card else "120다산콜",
                "phone": card.phone if card else "120",
                "lexical_only": decision.lexical_only,
                "ai_label": AI_LABEL,
            },
            confidence=min(1.0, max(0.0, decision.confidence)),
            evidence=_evidence(decision, card),
            model=MODEL,
            model_version=version,
            made_by_ai=True,
            needs_person=needs_person,
            why_person=why,
            elapsed=time.perf_counter() - start,
        )

    def _stands(self, card: BotCard | None, decision: Decision) -> Standing:
        """119 is people, and is never asked whether it is there."""
        if card is None or decision.emergency or decision.ask:
            return Standing("answers")
        return standing(card, self._checks.get(card.id))

    def _dialogue(self) -> Dialogue:
        engine: Dialogue = self._city.engine("dialogue")
        return engine


def build(city: City) -> AllInOne:
    """Entry point. Cheap: opens nothing."""
    return AllInOne(city)


def measure(outcomes: Sequence[Outcome]) -> list[KpiReading]:
    """The manifest's KPIs with source "outcomes", from stored outcomes of this service."""
    own = [outcome for outcome in outcomes if outcome.service == SERVICE]
    return [
        share_of("asked_share", own, lambda outcome: bool(outcome.result.get("ask"))),
        share_of("unknown_share", own, lambda outcome: outcome.result.get("bot") == OUT_OF_SCOPE),
        share_of("not_built_share", own, lambda outcome: outcome.result.get("state") == "not_built"),
        quantile_of("routing_p95", own, lambda outcome: outcome.elapsed, 0.95),
    ]


def _what_follows(decision: Decision, card: BotCard | None, stands: Standing) -> tuple[str, str, bool]:
    """What the person reads, which human step follows, and whether one must."""
    if decision.emergency:
        return CALL_119, "목숨이 달린 일로 보입니다. 119 접수 요원이 받아야 합니다.", True
    if card is None:
        return NOT_OURS, "챗봇이 맡는 일이 아닙니다. 사람에게 묻고 싶으면 120다산콜이 받습니다.", True
    if decision.ask:
        return WHICH, "두 챗봇의 일이 비슷하게 들립니다. 묻는 사람이 고릅니다.", True
    if not stands.answers:
        return (
            stands.sentence,
            f"{card.name_ko}이(가) 답할 수 없습니다. {card.office or card.bureau}의 사람이 답합니다.",
            True,
        )
    return f"{card.name_ko}이(가) 답합니다.", "묻는 사람이 까닭을 보고, 아니면 한 번 눌러 바로잡습니다.", False


def _evidence(decision: Decision, card: BotCard | None) -> tuple[Evidence, ...]:
    """The card that the decision rests on, and the rule that noticed danger."""
    if card is None:
        return (Evidence("rule", "routing:out_of_scope", "맡지 않는 말", quote=decision.why),)
    rule = "emergency" if decision.emergency else "card"
    return (Evidence("rule", f"{rule}:{card.id}", card.name_ko, locator=card.bureau, quote=decision.why),)


def _closed(elapsed: float) -> Outcome:
    """The outcome when the door itself does not work: no AI chose, people answer."""
    return Outcome(
        service=SERVICE,
        result={
            "bot": "", "name": "", "why": "", "message": DOOR_CLOSED, "others": [], "ask": False, "emergency": False,
            "state": "silent", "office": "120다산콜", "phone": "120", "lexical_only": False, "ai_label": "",
        },
        confidence=None,
        evidence=(),
        model="none",
        model_version=VERSION,
        made_by_ai=False,
        needs_person=True,
        why_person="챗봇을 고르는 부분이 멈췄습니다. 120다산콜의 사람이 받습니다.",
        elapsed=elapsed,
    )  # fmt: skip
