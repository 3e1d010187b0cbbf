"""Payment: one file a batch, made once, with its sum and its hash; what was held becomes what was paid."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence

from openpyxl import Workbook

from haechi.core import audit, clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.cases import rows
from haechi.office.support.applications import COLUMNS_OF
from haechi.office.support.rounds import found

HEADER = ("번호", "신청번호", "직원 아이디", "이름", "부서", "금액(원)")
_NAME = re.compile(r"[0-9A-Za-z가-힣._-]{3,60}")
Cells = tuple[str | int, ...]


class Payments:
    """`store`: under haechi_app."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pay(self, actor: Actor, round_id: str, batch: str) -> Row:
        """Pay everybody who was drawn and is not paid yet, as one batch; asked again with the same name: the same batch, and
        nobody is paid again. Forbidden for who drew the round: two people stand behind the money."""
        require(actor, "support.manage")
        if not _NAME.fullmatch(batch):
            raise InvalidInput("지급 번호를 읽을 수 없습니다.", next_step="지급-2026-1처럼 적으세요.", record=batch)
        with self._store.transaction(actor) as tx:
            round = found(tx, round_id, lock=True)
            known = tx.one(f"select {_COLUMNS} from support_payments p where p.id = :id", id=batch)
            if known is not None:
                return _same_round(known, round)
            _may_pay(actor, round)
            people = tx.all(
                f"""select {COLUMNS_OF} from support_applications a where a.round_id = :id and a.state = 'drawn'
                order by a.place, a.number for update""",
                id=round["id"],
            )
            if not people:
                raise Conflict("지급할 사람이 없습니다.", next_step="선정된 신청이 있는지 확인하세요.", record=round_id)
            _keep(tx, round, batch, people)
            made = tx.one(f"select {_COLUMNS} from support_payments p where p.id = :id", id=batch)
            assert made is not None
            told = {"people": made["people"], "won": made["won"], "sha256": made["sha256"]}
            audit.record(tx, "support.paid", f"payment:{batch}", told)
            return made

    def listed(self, actor: Actor, round_id: str) -> list[Row]:
        """The batches of a round, oldest first."""
        require(actor, "support.audit")
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"select {_COLUMNS} from support_payments p where p.round_id = :id order by p.at",
                id=rows.as_uuid(round_id),
            )

    def file(self, actor: Actor, batch: str, format: str) -> bytes:
        """The batch as it was made: 'csv' or 'xlsx'. Who fetched it is written down."""
        require(actor, "support.audit")
        with self._store.transaction(actor) as tx:
            row = tx.one("select csv, xlsx from support_payments where id = :id", id=batch)
            if row is None or format not in row:
                raise NotFound("그런 지급 파일이 없습니다.", next_step="회차 화면에서 고르세요.", record=batch)
            audit.record(tx, "support.payment_fetched", f"payment:{batch}", {"format": format})
        return bytes(row[format])

    def ledger(self, actor: Actor, round_id: str, *, most: int = 200) -> list[Row]:
        """The last lines of a round's ledger."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select l.seq, a.number, l.kind, l.won, l.note, l.at from support_ledger l
                join support_applications a on a.case_id = l.case_id where l.round_id = :id order by l.seq desc limit :most""",
                id=rows.as_uuid(round_id), most=most,
            )  # fmt: skip


def table(people: Sequence[Row]) -> list[Cells]:
    """The rows of the file: header, one a person, the sum. No account numbers: the accounting system knows them by the login."""
    body: list[Cells] = [
        (n, _plain(p["number"]), _plain(p["login"]), _plain(p["name"]), _plain(p["bureau"]), int(p["ask_won"]))
        for n, p in enumerate(people, 1)
    ]
    total = sum(int(p["ask_won"]) for p in people)
    return [HEADER, *body, ("합계", "", "", f"{len(people)}명", "", total)]


def as_csv(cells: Sequence[Cells]) -> bytes:
    """With the mark by which Excel knows UTF-8."""
    out = io.StringIO()
    csv.writer(out).writerows(cells)
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(cells: Sequence[Cells], sha256: str) -> bytes:
    """The same table, with the CSV's hash under it."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("지급")
    for row in cells:
        sheet.append(list(row))
    sheet.append([])
    sheet.append(["CSV 파일의 SHA-256", sha256])
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _may_pay(actor: Actor, round: Row) -> None:
    if round["state"] not in ("drawn", "ended") or round["mode"] != "subscription":
        raise Conflict(
            "추첨한 구독 회차만 지급합니다. 용량제는 쓴 만큼 정산합니다.",
            next_step="회차를 확인하세요.",
            record=round["id"],
        )
    if round["drawn_by"] == actor.subject:
        raise Forbidden(
            "추첨한 사람은 지급할 수 없습니다. 돈이 나가는 일은 두 사람이 합니다.",
            next_step="AI팀의 다른 사람에게 지급을 요청하세요.",
            record=round["id"],
        )


def _same_round(known: Row, round: Row) -> Row:
    if known["round_id"] != round["id"]:
        raise Conflict("다른 회차에 쓴 지급 번호입니다.", next_step="새 지급 번호를 적으세요.", record=known["id"])
    return known


def _keep(tx: Transaction, round: Row, batch: str, people: Sequence[Row]) -> None:
    cells = table(people)
    made = as_csv(cells)
    digest, now, by = hashlib.sha256(made).hexdigest(), clock.now(), tx.actor.subject
    tx.run(
        """insert into support_payments (id, round_id, people, won, sha256, csv, xlsx, at, subject, name)
        values (:id, :round, :people, :won, :sha, :csv, :xlsx, :now, :by, :name)""",
        {
            "id": batch, "round": round["id"], "people": len(people), "won": sum(int(p["ask_won"]) for p in people), "sha": digest,
            "csv": made, "xlsx": as_xlsx(cells, digest), "now": now, "by": by, "name": tx.actor.name,
        },
    )  # fmt: skip
    of = {"round": round["id"], "batch": batch, "now": now, "by": by, "cases": [p["case_id"] for p in people]}
    tx.run(
        """insert into support_payment_lines (payment_id, case_id, won)
        select :batch, case_id, ask_won from support_applications where case_id = any (cast(:cases as uuid[]))""",
        of,
    )
    tx.run(
        """insert into support_ledger (round_id, case_id, kind, won, note, at, subject)
        select round_id, case_id, 'settle', ask_won, :batch, :now, :by from support_applications
        where case_id = any (cast(:cases as uuid[])) order by place""",
        of,
    )
    tx.run("update support_applications set state = 'paid' where case_id = any (cast(:cases as uuid[]))", of)


_COLUMNS = "p.id, p.round_id::text as round_id, p.people, p.won, p.sha256, p.at, p.subject, p.name"
