"""AI fee support from the round's plan to the last won: who is refused, who is drawn and why, what is paid once."""

from __future__ import annotations

import csv
import hashlib
import io
import time
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy.exc import DBAPIError
from tests.office.fees import AFTER, ANSWERS, NOW, applied, cases_on, drafted, new_round, opened, staff, trained
from tests.office.people import person

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput
from haechi.core.store import Actor, Store
from haechi.office.cases import Cases
from haechi.office.support import Draws, Entry, Metered, Payments, Rounds, draw, follow, list_hash, promote, seed_of


@pytest.fixture(autouse=True)
def august():
    with clock.frozen(NOW):
        yield


@pytest.fixture
def cases(store: Store) -> Cases:
    return cases_on(store)


@pytest.fixture
def team(owner_store: Store) -> Actor:
    return person(owner_store, "하늘찬", "staff", "ai_team", bureau="디지털도시국")


@pytest.fixture
def payer(owner_store: Store) -> Actor:
    return person(owner_store, "한바다", "staff", "ai_team", bureau="디지털도시국")


def _drawn(store: Store, worker_store: Store, team: Actor, round_id: str) -> None:
    with clock.frozen(AFTER):
        Draws(store).draw(team, round_id)
        _carry_all(worker_store)


def _carry_all(worker_store: Store) -> None:
    while follow(worker_store, cases_on(worker_store)):
        pass


def test_a_round_stays_within_the_year(store: Store, team: Actor) -> None:
    rounds = Rounds(store)
    with pytest.raises(InvalidInput, match="3회차까지"):
        rounds.plan(team, new_round(number=4))
    with pytest.raises(InvalidInput, match="90,000원을 넘을 수"):
        rounds.plan(team, new_round(cap_won=90_001))
    with pytest.raises(InvalidInput, match="1,700명을 넘습니다"):
        rounds.plan(team, new_round(seats_main=1_700))
    with pytest.raises(InvalidInput, match="161,000,000원을 넘습니다"):
        rounds.plan(team, new_round(budget_won=161_000_001))
    rounds.plan(team, new_round())
    with pytest.raises(Conflict, match="이미 있습니다"):
        rounds.plan(team, new_round())
    with pytest.raises(Forbidden):
        rounds.plan(Actor("user:x", roles=frozenset({"staff"})), new_round())


def test_a_round_over_budget_is_opened_only_with_a_reason(store: Store, team: Actor) -> None:
    rounds = Rounds(store)
    id = rounds.plan(team, new_round(seats_main=1_000, seats_branch=130, budget_won=101_000_000))
    with pytest.raises(InvalidInput, match="8명이 모자랍니다"):
        rounds.open(team, id)
    assert rounds.one(team, id)["state"] == "planned"
    rounds.open(team, id, accept="평균 신청액이 한도보다 적습니다.")
    assert "그래도 연 이유: 평균" in rounds.one(team, id)["warned"]


def test_who_may_not_apply_is_told_why_and_loses_nothing(
    store: Store, owner_store: Store, cases: Cases, team: Actor
) -> None:
    round_id = opened(store, team)
    (who,) = staff(owner_store, 1)
    late = person(owner_store, "이수전", "staff", bureau="재무국")

    def refused(actor: Actor, match: str, **changed: Any) -> None:
        case = drafted(cases, actor, round_id, **changed)
        with pytest.raises(InvalidInput, match=match):
            cases.act(actor, case, "submit")
        assert cases.filings.get(actor, case, "fee_support")["answers"]["task"] == ANSWERS["task"]

    refused(late, "의무이수를 마쳐야")
    refused(who, "한도 90,000원을 넘습니다", ask_won="90001")
    refused(who, "보안서약", pledge="no")
    refused(who, "보안서약", signed="다른 이름")
    refused(who, "구독 지원이라", service="gateway")
    with clock.frozen(NOW + timedelta(days=7)):
        refused(who, "마감되었습니다")
    applied(cases, who, round_id)
    refused(who, "이미 신청했습니다")
    trained(owner_store, late)
    applied(cases, late, round_id)
    assert Rounds(store).counts(team, round_id) == {"applied": 2}
    assert Draws(store).mine(late)[0]["state"] == "applied"
    assert len(Draws(store).applications(who, round_id)) == 1, "another's application is not theirs to see"


