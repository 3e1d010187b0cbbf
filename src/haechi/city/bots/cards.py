"""The cards of the city's service bots, read as data from the folder of service 16."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from haechi.core.errors import InvalidInput
from haechi.engines.dialogue.ports import BotCard

OUTCOMES = frozenset({"out_of_scope"})
"""What the router may also say; nobody can be talked to under these names."""
_MANY = frozenset({"does", "does_not", "examples"})


def cards_file() -> Path:
    """Where service 16 keeps the cards; the file may not be there."""
    return Path(str(resources.files("haechi.services"))) / "s16_all_in_one_chatbot" / "cards.yaml"


def read_cards(source: Path) -> list[BotCard]:
    """Every card of the file; [] where there is no file. InvalidInput names the card that cannot be read.

    The file is a list of cards, or has one under `bots` or `cards`; a card's keys are the fields of BotCard, others are the
    router's own.
    """
    if not source.is_file():
        return []
    try:
        data = yaml.safe_load(source.read_text(encoding="utf-8")) or []
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"{source.name}을(를) 읽을 수 없습니다.", next_step="YAML 형식을 고치세요.", record=source.name
        ) from error
    rows = data.get("bots") or data.get("cards") or [] if isinstance(data, Mapping) else data
    if isinstance(rows, Mapping):
        rows = [{"id": key, **row} for key, row in rows.items()]
    return [_card(row, source) for row in rows if row.get("id") not in OUTCOMES]


def _card(row: Mapping[str, Any], source: Path) -> BotCard:
    known = {field.name for field in fields(BotCard)}
    values = {key: _value(key, value) for key, value in row.items() if key in known}
    try:
        card = BotCard(**values)
    except TypeError as error:
        raise _unreadable(row, source) from error
    if card.audience not in ("citizen", "staff") or not card.name_ko or not card.bureau:
        raise _unreadable(row, source)
    return card


def _value(key: str, value: Any) -> Any:
    """Lists as tuples of text; a telephone number that YAML took for a number as text."""
    if key in _MANY:
        return tuple(map(str, value or ()))
    return value if isinstance(value, bool) or key == "service" else str(value or "")


def _unreadable(row: Mapping[str, Any], source: Path) -> InvalidInput:
    return InvalidInput(
        f"{source.name}: '{row.get('id', '(이름 없음)')}' 카드를 읽을 수 없습니다.",
        next_step="id, name_ko, name_en, audience(citizen 또는 staff), bureau, purpose를 적으세요.",
        record=source.name,
    )
