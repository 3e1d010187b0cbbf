"""The basic plan and its yearly execution plans: goals, tasks, budget and indicators that hang together, adopted by the committee.

due = next_due("basic_plan", adopted_on, on=today)     # by the rule in force on that day: 5 years before the ordinance, then 3
changes = compare(old_answers, new_answers)            # what a new version adds, takes away and changes
"""

from haechi.office.plans.compare import Change, compare
from haechi.office.plans.content import Due, Totals, faults, next_due, totals
from haechi.office.plans.hooks import hang
from haechi.office.plans.shelf import Plans

__all__ = ["Change", "Due", "Plans", "Totals", "compare", "faults", "hang", "next_due", "totals"]
