"""Routing: one door in front of many bots. `Router.open(folder, embedder).route(text, cards, previous) -> Decision`."""

from haechi.engines.dialogue.routing.ports import EMERGENCY, OUT_OF_SCOPE, Asker, Correction, Decision
from haechi.engines.dialogue.routing.router import Router

__all__ = ["EMERGENCY", "OUT_OF_SCOPE", "Asker", "Correction", "Decision", "Router"]
