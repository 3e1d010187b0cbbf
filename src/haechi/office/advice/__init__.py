"""전문가 자문: a roster with terms, a sitting with its items, an opinion per item and expert, an answer to each opinion.

advice.register(hooks, store, policy)      # hangs everything on policy/flows/advice.yaml
"""

from __future__ import annotations

from haechi.core.store import Store
from haechi.office.advice.board import ANSWERS, Board
from haechi.office.advice.hooks import hang
from haechi.office.advice.papers import WEIGHTS, Agendum, Opinion, minutes_paper, result_paper
from haechi.office.cases import Hooks, Policy
from haechi.office.cases.people import People

__all__ = ["ANSWERS", "WEIGHTS", "Agendum", "Board", "Opinion", "minutes_paper", "register", "result_paper"]


def register(hooks: Hooks, store: Store, policy: Policy) -> None:
    """Hang the checks, effects and letters on the flow."""
    hang(hooks, People(store, policy))
