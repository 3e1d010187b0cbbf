"""The prize: entries by category, sheets of a jury that did not see one another's, winners that people name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from haechi.core import clock
from haechi.core.store import Actor, Store, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import Cases, rows
from haechi.office.rounds import answers_of, filed_by

FLOW, ENTRY, SHEET = "award", "award_entry", "award_sheet"
SHUT = ("draft", "entered", "screened", "jury")
"""States in which nobody sees another juror's points."""


@dataclass(frozen=True, slots=True)
class Category:
    """A category and how many awards it has."""

    id: str
    name: tuple[str, str]
    awards: int


def categories() -> dict[str, Category]:
    """The categories in force today; 21 awards in all by the city's plan."""
    told = parameter("event.prize_categories", on=clock.today()).value
    return {id: Category(id, (one["ko"], one["en"]), int(one["awards"])) for id, one in told.items()}


def points(sheets: list[Mapping[str, Any]]) -> float | None:
    """Weighted mean of the sheets, 0–100; None without one. Advice to those who decide, nothing more."""
    weights: Mapping[str, float] = parameter("event.prize_weights", on=clock.today()).value
    if not sheets:
        return None
    each = [sum(weights[name] * float(sheet[name]) / 5 for name in weights) for sheet in sheets]
    return round(sum(each) / len(each), 1)


def category_of(tx: Transaction, case_id: str) -> str:
    """The category that an entry was sent in for."""
    return str(answers_of(tx, case_id, ENTRY).get("category") or "")


class Prize:
    """What is seen of the prize. A juror who is kept out of an entry gets no row of it."""

    def __init__(self, store: Store, cases: Cases) -> None:
        self._store = store
        self._cases = cases

    def table(self, actor: Actor, edition: str) -> dict[str, Any]:
        """categories, entries by category with state, and, once the jury is over, sheets and points; winners counted. tied: others
        of the category have the same points; the number that orders them then decides nothing, people do."""
        known = categories()
        with self._store.transaction(actor) as tx:
            found = tx.all(
                f"select {rows.COLUMNS} from cases c where c.kind = 'award' and c.round = :e and c.state not in ('draft', 'withdrawn')"
                " order by c.number",
                e=edition,
            )
            entries: dict[str, list[dict[str, Any]]] = {id: [] for id in known}
            for row in found:
                sheets = [one["answers"] for one in filed_by(tx, row["id"], SHEET)] if row["state"] not in SHUT else []
                entries.setdefault(category_of(tx, row["id"]), []).append(
                    {"case": self._cases.reading.named(row), "sheets": len(sheets), "points": points(sheets)}
                )
        for of in entries.values():
            same = Counter(one["points"] for one in of if one["points"] is not None)
            for one in of:
                one["tied"] = same[one["points"]] > 1
            of.sort(key=lambda one: (-(one["points"] or 0), one["case"]["number"]))
        winners = {id: sum(1 for one in of if one["case"]["state"] == "winner") for id, of in entries.items()}
        return {"categories": known, "entries": entries, "winners": winners}
