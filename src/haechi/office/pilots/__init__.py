"""실증과 학술연구용역: trials with people whose effect has an interval, and commissions with milestones and acceptance.

pilots.register(hooks, store, policy)      # hangs everything on policy/flows/pilot.yaml and commission.yaml
"""

from __future__ import annotations

from haechi.core.store import Store
from haechi.office.cases import Hooks, Policy
from haechi.office.cases.work import Working
from haechi.office.pilots import commission
from haechi.office.pilots.hooks import hang
from haechi.office.pilots.papers import in_words, report_paper, said
from haechi.office.pilots.results import Compared, Results, results
from haechi.office.pilots.statistics import (
    Effect,
    agreement,
    kappa,
    paired_bootstrap,
    paired_t,
    t_cdf,
    t_quantile,
)
from haechi.office.pilots.trials import ARMS, Entry, Pilots, questions

__all__ = [
    "ARMS",
    "Compared",
    "Effect",
    "Entry",
    "Pilots",
    "Results",
    "agreement",
    "in_words",
    "kappa",
    "paired_bootstrap",
    "paired_t",
    "questions",
    "register",
    "report_paper",
    "results",
    "said",
    "t_cdf",
    "t_quantile",
]


def register(hooks: Hooks, store: Store, policy: Policy) -> None:  # noqa: ARG001 - every module is hung the same way
    """Hang the checks, effects and letters on both flows."""
    hang(hooks)
    commission.hang(hooks, Working(store))
