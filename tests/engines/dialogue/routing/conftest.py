"""The door as it ships, over the cards as they ship."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

import haechi.services
from haechi.engines.dialogue.ports import BotCard
from haechi.engines.dialogue.routing import Router

FOLDER = Path(haechi.services.__path__[0]) / "s16_all_in_one_chatbot"


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where service 16 keeps model, rules and utterances."""
    return FOLDER


@pytest.fixture(scope="session")
def cards() -> Sequence[BotCard]:
    """All cards, of citizens and staff."""
    rows = yaml.safe_load((FOLDER / "cards.yaml").read_text(encoding="utf-8"))["cards"]
    return [
        BotCard(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
        for row in rows
    ]


@pytest.fixture(scope="session")
def citizens(cards: Sequence[BotCard]) -> Sequence[BotCard]:
    """The cards that a citizen may see."""
    return [card for card in cards if card.audience == "citizen"]


@pytest.fixture(scope="session")
def router() -> Router:
    """Letters alone: fast, and what is left when the embedder is gone."""
    return Router.open(FOLDER)
