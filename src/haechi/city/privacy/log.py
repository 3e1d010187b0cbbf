"""Access logs as stored: taken in by batches, chained by hashes, verified, disposed of after their day."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from haechi.city.privacy.key import keyed_of
from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput
from haechi.core.roles import policy_file
from haechi.core.store import SYSTEM, Actor, Row, Store, Transaction
from haechi.engines.rules.detection import (
    Batch,
    ChainFault,
    Intake,
    Rows,
    keep_until,
    link,
    read_csv,
    read_json_lines,
    read_syslog,
    verify_chain,
    years_to_keep,
)
from haechi.engines.rules.detection.staff import day_of

BATCH_LINES = 100_000
LARGEST = 200 * 1024 * 1024
FORMATS = {"csv": "CSV", "jsonl": "JSON Lines", "syslog": "syslog(RFC 5424)"}
_READERS = {"csv": read_csv, "jsonl": read_json_lines, "syslog": read_syslog}
_LOCK = 45_017


class AccessLog:
    """store: under the worker's role, for no serving role may read a line. home: where the key lies."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store = store
        self._home = home

    # --- in ----------------------------------------------------------------------------------------------------------

    def take(self, actor: Actor, source: str, format: str, content: bytes) -> dict[str, Any]:
        """Store a file; {"batches", "taken", "refused", "by_reason", "examples"}. A file that stands already is not stored twice.

        InvalidInput for an unknown format, no text, a header without the five fields, or when no line at all can be taken.
        """
        source = source.strip()
        if not source or len(source) > 80:
            raise InvalidInput("시스템 이름이 비었거나 너무 깁니다.", next_step="80자까지 적으세요.", record="source")
        parts = [(part, *_read(format, part, keyed_of(self._home))) for part in _parts(format, _text(format, content))]
        told = _summed([intake.report() for _, _, intake in parts])
        if not told["taken"]:
            raise InvalidInput(
                "다섯 항목(식별자·접속일시·접속지·정보주체·수행업무)이 다 있는 줄이 하나도 없습니다.",
                next_step="열 이름과 빈 칸을 확인해 다시 보내세요.",
                record="file",
            )
        with self._store.transaction(actor) as tx:
            tx.run("select pg_advisory_xact_lock(:lock)", {"lock": _LOCK})
            self._refuse_twice(tx, source, parts[0][0])
            self._known(tx, actor, source)
            seqs = [self._put(tx, actor, source, format, *part) for part in parts]
            detail = {"source": source, "batches": seqs, "taken": told["taken"], "refused": told["refused"]}
            audit.record(tx, "privacy.log_taken", f"access_log:{source}", {**detail, "head": self._head(tx)})
        return {"batches": seqs, **told}

    def describe(
        self,
        actor: Actor,
        source: str,
        *,
        subjects: int | None,
        unique_identifiers: bool | None,
        sensitive: bool | None,
    ) -> int:
        """What is known of a source; how many years its coming batches are kept. What is stored already keeps its day."""
        with self._store.transaction(actor) as tx:
            self._known(tx, actor, source)
            tx.run(
                """update access_sources set subjects = :subjects, unique_identifiers = :ids, sensitive = :sensitive,
                changed_at = :now, changed_by = :by where id = :id""",
                {"subjects": subjects, "ids": unique_identifiers, "sensitive": sensitive, "now": clock.now(),
                 "by": actor.subject, "id": source},
            )  # fmt: skip
            years = self._years(tx, source)
            audit.record(tx, "privacy.source_described", f"access_log:{source}", {"years": years})
        return years

    def _put(
        self, tx: Transaction, actor: Actor, source: str, format: str, content: bytes, rows: Sequence[Rows], intake: Intake
    ) -> int:  # fmt: skip
        report = intake.report()
        now = int(clock.now().timestamp())
        first = min((int(one.at.min()) for one in rows), default=now)
        last = max((int(one.at.max()) for one in rows), default=now)
        # Counted from the newer of the newest line and today: a clock that runs behind shortens no keeping.
        newest = max(day_of(int(rows[-1].day.max())) if rows else clock.today(), clock.today())
        batch = link(
            self._last(tx), source, content, lines=report["taken"], refused=report["refused"], first_at=first,
            last_at=last, keep_until=keep_until(newest, self._years(tx, source)),
        )  # fmt: skip
        tx.run(
            """insert into access_log_batches (seq, source, format, lines, refused, first_at, last_at, keep_until, digest,
              previous, hash, content, report, put_at, put_by, put_name)
            values (:seq, :source, :format, :lines, :refused, :first, :last, :keep, :digest, :previous, :hash, :content,
              cast(:report as jsonb), :now, :by, :name)""",
            {
                "seq": batch.seq, "source": source, "format": format, "lines": batch.lines, "refused": batch.refused,
                "first": batch.first_at, "last": batch.last_at, "keep": batch.keep_until, "digest": batch.digest,
                "previous": batch.previous, "hash": batch.hash, "content": content, "report": json.dumps(report),
                "now": clock.now(), "by": actor.subject, "name": actor.name,
            },
        )  # fmt: skip
        return batch.seq

    def _known(self, tx: Transaction, actor: Actor, source: str) -> None:
        tx.run(
            "insert into access_sources (id, changed_at, changed_by) values (:id, :now, :by) on conflict do nothing",
            {"id": source, "now": clock.now(), "by": actor.subject},
        )

    def _years(self, tx: Transaction, source: str) -> int:
        known = tx.one("select subjects, unique_identifiers, sensitive from access_sources where id = :id", id=source)
        assert known is not None
        return years_to_keep(keeping_rule(), **known)

    def _refuse_twice(self, tx: Transaction, source: str, first: bytes) -> None:
        digest = hashlib.sha256(first).digest()
        known = tx.value(
            "select seq from access_log_batches where source = :source and digest = :digest",
            source=source,
            digest=digest,
        )
        if known is not None:
            raise Conflict(
                f"같은 기록이 {known}번 묶음으로 이미 있습니다.",
                next_step="다른 날의 기록을 보내세요. 두 번 세지 않습니다.",
                record=str(known),
            )

    # --- whole? ------------------------------------------------------------------------------------------------------

    def verify(self) -> dict[str, Any]:
        """{"whole", "batches", "fault": {"seq", "why"} or None}: every batch against its hash, the chain, and the head that the
        audit log holds."""
        with self._store.transaction(SYSTEM) as tx:
            head = self._told_head(tx)
            fault = verify_chain(self._batches(tx), head=head)
            count = tx.value("select count(*) from access_log_batches")
        return {"whole": fault is None, "batches": count, "fault": _fault(fault)}

    def _batches(self, tx: Transaction) -> Iterator[Batch]:
        seq = 0
        while True:
            row = tx.one(
                """select seq, source, lines, refused, first_at, last_at, keep_until, digest, previous, hash, content, disposed_on
                from access_log_batches where seq > :seq order by seq limit 1""",
                seq=seq,
            )
            if row is None:
                return
            seq = row["seq"]
            content = None if row["content"] is None else bytes(row["content"])
            bare = {name: bytes(row[name]) for name in ("digest", "previous", "hash")}
            yield Batch(**{**row, **bare, "content": content})

    def _told_head(self, tx: Transaction) -> tuple[int, bytes] | None:
        told = tx.value("select detail from audit_log where action = 'privacy.log_taken' order by seq desc limit 1")
        return None if told is None else (int(told["head"]["seq"]), bytes.fromhex(told["head"]["hash"]))

    def _head(self, tx: Transaction) -> dict[str, Any]:
        last = self._last(tx)
        assert last is not None
        return {"seq": last.seq, "hash": last.hash.hex()}

    def _last(self, tx: Transaction) -> Batch | None:
        row = tx.one(
            """select seq, source, lines, refused, first_at, last_at, keep_until, digest, previous, hash
            from access_log_batches order by seq desc limit 1"""
        )
        if row is None:
            return None
        return Batch(**{**row, **{name: bytes(row[name]) for name in ("digest", "previous", "hash")}})

    # --- after its day -----------------------------------------------------------------------------------------------

    def batches(self, actor: Actor, reading: Store, *, most: int = 50) -> list[Row]:
        """Headers, newest first, as the desk may see them; reading: under the role that serves people."""
        with reading.transaction(actor) as tx:
            return tx.all(
                """select seq, source, format, lines, refused, first_at, last_at, keep_until, disposed_on, report, put_at, put_name
                from access_log_batches order by seq desc limit :most""",
                most=most,
            )


