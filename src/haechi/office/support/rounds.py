"""Rounds of the fee support: planned within the year's limits, opened with a public commitment, read by all staff."""

from __future__ import annotations

import calendar
import secrets
from dataclasses import asdict, dataclass
from datetime import date, datetime

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import rows
from haechi.office.support.drawing import commitment
from haechi.office.support.money import Reach, reach

MODES = {"subscription": ("구독", "Subscription"), "metered": ("용량제", "Metered")}
STATES = {
    "planned": ("계획", "Planned"),
    "open": ("신청 받는 중", "Open"),
    "drawing": ("추첨 중", "Being drawn"),
    "drawn": ("추첨 끝", "Drawn"),
    "ended": ("끝남", "Ended"),
}
COLUMNS = """r.id::text as id, r.title, r.year, r.number, r.mode, r.fund, r.opens_at, r.closes_at, r.starts_on, r.ends_on, r.seats_main,
r.seats_branch, r.cap_won, r.budget_won, r.state, r.commitment, r.warned, r.held_won, r.paid_won, r.returned_won, r.drawn_at, r.drawn_by"""


@dataclass(frozen=True, slots=True)
class NewRound:
    """opens_at, closes_at: aware. starts_on: the first day of use; the last follows from the months in force. budget_won:
    what this round may spend at most. fund: whose money it is ('본예산', '추경')."""

    title: str
    number: int
    mode: str
    opens_at: datetime
    closes_at: datetime
    starts_on: date
    seats_main: int
    seats_branch: int
    budget_won: int
    cap_won: int
    fund: str = ""


class Rounds:
    """`store`: under haechi_app."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def plan(self, actor: Actor, new: NewRound) -> str:
        """A new round; its id. InvalidInput for what is beyond the year's rounds, people, money or cap; Conflict for a number
        that is taken. The secret of its draw is made here, seen by nobody, and its hash stands in the round at once."""
        require(actor, "support.manage")
        _sound(new)
        id, secret = clock.new_id(), secrets.token_hex(32)
        with self._store.transaction(actor) as tx:
            tx.run("select pg_advisory_xact_lock(72012)")  # two rounds planned at once must not both fit into one year
            _within_the_year(tx, new)
            done = tx.run(
                """insert into support_rounds (id, title, year, number, mode, fund, opens_at, closes_at, starts_on, ends_on,
                  seats_main, seats_branch, cap_won, budget_won, commitment, made_at, made_by)
                values (:id, :title, :year, :number, :mode, :fund, :opens_at, :closes_at, :starts_on, :ends_on, :seats_main,
                  :seats_branch, :cap_won, :budget_won, :commitment, :now, :by) on conflict (year, number, mode) do nothing""",
                {
                    **asdict(new), "id": id, "year": new.starts_on.year, "ends_on": ends_on(new.starts_on),
                    "commitment": commitment(secret), "now": clock.now(), "by": actor.subject,
                },
            )  # fmt: skip
            if not done:
                raise Conflict("그 회차가 이미 있습니다.", next_step="다른 회차 번호를 쓰세요.", record=str(new.number))
            tx.run("insert into support_secrets (round_id, secret) values (:id, :secret)", {"id": id, "secret": secret})
            audit.record(
                tx, "support.planned", f"round:{id}", {"commitment": commitment(secret), "won": new.budget_won}
            )
        return id

    def open(self, actor: Actor, round_id: str, *, accept: str = "") -> None:
        """Let people apply in its window. InvalidInput when the money does not reach for every seat and nobody has written
        why it is opened all the same (accept)."""
        require(actor, "support.manage")
        with self._store.transaction(actor) as tx:
            row = found(tx, round_id, lock=True)
            if row["state"] != "planned":
                raise Conflict("이미 연 회차입니다.", next_step="화면을 새로 고치세요.", record=round_id)
            reached = reach_of(row)
            if not reached.enough and not accept.strip():
                raise InvalidInput(
                    reached.text[0], next_step="자리나 예산을 고치거나, 그래도 여는 이유를 적으세요.", record="accept"
                )
            tx.run(
                "update support_rounds set state = 'open', warned = :why where id = :id",
                {
                    "why": "" if reached.enough else f"그래도 연 이유: {accept.strip()}",
                    "id": row["id"],
                },
            )
            audit.record(tx, "support.opened", f"round:{row['id']}", {"short": reached.short, "why": accept.strip()})

    def listed(self, actor: Actor) -> list[Row]:
        """Every round, newest first."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"select {COLUMNS} from support_rounds r order by r.starts_on desc, r.number desc, r.mode limit 100"
            )

    def one(self, actor: Actor, round_id: str) -> Row:
        """One. NotFound."""
        with self._store.transaction(actor) as tx:
            return found(tx, round_id)

    def counts(self, actor: Actor, round_id: str) -> dict[str, int]:
        """Applications by state, as far as the actor sees them."""
        with self._store.transaction(actor) as tx:
            told = tx.all(
                "select state, count(*) as n from support_applications where round_id = :id group by state",
                id=rows.as_uuid(round_id),
            )
        return {row["state"]: int(row["n"]) for row in told}

    def end(self, actor: Actor, round_id: str) -> int:
        """Close the waiting list: whoever still waits is told that they were not drawn. How many."""
        require(actor, "support.manage")
        with self._store.transaction(actor) as tx:
            row = found(tx, round_id, lock=True)
            if row["state"] != "drawn":
                raise Conflict("추첨한 회차만 끝낼 수 있습니다.", next_step="화면을 새로 고치세요.", record=round_id)
            tx.run("update support_rounds set state = 'ended' where id = :id", {"id": row["id"]})
            missed = tx.run(
                "update support_applications set state = 'missed' where round_id = :id and state = 'waiting'",
                {"id": row["id"]},
            )
            audit.record(tx, "support.ended", f"round:{row['id']}", {"missed": missed})
            return missed