def test_a_draw_happens_once_after_the_window_and_anybody_can_repeat_it(
    store: Store, owner_store: Store, worker_store: Store, cases: Cases, team: Actor
) -> None:
    round_id = opened(store, team, seats_main=3, seats_branch=1, budget_won=360_000)
    people = [*staff(owner_store, 4), *staff(owner_store, 2, "상수도사업본부"), *staff(owner_store, 1, "복지실")]
    for one in people[:6]:
        applied(cases, one, round_id)
    other = applied(cases, people[6], round_id, service="other", service_other="새 서비스 https://new.example")
    draws = Draws(store)
    with pytest.raises(Conflict, match="아직 신청을 받는 중"):
        draws.draw(team, round_id)
    with store.transaction(team) as tx:
        assert tx.value("select haechi_fee_reveal(cast(:id as uuid))", id=round_id) is None
        with pytest.raises(DBAPIError, match="permission denied"):
            tx.value("select secret from support_secrets")
    with clock.frozen(AFTER):
        with pytest.raises(InvalidInput, match="보안 확인을 기다리는"):
            draws.draw(team, round_id)
        cases.act(team, other, "clear_service", note="국외 저장 없음, 약관 확인")
        result = draws.draw(team, round_id)
        with pytest.raises(Conflict, match="이미 추첨"):
            draws.draw(team, round_id)
    assert (result.people, result.waiting, result.spent_won) == (4, 3, 360_000)
    told = draws.record(people[0], round_id)
    assert told is not None
    committed = Rounds(store).one(people[0], round_id)["commitment"]
    assert hashlib.sha256(told["secret"].encode()).hexdigest() == committed
    assert hashlib.sha256(told["rows"]).hexdigest() == told["result_sha256"]
    rows = list(csv.DictReader(io.StringIO(told["rows"].decode())))
    entries = [
        Entry(r["number"], r["bureau"], r["pool"], int(r["ask_won"]), r["first_time"] == "yes")  # type: ignore[arg-type]
        for r in rows
    ]
    assert seed_of(told["secret"], list_hash(entries)) == told["seed"] == result.seed
    repeated = draw(entries, told["seed"], seats_main=3, seats_branch=1, budget_won=360_000)
    assert repeated.as_csv() == told["rows"]
    _carry_all(worker_store)
    for one in people:
        (mine,) = draws.mine(one)
        case = cases.reading.one(one, mine["case_id"])
        assert case["case"]["state"] == mine["state"]
        assert mine["why_ko"] in case["steps"][-1]["note"]


def test_a_seat_that_is_given_up_goes_to_the_next_in_the_draw(
    store: Store, owner_store: Store, worker_store: Store, cases: Cases, team: Actor
) -> None:
    round_id = opened(store, team, seats_main=2, seats_branch=0, budget_won=180_000)
    people = staff(owner_store, 5)
    for one in people:
        applied(cases, one, round_id)
    _drawn(store, worker_store, team, round_id)
    order = Draws(store).applications(team, round_id)
    assert [row["state"] for row in order] == ["drawn", "drawn", "waiting", "waiting", "waiting"]
    quits = next(one for one in people if one.subject == order[0]["subject"])
    cases.act(quits, order[0]["case_id"], "withdraw")
    assert Rounds(store).one(team, round_id)["held_won"] == 90_000
    assert promote(worker_store, round_id) == 1
    assert promote(worker_store, round_id) == 0
    _carry_all(worker_store)
    after = Draws(store).applications(team, round_id)
    assert [row["state"] for row in after] == ["withdrawn", "drawn", "drawn", "waiting", "waiting"]
    assert "빈자리" in after[2]["why_ko"]
    assert cases.reading.one(team, after[2]["case_id"])["case"]["state"] == "drawn"
    assert Rounds(store).end(team, round_id) == 2


