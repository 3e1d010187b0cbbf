"""The public register of AI services: drafts from manifests, published by a second person, every version kept, read by anyone.

answers = draft_of(manifest)                          # what is known already; the rest stays open or 미상
register = Register(store)                            # published versions: search, one, versions, feed
view, missing = mapped(mapping("eurocities_0_3_1"), version, about)
"""

from haechi.office.register.drafts import draft_of
from haechi.office.register.hooks import hang
from haechi.office.register.mapping import Mapped, View, mapped, mappings
from haechi.office.register.objections import Objections
from haechi.office.register.rules import Rules, rules_in_force
from haechi.office.register.shelf import Difference, Register, differences, shown

__all__ = [
    "Difference",
    "Mapped",
    "Objections",
    "Register",
    "Rules",
    "View",
    "differences",
    "draft_of",
    "hang",
    "mapped",
    "mappings",
    "rules_in_force",
    "shown",
]  # fmt: skip
