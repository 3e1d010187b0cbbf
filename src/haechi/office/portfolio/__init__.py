"""The portfolio of AI services: money with its source, totals that reconcile or say why not, every change kept.

book = Portfolio(store, sources)
book.whole(actor)                                     # all services, sums, the difference from the plan in words
book.edit(actor, 26, {"continuity": "신규"}, version=0)
preview(book, actor, "xlsx", content)                 # what a file would change, before anything is stored
"""

from haechi.office.portfolio.book import Changed, Portfolio
from haechi.office.portfolio.importing import Difference, Preview, export, preview, store
from haechi.office.portfolio.sheet import FORMATS, Fault
from haechi.office.portfolio.sources import Health, PlanTotals, Reading, Running, Sources
from haechi.office.portfolio.sums import Line, Money

__all__ = [
    "FORMATS",
    "Changed",
    "Difference",
    "Fault",
    "Health",
    "Line",
    "Money",
    "PlanTotals",
    "Portfolio",
    "Preview",
    "Reading",
    "Running",
    "Sources",
    "export",
    "preview",
    "store",
]
