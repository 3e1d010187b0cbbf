"""The review queue that all services share: what they propose, and what people decide on it.

Reviews(store, cases).waiting(actor, service=26)
Reviews(store, cases).decide(actor, review_id, "accept")
"""

from haechi.office.reviews.order import fair
from haechi.office.reviews.queue import DECISIONS, Reviews, hooks, settle_in

__all__ = ["DECISIONS", "Reviews", "fair", "hooks", "settle_in"]
