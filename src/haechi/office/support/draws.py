"""The draw of a round, what follows from it by itself, and what is told about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import SYSTEM, Actor, Row, Store, Transaction
from haechi.office.cases import Cases, rows
from haechi.office.support.applications import COLUMNS_OF, book
from haechi.office.support.drawing import Drawn, Entry, draw, list_hash, seed_of
from haechi.office.support.rounds import found, free_won

AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Result:
    """What a draw came to."""

    people: int
    waiting: int
    spent_won: int
    seed: str


class Draws:
    """`store`: under haechi_app."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def draw(self, actor: Actor, round_id: str) -> Result:
        """Close the list, reveal the secret, draw, hold the money: one transaction, once. Conflict before the window has
        ended and for a second draw; InvalidInput while a service still waits for its security check."""
        require(actor, "support.manage")
        with self._store.transaction(actor) as tx:
            round = found(tx, round_id, lock=True)
            _may_draw(tx, round)
            tx.run("update support_rounds set state = 'drawing' where id = :id", {"id": round["id"]})
            secret = str(tx.value("select haechi_fee_reveal(cast(:id as uuid))", id=round["id"]))
            entries = _entries(tx, round["id"])
            listed = list_hash(entries)
            drawn = draw(
                entries, seed_of(secret, listed), seats_main=round["seats_main"], seats_branch=round["seats_branch"],
                budget_won=free_won(round),
            )  # fmt: skip
            _keep(tx, round, drawn, secret, listed)
            result = Result(drawn.people, len(drawn.lots) - drawn.people, drawn.spent_won, drawn.seed)
            told = {"people": result.people, "waiting": result.waiting, "won": result.spent_won, "seed": drawn.seed}
            audit.record(tx, "support.drawn", f"round:{round['id']}", told)
        return result

    def record(self, actor: Actor, round_id: str) -> Row | None:
        """What is published of a draw: secret, list_sha256, seed, result_sha256, rows (CSV without names), at."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                "select secret, list_sha256, seed, result_sha256, rows, at from support_draws where round_id = :id",
                id=rows.as_uuid(round_id),
            )
        return {**row, "rows": bytes(row["rows"])} if row is not None else None

    def applications(self, actor: Actor, round_id: str, *, most: int = 500) -> list[Row]:
        """Applications of a round that the actor may see, in the order of the draw."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"""select {COLUMNS_OF} from support_applications a where a.round_id = :id
                order by a.place nulls last, a.number limit :most""",
                id=rows.as_uuid(round_id), most=most,
            )  # fmt: skip

    def mine(self, actor: Actor) -> list[Row]:
        """The actor's own applications, newest first, with their round's title and days."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"""select {COLUMNS_OF}, r.title, r.mode, r.starts_on, r.ends_on, r.state as round_state from support_applications a
                join support_rounds r on r.id = a.round_id where a.subject = :me order by a.at desc limit 50""",
                me=actor.subject,
            )

    def application(self, actor: Actor, case_id: str) -> Row:
        """One. NotFound for another's, except for those who look after the support."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                f"select {COLUMNS_OF} from support_applications a where a.case_id = :id", id=rows.as_uuid(case_id)
            )
        if row is None:
            raise NotFound("그런 신청이 없습니다.", next_step="내 신청에서 다시 고르세요.", record=case_id)
        return row


def _may_draw(tx: Transaction, round: Row) -> None:
    if round["state"] in ("drawn", "ended"):
        raise Conflict("이미 추첨한 회차입니다.", next_step="결과와 시드는 회차 화면에 있습니다.", record=round["id"])
    if round["state"] != "open" or clock.now() < round["closes_at"]:
        raise Conflict("아직 신청을 받는 중이라 추첨할 수 없습니다.", next_step="마감 뒤에 하세요.", record=round["id"])
    waits = tx.value(
        """select count(*) from support_applications where round_id = :id and state = 'applied' and not listed
        and cleared_at is null""",
        id=round["id"],
    )
    if waits:
        raise InvalidInput(
            f"보안 확인을 기다리는 ‘기타’ 서비스 신청이 {waits}건 있습니다.",
            next_step="각 신청에서 ‘보안 확인’이나 ‘제외’를 먼저 정하세요.",
            record=round["id"],
        )


def _entries(tx: Transaction, round_id: str) -> list[Entry]:
    """Everybody in the draw. First time: no line of the ledger ever paid them, in any earlier round."""
    told = tx.all(
        """select a.number, a.bureau, a.pool, a.ask_won, not exists (select from support_ledger l join support_applications o
            on o.case_id = l.case_id where o.subject = a.subject and o.round_id <> a.round_id and l.kind = 'settle') as first_time
        from support_applications a where a.round_id = :id and a.state = 'applied' order by a.number for update of a""",
        id=round_id,
    )
    return [Entry(row["number"], row["bureau"], row["pool"], int(row["ask_won"]), row["first_time"]) for row in told]


