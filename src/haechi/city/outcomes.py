"""What services really did: every outcome is kept, and the KPIs of a service are computed from them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from haechi.core import clock
from haechi.core.contract import KpiReading
from haechi.core.manifest import Manifest
from haechi.core.outcome import Evidence, Outcome, Proposal
from haechi.core.store import SYSTEM, Store, Transaction

KPI_DAYS = 30
MOST_OUTCOMES = 20_000
NO_PERSON = "직원이 근거를 열어 확인한 뒤 씁니다. 답변은 결정이 아닙니다."


def keep(tx: Transaction, outcome: Outcome) -> None:
    """Append one outcome, in the transaction in which its answer is stored. Questions are not part of it."""
    tx.run(
        """insert into outcomes (id, service, at, subject, outcome)
        values (:id, :service, :at, :subject, cast(:outcome as jsonb))""",
        {
            "id": outcome.id,
            "service": outcome.service,
            "at": outcome.at,
            "subject": tx.actor.subject,
            "outcome": json.dumps(outcome.as_dict(), ensure_ascii=False),
        },
    )


def of_answer(service: int, events: Sequence[Mapping[str, Any]], seconds: float) -> Outcome:
    """The outcome of one streamed answer. events: as city/asking yields them, the last one 'done'.

    The answer's words stand in the conversation, which its owner may delete; the outcome keeps what is measured.
    """
    done = events[-1]
    cited = [event for event in events if event["event"] == "citation"]
    grounding: Mapping[str, Any] = next((event for event in events if event["event"] == "grounding"), {})
    conflicts = len(grounding.get("conflicts", ()))
    answered = bool(done["answered"])
    return Outcome(
        service=service,
        result={"answered": answered, "conflicts": conflicts, "withdrawn": len(grounding.get("withdrawn", ()))},
        confidence=done["confidence"],
        evidence=tuple(Evidence("passage", event["passage_id"], event["title"], event["locator"]) for event in cited),
        model=done["model"],
        model_version="1",
        made_by_ai=True,
        needs_person=not answered or conflicts > 0,
        why_person=_why(answered, conflicts, done),
        elapsed=seconds,
    )


def _why(answered: bool, conflicts: int, done: Mapping[str, Any]) -> str:
    if conflicts:
        return f"서로 다른 내용의 문서가 {conflicts}쌍 있습니다. 담당 부서가 어느 쪽이 맞는지 정해야 합니다."
    return NO_PERSON if answered else done.get("reason") or "문서가 답하지 않습니다. 담당자에게 물어보세요."


def measured(store: Store, manifest: Manifest, *, days: int = KPI_DAYS) -> dict[str, KpiReading]:
    """KPI id → reading from the outcomes of the last `days` days; see `measured_between`."""
    now = clock.now()
    return measured_between(store, manifest, now - timedelta(days=days), now + timedelta(seconds=1))


def measured_between(store: Store, manifest: Manifest, begin: datetime, end: datetime) -> dict[str, KpiReading]:
    """KPI id → reading from the outcomes of [begin, end) (at most the newest 20,000), by the service's own `measure`;
    {} for a service that is not built or measures nothing. store: role haechi_worker."""
    if not manifest.built:
        return {}
    module = importlib.import_module(manifest.entry.partition(":")[0])
    measure: Callable[[Sequence[Outcome]], Sequence[KpiReading]] | None = getattr(module, "measure", None)
    if measure is None:
        return {}
    with store.transaction(SYSTEM) as tx:
        rows = tx.all(
            """select outcome from outcomes where service = :service and at >= :begin and at < :end
            order by at desc limit :most""",
            service=manifest.number,
            begin=begin,
            end=end,
            most=MOST_OUTCOMES,
        )
    return {reading.kpi: reading for reading in measure([stored(row["outcome"]) for row in rows])}


def stored(data: Mapping[str, Any]) -> Outcome:
    """The outcome as `keep` wrote it."""
    evidence = tuple(Evidence(**one) for one in data["evidence"])
    proposal = Proposal(**data["proposal"]) if data.get("proposal") else None
    at = datetime.fromisoformat(data["at"])
    return Outcome(**{**data, "evidence": evidence, "at": at, "proposal": proposal})
