"""The metered mode: a key of the city's model gateway with a budget, and the settlement of what was really used."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Protocol

from haechi.core import audit, clock
from haechi.core.errors import Conflict, Forbidden, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store
from haechi.engines.rules.dated import parameter
from haechi.office.cases import rows
from haechi.office.learning import duty_of
from haechi.office.support.applications import COLUMNS_OF, book
from haechi.office.support.rounds import found


class Keyring(Protocol):
    """The gateway, as the office needs it. subject: 'user:<id>'."""

    def issue(self, subject: str, note: str, expires_at: datetime, month_won: int) -> tuple[str, str]:
        """(prefix, secret) of a new key with a budget a month; keys with the same note end."""

    def used_won(self, subject: str, since: date, until: date) -> int:
        """What the calls of these months cost, whole won, rounded up."""

    def close(self, prefix: str) -> None:
        """End a key."""


class Metered:
    """`store`: under haechi_app."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring

    def take_key(self, actor: Actor, case_id: str) -> str:
        """The text of one's key, shown once. Taking it again ends the one before: a lost key is no lost support. Forbidden
        while this year's duty is owed; Conflict before the draw and after the last day."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                f"""select {COLUMNS_OF}, r.mode, r.starts_on, r.ends_on from support_applications a
                join support_rounds r on r.id = a.round_id where a.case_id = :id and a.subject = :me""",
                id=rows.as_uuid(case_id), me=actor.subject,
            )  # fmt: skip
            if row is None or row["mode"] != "metered":
                raise NotFound("용량제 신청이 없습니다.", next_step="내 신청에서 다시 고르세요.", record=case_id)
            duty = duty_of(tx, actor.subject, clock.today().year)
        if row["state"] != "drawn" or clock.today() > row["ends_on"]:
            raise Conflict(
                "지금은 키를 받을 수 없습니다.", next_step="선정되고 이용 기간이 남았을 때 받으세요.", record=case_id
            )
        if not duty.met:
            raise Forbidden(
                f"AI 의무이수를 마쳐야 키를 받을 수 있습니다. {duty.why[0]}",
                next_step="‘교육’에서 과정을 이수하세요.",
                record=case_id,
            )
        months = int(parameter("fee.months", on=row["starts_on"]).value)
        ends = datetime.combine(row["ends_on"], time(15), UTC)  # midnight in Seoul
        prefix, secret = self._keyring.issue(actor.subject, note_of(row), ends, int(row["ask_won"]) // months)
        with self._store.transaction(actor) as tx:
            tx.run(
                "update support_applications set key_prefix = :p where case_id = :id",
                {"p": prefix, "id": row["case_id"]},
            )
            audit.record(tx, "support.key", f"application:{row['number']}", {"prefix": prefix})
        return secret

    def settle(self, actor: Actor, round_id: str) -> int:
        """After the last day: what was used is paid out of what was held, the rest is free again, the keys end. Each
        application for itself, so that stopping in between loses nothing and settles nothing twice. How many."""
        require(actor, "support.manage")
        with self._store.transaction(actor) as tx:
            round = found(tx, round_id)
            if round["mode"] != "metered" or clock.today() <= round["ends_on"]:
                raise Conflict(
                    "이용 기간이 끝난 용량제 회차만 정산합니다.", next_step="기간을 확인하세요.", record=round_id
                )
            waiting = tx.all(
                "select case_id::text as id from support_applications where round_id = :id and state = 'drawn' order by place",
                id=round["id"],
            )
        return sum(self._settle_one(actor, round, row["id"]) for row in waiting)

    def _settle_one(self, actor: Actor, round: Row, case_id: str) -> int:
        with self._store.transaction(actor) as tx:
            subject = tx.value("select subject from support_applications where case_id = :id", id=case_id)
        used = self._keyring.used_won(str(subject), round["starts_on"], round["ends_on"])
        with self._store.transaction(actor) as tx:
            found(tx, round["id"], lock=True)
            row = tx.one(
                f"select {COLUMNS_OF} from support_applications a where a.case_id = :id and a.state = 'drawn' for update",
                id=case_id,
            )
            if row is None:
                return 0
            paid = min(used, int(row["ask_won"])) if row["key_prefix"] else 0
            book(tx, row, "settle", paid, "용량제 정산")
            book(tx, row, "release", int(row["ask_won"]) - paid, "쓰지 않은 금액")
            tx.run(
                "update support_applications set state = 'settled', spent_won = :won where case_id = :id",
                {"won": paid, "id": case_id},
            )
            audit.record(tx, "support.settled", f"application:{row['number']}", {"used": used, "paid": paid})
        if row["key_prefix"]:
            self._keyring.close(row["key_prefix"])
        return 1


def note_of(row: Row) -> str:
    """What stands beside the key."""
    return f"이용료 지원 {row['number']}"
