"""Wires the office: one book of cases under each database role, with every module's checks and effects."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from haechi.city.office.fee_keys import FeeKeys
from haechi.city.office.outcomes import FLOWS, Carriage
from haechi.city.office.telemetry import Telemetry
from haechi.city.privacy import PrivacyGuard
from haechi.city.privacy import register as privacy_hooks
from haechi.city.register import load_register
from haechi.city.sample_engines import SampleBench
from haechi.city.trials import JsonLinesScorecards
from haechi.city.trust import Platform
from haechi.office import (
    advice,
    alerts,
    casebook,
    checks,
    committee,
    consulting,
    event,
    learning,
    pilots,
    plans,
    portfolio,
    prereview,
    register,
    reviews,
    support,
    trust,
)
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
        learning.hooks(hooks)
        support.hooks(hooks)
        committee.hang(hooks, lambda: self.cases)
        plans.hang(hooks)
        event.hang(hooks)
        register.hang(hooks, self.policy, lambda number: self.telemetry.running(number))
        checks.hang(hooks, self._installation.store)
        alerts.hooks(hooks, self.policy, self.originator)
        reviews.hooks(hooks, FLOWS, self.policy)
        trust.hooks(hooks, self.policy, self.platform, self._installation.store)
        store = self._installation.store
        for module in (consulting, advice, pilots):
            module.register(hooks, store, self.policy)
        privacy_hooks(hooks)
        prereview.register(hooks, store, self.policy, self.projects)
        return hooks

    @cached_property
    def platform(self) -> Platform:
        """What the platform can prove of a service."""
        installation = self._installation
        home = installation.settings.home
        return Platform(
            JsonLinesScorecards(home / "scorecards.jsonl"), SampleBench(installation.settings.cache),
            installation.worker_store, home, policy=self.policy,
        )  # fmt: skip

    @cached_property
    def projects(self) -> prereview.Services:
        """The portfolio as projects that filings are compared with."""
        return prereview.Services(load_register().manifests)

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

    @cached_property
    def committee(self) -> committee.Committee:
        """Who sits, meetings, votes."""
        return committee.Committee(self._installation.store, self.cases)

    @cached_property
    def editions(self) -> event.Editions:
        """Editions of the event, their plan and online hall."""
        return event.Editions(self._installation.store)

    @cached_property
    def exhibitors(self) -> event.Exhibitors:
        """Applications to exhibit, as a table."""
        return event.Exhibitors(self._installation.store, self.cases)

    @cached_property
    def programme(self) -> event.Programme:
        """Sessions and speakers."""
        return event.Programme(self._installation.store)

    @cached_property
    def tickets(self) -> event.Tickets:
        """Registration and check-in."""
        return event.Tickets(self._installation.store)

    @cached_property
    def meetings(self) -> event.Meetings:
        """Cities and companies."""
        return event.Meetings(self._installation.store)

    @cached_property
    def prize(self) -> event.Prize:
        """The prize."""
        return event.Prize(self._installation.store, self.cases)

    @cached_property
    def plans(self) -> plans.Plans:
        """Basic and yearly plans."""
        return plans.Plans(self._installation.store, self.cases)

    @cached_property
    def telemetry(self) -> Telemetry:
        """What runs."""
        return Telemetry(self._installation.worker_store, self._installation.settings.home)

    @cached_property
    def portfolio(self) -> portfolio.Portfolio:
        """All services with their money."""
        return portfolio.Portfolio(self._installation.store, self.telemetry)

    @cached_property
    def checks(self) -> checks.Checks:
        """Rounds of checks over all services."""
        return checks.Checks(self._installation.store, self.cases, self.telemetry)

    @cached_property
    def objections(self) -> register.Objections:
        """What anybody objects to."""
        return register.Objections(self._installation.store, self.cases, self.register)

    @cached_property
    def register(self) -> register.Register:
        """What is published of the services."""
        return register.Register(self._installation.store)

    @cached_property
    def privacy(self) -> PrivacyGuard:
        """Access logs and what was found in them (service 45)."""
        installation = self._installation
        settings = installation.settings
        return PrivacyGuard(
            installation.store, installation.worker_store, self.by_itself, settings.home, settings.city_name
        )

    @cached_property
    def sinks(self) -> alerts.Sinks:
        """Where alerts go besides our own pages."""
        return alerts.Sinks(self._installation.settings.home / "alert_sinks.yaml")

    def originator(self) -> alerts.Originator:
        """Who sends alerts: as the sinks' file says, else the public address's host and the city's name."""
        settings = self._installation.settings
        host = urlsplit(settings.public_url).hostname or "haechi.localhost"
        sender, name = self.sinks.told("sender") or host, self.sinks.told("sender_name") or settings.city_name
        return alerts.Originator(sender, name, settings.public_url.rstrip("/"))

    @cached_property
    def board(self) -> alerts.Board:
        """What is seen of alerts."""
        return alerts.Board(self._installation.store)

    @cached_property
    def shifts(self) -> alerts.Shifts:
        """Hand-overs of the alert desk."""
        return alerts.Shifts(self._installation.store, self.policy)

    @cached_property
    def reviews(self) -> reviews.Reviews:
        """What services propose and people decide on."""
        return reviews.Reviews(self._installation.store, self.cases)

    @cached_property
    def carriage(self) -> Carriage:
        """Carries services' proposals to the office."""
        manifests = {manifest.number: manifest for manifest in load_register().manifests}
        return Carriage(self._installation.worker_store, self.by_itself, manifests)

    def send_alerts(self) -> bool:
        """One round of carrying proposals and of the outbox; the worker's, every second. Whether there was something to do."""
        carried = self.carriage.carry_waiting()
        return bool(carried + alerts.deliver(self._installation.worker_store, self.sinks))

    @cached_property
    def metered(self) -> support.Metered:
        """The metered mode of the fee support, on the gateway's keys."""
        installation = self._installation
        return support.Metered(installation.store, FeeKeys(installation.keys, installation.worker_store))

    def look_over(self) -> dict[str, int]:
        """One round of what is due; the worker's, every few seconds. Counts by name."""
        support.follow(self._installation.worker_store, self.by_itself)
        return look_over(self._installation.worker_store, self.policy)