def _keep(tx: Transaction, round: Row, drawn: Drawn, secret: str, listed: str) -> None:
    now, result = clock.now(), drawn.as_csv()
    told = [
        {
            "number": lot.entry.number, "state": "drawn" if lot.drawn else "waiting", "place": lot.place,
            "first": lot.entry.first_time, "ko": lot.why[0], "en": lot.why[1],
        }
        for lot in drawn.lots
    ]  # fmt: skip
    tx.run(
        """update support_applications a set state = n.state, place = n.place, first_time = n.first, why_ko = n.ko, why_en = n.en
        from jsonb_to_recordset(cast(:told as jsonb)) as n(number text, state text, place integer, first boolean, ko text, en text)
        where a.number = n.number and a.round_id = :id""",
        {"told": rows.as_json(told), "id": round["id"]},
    )
    tx.run(
        """insert into support_ledger (round_id, case_id, kind, won, note, at, subject)
        select round_id, case_id, 'hold', ask_won, '추첨', :now, :by from support_applications
        where round_id = :id and state = 'drawn' order by place""",
        {"id": round["id"], "now": now, "by": tx.actor.subject},
    )
    tx.run(
        """insert into support_draws (round_id, secret, list_sha256, seed, result_sha256, rows, at, by_subject)
        values (:id, :secret, :listed, :seed, :result, :rows, :now, :by)""",
        {
            "id": round["id"], "secret": secret, "listed": listed, "seed": drawn.seed,
            "result": hashlib.sha256(result).hexdigest(), "rows": result, "now": now, "by": tx.actor.subject,
        },
    )  # fmt: skip
    tx.run(
        "update support_rounds set state = 'drawn', drawn_at = :now, drawn_by = :by where id = :id",
        {"id": round["id"], "now": now, "by": tx.actor.subject},
    )


# --- what follows by itself ------------------------------------------------------------------------------------------

PATHS = {
    ("applied", "drawn"): ("draw",),
    ("applied", "waiting"): ("wait",),
    ("applied", "paid"): ("draw", "pay"),
    ("applied", "missed"): ("wait", "miss"),
    ("applied", "settled"): ("draw", "settle_use"),
    ("waiting", "drawn"): ("promote",),
    ("waiting", "paid"): ("promote", "pay"),
    ("waiting", "missed"): ("miss",),
    ("waiting", "settled"): ("promote", "settle_use"),
    ("drawn", "paid"): ("pay",),
    ("drawn", "settled"): ("settle_use",),
}
"""Which steps bring a case from where it stands to where its application stands."""


def follow(store: Store, cases: Cases) -> int:
    """Give seats that became free to whoever waits, and let the cases follow their applications: each in a transaction of
    its own, so that a worker killed in between goes on where it stopped. `store`, `cases`: under haechi_worker. How many."""
    with store.transaction(SYSTEM) as tx:
        vacant = [row["id"] for row in tx.all("select id::text as id from support_rounds where state = 'drawn'")]
        behind = tx.all(
            """select case_id::text as id from support_applications where carried <> state
            and state in ('drawn', 'waiting', 'paid', 'missed', 'settled') order by place limit :most""",
            most=AT_A_TIME,
        )
    done = sum(promote(store, round_id) for round_id in vacant)
    return done + sum(_carry(store, cases, row["id"]) for row in behind)


def promote(store: Store, round_id: str) -> int:
    """Fill the free seats of a round from its waiting list, in the order of the draw, while its money lasts; how many."""
    count = 0
    with store.transaction(SYSTEM) as tx:
        round = found(tx, round_id, lock=True)
        while round["state"] == "drawn" and (lucky := _next(tx, round)) is not None:
            tx.run(
                """update support_applications set state = 'drawn', why_ko = why_ko || ' 빈자리가 나서 대기 순서대로 선정되었습니다.',
                why_en = why_en || ' A seat became free.' where case_id = :id""",
                {"id": lucky["case_id"]},
            )
            book(tx, lucky, "hold", int(lucky["ask_won"]), "대기에서 선정")
            audit.record(tx, "support.promoted", f"application:{lucky['number']}", {"place": lucky["place"]})
            round, count = found(tx, round_id, lock=True), count + 1
    return count


def _next(tx: Transaction, round: Row) -> Row | None:
    taken = {
        row["pool"]: int(row["n"])
        for row in tx.all(
            """select pool, count(*) as n from support_applications where round_id = :id and state not in
            ('applied', 'refused', 'withdrawn', 'waiting', 'missed') group by pool""",
            id=round["id"],
        )
    }
    if sum(taken.values()) >= round["seats_main"] + round["seats_branch"]:
        return None
    free = [pool for pool in ("main", "branch") if taken.get(pool, 0) < round[f"seats_{pool}"]]
    row = tx.one(
        f"""select {COLUMNS_OF} from support_applications a where a.round_id = :id and a.state = 'waiting'
        order by a.pool = any (:free) desc, a.place limit 1 for update""",
        id=round["id"], free=free,
    )  # fmt: skip
    return row if row is not None and row["ask_won"] <= free_won(round) else None


def _carry(store: Store, cases: Cases, case_id: str) -> int:
    with store.transaction(SYSTEM) as tx:
        case = tx.one(f"select {rows.COLUMNS} from cases c where c.id = :id for update skip locked", id=case_id)
        if case is None:
            return 0
        state = tx.value("select state from support_applications where case_id = :id", id=case_id)
        for step in PATHS.get((case["state"], state), ()):
            note = tx.value("select why_ko from support_applications where case_id = :id", id=case_id)
            case = cases.by_machine(tx, case, step, note=str(note) if step in ("draw", "wait", "promote") else "")
        if case["state"] == state:
            tx.run("update support_applications set carried = state where case_id = :id", {"id": case_id})
            return 1
    return 0
