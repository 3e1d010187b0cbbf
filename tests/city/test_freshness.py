"""A bureau is told which of its documents have grown old, and answers say so until it has looked."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from haechi.city.chores import daily
from haechi.city.freshness import Freshness, look_over, rules_in_force, why
from haechi.city.library import Library
from haechi.city.reading import ReadingDesk
from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.store import SYSTEM, Actor, Store

TODAY = clock.today()
BORDER = date(2026, 11, 22)  # the day on which the borders of the rules are looked at


def put(library: Library, desk: ReadingDesk, clerk: Actor, title: str, **more: Any) -> str:
    text = f"# {title}\n\n신청은 주민센터에서 받습니다. 판 {more.get('effective_from')}.\n"
    receipt = library.upload(
        clerk, filename=f"{title}.md", data=text.encode(), bureau=clerk.bureau, grade="public", **more
    )
    assert desk.read_next() is not None
    return receipt.document_id


def look(store: Store, day: date = TODAY) -> dict[str, int]:
    with store.transaction(SYSTEM) as tx:
        return look_over(tx, day)


def test_an_old_document_is_noticed_once_and_its_bureau_ends_the_notice(
    library: Library, desk: ReadingDesk, store: Store, worker_store: Store, welfare: Actor, traffic: Actor
) -> None:
    old = put(library, desk, welfare, "돌봄 안내", effective_from=date(2023, 1, 1), revised_on=date(2023, 5, 1))
    put(library, desk, welfare, "새 안내", effective_from=TODAY - timedelta(days=60))
    assert look(worker_store)["stale_raised"] == 1
    assert look(worker_store)["stale_raised"] == 0, "raised twice"
    freshness = Freshness(store)
    (notice,) = freshness.notices(welfare)
    assert (notice["document_id"], notice["rule"]) == (old, "not_revised")
    assert notice["why"] == "24개월 넘게 고치지 않았습니다(마지막 2023-05-01)"
    assert freshness.notices(traffic) == []
    with store.transaction(Actor()) as tx:
        assert why(tx, old) == notice["why"], "whoever reads the document is told"

    with pytest.raises(NotFound):
        freshness.confirm(traffic, notice["id"], "문제없음")
    with pytest.raises(InvalidInput) as error:
        freshness.confirm(welfare, notice["id"], " ")
    assert error.value.next_step
    freshness.confirm(welfare, notice["id"], "2026년 지침과 견주어 같음")
    assert freshness.notices(welfare) == []
    assert [row["note"] for row in freshness.notices(welfare, state="confirmed")] == ["2026년 지침과 견주어 같음"]
    with store.transaction(Actor()) as tx:
        assert why(tx, old) == ""


def test_a_confirmation_holds_for_its_time_and_then_the_question_comes_back(
    library: Library, desk: ReadingDesk, store: Store, worker_store: Store, welfare: Actor
) -> None:
    put(library, desk, welfare, "돌봄 안내", effective_from=date(2020, 1, 1))
    look(worker_store)
    freshness = Freshness(store)
    freshness.confirm(welfare, freshness.notices(welfare)[0]["id"], "그대로")
    assert look(worker_store)["stale_raised"] == 0
    later = TODAY + timedelta(days=731)
    assert look(worker_store, later)["stale_raised"] == 1


def test_a_new_version_ends_the_notice_by_itself(
    library: Library, desk: ReadingDesk, store: Store, worker_store: Store, welfare: Actor
) -> None:
    document = put(library, desk, welfare, "돌봄 안내", effective_from=date(2020, 1, 1))
    look(worker_store, TODAY - timedelta(days=300))
    put(library, desk, welfare, "돌봄 안내", document_id=document, effective_from=TODAY - timedelta(days=20))
    assert look(worker_store) == {"stale_raised": 0, "stale_ended": 1}
    assert [row["state"] for row in Freshness(store).notices(welfare, state="replaced")] == ["replaced"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"title": "2023년 업무편람"}, ["past_year"]),
        ({"title": "2025년 업무편람"}, []),
        ({"title": "2023년 업무편람", "kind": "statutes"}, []),
        ({"review_by": BORDER}, ["review_due"]),
        ({"review_by": BORDER + timedelta(days=1)}, []),
        ({"said_outdated": 1}, []),
        ({"said_outdated": 2}, ["said_outdated"]),
        ({"effective_from": date(2024, 11, 22)}, []),
        ({"effective_from": date(2024, 10, 21)}, ["not_revised"]),
        ({"effective_from": date(2024, 10, 21), "revised_on": date(2026, 1, 1)}, []),
        ({"effective_from": date(2014, 1, 1), "confirmed_on": date(2026, 1, 1)}, []),
        ({"effective_from": date(2014, 1, 1), "confirmed_on": date(2025, 11, 22)}, ["not_revised"]),
    ],
)
def test_each_rule_on_its_border(document: dict[str, Any], expected: list[str]) -> None:
    blank = {"title": "안내", "kind": "documents", "review_by": None, "revised_on": None, "effective_from": None}
    row = {**blank, "uploaded_on": BORDER, "said_outdated": 0, "confirmed_on": None, **document}
    assert [rule for rule, _ in rules_in_force().broken_by(row, BORDER)] == expected


def test_what_has_served_its_time_is_deleted_and_what_has_not_stays(
    store: Store, worker_store: Store, settings: Settings, welfare: Actor
) -> None:
    with worker_store.transaction(SYSTEM) as tx:
        for number, due in enumerate((clock.today(), clock.today() + timedelta(days=1))):
            tx.run(
                "insert into conversations (id, subject, title, purge_after) values (:id, :subject, :title, :due)",
                {"id": clock.new_id(), "subject": welfare.subject, "title": f"대화 {number}", "due": due},
            )
    counts = daily(SimpleNamespace(worker_store=worker_store, settings=settings))  # type: ignore[arg-type]
    assert counts["conversations"] == 1
    with store.transaction(welfare) as tx:
        assert [row["title"] for row in tx.all("select title from conversations")] == ["대화 1"]
