"""The demonstration of reviewing projects plays through the same steps that people take, and playing it again changes nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from tests.office.people import person
from tests.office.review import desk

from haechi.city.demo.office.projects import demo
from haechi.city.demo.people import demo_people
from haechi.core.store import Store


def test_the_scene_plays_once(store: Store, owner_store: Store) -> None:
    where = desk(store, owner_store)
    people = {
        one.login: person(owner_store, one.name, *{"staff", one.role}, bureau=one.bureau)
        for one in demo_people()
        if one.bureau
    }
    office = cast(Any, SimpleNamespace(cases=where.cases))
    counts = []
    for _ in range(2):
        demo(office, people)
        with store.transaction(people["ai.team"]) as tx:
            counts.append(
                tx.all("select kind, state, count(*) as n from cases group by kind, state order by kind, state")
            )
    assert counts[0] == counts[1]
    assert {(row["kind"], row["state"], row["n"]) for row in counts[0]} == {
        ("pre_review", "in_review", 1), ("consulting", "scored", 3), ("advice", "gathered", 1), ("pilot", "preparing", 1),
    }  # fmt: skip
