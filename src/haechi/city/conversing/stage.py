"""The stage for test stories: the engine that serves people, except that nothing is filed and nobody is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from haechi.city.asking import Asking
from haechi.city.conversing.abilities import ToldDone
from haechi.city.conversing.scripts import KeptAnswers, Scripts
from haechi.city.conversing.wire import as_json
from haechi.core import clock
from haechi.core.store import Actor
from haechi.engines.dialogue.ports import Card, DialogueState, FaqEntry, HandedOff, Said, Say, Scenario, Topic
from haechi.engines.dialogue.values import picked
from haechi.engines.knowledge.ports import Reader, Turn

Kept = tuple[list[FaqEntry], list[Scenario], list[Topic]]


class RehearsalStage:
    """candidate_of(bot, candidate, day): what would be in force if this version were published."""

    def __init__(
        self, bots: Any, scripts: Scripts, answers: KeptAnswers, asking: Asking, *,
        candidate_of: Callable[[str, tuple[str, int], date], Kept] | None = None,
    ) -> None:  # fmt: skip
        self._bots, self._scripts, self._answers, self._asking = bots, scripts, answers, asking
        self._candidate_of = candidate_of

    def play(
        self, actor: Actor, bot: str, said: Sequence[str], candidate: tuple[str, int] | None = None
    ) -> Iterable[Sequence[Mapping[str, Any]]]:
        """The events of each turn, in order. A line that names a button presses it."""
        card = self._bots.get(bot, actor)
        day = clock.today()
        if candidate is not None and self._candidate_of is not None:
            kept = self._candidate_of(bot, candidate, day)
        else:
            kept = (self._answers.in_force(bot, day), self._answers.scenarios(bot, day), self._answers.topics(bot, day))
        dialogue = self._scripts.with_answers(card, *kept)
        tags = frozenset({"public"}) if card.audience == "citizen" else actor.tags
        reader = Reader(tags=tags, within=self._bots.fence(bot))
        state, played = DialogueState(bot), []
        for line in said:
            choice = picked(line, list(state.offered)) if state.offered else ""
            what = Said(choice=choice) if choice else Said(text=line)
            events = dialogue.turn(state, what, _Pretend(self._asking, actor), reader)
            played.append([as_json(event.told if isinstance(event, ToldDone) else event) for event in events])
        return played


class _Pretend:
    """Abilities without effect: a form is taken, a person is promised, and both stay words."""

    def __init__(self, asking: Asking, actor: Actor) -> None:
        self._asking, self._actor = asking, actor

    def search(self, question: str, reader: Reader, history: Sequence[Turn]) -> Iterator[Any]:
        for event in self._asking.answered(self._actor, question, reader, history):
            yield ToldDone(event) if event["event"] == "done" else event

    def card(self, kind: str, said: str) -> Card:  # noqa: ARG002 - the port's signature
        return Card(kind, kind, (), "시험", clock.now(), sample=True)

    def act(self, action: str, values: Mapping[str, Any]) -> Sequence[Any]:
        return [Say(f"(시험) '{action}' 접수: {len(values)}개 항목")]

    def hand_off(self, reason: str) -> HandedOff:  # noqa: ARG002 - the port's signature
        return HandedOff("시험", "시험", 1, None, True)

    def today(self) -> date:
        return clock.today()