def keeping_rule() -> dict[str, Any]:
    """Years of keeping, as in force today."""
    told = yaml.safe_load((policy_file("detection") / "keeping.yaml").read_text(encoding="utf-8"))
    rule: dict[str, Any] = max(
        (one for one in told["values"] if one["in_force"] <= clock.today()), key=lambda one: one["in_force"]
    )
    return rule


def inquiry_rule() -> dict[str, Any]:
    """Budget of inquiries, hours of a look-up, days of an appeal."""
    told = yaml.safe_load((policy_file("detection") / "keeping.yaml").read_text(encoding="utf-8"))
    rule: dict[str, Any] = told["inquiry"]
    return rule


def rows_of(format: str, content: bytes, intake: Intake, *, first: int = 1) -> Iterator[Rows]:
    """The rows of a stored batch."""
    yield from _READERS[format](io.StringIO(content.decode(), newline=""), intake, first=first)


def _read(format: str, content: bytes, keyed: Any) -> tuple[list[Rows], Intake]:
    intake = Intake(keyed)
    return list(rows_of(format, content, intake)), intake


def _text(format: str, content: bytes) -> str:
    if format not in FORMATS:
        raise InvalidInput("모르는 형식입니다.", next_step=f"{', '.join(FORMATS)} 가운데 고르세요.", record=format)
    if len(content) > LARGEST:
        raise InvalidInput("파일이 너무 큽니다.", next_step="날짜별로 나누어 보내세요(200 MB까지).", record="file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            return content.decode("cp949")
        except UnicodeDecodeError:
            raise InvalidInput(
                "글자를 읽을 수 없는 파일입니다.", next_step="UTF-8로 저장해 보내세요.", record="file"
            ) from None


def _parts(format: str, text: str) -> Iterator[bytes]:
    """Batches of at most BATCH_LINES lines, each with the header where the format has one."""
    lines = list(io.StringIO(text, newline=""))
    header = lines[:1] if format == "csv" else []
    body = lines[len(header) :]
    for at in range(0, max(len(body), 1), BATCH_LINES):
        yield "".join([*header, *body[at : at + BATCH_LINES]]).encode()


def _summed(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    by_reason: dict[str, int] = {}
    examples: dict[str, list[int]] = {}
    for at, report in enumerate(reports):
        for why, n in report["by_reason"].items():
            by_reason[why] = by_reason.get(why, 0) + n
            examples.setdefault(why, []).extend(number + at * BATCH_LINES for number in report["examples"][why])
    taken = sum(report["taken"] for report in reports)
    return {"taken": taken, "refused": sum(by_reason.values()), "by_reason": by_reason, "examples": examples}


def _fault(fault: ChainFault | None) -> dict[str, Any] | None:
    return None if fault is None else {"seq": fault.seq, "why": fault.why}


def purge(tx: Transaction) -> dict[str, int]:
    """Dispose of the content of batches past their day; headers stay, so that the chain does. For the daily chores."""
    done = tx.run(
        """update access_log_batches set content = null, disposed_on = :today
        where content is not null and keep_until < :today""",
        {"today": clock.today()},
    )
    return {"access_log_batches": done}
