"""The desk: where a conversation goes when a person is wanted. Queue, agents, deadlines, one timeline, news within a second."""

from __future__ import annotations

from collections.abc import Callable

from haechi.city.desk.agent_side import AgentSide
from haechi.city.desk.bell import DESK, Bell
from haechi.city.desk.citizen_side import CitizenSide
from haechi.city.desk.feed import Feed
from haechi.city.desk.rules import Rules, rules_in_force
from haechi.city.desk.tickets import STATES
from haechi.city.desk.views import DeskViews
from haechi.core.store import Store
from haechi.engines.dialogue.ports import BotCard
from haechi.engines.text.personal_data import Mask

__all__ = ["DESK", "STATES", "Bell", "Desk"]


def hiding() -> Callable[[str], str]:
    """A mask for one ticket: the same value has the same placeholder in it, and none that another ticket shares."""
    return Mask().hide


class Desk(CitizenSide, AgentSide):
    """The whole desk over one store (haechi_app). `card_of`: the bot of that name, or None."""

    def __init__(
        self,
        store: Store,
        *,
        rules: Rules | None = None,
        card_of: Callable[[str], BotCard | None] = lambda _: None,
    ) -> None:
        rules = rules or rules_in_force()
        CitizenSide.__init__(self, store, rules, card_of=card_of, hiding=hiding)
        self.views = DeskViews(store, rules, hiding=hiding)
        self.feed = Feed(store, rules, self)
