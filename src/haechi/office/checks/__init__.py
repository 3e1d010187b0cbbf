"""Mid-year (August) and year-end checks: one round over all services, figures that the platform measured, one report."""

from haechi.office.checks.comparison import Compared, compare
from haechi.office.checks.hooks import hang
from haechi.office.checks.paper import report
from haechi.office.checks.rounds import KINDS, Checks

__all__ = ["KINDS", "Checks", "Compared", "compare", "hang", "report"]
