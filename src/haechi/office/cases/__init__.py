"""Cases: every piece of work that people do along a flow, from whoever opens it to the last step. PostgreSQL is the truth.

cases = Cases(store, Policy.in_force())
case = cases.open(actor, "pre_review", title="…", bureau="복지실")
cases.filings.save(actor, case["id"], "pre_review", {"goal": "…"}, base=0)     # autosave
cases.act(actor, case["id"], "submit", version=case["version"])
"""

from haechi.office.cases.book import Cases, Opening
from haechi.office.cases.checks import Finding, Hooks
from haechi.office.cases.deadlines import look_over, purge
from haechi.office.cases.history import verify
from haechi.office.cases.policy import Policy

__all__ = ["Cases", "Finding", "Hooks", "Opening", "Policy", "look_over", "purge", "verify"]
