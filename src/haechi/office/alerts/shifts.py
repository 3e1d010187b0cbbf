"""인수인계: a shift leaves what is open to the next; somebody of the next confirms it, and takes over what the giver held."""

from __future__ import annotations

from typing import Any

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.events import emit
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.alerts.board import KINDS
from haechi.office.cases import Policy, rows

_COLUMNS = """id::text as id, at, given_by, given_name, note, open_cases, confirmed_at, confirmed_by, confirmed_name, question"""
MOST_OPEN = 500


class Shifts:
    """Hand-overs of the alert desk."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._policy = policy

    def lately(self, actor: Actor, *, most: int = 20) -> list[Row]:
        """Hand-overs, the newest first."""
        with self._store.transaction(actor) as tx:
            return tx.all(f"select {_COLUMNS} from shift_handovers order by at desc limit :most", most=most)

    def give(self, actor: Actor, note: str) -> str:
        """Leave the desk with a note and what is open now; the hand-over's id.

        InvalidInput without a note; Conflict while an earlier one of the same person is not confirmed."""
        if not note.strip():
            raise InvalidInput(
                "인계할 내용이 비었습니다.", next_step="다음 근무자가 알아야 할 것을 적으세요.", record="note"
            )
        with self._store.transaction(actor) as tx:
            if tx.value(
                "select 1 from shift_handovers where given_by = :me and confirmed_at is null", me=actor.subject
            ):
                raise Conflict(
                    "앞서 남긴 인계를 아직 아무도 확인하지 않았습니다.",
                    next_step="다음 근무자의 확인을 받은 뒤 새로 남기세요.",
                    record="handover",
                )
            id, told = clock.new_id(), self._open(tx, actor)
            tx.run(
                """insert into shift_handovers (id, at, given_by, given_name, note, open_cases)
                values (:id, :now, :by, :name, :note, cast(:open as jsonb))""",
                {"id": id, "now": clock.now(), "by": actor.subject, "name": actor.name, "note": note.strip()[:4000], "open": rows.as_json(told)},
            )  # fmt: skip
            rows.notify(
                tx, ["role:operator"], "shift_handover",
                (f"{actor.name} 님이 근무를 넘겼습니다. 열린 건 {len(told)}건. 확인해 주세요.", f"{actor.name} hands the desk over."),
                case=None, key=f"shift:{id}",
            )  # fmt: skip
            emit(tx, "shift.given", id, {"open": len(told)})
            audit.record(tx, "shift.given", f"shift:{id}", {"open": [one["number"] for one in told]})
            return id

    def _open(self, tx: Transaction, actor: Actor) -> list[dict[str, Any]]:
        found = tx.all(
            f"""select {rows.COLUMNS} from cases c where c.kind = any (:kinds) and c.closed_at is null
            order by c.severity, c.opened_at limit :most""",
            kinds=list(KINDS), most=MOST_OPEN,
        )  # fmt: skip
        return [
            {
                "id": case["id"], "number": case["number"], "title": case["title"], "severity": case["severity"],
                "state": self._policy.flow(case["flow"], case["flow_version"]).states[case["state"]].name,
                "exercise": case["exercise"], "holder": case["holder_name"], "mine": case["holder"] == actor.subject,
            }
            for case in found
        ]  # fmt: skip

    def confirm(self, actor: Actor, handover_id: str, question: str = "") -> int:
        """Take the desk over: what the giver held is mine from now on; how many cases those were.

        NotFound when there is none; Conflict when it was confirmed, or when it is one's own."""
        with self._store.transaction(actor) as tx:
            row = tx.one(f"select {_COLUMNS} from shift_handovers where id = :id", id=rows.as_uuid(handover_id))
            if row is None:
                raise NotFound("그런 인계가 없습니다.", next_step="화면을 새로 고치세요.", record=handover_id)
            done = tx.run(
                """update shift_handovers set confirmed_at = :now, confirmed_by = :me, confirmed_name = :name, question = :question
                where id = :id and confirmed_at is null and given_by <> :me""",
                {"now": clock.now(), "me": actor.subject, "name": actor.name, "question": question.strip()[:2000], "id": row["id"]},
            )  # fmt: skip
            if not done:
                own = row["given_by"] == actor.subject
                raise Conflict(
                    "자기가 남긴 인계는 확인할 수 없습니다." if own else "이미 확인된 인계입니다.",
                    next_step="다음 근무자가 확인해야 합니다." if own else "화면을 새로 고치세요.",
                    record=row["id"],
                )
            taken = self._take_over(tx, row)
            emit(tx, "shift.confirmed", row["id"], {"taken": taken})
            audit.record(tx, "shift.confirmed", f"shift:{row['id']}", {"taken": taken})
            return taken

    def _take_over(self, tx: Transaction, row: Row) -> int:
        held = tx.all(
            f"""select {rows.COLUMNS} from cases c where c.holder = :giver and c.kind = any (:kinds) and c.closed_at is null
            order by c.id for update""",
            giver=row["given_by"], kinds=list(KINDS),
        )  # fmt: skip
        for case in held:
            case = rows.change(tx, case, holder=tx.actor.subject, holder_name=tx.actor.name)
            rows.step(
                tx, case, "handed_over", note=row["note"][:200], detail={"to": tx.actor.subject, "shift": row["id"]}
            )
        return len(held)
