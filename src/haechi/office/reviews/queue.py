"""Proposals that wait for a person: seen, taken, decided on. A decision moves the case that the proposal opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.events import emit
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.cases import Cases, Hooks, Policy, rows
from haechi.office.reviews.order import fair

DECISIONS = ("accept", "correct", "refuse")
STATES = {"accept": "accepted", "correct": "corrected", "refuse": "refused"}
VERDICT_STEPS = {"오탐": "false_alarm", "과탐": "over_alarm", "정탐": "true_alarm"}
"""How a refused alert is judged; 정탐: it was right, and the public need not be told."""
LEASE = timedelta(minutes=15)
"""Whoever took one and went away keeps it so long."""
PER_SERVICE = 30
SHOWN = 100
MOST_COUNTED = 1000
AGES = {"": timedelta(), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_COLUMNS = """r.id::text as id, r.service, r.kind, r.title, r.severity, r.bureau, r.exercise, r.why, r.made_at,
r.case_id::text as case_id, r.state, r.taken_by, r.taken_name, r.taken_at, r.decided_by, r.decided_name, r.decided_at, r.reason,
r.verdict, r.correction, r.version"""
_OPEN = "r.state in ('waiting', 'taken')"
_SERVICES = f"""services as ((select r.service from reviews r where {_OPEN} order by r.service limit 1) union all
select (select r.service from reviews r where {_OPEN} and r.service > s.service order by r.service limit 1)
from services s where s.service is not null)"""
"""Each service with something open, found by jumping along the index instead of reading all of it."""


class Reviews:
    """The queue, as each person may see it: row-level security shows nobody another office's."""

    def __init__(self, store: Store, cases: Cases) -> None:
        self._store = store
        self._cases = cases

    def waiting(
        self, actor: Actor, *, service: int | None = None, severity: int = 0, age: str = "", kind: str = ""
    ) -> list[Row]:
        """What waits, in the fair order, at most 100. severity: that grave or graver; age: waiting longer than 'hour', 'day'."""
        now = clock.now()
        wanted = [
            (service is not None, "r.service = :service"),
            (bool(severity), "r.severity <= :severity"),
            (bool(AGES.get(age)), "r.made_at < :before"),
            (bool(kind), "r.kind = :kind"),
        ]
        where = " and ".join([_OPEN, *(sql for on, sql in wanted if on)])
        with self._store.transaction(actor) as tx:
            found = tx.all(
                f"""with recursive {_SERVICES}
                select distinct {_COLUMNS} from services s cross join lateral (
                  (select * from reviews r where r.service = s.service and {where} order by r.severity, r.made_at limit :each)
                  union (select * from reviews r where r.service = s.service and {where} order by r.made_at limit :each)) r""",
                service=service, severity=severity, before=now - AGES.get(age, timedelta()), kind=kind, each=PER_SERVICE,
            )  # fmt: skip
        return [self._standing(one, actor) for one in fair(found, now)[:SHOWN]]

    def _standing(self, review: Row, actor: Actor) -> Row:
        """With `free` (anybody may take it) and `mine`."""
        free = review["state"] == "waiting" or (review["state"] == "taken" and review["taken_at"] < clock.now() - LEASE)
        mine = review["state"] == "taken" and review["taken_by"] == actor.subject and not free
        return {**review, "free": free, "mine": mine}

    def counters(self, actor: Actor) -> dict[str, Any]:
        """waiting and grave (severity 1 or 2), counted up to 1,000; oldest; decided: today's decisions by kind."""
        today = clock.now().astimezone(clock.SEOUL).replace(hour=0, minute=0, second=0, microsecond=0)
        with self._store.transaction(actor) as tx:
            waiting = tx.all(
                f"select r.severity, r.made_at from reviews r where {_OPEN} limit :most", most=MOST_COUNTED
            )
            decided = tx.all(
                """select r.state, count(*) as n from reviews r where r.decided_at >= :today group by r.state""",
                today=today,
            )
        return {
            "waiting": len(waiting),
            "grave": sum(1 for one in waiting if one["severity"] <= 2),
            "oldest": min((one["made_at"] for one in waiting), default=None),
            "more": len(waiting) == MOST_COUNTED,
            "decided": {row["state"]: int(row["n"]) for row in decided},
        }

    def services(self, actor: Actor) -> list[int]:
        """The services that have something waiting."""
        with self._store.transaction(actor) as tx:
            found = tx.all(f"with recursive {_SERVICES} select service from services where service is not null")
        return [row["service"] for row in found]

    def lately(self, actor: Actor) -> list[Row]:
        """The last 30 decisions."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"select {_COLUMNS} from reviews r where r.decided_at is not null order by r.decided_at desc limit 30"
            )

    def one(self, actor: Actor, review_id: str) -> dict[str, Any]:
        """review, outcome (as the service returned it). NotFound."""
        with self._store.transaction(actor) as tx:
            review = _found(tx, review_id)
            outcome = tx.value("select outcome from outcomes where id = :id", id=review["id"])
        return {"review": self._standing(review, actor), "outcome": outcome or {}}

    def take(self, actor: Actor, review_id: str) -> Row:
        """Take it for 15 minutes. Conflict when somebody else has it, or it is decided."""
        now = clock.now()
        with self._store.transaction(actor) as tx:
            review = _found(tx, review_id)
            done = tx.run(
                """update reviews set state = 'taken', taken_by = :me, taken_name = :name, taken_at = :now, version = version + 1
                where id = :id and (state = 'waiting' or (state = 'taken' and (taken_by = :me or taken_at < :gone)))""",
                {"me": actor.subject, "name": actor.name, "now": now, "gone": now - LEASE, "id": review["id"]},
            )  # fmt: skip
            if not done:
                raise _taken_by(tx, review)
            audit.record(tx, "review.taken", f"review:{review['id']}", {"service": review["service"]})
            return _found(tx, review_id)

    def decide(
        self, actor: Actor, review_id: str, decision: str, *, reason: str = "", verdict: str = "", severity: int = 0
    ) -> Row:
        """accept, correct (what was wrong, and the right severity), refuse (why; for an alert also 정탐, 오탐 or 과탐).

        The case moves in the same transaction. InvalidInput without a reason where one is due; Conflict when somebody else
        has taken it or it is decided; Forbidden as the case's flow says.
        """
        self._sound(decision, reason, verdict)
        with self._store.transaction(actor) as tx:
            review = _found(tx, review_id, lock=True)
            free = self._standing(review, actor)
            if not (free["free"] or free["mine"]):
                raise _taken_by(tx, review)
            if decision == "refuse" and review["kind"] == "alert" and verdict not in VERDICT_STEPS:
                raise InvalidInput(
                    "정탐·오탐·과탐 판정이 비었습니다.", next_step="셋 가운데 하나를 고르세요. 서비스를 고치는 데 씁니다.", record="verdict"
                )  # fmt: skip
            correction = {"severity": severity} if decision == "correct" and 1 <= severity <= 5 else {}
            self._move_case(tx, review, decision, reason, verdict, correction)
            settle_in(tx, review, STATES[decision], reason=reason, verdict=verdict, correction=correction)
            emit(
                tx,
                "review.decided",
                review["id"],
                {"service": review["service"], "decision": decision, "verdict": verdict},
            )
            audit.record(
                tx, "review.decided", f"review:{review['id']}",
                {"service": review["service"], "decision": decision, "verdict": verdict, "reason": reason.strip()},
            )  # fmt: skip
            return _found(tx, review_id)

    def _sound(self, decision: str, reason: str, verdict: str) -> None:
        if decision not in DECISIONS:
            raise InvalidInput("그런 결정은 없습니다.", next_step="화면을 새로 고치세요.", record=decision)
        if decision != "accept" and not reason.strip():
            what = "무엇을 바로잡는지" if decision == "correct" else "받지 않는 이유"
            raise InvalidInput(f"{what} 적지 않았습니다.", next_step=f"{what}를 한 줄로 적으세요.", record="reason")
        if verdict and verdict not in VERDICT_STEPS:
            raise InvalidInput("그런 판정은 없습니다.", next_step="정탐·오탐·과탐 가운데 고르세요.", record=verdict)

    def _move_case(
        self, tx: Transaction, review: Row, decision: str, reason: str, verdict: str, correction: Mapping[str, Any]
    ) -> None:
        if review["case_id"] is None:
            return
        case = rows.found(tx, review["case_id"], lock=True)
        refused = VERDICT_STEPS[verdict] if review["kind"] == "alert" and verdict else "refuse"
        step = refused if decision == "refuse" else "accept"
        if correction:
            case = rows.change(tx, case, severity=correction["severity"])
        self._cases.act_in(tx, case, step, note=reason, sent={**correction, "review": review["id"]})


def hooks(register: Hooks, flows: Sequence[str], policy: Policy) -> None:
    """Somebody who moves the case itself has decided too: the review is settled with the step."""
    for flow in flows:
        register.effect(f"{flow}.accept", _settled("accepted"))
        for step in ("refuse", *VERDICT_STEPS.values()):
            if step in policy.flow(flow).steps:
                register.effect(f"{flow}.{step}", _settled("refused"))


def _settled(state: str) -> Callable[[Transaction, Row, Mapping[str, Any]], None]:
    def settle(tx: Transaction, case: Row, sent: Mapping[str, Any]) -> None:
        if sent.get("review"):
            return  # decided in the queue, which writes its own row
        review = tx.one(f"select {_COLUMNS} from reviews r where r.case_id = :id and {_OPEN} for update", id=case["id"])
        if review is not None:
            settle_in(tx, review, state)

    return settle


def settle_in(
    tx: Transaction,
    review: Row,
    state: str,
    *,
    reason: str = "",
    verdict: str = "",
    correction: Mapping[str, Any] | None = None,
) -> None:
    """Write a decision down."""
    tx.run(
        """update reviews set state = :state, decided_by = :by, decided_name = :name, decided_at = :now, reason = :reason,
        verdict = :verdict, correction = cast(:correction as jsonb), version = version + 1 where id = :id""",
        {
            "state": state, "by": tx.actor.subject, "name": tx.actor.name, "now": clock.now(), "reason": reason.strip()[:4000],
            "verdict": verdict, "correction": rows.as_json(dict(correction or {})), "id": review["id"],
        },
    )  # fmt: skip


def _found(tx: Transaction, review_id: str, *, lock: bool = False) -> Row:
    row = tx.one(
        f"select {_COLUMNS} from reviews r where r.id = :id{' for update' if lock else ''}", id=rows.as_uuid(review_id)
    )
    if row is None:
        raise NotFound("그런 검토 건이 없습니다.", next_step="검토 목록에서 다시 고르세요.", record=review_id)
    return row


def _taken_by(tx: Transaction, review: Row) -> Conflict:
    row = _found(tx, review["id"])
    if row["decided_at"] is not None:
        return Conflict(
            f"{row['decided_name'] or '다른 사람'} 님이 이미 결정했습니다.", next_step="목록으로 돌아가 다음 건을 고르세요.", record=row["id"]
        )  # fmt: skip
    return Conflict(
        f"{row['taken_name']} 님이 보고 있습니다.",
        next_step="다른 건을 고르거나 15분 뒤 다시 오세요.",
        record=row["id"],
    )
