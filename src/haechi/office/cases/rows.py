"""Cases as rows: found, locked, changed, and every change written down twice: for the people in it, and in the audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from haechi.core import audit, clock
from haechi.core.errors import Conflict, NotFound
from haechi.core.events import emit
from haechi.core.store import Row, Transaction

COLUMNS = """c.id::text as id, c.number, c.flow, c.flow_version, c.kind, c.title, c.state, c.bureau, c.service, c.round,
c.parent::text as parent, c.subject, c.subject_name, c.origin, c.readers, c.facts, c.severity, c.exercise, c.holder, c.holder_name,
c.opened_at, c.state_at, c.closed_at, c.due_at, c.version"""


def found(tx: Transaction, case_id: str, *, lock: bool = False) -> Row:
    """The case, if the actor may know of it. lock: until the end of the transaction nobody else moves it."""
    row = tx.one(f"select {COLUMNS} from cases c where c.id = :id{' for update' if lock else ''}", id=as_uuid(case_id))
    if row is None:
        raise NotFound("그런 건이 없습니다.", next_step="목록에서 다시 고르세요.", record=case_id)
    return row


def change(tx: Transaction, case: Row, **values: Any) -> Row:
    """Write columns of a locked case and count its version up; the case as it stands then."""
    written = {**values}
    sets = ", ".join(f"{name} = cast(:{name} as jsonb)" if name == "facts" else f"{name} = :{name}" for name in values)
    if "facts" in written:
        written["facts"] = as_json(written["facts"])
    tx.run(
        f"update cases set {sets}{', ' if sets else ''}version = version + 1 where id = :id",
        {**written, "id": case["id"]},
    )
    return {**case, **values, "version": case["version"] + 1}


def step(
    tx: Transaction,
    case: Row,
    act: str,
    *,
    source: str = "",
    note: str = "",
    by_machine: bool = False,
    key: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down what was done to a case; the last thing in its transaction (see core/audit.record)."""
    subject, name = ("machine", "시스템") if by_machine else (tx.actor.subject, tx.actor.name)
    told = {
        "number": case["number"],
        "source": source,
        "target": case["state"],
        "by": subject,
        "note": note,
        **(detail or {}),
    }
    emit(tx, f"case.{act}", case["id"], {"flow": case["flow"], **told})
    seq = audit.record(tx, f"case.{act}", f"case:{case['id']}", told)
    tx.run(
        """insert into case_steps (seq, case_id, number, act, source, target, at, subject, name, note, detail, key)
        select :seq, :case, 1 + coalesce((select max(number) from case_steps where case_id = :case), 0), :act, :source,
          :target, at, :subject, :name, :note, cast(:detail as jsonb), :key from audit_log where seq = :seq""",
        {
            "seq": seq,
            "case": case["id"],
            "act": act,
            "source": source,
            "target": case["state"],
            "subject": subject,
            "name": name,
            "note": note,
            "detail": as_json(detail or {}),
            "key": key or None,
        },
    )


def done_before(tx: Transaction, case: Row, key: str) -> bool:
    """Whether this very request was carried out already; ask on a locked case."""
    sql = "select 1 from case_steps where case_id = :id and key = :key"
    return bool(key) and tx.value(sql, id=case["id"], key=key) is not None


def same(case: Row, version: int | None) -> None:
    """Conflict when somebody decided something since the actor looked."""
    if version is not None and case["version"] != version:
        raise Conflict(
            "그사이 다른 사람이 이 건을 처리했습니다.",
            next_step="바뀐 내용을 확인한 뒤 다시 하세요. 적으신 글은 그대로 있습니다.",
            record=case["number"],
        )


def next_number(tx: Transaction, flow: str, pattern: str, day: date) -> str:
    """The next case number of a flow in a year: counted under a row lock, so that none is given twice or left out."""
    serial = tx.value(
        """insert into case_serials (flow, year, last) values (:flow, :year, 1)
        on conflict (flow, year) do update set last = case_serials.last + 1 returning last""",
        flow=flow,
        year=day.year,
    )
    return pattern.format(year=day.year, serial=int(serial))


def grams(*texts: str) -> list[str]:
    """Pairs of letters, lower case, without spaces: what the search compares."""
    pairs: set[str] = set()
    for text in texts:
        plain = "".join(text.lower().split())
        pairs.update(plain[i : i + 2] for i in range(len(plain) - 1))
    return sorted(pairs)


def as_json(value: Any) -> str:
    """JSON as the database keeps it."""
    return json.dumps(value, ensure_ascii=False, default=str)


def as_uuid(value: str) -> str | None:
    """The identifier, or None when it is none: nothing has it then."""
    try:
        return str(UUID(str(value)))
    except ValueError:
        return None


def notify(
    tx: Transaction, tags: Sequence[str], kind: str, text: tuple[str, str], *, case: Row | None, key: str = ""
) -> None:
    """Put a line into the inboxes of everybody who holds one of the tags. key: the same line is put once."""
    for tag in dict.fromkeys(tags):
        tx.run(
            "select haechi_notify(cast(:id as uuid), :tag, cast(:case as uuid), :kind, :ko, :en, :address, :at, :key)",
            {
                "id": clock.new_id(),
                "tag": tag,
                "case": case["id"] if case is not None else None,
                "kind": kind,
                "ko": text[0],
                "en": text[1],
                "address": f"/cases/{case['id']}" if case is not None else "",
                "at": clock.now(),
                "key": f"{key}:{tag}" if key else None,
            },
        )
