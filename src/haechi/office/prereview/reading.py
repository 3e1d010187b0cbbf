"""What is seen of pre-reviews: by outcome, with their money, against the round's cap; the scores for whoever decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.core.errors import Forbidden
from haechi.core.store import Actor, Row, Store
from haechi.office.cases import rows
from haechi.office.prereview.letter import score_of
from haechi.office.prereview.projects import Services, similar
from haechi.office.prereview.similar import Hit, Project, terms_of
from haechi.office.rounds import filed_by

DECIDED = ("approved", "conditional", "fulfilled", "deferred", "rejected")
UNDECIDED = ("draft", "submitted", "checked", "in_review", "scored")
PAGE = 60


class PreReviews:
    """Reads pre-reviews as the actor may see them. services: put into the index when somebody searches before the first filing."""

    def __init__(self, store: Store, services: Services | None = None) -> None:
        self._store = store
        self._services = services

    def listed(self, actor: Actor, *, round: str = "", state: str = "") -> list[Row]:
        """Cases with their money, the newest first, at most PAGE; those that the actor may see."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"""select {rows.COLUMNS}, p.total_won, (select count(*) from case_tasks t
                  where t.case_id = c.id and t.source = 'approve_with_conditions' and t.state in ('open', 'reported')) as waiting
                from cases c left join review_projects p on p.case_id = c.id
                where c.kind = 'pre_review' and (:round = '' or c.round = :round) and (:state = '' or c.state = :state)
                order by c.opened_at desc, c.id limit {PAGE}""",
                round=round,
                state=state,
            )

    def sums(self, actor: Actor, round: str) -> dict[str, Any]:
        """by: state → how many cases the actor sees; promised: won of all approved projects of the round."""
        with self._store.transaction(actor) as tx:
            by = {
                row["state"]: int(row["cases"])
                for row in tx.all(
                    """select state, count(*) as cases from cases
                    where kind = 'pre_review' and (:round = '' or round = :round) group by state""",
                    round=round,
                )
            }
            promised = int(tx.value("select haechi_round_promised(:round)", round=round) or 0) if round else None
        return {"by": by, "promised": promised}

    def scores(self, actor: Actor, case_id: str) -> Mapping[str, Any]:
        """The weighted score with its sheets, when scoring is over. Forbidden to whoever does not work on the case; None
        while sheets are still being written, so that nobody is led by them."""
        with self._store.transaction(actor) as tx:
            case = rows.found(tx, case_id)
            if not tx.value("select haechi_works_case(cast(:id as uuid))", id=case["id"]):
                raise Forbidden(
                    "심사 점수를 볼 권한이 없습니다.", next_step="결과는 통보서로 알려 드립니다.", record=case["number"]
                )
            shut = case["state"] in UNDECIDED and case["state"] != "scored"
            return {
                "case": case,
                "score": None if shut else score_of(tx, case),
                "sheets": [] if shut else filed_by(tx, case["id"], "pre_review_score"),
            }

    def like(self, actor: Actor, title: str, text: str, *, least: float, most: int = 10) -> tuple[Hit, ...]:
        """Projects like a description that nobody has filed yet: what an owner asks before writing."""
        project = Project("query", title, actor.bureau, "", terms_of(title, text))
        with self._store.transaction(actor) as tx:
            if self._services is not None:
                self._services.put(tx)
            return similar(tx, project, least=least, most=most)