def found(tx: Transaction, round_id: str, *, lock: bool = False) -> Row:
    """A round as it stands. lock: only for those who may change it; nobody else touches its money until the end."""
    row = tx.one(
        f"select {COLUMNS} from support_rounds r where r.id = :id{' for update' if lock else ''}",
        id=rows.as_uuid(round_id),
    )
    if row is None:
        raise NotFound("그런 회차가 없습니다.", next_step="목록에서 다시 고르세요.", record=round_id)
    return row


def reach_of(row: Row) -> Reach:
    """What the money of a round reaches for."""
    return reach(row["seats_main"] + row["seats_branch"], row["cap_won"], row["budget_won"])


def free_won(row: Row) -> int:
    """What of a round's money is neither held nor spent."""
    return int(row["budget_won"] - row["held_won"] - row["paid_won"] + row["returned_won"])


def ends_on(starts_on: date) -> date:
    """The last day of use: the months in force after the first, less a day."""
    months = int(parameter("fee.months", on=starts_on).value)
    year, month = divmod(starts_on.year * 12 + starts_on.month - 1 + months, 12)
    day = min(starts_on.day, calendar.monthrange(year, month + 1)[1])
    return date.fromordinal(date(year, month + 1, day).toordinal() - 1)


def _sound(new: NewRound) -> None:
    rounds = int(parameter("fee.rounds_a_year", on=new.starts_on).value)
    cap = int(parameter("fee.cap_won", on=new.starts_on).value)
    wrong = ""
    if not new.title.strip() or new.mode not in MODES:
        wrong = "회차 이름이나 방식이 비었습니다."
    elif not 1 <= new.number <= rounds:
        wrong = f"한 해에 {rounds}회차까지 엽니다."
    elif not new.opens_at < new.closes_at or new.closes_at.astimezone(clock.SEOUL).date() > new.starts_on:
        wrong = "신청은 시작보다 늦게, 이용 시작일까지 마감해야 합니다."
    elif not 0 < new.cap_won <= cap:
        wrong = f"1인 한도는 {cap:,}원을 넘을 수 없습니다."
    elif min(new.seats_main, new.seats_branch, new.budget_won) < 0 or not new.seats_main + new.seats_branch:
        wrong = "자리와 예산은 0 이상이어야 하고, 자리는 하나 이상이어야 합니다."
    if wrong:
        raise InvalidInput(wrong, next_step="고친 뒤 다시 저장하세요.", record="round")


def _within_the_year(tx: Transaction, new: NewRound) -> None:
    year = new.starts_on.year
    others = tx.one(
        """select coalesce(sum(seats_main + seats_branch), 0) as seats, coalesce(sum(budget_won), 0) as won from support_rounds
        where year = :year and not (number = :number and mode = :mode)""",
        year=year, number=new.number, mode=new.mode,
    ) or {"seats": 0, "won": 0}  # fmt: skip
    people = int(parameter("fee.seats_a_year", on=new.starts_on).value)
    money = parameter("fee.budget_a_year_won", on=new.starts_on).value
    seats, won = int(others["seats"]) + new.seats_main + new.seats_branch, int(others["won"]) + new.budget_won
    if seats > people:
        raise InvalidInput(
            f"{year}년의 자리가 {seats:,}개가 되어 {people:,}명을 넘습니다.",
            next_step="자리를 줄이세요.",
            record="seats",
        )
    if money is not None and won > int(money):
        raise InvalidInput(
            f"{year}년 회차의 예산이 {won:,}원이 되어 한 해 예산 {int(money):,}원을 넘습니다.",
            next_step="예산을 줄이거나, 늘어난 예산을 근거와 함께 policy/parameters/fee.yaml에 넣으세요.",
            record="budget",
        )
