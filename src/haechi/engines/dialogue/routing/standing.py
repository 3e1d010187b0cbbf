"""Whether the chosen bot can answer now, asked for at most a second; else what to say and whom to ask instead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from haechi.core.contract import Readiness
from haechi.engines.dialogue.ports import BotCard

PATIENCE = 0.8
"""Seconds that a bot has to say how it stands: with the rest of the turn the fallback stays within 1 s."""

State = Literal["answers", "not_built", "off", "silent", "stopped"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bot stands. sentence: what the person is told instead of its answer, with office and phone; '' when it answers."""

    state: State
    sentence: str = ""

    @property
    def answers(self) -> bool:
        """Whether it can be talked to now."""
        return self.state == "answers"


def standing(card: BotCard, check: Callable[[], Readiness] | None = None, *, patience: float = PATIENCE) -> Standing:
    """How the bot of `card` stands. check: its own account of itself (degraded still answers), or None: the card alone.

    A check that raises or does not come back within `patience` seconds is a bot that does not answer.
    """
    if not card.built:
        return Standing("not_built", f"{card.name_ko}은(는) 아직 준비 중입니다. {whom_to_ask(card)}")
    if not card.on:
        return Standing("off", f"{card.name_ko}은(는) 지금 멈춰 두었습니다. {whom_to_ask(card)}")
    if check is None:
        return Standing("answers")
    said = _within(check, patience)
    if said is None:
        return Standing("silent", f"{card.name_ko}이(가) 대답하지 않습니다. {whom_to_ask(card)}")
    if said.state == "missing":
        return Standing("stopped", f"{card.name_ko}이(가) 지금 답할 수 없습니다. {whom_to_ask(card)}")
    return Standing("answers")


def whom_to_ask(card: BotCard) -> str:
    """ "~에 물어보세요" with the office that answers for the bot's matters, and its phone."""
    office = card.office or card.bureau
    return f"{office}{f' ({card.phone})' if card.phone and card.phone not in office else ''}에 물어보세요."


def _within(check: Callable[[], Readiness], patience: float) -> Readiness | None:
    """The answer of `check`, or None. A thread that hangs is left behind: it is a daemon and holds nothing of ours."""
    answers: queue.SimpleQueue[Readiness | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(check())
        except Exception:  # whatever it is, the bot does not answer
            answers.put(None)

    threading.Thread(target=ask, name="bot-standing", daemon=True).start()
    try:
        return answers.get(timeout=patience)
    except queue.Empty:
        return None
