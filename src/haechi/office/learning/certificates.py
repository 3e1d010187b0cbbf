"""Certificates: written when a course is completed, checked by anybody who has the code, revoked with a reason."""

from __future__ import annotations

import secrets

from haechi.core import audit, clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.learning.duty import hours
from haechi.office.letters import Paper, Text

LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without what looks alike."""
LENGTH = 12


def new_code() -> str:
    """Twelve letters in groups of four: 30^12 of them, so that none is met by guessing."""
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    return "-".join(code[i : i + 4] for i in range(0, LENGTH, 4))


def certify(tx: Transaction, enrolment_id: str) -> None:
    """Write the certificate of a completed course; one that stands already stays."""
    year = clock.today().year
    serial = tx.value(
        """insert into case_serials (flow, year, last) values ('certificate', :year, 1)
        on conflict (flow, year) do update set last = case_serials.last + 1 returning last""",
        year=year,
    )
    tx.run(
        "select haechi_certify(cast(:id as uuid), :code, :number, :now)",
        {"id": enrolment_id, "code": new_code(), "number": f"수료-{year}-{int(serial):05}", "now": clock.now()},
    )


class Certificates:
    """`store`: under haechi_app."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, actor: Actor, code: str) -> Row | None:
        """What a code proves: number, name with its middle hidden, title, minutes, held_on, issued_at, revoked_at; None when
        no certificate has it. For anybody, also without an account."""
        with self._store.transaction(actor) as tx:
            row = tx.one("select * from haechi_certificate(:code)", code=code.strip().upper())
        return {**row, "name": masked(row["name"])} if row is not None else None

    def one(self, actor: Actor, code: str) -> Row:
        """A certificate whole: one's own, or any for the AI team. NotFound."""
        with self._store.transaction(actor) as tx:
            row = tx.one("select * from certificates where code = :code", code=code.strip().upper())
        if row is None:
            raise NotFound("그런 수료증이 없습니다.", next_step="내 교육 기록에서 다시 고르세요.", record=code)
        return row

    def revoke(self, actor: Actor, code: str, why: str) -> None:
        """Take a certificate back; its public page says so from now on, and its hours no longer count. InvalidInput without a
        reason."""
        require(actor, "learning.manage")
        if not why.strip():
            raise InvalidInput("취소하는 이유가 비었습니다.", next_step="이유를 적으세요.", record=code)
        with self._store.transaction(actor) as tx:
            done = tx.run(
                "update certificates set revoked_at = :now, revoked_why = :why where code = :code and revoked_at is null",
                {"now": clock.now(), "why": why.strip(), "code": code.strip().upper()},
            )
            if not done:
                raise NotFound("취소할 수료증이 없습니다.", next_step="번호를 확인하세요.", record=code)
            tx.run(
                "update enrolments set minutes = 0 where id = (select enrolment_id from certificates where code = :code)",
                {"code": code.strip().upper()},
            )
            audit.record(tx, "learning.revoked", f"certificate:{code}", {"why": why.strip()})


def masked(name: str) -> str:
    """A name as a public page shows it: the first and the last letter ('김○솔', '남○')."""
    if len(name) < 3:
        return name[:1] + "○" * (len(name) - 1)
    return name[0] + "○" * (len(name) - 2) + name[-1]


def paper(row: Row, city: str, address: str) -> Paper:
    """The certificate as a paper. address: where anybody checks it."""
    return Paper(
        kind="수료증",
        title=row["title"],
        meta=(
            ("번호", row["number"]),
            ("성명", row["name"]),
            ("교육일", f"{row['held_on']:%Y. %-m. %-d.}"),
            ("인정 시간", f"{hours(row['minutes'])}시간"),
        ),
        parts=(
            Text("위 사람은 위 교육 과정을 마쳤으므로 이 수료증을 드립니다."),
            Text(f"발급일 {row['issued_at'].astimezone(clock.SEOUL):%Y. %-m. %-d.}"),
            Text(f"확인 코드 {row['code']} · {address}"),
        ),
        sign=city,
        watermark="취소됨" if row["revoked_at"] else "",
        label=f"확인 코드 {row['code']}",
    )
