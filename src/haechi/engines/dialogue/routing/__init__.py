"""Routing: one door in front of many bots. `Router.open(folder, embedder).route(text, cards, previous) -> Decision`."""

from haechi.engines.dialogue.routing.context import hand_over
from haechi.engines.dialogue.routing.ports import EMERGENCY, OUT_OF_SCOPE, Asker, Correction, Decision
from haechi.engines.dialogue.routing.router import Router
from haechi.engines.dialogue.routing.standing import Standing, standing, whom_to_ask

__all__ = [
    "EMERGENCY",
    "OUT_OF_SCOPE",
    "Asker",
    "Correction",
    "Decision",
    "Router",
    "Standing",
    "hand_over",
    "standing",
    "whom_to_ask",
]
