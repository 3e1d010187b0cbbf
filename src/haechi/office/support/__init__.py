"""AI fee support: rounds with seats and money, a draw that anybody can repeat, payment, settlement, claw-back.

rounds.open(actor, id) → people apply (flow fee_support) → draws.draw(actor, id) → payments.pay(actor, id, "지급-2026-1")
"""

from haechi.office.support.applications import hooks
from haechi.office.support.drawing import Drawn, Entry, Lot, commitment, draw, list_hash, seed_of
from haechi.office.support.draws import Draws, Result, follow, promote
from haechi.office.support.keeping import purge
from haechi.office.support.metered import Keyring, Metered
from haechi.office.support.money import Reach, reach
from haechi.office.support.payments import Payments
from haechi.office.support.rounds import MODES, STATES, NewRound, Rounds, free_won, reach_of

__all__ = [
    "MODES",
    "STATES",
    "Drawn",
    "Draws",
    "Entry",
    "Keyring",
    "Lot",
    "Metered",
    "NewRound",
    "Payments",
    "Reach",
    "Result",
    "Rounds",
    "commitment",
    "draw",
    "follow",
    "free_won",
    "hooks",
    "list_hash",
    "promote",
    "purge",
    "reach",
    "reach_of",
    "seed_of",
]
