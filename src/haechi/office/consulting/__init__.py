"""컨설팅: a demand survey, points by published criteria, a selection by a person with reasons, visits, a report by its day.

consulting.register(hooks, store, policy)      # hangs everything on policy/flows/consulting.yaml
"""

from __future__ import annotations

from haechi.core.store import Store
from haechi.office.cases import Hooks, Policy
from haechi.office.consulting.desk import CRITERIA, Consulting
from haechi.office.consulting.hooks import hang
from haechi.office.consulting.papers import report_paper, result_paper
from haechi.office.consulting.ranking import Demand, Placed, points_total, rank

__all__ = [
    "CRITERIA",
    "Consulting",
    "Demand",
    "Placed",
    "points_total",
    "rank",
    "register",
    "report_paper",
    "result_paper",
]


def register(hooks: Hooks, store: Store, policy: Policy) -> None:  # noqa: ARG001 - every module is hung the same way
    """Hang the checks, effects and letters on the flow."""
    hang(hooks)
