"""Registration, tickets, and a check-in that may be sent late and more than once, yet counts each ticket once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from haechi.core import clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.event.editions import edition_of

LISTS = ("입장", "명찰")
"""What a scan confirms: that somebody came in, or that a badge was printed; the one says nothing of the other."""
MOST_SCANS = 500
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without signs that are read for one another."""


class Tickets:
    """The code is with its owner alone; the database keeps its hash."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(
        self,
        actor: Actor,
        edition: str,
        *,
        name: str,
        affiliation: str = "",
        country: str = "",
        kind: str = "일반",
        key: str = "",
    ) -> str:
        """A ticket's code. Conflict when registration is shut or full, or the same form was sent before (its code is with
        whoever sent it); InvalidInput without a name."""
        if not name.strip() or len(name) > 100:
            raise InvalidInput("이름이 비었습니다.", next_step="명찰에 적을 이름을 적으세요.", record="name")
        code = "".join(secrets.choice(ALPHABET) for _ in range(12))
        with self._store.transaction(actor) as tx:
            found = edition_of(tx, edition)
            tx.run("select pg_advisory_xact_lock(hashtext('event:' || :e))", {"e": edition})
            taken = int(tx.value("select haechi_event_taken(:e)", e=edition))
            if clock.today() > found["ends_on"] or not found["tickets"]:
                raise Conflict("참가 등록을 받지 않습니다.", next_step="행사 안내를 확인하세요.", record=edition)
            if taken >= found["tickets"]:
                raise Conflict(
                    f"등록 {found['tickets']:,}명이 모두 찼습니다.",
                    next_step="취소된 자리가 나면 다시 받습니다.",
                    record=edition,
                )
            keep = timedelta(days=int(parameter("event.ticket_keep_days", on=clock.today()).value))
            try:
                tx.run(
                    """insert into event_tickets (code_sha256, edition, kind, name, affiliation, country, made_at, key, purge_after)
                    values (:sha, :e, :kind, :name, :affiliation, :country, :now, :key, :purge)""",
                    {
                        "sha": _sha(code), "e": edition, "kind": kind, "name": name.strip(), "affiliation": affiliation.strip()[:100],
                        "country": country.strip()[:60], "now": clock.now(), "key": key or None, "purge": found["ends_on"] + keep,
                    },
                )  # fmt: skip
            except IntegrityError as error:
                raise Conflict(
                    "이미 등록하셨습니다.", next_step="받은 표의 번호를 확인하세요.", record=edition
                ) from error
        return code

    def look(self, actor: Actor, code: str) -> Row:
        """edition, kind, name, made_at, cancelled_at of the ticket with this code. NotFound."""
        with self._store.transaction(actor) as tx:
            found = tx.one("select * from haechi_event_ticket(:sha)", sha=_sha(code))
        if found is None:
            raise NotFound("그런 표가 없습니다.", next_step="번호 열두 자를 확인하세요.", record="code")
        return found

    def cancel(self, actor: Actor, code: str) -> None:
        """Give the place back. Conflict once the ticket was used, or is cancelled already."""
        self.look(actor, code)
        with self._store.transaction(actor) as tx:
            if not tx.value("select haechi_event_cancel(:sha, :now)", sha=_sha(code), now=clock.now()):
                raise Conflict("이미 입장했거나 취소한 표입니다.", next_step="행사 안내에 문의하세요.", record="code")

    def scan(self, actor: Actor, edition: str, scans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What each scan came to: nonce, outcome, name, first_at. scans: {nonce, code, list, at (ISO)}, up to 500.

        The nonce belongs to the device: sending a scan again, after the network failed, gives the same outcome and counts
        nothing twice. A ticket that is there already says when it was confirmed first."""
        require(actor, "event.scan")
        if len(scans) > MOST_SCANS:
            raise InvalidInput(f"한 번에 {MOST_SCANS}건까지 보냅니다.", next_step="나누어 보내세요.", record="scans")
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition)
            # One lock for the whole batch: two doors that send their queues at once would lock each other's tickets crosswise.
            tx.run("select pg_advisory_xact_lock(hashtext('event-scan:' || :e))", {"e": edition})
            return [_scan(tx, edition, one) for one in scans]


def purge(tx: Transaction) -> dict[str, int]:
    """Forget visitors past their day; scans stay as numbers without names. For the daily chores."""
    return {"event_tickets": tx.run("delete from event_tickets where purge_after <= :today", {"today": clock.today()})}


def _scan(tx: Transaction, edition: str, one: Mapping[str, Any]) -> dict[str, Any]:
    nonce, listed, sha = str(one.get("nonce", ""))[:80], str(one.get("list", "입장")), _sha(str(one.get("code", "")))
    if not nonce or listed not in LISTS:
        raise InvalidInput(
            "스캔 기록이 온전하지 않습니다.", next_step="화면을 새로 고친 뒤 다시 찍으세요.", record=nonce
        )
    known = tx.one(
        "select outcome, first_at, edition, list, code_sha256 from event_scans where nonce = :nonce", nonce=nonce
    )
    if known is not None and (known["edition"], known["list"], known["code_sha256"]) != (edition, listed, sha):
        raise Conflict(
            "다른 표에 쓰인 스캔 번호입니다.", next_step="화면을 새로 고친 뒤 그 표를 다시 찍으세요.", record=nonce
        )
    ticket = tx.one("select edition, name, cancelled_at from haechi_event_ticket(:sha)", sha=sha)
    name = ticket["name"] if ticket is not None and ticket["edition"] == edition else ""
    if known is not None:
        return _told(nonce, known["outcome"], name, known["first_at"])
    first = tx.value(
        "select at_device from event_scans where edition = :e and list = :list and code_sha256 = :sha and outcome = '확인'",
        e=edition, list=listed, sha=sha,
    )  # fmt: skip
    if not name:
        outcome = "없는 표"
    elif ticket is not None and ticket["cancelled_at"] is not None:
        outcome = "취소된 표"
    else:
        outcome = "이미 확인" if first is not None else "확인"
    tx.run(
        """insert into event_scans (nonce, edition, list, code_sha256, outcome, first_at, at_device, at, by)
        values (:nonce, :e, :list, :sha, :outcome, :first, :device, :now, :by)""",
        {
            "nonce": nonce, "e": edition, "list": listed, "sha": sha, "outcome": outcome, "first": first,
            "device": _when(one.get("at")), "now": clock.now(), "by": tx.actor.subject,
        },
    )  # fmt: skip
    return _told(nonce, outcome, name, first)


def _told(nonce: str, outcome: str, name: str, first: datetime | None) -> dict[str, Any]:
    return {"nonce": nonce, "outcome": outcome, "name": name, "first_at": first.isoformat() if first else None}


def _when(told: Any) -> datetime:
    """The device's time, where it can be believed; else ours."""
    now = clock.now()
    try:
        at = datetime.fromisoformat(str(told).replace("Z", "+00:00"))
    except ValueError:
        return now
    return at if at.tzinfo is not None and now - timedelta(days=7) < at <= now + timedelta(minutes=5) else now


def _sha(code: str) -> str:
    plain = "".join(sign for sign in code.upper() if sign.isalnum())
    return hashlib.sha256(f"event-ticket:{plain}".encode()).hexdigest()
