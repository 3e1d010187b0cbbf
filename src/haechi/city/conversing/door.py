"""One door: which bot answers. The router of service 16 where it is installed, else the bots' own words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from haechi.engines.dialogue import Memory, Ranker
from haechi.engines.dialogue.ports import BotCard, Choice, Choices, Routed, SensesDanger, Topic

log = logging.getLogger(__name__)

BOT = "bot:"
NEAR = 3
OUT_OF_SCOPE = "out_of_scope"


class Decided(Protocol):
    """What a router says (engines/dialogue/routing.Decision)."""

    @property
    def bot(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def why(self) -> str: ...
    @property
    def others(self) -> tuple[str, ...]: ...
    @property
    def emergency(self) -> bool: ...
    @property
    def ask(self) -> bool: ...


class Router(Protocol):
    """Where an utterance goes."""

    def route(self, text: str, cards: Sequence[BotCard], previous: str | None) -> Any:
        """A `Decided`."""
        ...


@dataclass(frozen=True, slots=True)
class Detector:
    """The router's ear for danger. Where it fails, the words of cues.toml have still been heard and the turn goes on."""

    ear: SensesDanger

    def in_danger(self, text: str) -> bool:
        try:
            return self.ear.in_danger(text)
        except Exception:
            log.exception("응급 알아보기가 실패해 정해 둔 말로만 알아봅니다")
            return False


def detector(router: Callable[[], Any]) -> Detector | None:
    """Of the router that is installed; None where there is none, or it has no ear for danger."""
    try:
        found = router()
    except Exception:
        log.exception("길 찾기를 열 수 없습니다")
        return None
    return Detector(found) if hasattr(found, "in_danger") else None


@dataclass(frozen=True, slots=True)
class ByCards:
    """A decision from the words of the cards alone."""

    bot: str
    confidence: float
    why: str
    others: tuple[str, ...] = ()
    emergency: bool = False
    ask: bool = False


@dataclass(slots=True)
class CardRouter:
    """The fallback where no router is installed: what the cards say they do, compared with what was said."""

    memory: Memory = field(default_factory=Memory)

    def route(self, text: str, cards: Sequence[BotCard], previous: str | None) -> ByCards:
        """The nearest card; the bot before, or the first that is built, when none is near."""
        ranker = _ranker(tuple((one.id, one.name_ko, (*one.examples, *one.does)) for one in cards))
        meaning = ranker.understand(text)
        if meaning.kind == "unknown":
            stay = previous or next((one.id for one in cards if one.built and one.on), cards[0].id)
            return ByCards(stay, 0.0, "말씀하신 내용과 가까운 챗봇을 찾지 못해 여기서 답합니다.")
        first, *rest = meaning.topics
        near = tuple(id for id, _, _, share in rest[:NEAR] if share > 0.02)
        return ByCards(
            first[0],
            first[3],
            f"'{first[1]}'이(가) 맡는 일과 가깝습니다.",
            near,
            ask=meaning.kind == "close" and bool(near),
        )


@lru_cache(maxsize=16)
def _ranker(cards: tuple[tuple[str, str, tuple[str, ...]], ...]) -> Ranker:
    return Ranker([Topic(id, name, words or (name,), "search") for id, name, words in cards])


def name_of(card: BotCard, language: str) -> str:
    """As people of that language call it."""
    return card.name_en if language == "en" and card.name_en else card.name_ko


def routed(decision: Decided, card: BotCard, cards: Mapping[str, BotCard], language: str) -> Routed:
    """The decision with its reason and, for one-click correction, the next likely bots."""
    others = tuple(
        Choice(f"{BOT}{id}", name_of(cards[id], language)) for id in decision.others if id in cards and id != card.id
    )
    return Routed(card.id, name_of(card, language), decision.why, round(float(decision.confidence), 4), others)


def which(decision: Decided, cards: Mapping[str, BotCard], language: str) -> Choices:
    """The question when two bots are meant alike."""
    near = [id for id in dict.fromkeys((decision.bot, *decision.others)) if id in cards][:NEAR]
    question = "어느 쪽 일인가요?" if language == "ko" else "Which of these is it about?"
    return Choices(question, tuple(Choice(f"{BOT}{id}", name_of(cards[id], language)) for id in near))
