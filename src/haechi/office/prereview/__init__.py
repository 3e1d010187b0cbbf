"""사전검토: one filing, checks at once, reviewers who do not see each other's sheets, a decision by a person with its reason.

prereview.register(hooks, store, policy, Services(manifests))      # hangs everything on policy/flows/pre_review.yaml
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haechi.office.prereview.letter import CATEGORIES, OUTCOMES, result_paper, score_of
from haechi.office.prereview.projects import Services, similar
from haechi.office.prereview.reading import PreReviews
from haechi.office.prereview.scores import Weighted, weighted
from haechi.office.prereview.similar import Hit, Project, ranked, terms_of

if TYPE_CHECKING:
    from haechi.core.store import Store
    from haechi.office.cases import Hooks, Policy

__all__ = [
    "CATEGORIES",
    "OUTCOMES",
    "Hit",
    "PreReviews",
    "Project",
    "Services",
    "Weighted",
    "ranked",
    "register",
    "result_paper",
    "score_of",
    "similar",
    "terms_of",
    "weighted",
]


def register(hooks: Hooks, store: Store, policy: Policy, services: Services) -> None:
    """Hang the checks, effects and letters on the flow. services: the portfolio, to compare filings with."""
    from haechi.office.cases.people import People
    from haechi.office.cases.work import Working
    from haechi.office.prereview.hooks import PreReview

    PreReview(policy, services, People(store, policy), Working(store)).hang(hooks)
