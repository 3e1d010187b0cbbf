"""What the tests of the fee support share: a round, people who have done their duty, applications along the real flow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.office.people import person

from haechi.core import clock
from haechi.core.store import Actor, Store
from haechi.office.cases import Cases, Hooks, Opening, Policy
from haechi.office.learning import hooks as learning_hooks
from haechi.office.support import NewRound, Rounds, hooks

NOW = datetime(2025, 8, 4, 1, 0, tzinfo=UTC)
AFTER = NOW + timedelta(days=8)
ANSWERS = {"service": "chatgpt", "ask_won": "90000", "task": "회의록 초안", "pledge": "yes"}


def cases_on(store: Store) -> Cases:
    """The book of cases with the hooks of support and learning."""
    register = Hooks()
    learning_hooks(register)
    hooks(register)
    return Cases(store, Policy.in_force(), register)


def new_round(**changed: Any) -> NewRound:
    """A subscription round of ten and two seats, open for a week from NOW."""
    told: dict[str, Any] = {
        "title": "2025년 2회차", "number": 2, "mode": "subscription", "opens_at": NOW - timedelta(hours=1),
        "closes_at": NOW + timedelta(days=7), "starts_on": date(2025, 9, 1), "seats_main": 10, "seats_branch": 2,
        "budget_won": 12 * 90_000, "cap_won": 90_000, "fund": "추경",
    }  # fmt: skip
    return NewRound(**{**told, **changed})


def opened(store: Store, actor: Actor, **changed: Any) -> str:
    """A round that takes applications; its id."""
    rounds = Rounds(store)
    id = rounds.plan(actor, new_round(**changed))
    rounds.open(actor, id, accept="시험")
    return id


def trained(owner_store: Store, *people: Actor, minutes: int = 120, year: int = 2025) -> None:
    """Let people have done their duty (tests/office/test_learning.py goes the whole way)."""
    with owner_store.transaction() as tx:
        course, session = clock.new_id(), clock.new_id()
        tx.run(
            "insert into courses (id, title, kind, minutes, made_at, made_by) values (:c, '의무', 'duty', :m, :now, 'x')",
            {"c": course, "m": minutes, "now": clock.now()},
        )
        tx.run(
            """insert into course_sessions (id, course_id, enrol_from, enrol_until, starts_at, ends_at, seats, made_at, made_by)
            values (:s, :c, '2025-01-01', '2025-01-02', '2025-01-03', '2025-01-04', 1000, :now, 'x')""",
            {"s": session, "c": course, "now": clock.now()},
        )
        for one in people:
            tx.run(
                """insert into enrolments (id, session_id, subject, state, at, completed_at, minutes, year)
                values (:id, :s, :who, 'enrolled', :now, :now, :m, :year)""",
                {
                    "id": clock.new_id(),
                    "s": session,
                    "who": one.subject,
                    "now": clock.now(),
                    "m": minutes,
                    "year": year,
                },
            )


def staff(owner_store: Store, n: int, bureau: str = "재무국") -> list[Actor]:
    """People of one bureau who have done their duty."""
    people = [person(owner_store, f"직원{i}", "staff", bureau=bureau) for i in range(n)]
    trained(owner_store, *people)
    return people


def drafted(cases: Cases, who: Actor, round_id: str, **changed: Any) -> str:
    """An application that is filled in; its case."""
    opening = Opening(
        "이용료 지원", bureau=who.bureau, round=round_id, key=f"fee:{round_id}:{who.subject}:{clock.new_id()}"
    )
    case = str(cases.open(who, "fee_support", opening)["id"])
    cases.filings.save(who, case, "fee_support", {**ANSWERS, "signed": who.name, **changed}, base=0)
    return case


def applied(cases: Cases, who: Actor, round_id: str, **changed: Any) -> str:
    """An application that was handed in; its case."""
    case = drafted(cases, who, round_id, **changed)
    cases.act(who, case, "submit")
    return case
