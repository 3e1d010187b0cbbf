"""Wires the office: one book of cases under each database role, with every module's checks and effects."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from haechi.office import casebook
from haechi.office.cases import Cases, Hooks, Policy, look_over

if TYPE_CHECKING:
    from haechi.city.installation import Installation


class Office:
    """What people do, as the pages and the worker reach it."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    @cached_property
    def policy(self) -> Policy:
        """Flows and questionnaires in force."""
        return Policy.in_force()

    @cached_property
    def hooks(self) -> Hooks:
        """Checks, work of the machine and effects of every module."""
        hooks = Hooks(city=self._installation.settings.city_name)
        casebook.hooks(hooks, self.policy)
        return hooks

    @cached_property
    def cases(self) -> Cases:
        """For people: bound by row-level security."""
        return Cases(self._installation.store, self.policy, self.hooks)

    @cached_property
    def by_itself(self) -> Cases:
        """For what opens and moves by itself: the worker, services' outcomes."""
        return Cases(self._installation.worker_store, self.policy, self.hooks)

    @cached_property
    def shelf(self) -> casebook.Shelf:
        """The case book."""
        return casebook.Shelf(self._installation.store)

    def look_over(self) -> dict[str, int]:
        """One round of what is due; the worker's, every few seconds. Counts by name."""
        return look_over(self._installation.worker_store, self.policy)