def test_a_batch_is_paid_once_by_another_person_and_never_beyond_the_money(
    store: Store, owner_store: Store, worker_store: Store, cases: Cases, team: Actor, payer: Actor
) -> None:
    round_id = opened(store, team, seats_main=3, seats_branch=0, budget_won=270_000)
    for n, one in enumerate(staff(owner_store, 3)):
        applied(cases, one, round_id, ask_won=str(90_000 - n * 10_000))
    _drawn(store, worker_store, team, round_id)
    payments, rounds = Payments(store), Rounds(store)
    with pytest.raises(Forbidden, match="두 사람이"):
        payments.pay(team, round_id, "지급-2025-2")
    batch = payments.pay(payer, round_id, "지급-2025-2")
    assert (batch["people"], batch["won"]) == (3, 240_000)
    assert payments.pay(payer, round_id, "지급-2025-2") == batch
    with pytest.raises(Conflict, match="지급할 사람이 없습니다"):
        payments.pay(payer, round_id, "지급-2025-3")
    content = payments.file(payer, "지급-2025-2", "csv")
    assert hashlib.sha256(content).hexdigest() == batch["sha256"]
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert sum(int(line[-1]) for line in lines[1:-1]) == int(lines[-1][-1]) == 240_000
    sheet = load_workbook(io.BytesIO(payments.file(payer, "지급-2025-2", "xlsx"))).active
    assert [cell.value for cell in list(sheet.rows)[4]][-1] == 240_000
    money = rounds.one(team, round_id)
    assert (money["held_won"], money["paid_won"]) == (0, 240_000)
    with owner_store.transaction() as tx, pytest.raises(DBAPIError, match="cannot give back more"):
        tx.run(
            """insert into support_ledger (round_id, case_id, kind, won, at, subject)
            select round_id, case_id, 'return', 90001, now(), 'x' from support_applications limit 1"""
        )
    with owner_store.transaction() as tx:
        tx.run("delete from support_ledger where kind = 'hold'")
    with owner_store.transaction() as tx, pytest.raises(DBAPIError, match="violates check constraint"):
        tx.run(
            """insert into support_ledger (round_id, case_id, kind, won, at, subject)
            select round_id, case_id, 'hold', 90000, now(), 'x' from support_applications"""
        )


def test_receipts_settle_it_and_what_is_missing_is_claimed_back(
    store: Store, owner_store: Store, worker_store: Store, cases: Cases, team: Actor, payer: Actor
) -> None:
    round_id = opened(store, team)
    people = staff(owner_store, 3)
    mine = {one.subject: applied(cases, one, round_id) for one in people}
    _drawn(store, worker_store, team, round_id)
    with clock.frozen(AFTER):
        Payments(store).pay(payer, round_id, "지급-2025-2")
        with pytest.raises(InvalidInput, match="이미 지급되어"):
            cases.act(people[0], mine[people[0].subject], "withdraw")
        _carry_all(worker_store)
        full, less, silent = people
        with pytest.raises(Conflict):
            cases.act(full, mine[full.subject], "withdraw")
        for one, spent in ((full, "90000"), (less, "60000")):
            case = mine[one.subject]
            cases.filings.save(one, case, "fee_report", {"spent_won": spent, "use": "회의록"}, base=0)
            with pytest.raises(InvalidInput, match="답하지 않은"):
                cases.act(one, case, "report")
            cases.work.add_evidence(
                one, case, name="영수증.pdf", media_type="application/pdf", content=b"%PDF-", question="spent_won"
            )
            cases.act(one, case, "report")
        cases.act(team, mine[full.subject], "accept")
        with pytest.raises(InvalidInput, match="보다 적은 60,000원"):
            cases.act(team, mine[less.subject], "accept")
        cases.act(team, mine[less.subject], "claw_back", note="남은 돈")
        cases.act(team, mine[silent.subject], "claw_back", note="영수증을 내지 않음")
        cases.act(team, mine[less.subject], "confirm_return", note="세외수입 입금 확인")
        money = Rounds(store).one(team, round_id)
        assert (money["paid_won"], money["returned_won"]) == (270_000, 30_000)
    with clock.frozen(datetime(2026, 1, 5, tzinfo=clock.SEOUL)):
        later = opened(
            store, team, title="2026년 1회차", number=1, opens_at=clock.now() - timedelta(days=1),
            closes_at=clock.now() + timedelta(days=5), starts_on=date(2026, 2, 1),
        )  # fmt: skip
        trained(owner_store, *people, year=2026)
        case = drafted(cases, silent, later)
        with pytest.raises(InvalidInput, match="환수할 돈이 남아"):
            cases.act(silent, case, "submit")
        again = applied(cases, full, later)
        fresh = staff(owner_store, 1, "복지실")[0]
        trained(owner_store, fresh, year=2026)
        applied(cases, fresh, later)
    with clock.frozen(datetime(2026, 1, 12, tzinfo=clock.SEOUL)):
        Draws(store).draw(team, later)
        first, second = Draws(store).applications(team, later)
        assert (first["subject"], first["first_time"]) == (fresh.subject, True)
        assert (second["case_id"], second["first_time"]) == (again, False)


