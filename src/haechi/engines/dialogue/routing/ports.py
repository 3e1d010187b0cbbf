"""The types of routing: where an utterance goes, and what a person said about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

OUT_OF_SCOPE = "out_of_scope"
EMERGENCY = "emergency_119"

Asker = Literal["citizen", "staff"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Where an utterance goes.

    bot: a card's id or 'out_of_scope'. confidence: probability of `bot`, 0..1. why: one Korean sentence that names the
    words that decided. others: the next likely bots, best first, for one-click correction. emergency: call 119 before
    anything else. ask: the first two are too close; ask the person which. lexical_only: the embedder was not there.
    """

    bot: str
    confidence: float
    why: str
    others: tuple[str, ...] = ()
    emergency: bool = False
    ask: bool = False
    lexical_only: bool = False


@dataclass(frozen=True, slots=True)
class Correction:
    """A person says that `right` should have answered instead of `routed`. Kept without the utterance's words."""

    conversation_id: str
    routed: str
    right: str
    at: datetime
