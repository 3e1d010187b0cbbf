"""What a reporter is told of a complaint: by their own conversation, or by receipt number and the last digits of the phone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from haechi.city.complaints.kinds import rules
from haechi.city.complaints.receipts import last_digits, matches, normal_receipt
from haechi.core.errors import InvalidInput, NotFound, TooManyRequests
from haechi.core.store import SYSTEM, Actor, Row, Store
from haechi.core.throttle import Limit, count_attempt, forgive

STATE_NAMES: Mapping[str, tuple[str, str]] = {
    "received": ("접수", "Received"),
    "assigned": ("배정", "Assigned"),
    "in_progress": ("처리 중", "In progress"),
    "done": ("완료", "Done"),
    "transferred": ("이송", "Transferred"),
    "rejected": ("반려", "Declined"),
}


class Status:
    """store: as haechi_app (one's own). worker_store: looks a receipt up for whom row-level security knows no right yet."""

    def __init__(self, store: Store, worker_store: Store) -> None:
        self._store = store
        self._worker_store = worker_store

    def own(self, actor: Actor, limit: int = 20) -> list[dict[str, Any]]:
        """The actor's own complaints, the newest first."""
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                "select * from complaints where subject = :s order by received_at desc limit :n",
                s=actor.subject,
                n=limit,
            )
            return [_told(row, _steps(tx, row["id"])) for row in rows]

    def look_up(self, receipt: str, phone_digits: str, *, address: str) -> dict[str, Any]:
        """State and steps of a complaint. address: of who asks, against guessing.

        InvalidInput for what can be no receipt or digits; TooManyRequests; NotFound, in the same words and after the same time,
        for an unknown receipt and for wrong digits.
        """
        wanted, digits = normal_receipt(receipt), last_digits(phone_digits)
        if not wanted or not digits:
            raise InvalidInput(
                "접수 번호나 전화번호 뒷자리의 꼴이 맞지 않습니다.",
                next_step="접수 번호는 20261122-ABCD-1234처럼, 전화번호는 뒤 네 자리를 적으세요.",
                record="receipt",
            )
        counted = f"receipt:{wanted}"
        free = rules().free_tries
        limits = (
            (counted, Limit(free, forget=timedelta(hours=1))),
            (f"status:{address}", Limit(free * 4, forget=timedelta(hours=1))),
        )
        try:
            with self._worker_store.transaction(SYSTEM) as tx:
                count_attempt(tx, limits)
        except TooManyRequests as error:
            raise TooManyRequests(
                "조회를 너무 여러 번 했습니다.",
                retry_after=error.retry_after,
                next_step=f"{error.retry_after:,}초 뒤에 다시 하거나 120에 물어보세요.",
            ) from error
        with self._worker_store.transaction(SYSTEM) as tx:
            row = tx.one("select * from complaints where receipt = :r", r=wanted)
            known = matches(wanted, digits, row["phone_salt"] if row else None, row["phone_check"] if row else None)
            if row is None or not known:
                raise NotFound(
                    "접수 번호와 전화번호 뒷자리가 맞는 민원이 없습니다.",
                    next_step="번호를 다시 확인하세요. 전화번호를 남기지 않은 민원은 접수한 대화에서만 볼 수 있습니다. 120에 물어볼 수도 있습니다.",
                )
            forgive(tx, counted, f"status:{address}")
            return _told(row, _steps(tx, row["id"]))


def _steps(tx: Any, complaint_id: Any) -> list[Row]:
    return list(
        tx.all(
            "select at, state, office, note from complaint_steps where complaint_id = :id and not internal order by id",
            id=complaint_id,
        )
    )


def _told(row: Row, steps: list[Row]) -> dict[str, Any]:
    return {
        "receipt": row["receipt"],
        "title": row["title"],
        "place": row["place"] or " ".join(filter(None, (row["gu"], row["dong"]))),
        "office": row["office"],
        "department": row["department"],
        "because": row["routed_because"],
        "state": row["state"],
        "state_ko": STATE_NAMES[row["state"]][0],
        "state_en": STATE_NAMES[row["state"]][1],
        "received_at": row["received_at"],
        "due_on": row["due_on"],
        "steps": [dict(step) for step in steps],
    }
