"""A bot's script, open for a service: what it knows by heart, with the ranker over it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from haechi.engines.dialogue import Dialogue, Memory, Ranker, load_script

if TYPE_CHECKING:
    from haechi.engines.dialogue.intents import Meaning
    from haechi.engines.dialogue.ports import BotCard, Script
    from haechi.engines.knowledge.ports import Embedder

_memory = Memory()


class Book:
    """A script with its ranker; dense where the embedder is installed."""

    def __init__(self, source: Path, card: BotCard, embedder: Embedder | None) -> None:
        self.script: Script = load_script(source, card)
        self.ranker = Ranker(self.script.topics, _memory)
        self.ranker.warm(embedder)
        self.dialogue = Dialogue(self.script, self.ranker)

    def understand(self, text: str) -> Meaning:
        """The topics that the text may mean."""
        return self.ranker.understand(text)


def open_book(source: Path, card: BotCard, embedder: Embedder | None) -> Book:
    """The script in the file as it stands now; opened once for each state of the file."""
    return _open(source, source.stat().st_mtime_ns, card, embedder)


@lru_cache(maxsize=8)
def _open(source: Path, stamp: int, card: BotCard, embedder: Embedder | None) -> Book:  # noqa: ARG001 - the stamp is the key
    return Book(source, card, embedder)
