"""Cards: facts of the hour from open data (culture, facilities, air), or a labelled example where no key is set."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from haechi.city.cards.connector import Connector
from haechi.city.cards.kinds import KINDS
from haechi.engines.dialogue.ports import Card
from haechi.engines.geo import Geo

__all__ = ["KINDS", "Connector", "cards"]


def cards(url: str, key: str, geo: Geo) -> dict[str, Callable[[str], Card]]:
    """One callable a kind: what was said → Card. key '': the examples."""
    connector = Connector(url, key, geo)
    return {kind: partial(connector.card, kind) for kind in KINDS}
