"""Raw lines of an account, for whoever asked and was allowed by another; each look is written down by the database itself."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from haechi.core import audit, clock
from haechi.core.errors import Forbidden
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.rules.detection.ingest import OURS, PARAMETER, SYSLOG, moment_of, plain_name
from haechi.office.cases import rows

MOST = 500
"""Lines shown at once; `more` says how many there are besides."""
SHOWN = ("who", "when", "where", "whose", "what", "count", "case", "reason")


@dataclass(frozen=True, slots=True)
class Lines:
    """account; rows: the eight fields as they came; more: lines beyond MOST; until: when the look-up ends."""

    account: str
    rows: tuple[tuple[str, ...], ...]
    more: int
    until: str


class Looking:
    """store: under the role that serves people; the database refuses what was not approved."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def lines(self, actor: Actor, case_id: str) -> Lines:
        """The lines of an open look-up, and a mark that they were looked at. Forbidden without a second person, after the hours,
        for somebody else's request, and for one's own account."""
        with self._store.transaction(actor) as tx:
            case = rows.found(tx, case_id)
            if not self._open(tx, case):
                raise Forbidden(
                    "조회할 수 없습니다. 다른 사람이 승인한 뒤 24시간 동안 신청한 사람만 볼 수 있습니다.",
                    next_step="조회 요청을 내고 승인을 기다리세요.",
                    record=case["number"],
                )
            told = case["facts"]
            found = tx.all(
                "select seq, format, content from haechi_access_lines(cast(:case as uuid), :at)",
                case=case_id,
                at=clock.now(),
            )
            audit.record(
                tx,
                "privacy.looked",
                f"case:{case_id}",
                {"account": told["account"], "from": told["from"], "to": told["to"]},
            )
        mine = [
            line
            for batch in found
            for line in parsed(batch["format"], bytes(batch["content"]).decode())
            if line[0] == told["account"] and _within(line[1], told["from"], told["to"])
        ]
        return Lines(told["account"], tuple(mine[:MOST]), max(0, len(mine) - MOST), told["until"])

    def _open(self, tx: Transaction, case: Row) -> bool:
        """What the database asks as well (haechi_access_lines), so that the refusal has words."""
        approved = tx.value(
            "select 1 from case_steps where case_id = :id and act = 'approve' and subject <> :asker",
            id=case["id"],
            asker=case["subject"],
        )
        return bool(
            case["flow"] == "privacy_lookup" and case["state"] == "open" and case["subject"] == tx.actor.subject
            and approved and case["facts"]["until"] > clock.now().isoformat()
        )  # fmt: skip

    def looks(self, actor: Actor, *, most: int = 50) -> list[Row]:
        """Who looked when, newest first: case number, name, at."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select l.at, l.name, l.batches, l.case_id::text as case_id, c.number from access_looks l
                left join cases c on c.id = l.case_id order by l.seq desc limit :most""",
                most=most,
            )


def parsed(format: str, text: str) -> list[tuple[str, ...]]:
    """The lines of a batch as (who, when, where, whose, what, count, case, reason); lines that cannot be read are left out."""
    if format == "csv":
        reader = csv.reader(io.StringIO(text, newline=""))
        header = [OURS.get(plain_name(name), "") for name in next(reader, [])]
        return [_row(dict(zip(header, line, strict=True))) for line in reader if len(line) == len(header)]
    if format == "jsonl":
        return [_row(_named(one)) for line in text.splitlines() if (one := _object(line)) is not None]
    found = []
    for line in text.splitlines():
        match = SYSLOG.match(line)
        if match is not None:
            told = {"when": match[1], "where": match[2]} | _named(dict(PARAMETER.findall(match[6])))
            found.append(_row(told))
    return found


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(told.get(name) or "") for name in SHOWN)


def _named(told: dict[str, Any]) -> dict[str, Any]:
    return {OURS[key]: value for name, value in told.items() if (key := plain_name(str(name))) in OURS}


def _object(line: str) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except json.JSONDecodeError:
        return None
    return told if isinstance(told, dict) else None


def _within(when: str, first: str, last: str) -> bool:
    at = moment_of(when)
    if at is None:
        return False
    day = date(1970, 1, 1) + timedelta(days=(at + 9 * 3600) // 86_400)
    return date.fromisoformat(first) <= day <= date.fromisoformat(last)
