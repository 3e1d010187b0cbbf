"""Carries what services propose to the office: one case and one place in the review queue for each outcome, exactly once.

An outcome with a proposal is its own outbox: it stands in the database with no `carried_at` until one transaction has opened
the case (`origin_key` is the outcome's id), put the review, and set `carried_at`. Whoever is killed in between left nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from haechi.city import outcomes
from haechi.core import clock
from haechi.core.manifest import UNKNOWN, Manifest
from haechi.core.outcome import Outcome, Proposal
from haechi.core.store import SYSTEM, Row, Store, Transaction
from haechi.office.cases import Cases, Opening, rows
from haechi.office.flows import Flow

log = logging.getLogger("haechi.office")
FLOWS = ("alert", "incident", "request", "handoff")
LOOKERS = ("role:service_owner", "role:ai_team")
"""Who looks at what only wants a look, besides its bureau."""


class Carriage:
    """cases: under the worker's role, for what opens by itself. manifests: of the services, by number."""

    def __init__(self, store: Store, cases: Cases, manifests: Mapping[int, Manifest]) -> None:
        self._store = store
        self._cases = cases
        self._manifests = manifests

    def carry(self, outcome: Outcome) -> Row | None:
        """Keep an outcome and carry it at once, in one transaction; its case. The same outcome again changes nothing."""
        with self._store.transaction(SYSTEM) as tx:
            if tx.value("select 1 from outcomes where id = :id", id=outcome.id) is None:
                outcomes.keep(tx, outcome)
            found = self._next(tx, 1, id=outcome.id)
            if found:
                return self._carry_in(tx, outcomes.stored(found[0]["outcome"]))
            return tx.one(f"select {rows.COLUMNS} from cases c where c.origin_key = :key", key=outcome.id)

    def carry_waiting(self, *, most: int = 50) -> int:
        """Carry what services kept in their own transactions, each in one of its own; how many."""
        carried = 0
        while carried < most:
            with self._store.transaction(SYSTEM) as tx:
                found = self._next(tx, 1)
                if not found:
                    break
                self._carry_in(tx, outcomes.stored(found[0]["outcome"]))
                carried += 1
        return carried

    def _next(self, tx: Transaction, most: int, *, id: str = "") -> Sequence[Row]:
        """Outcomes to be carried, locked; those that another worker carries right now are left to it."""
        one = "and id = cast(:id as uuid)" if id else ""
        return tx.all(
            f"""select outcome from outcomes where carried_at is null and (outcome -> 'proposal' ->> 'kind') is not null {one}
            order by at limit :most for update skip locked""",
            most=most, **({"id": id} if id else {}),
        )  # fmt: skip

    def _carry_in(self, tx: Transaction, outcome: Outcome) -> Row | None:
        proposal = outcome.proposal
        assert proposal is not None
        bureau = proposal.bureau or self._bureau(outcome.service)
        flow = self._flow(outcome.service, proposal)
        case = self._open(tx, flow, outcome, proposal, bureau) if flow is not None else None
        office = (
            case_office(flow, bureau) if flow is not None else [*LOOKERS, *([f"bureau:{bureau}"] if bureau else [])]
        )
        self._queue(tx, outcome, proposal, bureau, case, office)
        if case is None:
            rows.notify(
                tx, office, "review_waiting", (f"검토할 것: {proposal.title}", f"To review: {proposal.title}"), case=None,
                key=f"review:{outcome.id}",
            )  # fmt: skip
        tx.run("update outcomes set carried_at = :now where id = :id", {"now": clock.now(), "id": outcome.id})
        return case

    def _open(self, tx: Transaction, flow: Flow, outcome: Outcome, proposal: Proposal, bureau: str) -> Row:
        opening = Opening(
            title=proposal.title, bureau=bureau, service=outcome.service, severity=proposal.severity,
            exercise=proposal.exercise, origin="service", key=outcome.id, subject=f"service:{outcome.service}",
            subject_name=self._name(outcome.service),
            facts={"outcome": outcome.id, "details": dict(proposal.details), "why": outcome.why_person},
        )  # fmt: skip
        case = self._cases.open_in(tx, flow, opening)
        rows.notify(
            tx, case_office(flow, bureau), "case_arrived",
            (f"{case['number']} ‘{case['title']}’이(가) 들어왔습니다.", f"{case['number']} came in."),
            case=case, key=f"opened:{case['id']}",
        )  # fmt: skip
        return case

    def _queue(
        self,
        tx: Transaction,
        outcome: Outcome,
        proposal: Proposal,
        bureau: str,
        case: Row | None,
        office: Sequence[str],
    ) -> None:
        tx.run(
            """insert into reviews (id, service, kind, title, severity, bureau, exercise, why, made_at, case_id, office, readers)
            values (:id, :service, :kind, :title, :severity, :bureau, :exercise, :why, :at, cast(:case as uuid), :office, :readers)""",
            {
                "id": outcome.id, "service": outcome.service, "kind": proposal.kind, "title": proposal.title[:300],
                "severity": proposal.severity, "bureau": bureau, "exercise": proposal.exercise, "why": outcome.why_person,
                "at": outcome.at, "case": case["id"] if case else None, "office": list(office),
                "readers": list(case["readers"]) if case else ["role:auditor"],
            },
        )  # fmt: skip

    def _flow(self, service: int, proposal: Proposal) -> Flow | None:
        """The flow that the service's manifest names, else the one of the proposal's kind; none for a mere review."""
        if proposal.kind == "review":
            return None
        manifest = self._manifests.get(service)
        named = manifest.flow if manifest is not None else UNKNOWN
        known = {id for id, _ in self._cases.policy.flows}
        return self._cases.policy.flow(named if named in known else proposal.kind, on=clock.today())

    def _bureau(self, service: int) -> str:
        manifest = self._manifests.get(service)
        return "" if manifest is None or manifest.bureau == UNKNOWN else manifest.bureau

    def _name(self, service: int) -> str:
        manifest = self._manifests.get(service)
        return f"{service}. {manifest.name.ko}" if manifest is not None else f"서비스 {service}번"


def case_office(flow: Flow, bureau: str) -> list[str]:
    """The access tags of those who work on a case of this flow and bureau."""
    return sorted({f"bureau:{bureau}" if tag == "bureau" else tag for tag in flow.office if tag != "bureau" or bureau})
