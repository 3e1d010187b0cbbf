"""Everything of service 45 that pages, commands and chores reach."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haechi.city.privacy import report
from haechi.city.privacy.log import AccessLog
from haechi.city.privacy.looking import Looking
from haechi.city.privacy.scanning import Scanning, rule_names
from haechi.core import clock
from haechi.core.store import Actor, Row, Store
from haechi.office.letters import Paper

if TYPE_CHECKING:
    from haechi.office.cases import Cases


class PrivacyGuard:
    """store: for people; worker_store, by_itself: for what no person may do by themselves. city: who reports."""

    def __init__(self, store: Store, worker_store: Store, by_itself: Cases, home: Path, city: str) -> None:
        self._store = store
        self._worker_store = worker_store
        self._cases = by_itself
        self._home = home
        self._city = city

    @cached_property
    def log(self) -> AccessLog:
        """The stored log."""
        return AccessLog(self._worker_store, self._home)

    @cached_property
    def scanning(self) -> Scanning:
        """The rules over it."""
        return Scanning(self._worker_store, self._cases, self._home)

    @cached_property
    def looking(self) -> Looking:
        """Raw lines, by two."""
        return Looking(self._store)

    def monthly(self, actor: Actor, month: str, *, worker: bool = False) -> Paper:
        """The report of a month, the chain verified now. worker: for the command line, which has every right."""
        states = {id: state.name[0] for id, state in self._cases.policy.flow("privacy_alert").states.items()}
        store = self._worker_store if worker else self._store
        told = report.month_of(store, actor, month, states, self.log.verify())
        return report.paper(self._city, told, clock.today())

    def months(self, actor: Actor) -> list[str]:
        """Months that have a log."""
        return [row["month"] for row in report.months(self._store, actor)]

    def batches(self, actor: Actor) -> list[Row]:
        """Headers of what is stored, newest first."""
        return self.log.batches(actor, self._store)

    def alerts(self, actor: Actor, *, level: str, most: int = 100) -> list[dict[str, Any]]:
        """What was found and the actor may know of, newest first; never about themselves, save their own notices."""
        names = rule_names()
        with self._store.transaction(actor) as tx:
            found = tx.all(
                """select a.id, a.handler, a.bureau, a.rule, a.first, a.last, a.value, a.bound, a.detail -> 'why' ->> 0 as why,
                  a.case_id::text as case_id, c.number, c.state, a.reasoned_by::text as reasoned_by
                from access_alerts a left join cases c on c.id = a.case_id
                where a.level = :level order by a.last desc, a.id limit :most""",
                level=level,
                most=most,
            )
        return [{**row, "name": names.get(row["rule"], row["rule"])} for row in found]

    def of_mine(self, actor: Actor) -> list[Row]:
        """Open cases in which the actor plays a part, and the look-ups that they asked for."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select c.id::text as id, c.number, c.title, c.flow, c.state, c.due_at from cases c
                where c.flow in ('privacy_alert', 'privacy_lookup') and c.closed_at is null
                  and c.id in (select haechi_my_cases()) order by c.due_at nulls last, c.number limit 100"""
            )

    def looks(self, actor: Actor) -> list[Row]:
        """Who looked at raw lines."""
        return self.looking.looks(actor)
