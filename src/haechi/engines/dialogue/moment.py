"""One turn while it is being answered: what is known, what was said, where the conversation stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from haechi.engines.dialogue.frames import Frames
from haechi.engines.dialogue.ports import (
    Abilities,
    Choices,
    DialogueState,
    DoneState,
    Ended,
    FaqEntry,
    Form,
    Said,
    Scenario,
    Script,
    Topic,
)
from haechi.engines.dialogue.values import as_choices
from haechi.engines.knowledge.ports import Reader, Turn


@dataclass(slots=True)
class Moment:
    """state is changed while the turn goes on; everything else stays. text: what the turn is about, in words."""

    script: Script
    state: DialogueState
    said: Said
    abilities: Abilities
    reader: Reader
    history: Sequence[Turn]
    frames: Frames
    today: date
    text: str = ""

    def offer(self, question: str, options: list[tuple[str, str]]) -> Choices:
        """Buttons; what they lead to is remembered until the next turn."""
        self.state.offered = tuple(options)
        if not self.state.asking:
            self.state.asking = "choice"
        return Choices(question, as_choices(options))

    def ended(self, state: DoneState, **more: Any) -> Ended:
        """The last event of the turn."""
        return Ended(state, **more)

    def state_cleared(self) -> None:
        """Nothing is being asked any more."""
        self.state.asking, self.state.step, self.state.values = "", "", {}
        self.state.offered, self.state.pending_text, self.state.failures = (), "", 0

    def faq(self, id: str) -> FaqEntry | None:
        """The written answer, when it may be said today."""
        return next((one for one in self.script.faq if one.id == id and one.in_force(self.today)), None)

    def form(self, id: str) -> Form | None:
        """The bot's form of that name."""
        return next((one for one in self.script.forms if one.id == id), None)

    def scenario(self, id: str) -> Scenario | None:
        """The bot's scenario of that name."""
        return next((one for one in self.script.scenarios if one.id == id), None)

    def topic(self, id: str) -> Topic | None:
        """The bot's topic of that name."""
        return next((one for one in self.script.topics if one.id == id), None)
