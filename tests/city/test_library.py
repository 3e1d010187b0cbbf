"""A document's life: received, read, searchable, revised, re-graded, deleted; and who sees which of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.exc import ProgrammingError

from haechi.city.library import Library
from haechi.city.reading import ReadingDesk
from haechi.core import clock
from haechi.core.errors import Forbidden, InvalidInput, NotFound
from haechi.core.store import SYSTEM, Actor, Store

MANUAL = "# 대형폐기물 편람\n\n## 수수료\n\n냉장고 수수료는 8,000원이다. 신고는 누리집에서 한다.\n".encode()
REVISED = "# 대형폐기물 편람\n\n## 수수료\n\n냉장고 수수료는 9,000원이다. 신고는 누리집에서 한다.\n".encode()


def _upload(library: Library, actor: Actor, data: bytes = MANUAL, **more: object):
    described = {"filename": "편람.md", "bureau": actor.bureau, "grade": "staff", **more}
    return library.upload(actor, data=data, **described)


def test_an_uploaded_file_becomes_passages_and_index_work(
    library: Library, desk: ReadingDesk, welfare: Actor, worker_store: Store
) -> None:
    receipt = _upload(library, welfare)
    assert receipt.state == "received"
    assert desk.read_next() == receipt.version_id
    assert desk.read_next() is None
    document = library.document(welfare, receipt.document_id)
    assert (document["state"], document["title"]) == ("searchable", "대형폐기물 편람")
    assert any("8,000원" in row["text"] for row in library.passages(welfare, receipt.version_id).rows)
    with worker_store.transaction(SYSTEM) as tx:
        assert [row["op"] for row in tx.all("select op from index_log")] == ["add"]
        assert {row["type"] for row in tx.all("select type from events")} == {
            "document.received",
            "document.searchable",
        }


def test_the_same_idempotency_key_gives_the_first_receipt(library: Library, welfare: Actor) -> None:
    first = _upload(library, welfare, idempotency_key="form-1")
    again = _upload(library, welfare, idempotency_key="form-1")
    assert again == first
    assert library.documents(welfare).total == 1


def test_what_one_may_not_read_is_neither_listed_nor_counted_nor_found(
    library: Library, desk: ReadingDesk, welfare: Actor, traffic: Actor, citizen: Actor
) -> None:
    secret = _upload(library, welfare, grade="bureau")
    desk.read_next()
    assert library.documents(welfare).total == 1
    for stranger in (traffic, citizen):
        assert library.documents(stranger).total == 0
        assert library.documents(stranger, search="대형").rows == []
        assert sum(library.progress(stranger).values()) == 0
        for look in (library.document, library.passages, library.passage, library.original):
            record = secret.document_id if look == library.document else secret.version_id
            with pytest.raises(NotFound):
                look(stranger, f"{record}:0" if look == library.passage else record)


def test_the_database_itself_refuses_a_foreign_bureau(library: Library, store: Store, traffic: Actor) -> None:
    with pytest.raises(Forbidden, match="권한"):
        library.upload(traffic, filename="a.md", data=MANUAL, bureau="복지과", grade="staff")
    with pytest.raises(ProgrammingError, match="row-level security"), store.transaction(traffic) as tx:
        tx.run(
            """insert into documents (id, title, bureau, grade, access, created_by)
            values (gen_random_uuid(), 'x', '복지과', 'staff', '{staff}', 'user:lee')"""
        )


def test_a_new_version_takes_over_on_its_day(library: Library, desk: ReadingDesk, welfare: Actor) -> None:
    first = _upload(library, welfare, effective_from=date(2024, 1, 1))
    desk.read_next()
    tomorrow = clock.today() + timedelta(days=1)
    _upload(library, welfare, REVISED, document_id=first.document_id, effective_from=tomorrow)
    desk.read_next()
    newest, oldest = library.document(welfare, first.document_id)["versions"]
    assert (newest["version_number"], newest["effective_from"], newest["effective_to"]) == (2, tomorrow, None)
    assert (oldest["effective_from"], oldest["effective_to"]) == (date(2024, 1, 1), tomorrow)


def test_deleting_takes_passages_original_and_cached_answers_along(
    library: Library, desk: ReadingDesk, welfare: Actor, worker_store: Store
) -> None:
    receipt = _upload(library, welfare)
    desk.read_next()
    with worker_store.transaction(SYSTEM) as tx:
        tx.run(
            """insert into answer_cache (key, document_ids, tags, knowledge_version, events)
            values ('k', array[cast(:id as uuid)], '{public}', 1, '[]')""",
            {"id": receipt.document_id},
        )
    library.delete(welfare, receipt.document_id)
    assert library.documents(welfare).total == 0
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from passages") == 0
        assert tx.value("select count(*) from versions where original is not null") == 0
        assert tx.value("select count(*) from answer_cache") == 0
        assert tx.value("select op from index_log order by seq desc limit 1") == "remove"


def test_rights_change_for_the_next_reader(library: Library, desk: ReadingDesk, welfare: Actor, citizen: Actor) -> None:
    receipt = _upload(library, welfare, grade="bureau")
    desk.read_next()
    library.change_rights(welfare, receipt.document_id, grade="public", licence="공공누리 제1유형")
    assert library.passages(citizen, receipt.version_id).total > 0
    library.change_rights(welfare, receipt.document_id, grade="bureau")
    assert library.documents(citizen).total == 0


def test_a_broken_file_fails_with_a_next_step_and_the_queue_goes_on(
    library: Library, desk: ReadingDesk, welfare: Actor
) -> None:
    broken = _upload(library, welfare, b"%PDF-1.7\nnothing of a PDF follows", filename="보고.pdf")
    good = _upload(library, welfare)
    assert [desk.read_next(), desk.read_next()] == [broken.version_id, good.version_id]
    failed = library.document(welfare, broken.document_id)
    assert failed["state"] == "failed"
    assert failed["error"]
    assert failed["next_step"]
    assert library.document(welfare, good.document_id)["state"] == "searchable"


def test_a_worker_that_died_leaves_its_document_to_the_next(
    library: Library, worker_store: Store, desk: ReadingDesk, welfare: Actor
) -> None:
    receipt = _upload(library, welfare)
    died_before = clock.now() - timedelta(seconds=1)
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("update versions set state = 'reading', attempts = 1, lease_until = :then", {"then": died_before})
    assert desk.read_next() == receipt.version_id
    assert library.document(welfare, receipt.document_id)["state"] == "searchable"


def test_a_document_that_kills_its_reader_is_given_up_after_three_attempts(
    library: Library, worker_store: Store, desk: ReadingDesk, welfare: Actor
) -> None:
    receipt = _upload(library, welfare)
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("update versions set attempts = 3")
    assert desk.read_next() is None
    assert library.document(welfare, receipt.document_id)["error_code"] == "crashed"
    library.retry(welfare, receipt.version_id)
    assert desk.read_next() == receipt.version_id


@pytest.mark.parametrize(
    ("described", "word"),
    [
        ({"grade": "비밀"}, "등급"),
        ({"grade": "named"}, "열람자"),
        ({"licence": "마음대로"}, "공공누리"),
        ({"data": b""}, "빈"),
    ],
)
def test_what_cannot_be_accepted_says_why(library: Library, welfare: Actor, described: dict, word: str) -> None:
    with pytest.raises(InvalidInput, match=word) as refused:
        _upload(library, welfare, **described)
    assert refused.value.next_step
