"""What the city can do for a conversation: search, cards, acts of forms, people. A part that is absent says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any, Protocol

from haechi.city.asking import Asking
from haechi.city.conversing.keeping import Conversation, Keeping
from haechi.core import clock
from haechi.core.errors import MissingPart
from haechi.core.store import Actor
from haechi.engines.dialogue.ports import BotCard, Card, DialogueEvent, HandedOff
from haechi.engines.knowledge.ports import Done, Reader, Turn

REASONS = {
    "wish": "시민이 상담사와 이야기하기를 원했습니다.",
    "topic": "사람이 맡아야 하는 일이라고 대본이 정한 주제입니다.",
}
_DONE = frozenset(one.name for one in fields(Done))


class Action(Protocol):
    """What a completed form does. `key` names one run of a form: the same key files once and returns the same receipt."""

    def __call__(
        self, actor: Actor, values: Mapping[str, Any], *, key: str, conversation_id: str, language: str
    ) -> Sequence[DialogueEvent]: ...


class TicketDesk(Protocol):
    """Where a conversation goes when a person is wanted (city/desk)."""

    def open_ticket(self, actor: Actor, conversation_id: str, bot: str, reason: str) -> HandedOff: ...


class CityAbilities:
    """The abilities for one turn of one person with one bot."""

    def __init__(
        self, actor: Actor, conversation: Conversation, card: BotCard, language: str, *, asking: Asking, keeping: Keeping,
        desk: TicketDesk | None, actions: Mapping[str, Action], cards: Mapping[str, Callable[[str], Card]],
    ) -> None:  # fmt: skip
        self._actor, self._conversation, self._bot, self._language = actor, conversation, card, language
        self._asking, self._keeping, self._desk = asking, keeping, desk
        self._actions, self._cards = actions, cards

    def search(self, question: str, reader: Reader, history: Sequence[Turn]) -> Iterator[Any]:
        """As `Asking.answered`; the last event as the engine knows it, with whom to ask beside it."""
        for event in self._asking.answered(self._actor, question, reader, history):
            if event["event"] == "done":
                yield ToldDone(event)
            else:
                yield event

    def card(self, kind: str, said: str) -> Card:
        """Facts of a connector."""
        if kind not in self._cards:
            raise MissingPart(f"정보 카드 {kind}", "서울톡(서비스 11)과 그 자료 연결")
        return self._cards[kind](said)

    def act(self, action: str, values: Mapping[str, Any]) -> Sequence[DialogueEvent]:
        """What the completed form does; photos come with their content."""
        if action not in self._actions:
            raise MissingPart(f"접수 {action}", "그 접수를 맡는 서비스")
        key = f"{self._conversation.id}:{self._conversation.state(self._bot.id).runs}"
        given = {name: self._with_content(value) for name, value in values.items()}
        return self._actions[action](
            self._actor, given, key=key, conversation_id=self._conversation.id, language=self._language
        )

    def hand_off(self, reason: str) -> HandedOff:
        """Into the line of the right office."""
        if self._desk is None:
            raise MissingPart("상담 창구", "city/desk")
        return self._desk.open_ticket(
            self._actor, self._conversation.id, self._bot.id, REASONS.get(reason, REASONS["wish"])
        )

    def today(self) -> date:
        """The day in Seoul."""
        return clock.today()

    def _with_content(self, value: Any) -> Any:
        if not (isinstance(value, Mapping) and value.get("file")):
            return value
        found = self._keeping.photo(self._actor, str(value["file"]))
        if found is None:
            return value  # sent in by another way, and kept by the part that the action belongs to
        return {"name": found["name"], "type": found["media_type"], "data": bytes(found["content"])}


class ToldDone(Done):
    """The end of an answer, with the event as it was told (it names whom to ask)."""

    __slots__ = ("told",)
    told: dict[str, Any]

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(**{key: value for key, value in told.items() if key in _DONE})
        object.__setattr__(self, "told", dict(told))
