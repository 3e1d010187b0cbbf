"""The guard before every model."""

from __future__ import annotations

from haechi.engines.models.ports import Guarding


def guard_in_force() -> Guarding:
    """Personal data masked, links filtered, injections quoted (engines/models/guard)."""
    from haechi.engines.models.guard import Guard

    return Guard()
