"""A database that is silent, a disk that is full, a clock that jumps: a clear state, and recovery without hands."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from tests.database import TestServer
from tests.faults.installation import PASSWORD, Person, Running, eventually

from haechi.city.asking import Asking
from haechi.city.enriching import Enriching
from haechi.city.indexing import Indexing
from haechi.city.installation import Installation
from haechi.city.reading import ReadingDesk
from haechi.city.settings import Settings
from haechi.city.supervisor import Supervisor
from haechi.core import clock
from haechi.core.errors import Unavailable
from haechi.core.store import SYSTEM, Actor
from haechi.engines.knowledge.ingest import Limits

KEEPER = Actor(
    subject="user:keeper", name="기록 담당", tags=frozenset({"public", "staff", "bureau:복지실"}),
    roles=frozenset({"staff"}), bureau="복지실",
)  # fmt: skip
MANUAL = "# 도서관 편람\n\n## 이용 시간\n\n작은도서관의 이용 시간은 오전 9시부터 오후 6시까지이다.\n".encode()


# --- the database is away ---------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
def test_a_silent_database_is_told_clearly_and_needs_no_hands(city: Running) -> None:
    with city.client() as clerk:
        kept = clerk.upload_until_received("먼저.md", MANUAL, "before-silence")
        processes = city.database_processes()
        assert processes
        try:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            _everything_says_unavailable(clerk)
        finally:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.resume()
        city.wait_until_healthy()
        again = clerk.upload_until_received("먼저.md", MANUAL, "before-silence")
        assert again["version_id"] == kept["version_id"]
        late = clerk.upload_until_received("나중.md", MANUAL, "during-silence")
        eventually(
            lambda: city.rows(f"select state from versions where id = '{late['version_id']}'") == [("complete",)],
            city.log,
            seconds=240,
        )
        eventually(lambda: bool(clerk.answer("작은도서관의 이용 시간은?").get("answered")), city.log, every=1)
        assert len(city.rows("select 1 from versions where filename = '나중.md'")) == 1


def _everything_says_unavailable(clerk: Person) -> None:
    """Each within a minute, in Korean, with a next step; no request hangs and none says 500."""
    clerk.http.timeout = 90
    started = time.monotonic()
    answers = {
        "upload": clerk.upload("나중.md", MANUAL, "during-silence"),
        "list": clerk.http.get("/api/v1/documents"),
        "health": clerk.http.get("/healthz"),
        "page": clerk.http.get("/library"),
    }
    refused = list(clerk.ask("작은도서관의 이용 시간은?"))[-1]
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 503)
    assert time.monotonic() - started < 300
    for name in ("upload", "list"):
        told = answers[name].json()
        assert told["code"] == "unavailable"
        assert "데이터베이스" in told["message"]
        assert told["next_step"]
    assert "데이터베이스" in answers["page"].text
    assert refused["code"] == "unavailable"


# --- the disk is full -------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 160 MiB of this test's own; skipped where we may not make one."""
    folder = Path(tempfile.mkdtemp(prefix="haechi-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", "size=160m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        folder.rmdir()
        pytest.skip("only root may mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def _fill(disk: Path, *, leave: int) -> Path:
    """Take all space but `leave` bytes; the file whose removal gives it back."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file, suppress(OSError):
        while (free := shutil.disk_usage(disk).free - leave) > 0:
            file.write(bytes(min(free, 1 << 20)))
    return ballast


def test_a_snapshot_that_finds_no_space_is_left_out_and_written_later(
    small_disk: Path, database_server: TestServer
) -> None:
    with database_server.fresh() as fresh:
        installation = Installation(Settings(home=small_disk / "home", demo=False), fresh.urls)
        _put(installation, MANUAL, "편람.md")
        ballast = _fill(small_disk, leave=0)
        first = _follow_once(installation)
        assert len(first.retriever.stages.bigram) > 0, "a full disk must not keep anybody from searching"
        assert not (small_disk / "home" / "cache" / "index").exists(), "half a snapshot was left behind"
        ballast.unlink()
        second = _follow_once(installation)
        assert (small_disk / "home" / "cache" / "index" / "marker.json").exists()
        third = _indexing(installation)
        third.fill()
        assert third.applied == second.applied
        assert third.retriever.stages.bigram.keys() == first.retriever.stages.bigram.keys()
        installation.close()


@pytest.mark.timeout(600)
def test_uploads_onto_a_full_disk_are_refused_clearly_and_taken_again_by_themselves(small_disk: Path) -> None:
    supervisor = Supervisor(Settings(home=small_disk / "home"), tell=lambda _: None)
    urls = supervisor.open_database()
    try:
        installation = Installation(Settings(home=small_disk / "home", demo=False), urls)
        with installation.worker_store.transaction(SYSTEM) as tx:
            tx.run("insert into bureaux (id) values ('복지실')")
        ballast = _fill(small_disk, leave=24 * 2**20)
        received, refusal = [], None
        for number in range(24):
            try:
                received.append(_upload(installation, os.urandom(2 << 20), f"{number}.bin", f"key-{number}"))
            except Unavailable as error:
                refusal = error
                break
        assert refusal is not None, "the disk was not full"
        assert refusal.next_step
        ballast.unlink()
        late: list[str] = []

        def taken() -> bool:
            supervisor.keep_up()
            with suppress(Unavailable):
                late.append(_upload(installation, MANUAL, "나중.md", "late"))
            return bool(late)

        eventually(taken, lambda: "nothing was taken after the disk had space again", every=0.5)
        with installation.worker_store.transaction(SYSTEM) as tx:
            held = {row["id"] for row in tx.all("select id::text as id from versions")}
        assert {*received, *late} <= held, "something that had its receipt is gone"
        assert len(held) <= len(received) + 2
        installation.close()
    finally:
        supervisor.close()


def _upload(installation: Installation, data: bytes, filename: str, key: str) -> str:
    receipt = installation.library.upload(
        KEEPER, filename=filename, data=data, bureau="복지실", grade="staff", idempotency_key=key
    )
    return receipt.version_id


def _put(installation: Installation, data: bytes, filename: str, **described: object) -> str:
    """Uploaded, read, and with its words worked out."""
    with installation.worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지실') on conflict do nothing")
    receipt = installation.library.upload(
        KEEPER, filename=filename, data=data, bureau="복지실", grade="staff", **described
    )
    assert ReadingDesk(installation.worker_store, Limits()).read_next() == receipt.version_id
    enriching = Enriching(installation.worker_store, installation.settings)
    enriching.__dict__["_embedder"] = None
    while enriching.next_batch():
        pass
    return receipt.document_id


def _indexing(installation: Installation) -> Indexing:
    """An index of words alone."""
    indexing = Indexing(installation.worker_store, installation.settings)
    indexing.__dict__["embedder"] = None
    return indexing


def _follow_once(installation: Installation) -> Indexing:
    """A server's index from start to stop; stopping writes the snapshot."""
    indexing = _indexing(installation)
    indexing.start()
    assert indexing.filled.wait(60)
    indexing.close()
    return indexing


# --- the clock jumps --------------------------------------------------------------------------------------------------


@pytest.fixture
def office(database_server: TestServer, tmp_path: Path) -> Iterator[Installation]:
    """An installation without processes; words only."""
    with database_server.fresh() as fresh:
        installation = Installation(Settings(home=tmp_path / "home", demo=False), fresh.urls)
        installation.__dict__["indexing"] = _indexing(installation)
        yield installation
        installation.close()


def test_a_lease_from_a_clock_that_ran_ahead_does_not_hold_a_document_for_a_year(office: Installation) -> None:
    desk = ReadingDesk(office.worker_store, Limits())
    with office.worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지실')")
    version = _upload(office, MANUAL, "편람.md", "k")
    with clock.frozen(clock.now() + timedelta(days=365)):
        assert desk._claim() is not None  # and here the worker was killed
    assert desk.read_next() == version
    assert _told_searchable(office) == 1


def test_a_clock_that_jumps_ahead_while_two_workers_read_brings_nothing_twice(office: Installation) -> None:
    slow, quick = ReadingDesk(office.worker_store, Limits()), ReadingDesk(office.worker_store, Limits())
    with office.worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지실')")
    version = _upload(office, MANUAL, "편람.md", "k")
    claimed = slow._claim()
    assert claimed is not None
    assert quick.read_next() is None, "it is being read"
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert quick.read_next() == version
        slow._read(claimed)
    assert _told_searchable(office) == 1
    with office.worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from passages") == tx.value("select count(distinct ordinal) from passages") > 0
        assert tx.value("select count(*) from index_log where op = 'add'") == 1


def _told_searchable(office: Installation) -> int:
    with office.worker_store.transaction(SYSTEM) as tx:
        return int(tx.value("select count(*) from events where type = 'document.searchable'"))


def test_nothing_is_served_outside_the_days_on_which_it_holds_whichever_way_the_clock_jumps(
    office: Installation,
) -> None:
    today = clock.today()
    document = _put(office, MANUAL, "편람.md", effective_from=today - timedelta(days=30))
    revised = MANUAL.replace("오후 6시".encode(), "오후 9시".encode())
    _put(office, revised, "편람.md", document_id=document, effective_from=today + timedelta(days=10))
    office.indexing.fill()
    office.indexing.filled.set()
    for days, hour in ((0, "6시"), (20, "9시"), (0, "6시"), (-10, "6시"), (20, "9시"), (0, "6시")):
        with clock.frozen(clock.now() + timedelta(days=days)):
            told = list(office.asking.ask(KEEPER, "작은도서관의 이용 시간은 언제까지인가요?"))
        assert told[-1]["answered"], (days, told[-1])
        assert f"오후 {hour}" in told[-1]["text"], (days, told[-1]["text"])
    with clock.frozen(clock.now() - timedelta(days=90)):
        told = list(office.asking.ask(KEEPER, "작은도서관의 이용 시간은 언제까지인가요?"))
    assert not told[-1]["answered"]
    assert next(e["hits"] for e in told if e["event"] == "retrieval") == []


def test_sessions_and_throttle_survive_a_clock_that_comes_back(office: Installation) -> None:
    accounts = office.accounts
    with office.worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지실')")
    accounts.create("kim", "김해솔", password=PASSWORD, roles=("staff",), bureau="복지실")
    signed_in = accounts.sign_in("kim", PASSWORD, address="10.0.0.1", agent="x")
    with clock.frozen(clock.now() + timedelta(days=400)):
        assert accounts.session(signed_in.token) is None
        for _ in range(7):
            with suppress(Exception):
                accounts.sign_in("kim", "틀린-비밀번호-입니다", address="10.0.0.1", agent="x")
    again = accounts.sign_in("kim", PASSWORD, address="10.0.0.1", agent="x")
    assert accounts.session(again.token) is not None


def test_the_database_is_away_for_a_moment_and_the_cut_off_question_says_so_afterwards(office: Installation) -> None:
    _put(office, MANUAL, "편람.md")
    office.indexing.fill()
    office.indexing.filled.set()
    asking: Asking = office.asking
    events = asking.ask(KEEPER, "작은도서관의 이용 시간은?")
    accepted = next(events)
    # Every connection is taken: for this question the database is as good as away.
    office.store.wait = 0.2
    taken, back = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        with office.store.transaction():
            taken.release()
            back.wait()

    with ThreadPoolExecutor(office.store.size) as holders:
        for _ in range(office.store.size):
            holders.submit(hold)
            assert taken.acquire(timeout=30)
        told = list(events)
        back.set()
    assert told[-1]["event"] == "error"
    assert told[-1]["code"] == "unavailable"
    assert list(asking.ask(KEEPER, "작은도서관의 이용 시간은?"))[-1]["answered"]
    turns = asking.conversation(KEEPER, accepted["conversation_id"])["turns"]
    assert [turn["state"] for turn in turns] == ["interrupted"]
