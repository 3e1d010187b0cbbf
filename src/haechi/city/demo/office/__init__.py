"""What happens in the office of the demonstration city: fictional, and made with the same steps that people take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from haechi.city.demo.office import alerts, cases, event, governing, projects, staff, trust
from haechi.core.identity import actor_of
from haechi.core.store import Actor

if TYPE_CHECKING:
    from haechi.city.installation import Installation
    from haechi.city.office import Office

Scene = Callable[["Office", Mapping[str, Actor]], None]
"""One module's demonstration. Repeating it changes nothing: everything it opens has a key."""
SCENES: tuple[Scene, ...] = (
    cases.demo,
    governing.demo,
    projects.demo,
    staff.demo,
    trust.demo,
    alerts.demo,
    event.demo,
)
_LOG = logging.getLogger(__name__)


def seed_office(installation: Installation) -> None:
    """Play every scene that was not played yet. One that fails is logged and leaves the others alone."""
    people = {user.login: actor_of(user) for user in installation.accounts.users()}
    for scene in SCENES:
        try:
            scene(installation.office, people)
        except Exception:  # the city must start; the log says which scene did not play, and why
            _LOG.exception("the scene %s of the demonstration could not be played", scene.__module__)