class Ring:
    """A gateway that keeps its keys in memory: the port, whose real adapter tests/city/test_fee_keys.py tries."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, int]] = {}
        self.used: dict[str, int] = {}
        self.closed: list[str] = []

    def issue(self, subject: str, note: str, expires_at: datetime, month_won: int) -> tuple[str, str]:
        assert expires_at > clock.now()
        self.keys[note] = (subject, month_won)
        return f"k{len(self.keys)}", f"hk_k{len(self.keys)}_x"

    def used_won(self, subject: str, since: date, until: date) -> int:
        assert since < until
        return self.used.get(subject, 0)

    def close(self, prefix: str) -> None:
        self.closed.append(prefix)


def test_the_metered_mode_gives_keys_and_settles_what_was_used(
    store: Store, owner_store: Store, worker_store: Store, cases: Cases, team: Actor
) -> None:
    round_id = opened(store, team, mode="metered")
    people = staff(owner_store, 3)
    mine = [applied(cases, one, round_id, service="gateway") for one in people]
    ring = Ring()
    metered = Metered(store, ring)
    with pytest.raises(Conflict, match="선정되고"):
        metered.take_key(people[0], mine[0])
    _drawn(store, worker_store, team, round_id)
    with clock.frozen(datetime(2025, 9, 2, tzinfo=clock.SEOUL)):
        assert metered.take_key(people[0], mine[0]).startswith("hk_")
        metered.take_key(people[1], mine[1])
        assert [won for _, won in ring.keys.values()] == [30_000, 30_000]
        with pytest.raises(Conflict, match="기간이 끝난"):
            metered.settle(team, round_id)
    ring.used = {people[0].subject: 12_345, people[1].subject: 500_000, people[2].subject: 1}
    with clock.frozen(datetime(2025, 12, 1, tzinfo=clock.SEOUL)):
        with pytest.raises(Conflict, match="키를 받을 수 없습니다"):
            metered.take_key(people[2], mine[2])
        assert metered.settle(team, round_id) == 3
        assert metered.settle(team, round_id) == 0
        _carry_all(worker_store)
    money = Rounds(store).one(team, round_id)
    assert (money["held_won"], money["paid_won"]) == (0, 12_345 + 90_000)
    assert len(ring.closed) == 2
    assert cases.reading.one(people[0], mine[0])["case"]["state"] == "settled"


def test_seventeen_hundred_people_are_drawn_held_and_told_within_a_second(
    store: Store, owner_store: Store, team: Actor
) -> None:
    round_id = opened(store, team, seats_main=1_200, seats_branch=500, budget_won=153_000_000)
    with owner_store.transaction() as tx:
        tx.run(
            """insert into support_applications (case_id, round_id, number, subject, name, bureau, pool, service, listed, ask_won,
              state, carried, at)
            select gen_random_uuid(), :round, '이용료-2025-' || n, 'user:' || gen_random_uuid(), '이름', '부서' || n % 23,
              case when n % 4 = 0 then 'branch' else 'main' end, 'chatgpt', true, 90000, 'applied', 'applied', now()
            from generate_series(1, 1838) n""",
            {"round": round_id},
        )
    with clock.frozen(AFTER):
        started = time.perf_counter()
        result = Draws(store).draw(team, round_id)
        took = time.perf_counter() - started
    assert (result.people, result.waiting, result.spent_won) == (1_700, 138, 153_000_000)
    with store.transaction(team) as tx:
        assert tx.value("select count(*) from support_applications where why_ko = ''") == 0
    assert took < 1, f"{took:.2f} s"
