"""The tags of a bot's documents: what `Reader(within=…)` takes. Nobody holds one; it says where a document belongs."""

from __future__ import annotations

from haechi.engines.knowledge.ports import COLLECTION


def fence(bot_id: str) -> str:
    """The documents that the published bot answers from."""
    return f"{COLLECTION}{bot_id}"


def draft_fence(bot_id: str) -> str:
    """The documents that its office works on and tests with."""
    return f"{COLLECTION}{bot_id}:draft"
