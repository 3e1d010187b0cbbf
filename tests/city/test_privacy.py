"""A log comes in, a suspicion goes to people, the handler is heard, two decide; nobody judges or looks up themselves."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from tests.office.people import person

from haechi.city import worker
from haechi.city.privacy import PrivacyGuard, register
from haechi.city.privacy.facts import take_facts
from haechi.city.privacy.log import purge
from haechi.city.settings import from_environment
from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, HaechiError, InvalidInput
from haechi.core.store import SYSTEM, Actor, Store
from haechi.office.cases import Cases, Hooks, Opening, Policy, look_over
from haechi.office.letters import to_html

HEADER = "계정,접속일시,접속지,정보주체,수행업무,건수,접수번호,사유\n"
LAST = date(2026, 6, 15)


def log_of(account: str = "kim01", *, stars: int = 2, downloads: int = 0) -> bytes:
    """Three weeks of ordinary work of some people; on the last day `account` looks a watched person up."""
    out, day = io.StringIO(), LAST - timedelta(days=20)
    out.write(HEADER)
    write = csv.writer(out, lineterminator="\n").writerow
    while day <= LAST:
        if day.weekday() < 5:
            for who in (account, "park2", "choi3"):
                for at in range(6):
                    whose = f"{who}-{day}-{at}"
                    write(
                        (who, f"{day}T10:{at:02}:00+09:00", f"10.0.0.{ord(who[0])}", whose, "조회", 1, f"K-{whose}", "")
                    )
        day += timedelta(days=1)
    for at in range(stars):
        write((account, f"{LAST}T15:{at:02}:00+09:00", "10.0.0.107", "900101-STAR", "조회", 1, "", ""))
    for at in range(downloads):
        write((account, f"{LAST}T16:{at:02}:00+09:00", "10.0.0.107", f"d{at}", "다운로드", 30, f"K-d{at}", ""))
    return out.getvalue().encode()


class Town:
    """The people of the story and what they work with."""

    def __init__(self, store: Store, worker_store: Store, owner_store: Store, home: Path) -> None:
        policy, hooks = Policy.in_force(), Hooks(city="해치시")
        register(hooks)
        self.cases, by_itself = Cases(store, policy, hooks), Cases(worker_store, policy, hooks)
        self.guard = PrivacyGuard(store, worker_store, by_itself, home, "해치시")
        self.handler = person(owner_store, "김취급", "staff", bureau="복지실")
        self.manager = person(owner_store, "박관리", "staff", bureau="복지실")
        self.cpo = person(owner_store, "최책임", "ai_team", bureau="디지털도시국")
        self.other = person(owner_store, "한다른", "ai_team", bureau="디지털도시국")
        with owner_store.transaction() as tx:
            login = tx.value("select login from users where 'user:' || id::text = :who", who=self.handler.subject)
        staff = f"account,login,bureau\nkim01,{login},복지실\npark2,,복지실\nchoi3,,복지실\n"
        cases = "case,subject\n" + "".join(
            f"{line.split(',')[6]},{line.split(',')[3]}\n"
            for line in log_of(downloads=3).decode().splitlines()[1:]
            if line.split(",")[6]
        )
        for table, text in {"staff": staff, "cases": cases, "watch": "account,subject\n,900101-STAR\n"}.items():
            take_facts(worker_store, home, SYSTEM, table, text)

    def alert(self) -> str:
        """The one case that the log brings."""
        self.guard.log.take(self.cpo, "복지시스템", "csv", log_of())
        assert self.guard.scanning.scan()["opened"] == 1
        (alert,) = self.guard.alerts(self.cpo, level="suspect")
        return str(alert["case_id"])

    def asked(self) -> str:
        """The case, with the handler asked."""
        case = self.alert()
        self.cases.people.name(self.cpo, case, "manager", self.manager.subject)
        self.cases.people.name(self.cpo, case, "cpo", self.cpo.subject)
        self.cases.act(self.other, case, "ask", note="6월 15일의 조회를 소명하세요.")
        return case


@pytest.fixture
def town(store: Store, worker_store: Store, owner_store: Store, tmp_path: Path) -> Town:
    return Town(store, worker_store, owner_store, tmp_path)


def test_a_suspicion_is_explained_judged_reviewed_and_appealed(town: Town) -> None:
    case = town.alert()
    with pytest.raises(HaechiError):
        town.cases.reading.one(town.handler, case)
    with pytest.raises(InvalidInput, match="관리자가 정해지지"):
        town.cases.act(town.cpo, case, "ask", note="소명하세요.")
    with pytest.raises(Conflict, match="제척"):
        town.cases.people.name(town.cpo, case, "manager", town.handler.subject)
    town.cases.people.name(town.cpo, case, "manager", town.manager.subject)
    town.cases.people.name(town.cpo, case, "cpo", town.cpo.subject)
    town.cases.act(town.other, case, "ask", note="6월 15일의 조회를 소명하세요.")
    with pytest.raises(InvalidInput, match="답하지 않은"):
        town.cases.act(town.handler, case, "answer")
    explanation = {"kind": "mistake", "why": "이름이 같은 민원인으로 알고 눌렀습니다."}
    town.cases.filings.save(town.handler, case, "privacy_explanation", explanation, base=0)
    town.cases.act(town.handler, case, "answer")
    with pytest.raises(Forbidden, match="권한이 없습니다"):
        town.cases.act(town.handler, case, "judge")
    town.cases.filings.save(
        town.manager,
        case,
        "privacy_judgement",
        {"verdict": "misuse", "checked": "업무 대장에 없음", "opinion": "주의"},
        base=0,
    )
    town.cases.act(town.manager, case, "judge")
    town.cases.act(town.cpo, case, "find_misuse", note="업무와 관련이 없습니다.")
    with pytest.raises(InvalidInput, match="이의를 낼 수 있는 기한"):
        town.cases.act(town.cpo, case, "close", note="주의")
    town.cases.filings.save(town.handler, case, "privacy_appeal", {"why": "대장이 빠졌습니다."}, base=0)
    town.cases.act(town.handler, case, "appeal")
    with pytest.raises(Forbidden, match="한 사람은"):
        town.cases.act(town.cpo, case, "uphold", note="그대로")
    assert town.cases.act(town.other, case, "overturn", note="대장에 있었습니다.")["state"] == "justified"
    html = to_html(town.guard.monthly(town.other, "2026-06")).decode()
    assert "이목을 끄는 사람의 열람" in html
    assert "사슬이 온전합니다" in html
    assert "kim01" not in html, "the report names nobody"


def test_a_missed_deadline_goes_up_even_when_the_house_was_restarted(
    town: Town, database: object, worker_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = town.asked()
    with pytest.raises(InvalidInput, match="소명 기한이 아직"):
        town.cases.act(town.manager, case, "without_answer", note="답이 없습니다.")
    later = clock.now() + timedelta(days=12)
    monkeypatch.setattr(clock, "now", lambda: later)
    again = Store(database.urls.worker)  # type: ignore[attr-defined]
    try:
        assert look_over(again, Policy.in_force())["case_overdue"] >= 1
    finally:
        again.close()
    with worker_store.transaction(SYSTEM) as tx:
        told = tx.all("select to_tag from notices where kind = 'case_overdue' and case_id = cast(:id as uuid)", id=case)
    assert {town.manager.subject, town.cpo.subject} <= {row["to_tag"] for row in told}
    assert town.cases.act(town.manager, case, "without_answer", note="답이 없습니다.")["state"] == "answered"


def test_the_same_log_is_neither_stored_nor_judged_twice(town: Town) -> None:
    town.alert()
    with pytest.raises(Conflict, match="이미 있습니다"):
        town.guard.log.take(town.cpo, "복지시스템", "csv", log_of())
    assert town.guard.scanning.scan() | {"rows": 0} == {"rows": 0, "found": 0, "opened": 0, "notices": 0, "waiting": 0}


def test_the_worker_judges_what_came_in_by_itself_once_a_day(town: Town, worker_store: Store, monkeypatch) -> None:
    town.guard.log.take(town.cpo, "복지시스템", "csv", log_of())
    for chore in ("scan_folders", "daily"):
        monkeypatch.setattr(worker, chore, lambda _: None)
    office = SimpleNamespace(privacy=town.guard)
    installation = SimpleNamespace(worker_store=worker_store, settings=from_environment({}), office=office)
    working = worker.Worker(installation)  # type: ignore[arg-type]
    working._chores()
    (alert,) = town.guard.alerts(town.cpo, level="suspect")
    assert alert["case_id"] is not None
    monkeypatch.setattr(town.guard.scanning, "scan", lambda: pytest.fail("twice a day"))
    working._chores()


def test_lines_without_the_five_fields_are_refused_and_counted(town: Town) -> None:
    told = town.guard.log.take(
        town.cpo,
        "복지시스템",
        "csv",
        (HEADER + "kim01,,10.0.0.1,c1,조회,1,,\nkim01,2026-06-01T10:00:00,10.0.0.1,c1,조회,1,,\n").encode(),
    )
    assert (told["taken"], told["by_reason"], told["examples"]) == (1, {"missing:when": 1}, {"missing:when": [1]})
    with pytest.raises(InvalidInput, match="항목이 없습니다: 정보주체"):
        town.guard.log.take(town.cpo, "x", "csv", "계정,접속일시,접속지,수행업무\na,b,c,d\n".encode())


def test_an_edit_a_deletion_and_a_cut_end_show(town: Town, database: object) -> None:
    for day in (1, 2, 3):
        line = f"kim01,2026-06-0{day}T10:00:00,10.0.0.1,c1,조회,1,,\n"
        town.guard.log.take(town.cpo, "복지시스템", "csv", (HEADER + line).encode())
    assert town.guard.log.verify() == {"whole": True, "batches": 3, "fault": None}
    attack = (
        "update access_log_batches set content = 'x' where seq = 2",
        "delete from access_log_batches where seq = 2",
        "delete from access_log_batches where seq = 3",
    )
    for statement in attack:
        with psycopg.connect(database.admin_url) as connection:  # type: ignore[attr-defined]
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation), connection.transaction():
                connection.execute(statement)
            connection.execute("alter table access_log_batches disable trigger keep_batch")
            connection.execute("create table if not exists saved as select * from access_log_batches")
            connection.execute(statement)
        assert town.guard.log.verify()["whole"] is False, statement
        with psycopg.connect(database.admin_url) as connection:  # type: ignore[attr-defined]
            connection.execute("delete from access_log_batches")
            connection.execute("insert into access_log_batches select * from saved")
            connection.execute("alter table access_log_batches enable trigger keep_batch")


def test_a_log_is_kept_two_years_unless_it_is_known_to_be_small_and_plain(town: Town, worker_store: Store) -> None:
    line = f"kim01,{clock.today()}T08:00:00,10.0.0.1,c1,조회,1,,\n"
    town.guard.log.take(town.cpo, "모름", "csv", (HEADER + line).encode())
    town.guard.log.take(town.cpo, "작음", "csv", (HEADER + line + line).encode())
    assert town.guard.log.describe(town.cpo, "작음", subjects=300, unique_identifiers=False, sensitive=False) == 1
    town.guard.log.take(town.cpo, "작음", "csv", (HEADER + line * 3).encode())
    years = {b["seq"]: b["keep_until"].year - clock.today().year for b in town.guard.batches(town.cpo)}
    assert years == {1: 2, 2: 2, 3: 1}
    with worker_store.transaction(SYSTEM) as tx:
        assert purge(tx) == {"access_log_batches": 0}


def _lookup(town: Town, asker: Actor, **changed: str) -> str:
    case = str(town.cases.open(asker, "privacy_lookup", Opening("원본 조회"))["id"])
    told = {"account": "kim01", "from": "2026-06-15", "to": "2026-06-15", "purpose": "소명과 견주어 봅니다.", **changed}
    town.cases.filings.save(asker, case, "privacy_lookup", told, base=0)
    town.cases.act(asker, case, "ask")
    return case


def test_lines_are_seen_by_two_and_never_ones_own(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    alert = town.asked()
    number = town.cases.reading.one(town.cpo, alert)["case"]["number"]
    with pytest.raises(InvalidInput, match="자기 계정"):
        _lookup(town, town.handler)
    with pytest.raises(InvalidInput, match="맡은 오남용 의심 건"):
        _lookup(town, town.manager)
    mine = _lookup(town, town.manager, case=number)
    with pytest.raises(Forbidden):
        town.guard.looking.lines(town.manager, mine)
    case = _lookup(town, town.cpo)
    with pytest.raises(Forbidden, match="한 사람은"):
        town.cases.act(town.cpo, case, "approve", note="제가 승인합니다.")
    town.cases.act(town.other, case, "approve", note="소명 확인에 필요합니다.")
    with pytest.raises(Forbidden):
        town.guard.looking.lines(town.other, case)
    lines = town.guard.looking.lines(town.cpo, case)
    assert [row[3] for row in lines.rows].count("900101-STAR") == 2
    assert {row[0] for row in lines.rows} == {"kim01"}
    (look,) = town.guard.looks(town.other)
    assert look["name"] == "최책임"
    later = clock.now() + timedelta(hours=25)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(Forbidden):
        town.guard.looking.lines(town.cpo, case)


def test_a_download_without_a_reason_is_told_and_a_large_one_needs_another_person(town: Town) -> None:
    town.guard.log.take(town.cpo, "복지시스템", "csv", log_of(stars=0, downloads=2))
    assert town.guard.scanning.scan()["notices"] == 1
    (notice,) = town.guard.alerts(town.handler, level="notice")
    assert notice["reasoned_by"] is None
    case = str(town.cases.open(town.handler, "privacy_download", Opening("급여 대상 명단", bureau="복지실"))["id"])
    told = {
        "day": "2026-06-15",
        "system": "복지시스템",
        "records": "60",
        "reason": "업무",
        "keeps": "업무 서버, 한 달 뒤",
    }
    town.cases.filings.save(town.handler, case, "privacy_download", told, base=0)
    with pytest.raises(InvalidInput, match="너무 짧습니다"):
        town.cases.act(town.handler, case, "record")
    more = {"reason": "6월 급여 대상자를 확인하려고 받았습니다.", "records": "5000"}
    version = town.cases.filings.get(town.handler, case, "privacy_download")["version"]
    town.cases.filings.save(town.handler, case, "privacy_download", more, base=version)
    with pytest.raises(InvalidInput, match="승인을 받아야"):
        town.cases.act(town.handler, case, "record")
    town.cases.act(town.handler, case, "ask")
    with pytest.raises(Forbidden, match="한 사람은"):
        town.cases.act(town.handler, case, "approve", note="제가")
    town.cases.act(town.manager, case, "approve", note="급여 업무입니다.")
    (notice,) = town.guard.alerts(town.handler, level="notice")
    assert notice["reasoned_by"] == case
