"""The door over the shipped model by letters alone, and a dialogue engine of the shape that the city gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from haechi.core.contract import ServiceCity
from haechi.engines.dialogue.ports import BotCard
from haechi.engines.dialogue.routing import Decision, Router

FOLDER = Path(__file__).parents[1]


@dataclass
class SmallDialogue:
    """Router and cards, nothing else."""

    router: Router
    cards: list[BotCard]
    lexical_only: bool = False

    @property
    def version(self) -> str:
        return self.router.version

    def warm_up(self) -> None:
        self.router.read("시작")

    def shown(self, tags: frozenset[str]) -> list[BotCard]:
        return [card for card in self.cards if card.audience == "citizen" or "staff" in tags]

    def route(self, text: str, *, tags: frozenset[str], previous: str | None = None) -> Decision:
        return self.router.route(text, self.shown(tags), previous, audience="staff" if "staff" in tags else "citizen")


@pytest.fixture(scope="session")
def dialogue() -> SmallDialogue:
    rows = yaml.safe_load((FOLDER / "cards.yaml").read_text(encoding="utf-8"))["cards"]
    cards = [
        BotCard(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
        for row in rows
    ]
    return SmallDialogue(Router.open(FOLDER), cards)


@pytest.fixture
def city(dialogue: SmallDialogue) -> ServiceCity:
    return ServiceCity({"dialogue": "시험"}, lambda _: replace(dialogue))
