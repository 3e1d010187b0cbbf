"""The round of consulting as people see it: criteria, demands in their order, who was chosen and why; the selection itself."""

from __future__ import annotations

from typing import Any

from haechi.core import clock
from haechi.core.errors import Forbidden, InvalidInput
from haechi.core.roles import may
from haechi.core.store import Actor, Row, Store
from haechi.engines.rules.dated import Parameter, parameter
from haechi.office.cases import Cases, rows
from haechi.office.consulting.ranking import CHOSEN, Demand, points_of, points_total, rank
from haechi.office.rounds import Member, Rounds, members, related

CRITERIA = {
    "urgency": ("시급성", "Urgency"),
    "effect": ("기대 효과", "Effect"),
    "readiness": ("준비 정도", "Readiness"),
    "spread": ("확산 가능성", "Spread"),
}


class Consulting:
    """Rounds of consulting."""

    def __init__(self, store: Store, cases: Cases) -> None:
        self._store = store
        self._cases = cases
        self._rounds = Rounds(store)

    def criteria(self, found: Row) -> Parameter:
        """The published points of a round: those in force when it opened."""
        return parameter("consulting.weights", on=found["opens_on"])

    def ranking(self, actor: Actor, round_id: str) -> dict[str, Any]:
        """round, criteria, placed, selected, declined, late. Forbidden without 'projects.desk': whoever answered a survey
        sees their own case, and everybody reads the decisions in `decided`."""
        if not may(actor, "projects.desk"):
            raise Forbidden(
                "순위를 볼 권한이 없습니다.", next_step="결과는 통보서와 회차 화면에서 볼 수 있습니다.", record=round_id
            )
        found = self._rounds.one(actor, round_id)
        placed = rank(self._demands(actor, found), found["seats"] or 0)
        states = [one.demand.state for one in placed]
        return {
            "round": found,
            "criteria": self.criteria(found),
            "placed": placed,
            "selected": sum(1 for state in states if state in CHOSEN),
            "declined": states.count("not_selected"),
        }

    def _demands(self, actor: Actor, found: Row) -> list[Demand]:
        weights = self.criteria(found).value
        with self._store.transaction(actor) as tx:
            got = tx.all(
                """select c.id::text as id, c.number, c.title, c.bureau, c.state, s.answers as sheet, d.answers as decision
                from cases c
                left join case_filings s on s.case_id = c.id and s.form = 'consulting_score' and s.state = 'filed'
                left join case_filings d on d.case_id = c.id and d.form = 'consulting_decision' and d.state = 'filed'
                where c.kind = 'consulting' and c.round = :round and c.state not in ('demand', 'withdrawn') order by c.number""",
                round=found["id"],
            )
        demands = []
        for row in got:
            points = points_of(row["sheet"] or {}, weights) if row["state"] != "submitted" else {}
            total = points_total(points, weights) if points else None
            why = (row["decision"] or {}).get("reason", "")
            demands.append(
                Demand(row["id"], row["number"], row["title"], row["bureau"], row["state"], points, total, why)
            )
        return demands

    def decide(self, actor: Actor, case_id: str, *, chosen: bool, reason: str, version: int | None = None) -> Row:
        """Select or decline, with the reason; one transaction after the reason is stored. As Cases.act refuses: order, role,
        whoever scored it, no seat left, no reason."""
        if not reason.strip():
            raise InvalidInput("이유가 비었습니다.", next_step="왜 그렇게 정하는지 적으세요.", record="reason")
        filing = self._cases.filings.get(actor, case_id, "consulting_decision")
        self._cases.filings.save(actor, case_id, "consulting_decision", {"reason": reason}, base=filing["version"])
        return self._cases.act(actor, case_id, "select" if chosen else "decline", version=version)

    def consultants(self, actor: Actor, case_id: str) -> list[tuple[Member, str, int]]:
        """Consultants in term: who fits the fields that the bureau named first (how many fit), with why one must not."""
        with self._store.transaction(actor) as tx:
            case = rows.found(tx, case_id)
            wanted = tx.value(
                "select answers -> 'field' from case_filings where case_id = :id and form = 'consulting_demand'",
                id=case["id"],
            )
            found = [
                (
                    member,
                    related(member, case["bureau"], {case["subject"]}),
                    len(set(wanted or ()) & set(member.specialties)),
                )
                for member in members(tx, "consultant", clock.today())
            ]
        return sorted(found, key=lambda one: (bool(one[1]), -one[2], one[0].name))

    def reports(self, actor: Actor, round_id: str) -> list[Row]:
        """The chosen ones that the actor sees, with the day of their report and whether it has passed."""
        with self._store.transaction(actor) as tx:
            return [
                self._cases.reading.named(row)
                for row in tx.all(
                    f"""select {rows.COLUMNS} from cases c where c.kind = 'consulting' and c.round = :round
                    and c.state = any (:chosen) order by c.due_at nulls last, c.number""",
                    round=round_id,
                    chosen=list(CHOSEN),
                )
            ]
