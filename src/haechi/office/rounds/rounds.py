"""Rounds: a window in which pre-reviews are filed, a demand survey with its seats, a sitting of the advisory board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction

KINDS: Mapping[str, tuple[str, str]] = {
    "pre_review": ("사전검토", "Pre-review"),
    "consulting": ("컨설팅 수요조사", "Consulting"),
    "advice": ("전문가 자문회의", "Expert advice"),
}
_COLUMNS = "id, kind, title, opens_on, closes_on, due_on, seats, cap_won, place, made_at, made_name"


@dataclass(frozen=True, slots=True)
class Round:
    """due_on: the reports' last day (consulting), the day of the sitting (advice). seats: how many are chosen, or how many
    items a sitting takes. cap_won: what all approved projects may cost together; None: 미상, so nothing is checked."""

    id: str
    kind: str
    title: str
    opens_on: date
    closes_on: date
    due_on: date | None = None
    seats: int | None = None
    cap_won: int | None = None
    place: str = ""


class Rounds:
    """The rounds of every kind; all staff may read them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, actor: Actor, new: Round) -> Row:
        """A new round. Forbidden without 'projects.round'; InvalidInput for a window that ends before it begins or a blank
        name; Conflict when the name is taken."""
        require(actor, "projects.round")
        _sound(new)
        with self._store.transaction(actor) as tx:
            if tx.one("select 1 as there from review_rounds where id = :id", id=new.id) is not None:
                raise Conflict("같은 이름의 회차가 있습니다.", next_step="다른 회차 이름을 쓰세요.", record=new.id)
            tx.run(
                """insert into review_rounds (id, kind, title, opens_on, closes_on, due_on, seats, cap_won, place, made_at, made_by,
                  made_name)
                values (:id, :kind, :title, :opens_on, :closes_on, :due_on, :seats, :cap_won, :place, :now, :by, :name)""",
                {**asdict(new), "now": clock.now(), "by": actor.subject, "name": actor.name},
            )
            audit.record(tx, "review.round", f"round:{new.id}", {"kind": new.kind, "seats": new.seats})
            return _one(tx, new.id)

    def one(self, actor: Actor, round_id: str) -> Row:
        """NotFound when there is none."""
        with self._store.transaction(actor) as tx:
            return _one(tx, round_id)

    def listed(self, actor: Actor, kind: str) -> list[Row]:
        """Rounds of a kind, the newest first."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"select {_COLUMNS} from review_rounds where kind = :kind order by opens_on desc, id", kind=kind
            )


def round_for(tx: Transaction, case: Row, kind: str) -> Row:
    """The round that a case belongs to, or would be filed into today.

    Conflict, saying when, where no round of the kind is open, or the case's own has closed or not yet begun.
    """
    today = clock.today()
    if case["round"]:
        found = _one(tx, case["round"])
        if found["kind"] != kind:
            raise Conflict("다른 종류의 회차입니다.", next_step="회차를 다시 고르세요.", record=case["round"])
        _open(found, today)
        return found
    rounds = tx.all(
        f"""select {_COLUMNS} from review_rounds where kind = :kind and opens_on <= :today and closes_on >= :today
        order by closes_on, id limit 1""",
        kind=kind,
        today=today,
    )
    if rounds:
        return rounds[0]
    last = tx.one(f"select {_COLUMNS} from review_rounds where kind = :kind order by closes_on desc limit 1", kind=kind)
    if last is not None:
        _open(last, today)
    raise Conflict(
        f"지금 접수하는 {KINDS[kind][0]} 회차가 없습니다.", next_step="AI팀이 회차를 열면 낼 수 있습니다.", record=kind
    )


def lock_round(tx: Transaction, round_id: str) -> Row:
    """The round, held until the end of the transaction, so that two cannot take its last seat or its last won."""
    row = tx.one(f"select {_COLUMNS} from review_rounds where id = :id for update", id=round_id)
    if row is None:
        raise NotFound("그런 회차가 없습니다.", next_step="회차를 다시 고르세요.", record=round_id)
    return row


def into_round(tx: Transaction, case: Row, kind: str) -> None:
    """Write down which round a case was filed into."""
    if not case["round"]:
        found = round_for(tx, case, kind)
        tx.run("update cases set round = :round where id = :id", {"round": found["id"], "id": case["id"]})


def _one(tx: Transaction, round_id: str) -> Row:
    row = tx.one(f"select {_COLUMNS} from review_rounds where id = :id", id=round_id)
    if row is None:
        raise NotFound("그런 회차가 없습니다.", next_step="회차를 다시 고르세요.", record=round_id)
    return row


def _open(found: Row, today: date) -> None:
    if today < found["opens_on"]:
        raise Conflict(
            f"‘{found['title']}’ 접수는 {found['opens_on']:%Y-%m-%d}에 시작합니다.",
            next_step="그날부터 낼 수 있습니다. 적은 것은 그대로 있습니다.",
            record=found["id"],
        )
    if today > found["closes_on"]:
        raise Conflict(
            f"‘{found['title']}’ 접수는 {found['closes_on']:%Y-%m-%d}에 끝났습니다.",
            next_step="다음 회차에 내거나 AI팀에 문의하세요. 적은 것은 그대로 있습니다.",
            record=found["id"],
        )


def _sound(new: Round) -> None:
    if new.kind not in KINDS or not new.id.strip() or not new.title.strip():
        raise InvalidInput("회차의 이름과 제목이 필요합니다.", next_step="예: 2026-사전검토-1", record="id")
    if new.closes_on < new.opens_on or (new.due_on is not None and new.due_on < new.opens_on):
        raise InvalidInput(
            "회차가 시작하기 전에 끝납니다.", next_step="시작일과 마감일을 확인하세요.", record="closes_on"
        )
    if (new.seats is not None and new.seats < 1) or (new.cap_won is not None and new.cap_won < 1):
        raise InvalidInput("정원과 한도는 1보다 커야 합니다.", next_step="모르면 비워 두세요.", record="seats")
