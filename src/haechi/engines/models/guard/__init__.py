"""The guard of the models: masks personal data, keeps quoted text data, filters what comes out."""

from haechi.engines.models.guard.guard import Guard, Guarded
from haechi.engines.models.guard.places import is_outside
from haechi.engines.models.guard.policy import GuardPolicy, in_force, read_policy
from haechi.engines.models.guard.quoting import RULE, addressed, quote_as_data, without_orders
from haechi.engines.models.guard.requests import InjectionModel, Verdict
from haechi.engines.models.guard.stream import OutputStream, Removed, Restore

__all__ = [
    "RULE",
    "Guard",
    "GuardPolicy",
    "Guarded",
    "InjectionModel",
    "OutputStream",
    "Removed",
    "Restore",
    "Verdict",
    "addressed",
    "in_force",
    "is_outside",
    "quote_as_data",
    "read_policy",
    "without_orders",
]
