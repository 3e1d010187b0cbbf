"""On-site complaints: from a completed form to the office that acts, and back to the person who reported."""

from __future__ import annotations

from haechi.city.complaints.filing import Filing, Receipt
from haechi.city.complaints.handling import CLOSED, NEXT, STATES, Handling
from haechi.city.complaints.in_conversation import InConversation
from haechi.city.complaints.kinds import Kind, kind, kinds, rules
from haechi.city.complaints.photos import Kept, Photos, purge
from haechi.city.complaints.pictures import FindFaces
from haechi.city.complaints.status import STATE_NAMES, Status
from haechi.core.store import Store
from haechi.engines.geo import Geo

__all__ = [
    "CLOSED", "NEXT", "STATES", "STATE_NAMES", "Complaints", "Filing", "Handling", "InConversation", "Kept", "Kind", "Photos", "Receipt", "Status",
    "kind", "kinds", "purge", "rules",
]  # fmt: skip


class Complaints:
    """The four sides of a complaint: taken in, its photos, handled by an office, asked after by its reporter."""

    def __init__(
        self,
        store: Store,
        worker_store: Store,
        geo: Geo,
        find_faces: FindFaces | None = None,
    ) -> None:
        self.filing = Filing(store, geo)
        self.photos = Photos(store, worker_store, find_faces)
        self.handling = Handling(store)
        self.status = Status(store, worker_store)
        self.in_conversation = InConversation(self.filing, self.photos, self.status)
