"""The index of projects: the services of the portfolio and everything ever filed, found by their rare words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from haechi.core import clock
from haechi.core.manifest import Manifest
from haechi.core.store import Row, Transaction
from haechi.office.prereview.similar import Hit, Project, ranked, rare, service_project, terms_of

READ_AT_MOST = 2_000
"""Postings that one search follows: a few milliseconds, however many projects there are."""
COMPARED = ("goal", "users", "why_ai", "sources", "measure", "model_name")


class Services:
    """The portfolio's manifests as projects: worked out once, put into the index when they are not there as they are now."""

    def __init__(self, manifests: Sequence[Manifest]) -> None:
        self._manifests = tuple(manifests)
        self._projects: tuple[Project, ...] | None = None

    def projects(self) -> tuple[Project, ...]:
        """One for each manifest. The first call cuts their words (seconds)."""
        if self._projects is None:
            self._projects = tuple(map(service_project, self._manifests))
        return self._projects

    def put(self, tx: Transaction) -> int:
        """Bring the index up to date with the manifests; how many were written. One query when nothing changed."""
        known = {
            row["ref"]: row
            for row in tx.all("select ref, title, bureau, state, terms from review_projects where source = 'service'")
        }
        written = 0
        for project in self.projects():
            row = known.get(project.ref)
            if row is None or _shape(row) != (project.title, project.bureau, project.state, project.terms):
                _put(tx, project, source="service", service=int(project.ref.partition(":")[2]))
                written += 1
        return written


def _shape(row: Row) -> tuple[str, str, str, tuple[str, ...]]:
    return row["title"], row["bureau"], row["state"], tuple(row["terms"])


def put_filing(tx: Transaction, case: Row, answers: Mapping[str, object], *, round: str) -> Project:
    """A filing as a project, written or brought up to date."""
    terms = terms_of(case["title"], *(str(answers.get(key) or "") for key in COMPARED))
    project = Project(f"case:{case['id']}", case["title"], case["bureau"], case["state"], terms, case["number"])
    total = answers.get("total_won")
    _put(tx, project, source="filing", case_id=case["id"], round=round, total=total if isinstance(total, int) else None)
    return project


def move_filing(tx: Transaction, case: Row) -> None:
    """The state of a filing's project is that of its case."""
    tx.run(
        "update review_projects set state = :state, changed_at = :now where case_id = :id",
        {"state": case["state"], "now": clock.now(), "id": case["id"]},
    )


def similar(
    tx: Transaction, project: Project, *, least: float, most: int, leaving_out: Collection[str] = ()
) -> tuple[Hit, ...]:
    """Projects like this one, itself and `leaving_out` (refs) apart. Follows at most READ_AT_MOST postings."""
    counts = _counts(tx, project.terms)
    total = int(tx.value("select coalesce(max(projects), 0) from review_terms where term = ''") or 0)
    looked_up = rare(project.terms, counts, at_most=READ_AT_MOST)
    if not looked_up:
        return ()
    found = tx.all(
        """select ref, title, bureau, state, terms, number from review_projects
        where terms && :terms and state not in ('draft', 'withdrawn') order by ref""",
        terms=list(looked_up),
    )
    others = [
        Project(row["ref"], row["title"], row["bureau"], row["state"], tuple(row["terms"]), row["number"])
        for row in found if row["ref"] != project.ref and row["ref"] not in leaving_out
    ]  # fmt: skip
    counts = _counts(tx, {term for other in others for term in other.terms} | set(project.terms))
    return ranked(project.terms, project.bureau, others, counts, total, least=least, most=most)


def _counts(tx: Transaction, terms: Collection[str]) -> dict[str, int]:
    rows = tx.all("select term, projects from review_terms where term = any (:terms)", terms=sorted(terms))
    return {row["term"]: row["projects"] for row in rows}


def _put(
    tx: Transaction, project: Project, *, source: str, case_id: str | None = None, service: int | None = None,
    round: str = "", total: int | None = None,
) -> None:  # fmt: skip
    before = tx.one("select terms from review_projects where ref = :ref for update", ref=project.ref)
    old, new = set(before["terms"] if before is not None else ()), set(project.terms)
    tx.run(
        """insert into review_projects (ref, source, case_id, service, round, number, title, bureau, state, total_won, terms, changed_at)
        values (:ref, :source, cast(:case as uuid), :service, :round, :number, :title, :bureau, :state, :total, :terms, :now)
        on conflict (ref) do update set title = excluded.title, bureau = excluded.bureau, state = excluded.state,
          round = excluded.round, total_won = excluded.total_won, terms = excluded.terms, changed_at = excluded.changed_at""",
        {
            "ref": project.ref, "source": source, "case": case_id, "service": service, "round": round, "number": project.number,
            "title": project.title, "bureau": project.bureau, "state": project.state, "total": total,
            "terms": list(project.terms), "now": clock.now(),
        },
    )  # fmt: skip
    changes = [(term, 1) for term in new - old] + [(term, -1) for term in old - new]
    if before is None:
        changes.append(("", 1))
    # In one order for everybody, so that two filings at once never wait for each other in a ring.
    for term, by in sorted(changes):
        tx.run(
            """insert into review_terms (term, projects) values (:term, :by)
            on conflict (term) do update set projects = review_terms.projects + :by""",
            {"term": term, "by": by},
        )
