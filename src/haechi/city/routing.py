"""The router of this installation, and the dialogue engine as services get it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from haechi.city.books import Book, open_book
from haechi.city.bots.cards import cards_file, read_cards
from haechi.engines.dialogue.ports import BotCard
from haechi.engines.dialogue.routing import Decision, Router
from haechi.engines.knowledge.ports import Embedder


def routing_folder() -> Path:
    """Where service 16 keeps what routing was fitted to; data, not an import."""
    return cards_file().parent


def open_router(embedder: Embedder | None) -> Router:
    """MissingPart with the command that makes the model, where it is not there."""
    return Router.open(routing_folder(), embedder)


@dataclass(frozen=True, slots=True)
class DialogueEngine:
    """What a service gets under the name 'dialogue': the router and the city's cards."""

    router: Router
    cards: Sequence[BotCard]
    embedder: Embedder | None = None

    def open(self, source: Path, card: BotCard) -> Book:
        """A bot's script with its ranker."""
        return open_book(source, card, self.embedder)

    @property
    def version(self) -> str:
        """Of the model that decides."""
        return self.router.version

    @property
    def lexical_only(self) -> bool:
        """Whether the embedder is missing and letters alone decide."""
        return self.router.lexical_only

    def warm_up(self) -> None:
        """Use everything once, so that the first citizen does not wait."""
        self.router.read("시작")

    def route(self, text: str, *, tags: frozenset[str], previous: str | None = None) -> Decision:
        """Where `text` goes; staff cards are shown to those alone who carry the tag 'staff'."""
        return self.router.route(text, self.shown(tags), previous, audience="staff" if "staff" in tags else "citizen")

    def shown(self, tags: frozenset[str]) -> list[BotCard]:
        """The cards that this asker may see."""
        return [card for card in self.cards if card.audience == "citizen" or "staff" in tags]

    def card(self, bot: str) -> BotCard | None:
        """The card of that id, or None."""
        return next((card for card in self.cards if card.id == bot), None)


def open_dialogue(embedder: Embedder | None) -> DialogueEngine:
    """Router and cards from the folder of service 16."""
    return DialogueEngine(open_router(embedder), read_cards(cards_file()), embedder)
