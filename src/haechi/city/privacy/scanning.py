"""The rules over the stored log, and what they found carried to people: a case for a suspicion, a line in the inbox for a notice.

A scan replays the batches of the last REPLAY_DAYS: rules compare with the weeks before. Findings have ids of account, rule and day,
so a scan that runs twice, or was killed in between, finds nothing twice. At most the month's share of handlers is asked about;
the others wait on the desk and are not dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from haechi.city.privacy import facts
from haechi.city.privacy.key import keyed_of
from haechi.city.privacy.log import inquiry_rule, rows_of
from haechi.core import audit, clock
from haechi.core.roles import policy_file
from haechi.core.store import SYSTEM, Row, Store, Transaction
from haechi.engines.rules.detection import Alert, Detector, Intake, choose, load_rules
from haechi.office.cases import Cases, Opening, rows

SERVICE = 45
REPLAY_DAYS = 100
DAY_SECONDS = 86_400


class Scanning:
    """store, cases: under the worker's role."""

    def __init__(self, store: Store, cases: Cases, home: Path) -> None:
        self._store = store
        self._cases = cases
        self._home = home

    def scan(self) -> dict[str, int]:
        """Judge what is stored; {"rows", "found" (new), "opened", "notices", "waiting"}."""
        alerts, taken, handlers = self._detect()
        with self._store.transaction(SYSTEM) as tx:
            fresh = [alert for alert in alerts if self._keep(tx, alert)]
            if fresh:
                audit.record(tx, "privacy.scanned", "access_log", {"rows": taken, "found": len(fresh)})
        notices = sum(self._notify(alert) for alert in fresh if alert.level == "notice")
        opened = sum(self._carry_month(month, handlers) for month in sorted({_month(alert.last) for alert in alerts}))
        with self._store.transaction(SYSTEM) as tx:
            waiting = tx.value("select count(*) from access_alerts where level = 'suspect' and case_id is null")
        return {"rows": taken, "found": len(fresh), "opened": opened, "notices": notices, "waiting": waiting}

    def _detect(self) -> tuple[list[Alert], int, int]:
        keyed = keyed_of(self._home)
        intake = Intake(keyed)
        with self._store.transaction(SYSTEM) as tx:
            newest = tx.value("select max(last_at) from access_log_batches where content is not null")
            if newest is None:
                return [], 0, 0
            detector = Detector(
                load_rules(policy_file("detection")), intake, facts.staff_of(tx), cases=facts.cases_of(tx, keyed),
                watch=facts.watch_of(tx, keyed), shared_places=facts.shared_places_of(tx),
            )  # fmt: skip
            known = tx.all(
                """select seq from access_log_batches where content is not null and last_at >= :since order by first_at, seq""",
                since=newest - REPLAY_DAYS * DAY_SECONDS,
            )
            alerts: list[Alert] = []
            for one in known:
                batch = tx.one("select format, content from access_log_batches where seq = :seq", seq=one["seq"])
                assert batch is not None
                for part in rows_of(batch["format"], bytes(batch["content"]), intake, first=(one["seq"] << 32) + 1):
                    alerts += detector.feed(part)
            alerts += detector.finish()
        return alerts, intake.taken, len(intake.handlers)

    def _keep(self, tx: Transaction, alert: Alert) -> bool:
        owner = tx.one("select subject, row from access_handlers where account = :who", who=alert.handler)
        return bool(tx.run(
            """insert into access_alerts (id, handler, subject, bureau, rule, level, first, last, value, bound, detail, found_at)
            values (:id, :handler, :subject, :bureau, :rule, :level, :first, :last, :value, :bound, cast(:detail as jsonb), :now)
            on conflict do nothing""",
            {
                "id": alert.id, "handler": alert.handler, "subject": owner["subject"] if owner else "",
                "bureau": owner["row"]["bureau"] if owner else "", "rule": alert.rule, "level": alert.level,
                "first": alert.first, "last": alert.last, "value": alert.value, "bound": alert.limit,
                "detail": json.dumps(alert.as_dict(), ensure_ascii=False, default=str), "now": clock.now(),
            },
        ))  # fmt: skip

    # --- to people ---------------------------------------------------------------------------------------------------

    def _notify(self, alert: Alert) -> int:
        with self._store.transaction(SYSTEM) as tx:
            row = _found(tx, alert.id)
            if not row["subject"] or reason_for(tx, row["subject"], alert.last) is not None:
                return 0
            text = (
                f"{alert.last:%-m월 %-d일} 개인정보 내려받기에 사유가 없습니다({alert.value:.0f}번). ‘개인정보 다운로드 사유’를 적으세요.",
                f"A download of {alert.last} has no reason: please give one.",
            )
            rows.notify(tx, [row["subject"]], "privacy_reason_missing", text, case=None, key=f"reason:{alert.id}")
        return 1

    def _carry_month(self, month: str, handlers: int) -> int:
        """Open a case for each handler within the month's share, gravest first; what joins an open case is put into it."""
        with self._store.transaction(SYSTEM) as tx:
            waiting = tx.all(
                """select id, handler, subject, bureau, detail, last from access_alerts
                where level = 'suspect' and case_id is null and to_char(last, 'YYYY-MM') = :month""",
                month=month,
            )
            asked = tx.value(
                """select count(distinct handler) from access_alerts
                where level = 'suspect' and case_id is not null and to_char(last, 'YYYY-MM') = :month""",
                month=month,
            )
        share = float(inquiry_rule()["flagged_share"])
        # At least one a month: in a small office one per cent of the people is nobody.
        places = max(1, int(share * handlers))
        by_id = {row["id"]: row for row in waiting}
        ranked = choose([_alert(row["detail"]) for row in waiting], handlers, share=1.0)
        opened = 0
        for one in ranked:
            mine = [by_id[alert.id] for alert in one.alerts]
            if self._join(mine, month):
                continue
            if asked + opened < places:
                self._open(mine, month)
                opened += 1
        return opened

    def _join(self, mine: Sequence[Row], month: str) -> bool:
        """More about a handler who has an open case of this month goes into that case."""
        with self._store.transaction(SYSTEM) as tx:
            case = tx.value(
                """select c.id::text from access_alerts a join cases c on c.id = a.case_id
                where a.handler = :who and c.closed_at is null and to_char(a.last, 'YYYY-MM') = :month limit 1""",
                who=mine[0]["handler"],
                month=month,
            )
            if case is None:
                return False
            self._attach(tx, case, mine)
            return True

    def _open(self, mine: Sequence[Row], month: str) -> None:
        first = mine[0]
        flow = self._cases.policy.flow("privacy_alert", on=clock.today())
        name = ", ".join(dict.fromkeys(rule_names().get(row["detail"]["rule"], row["detail"]["rule"]) for row in mine))
        with self._store.transaction(SYSTEM) as tx:
            key = f"privacy:{first['handler']}:{month}:{first['id']}"
            if tx.value("select 1 from cases where origin_key = :key", key=key) is not None:
                return
            grave = min(int(row["detail"]["precedence"]) for row in mine)
            opening = Opening(
                title=f"{first['handler']}: {name}", bureau=first["bureau"], service=SERVICE, round=month, severity=min(5, grave + 1),
                origin="service", key=key, subject=f"service:{SERVICE}", subject_name="개인정보 오남용 방지",
                facts={
                    "account": first["handler"], "handler": first["subject"],
                    "from": min(row["detail"]["first"] for row in mine), "to": max(row["detail"]["last"] for row in mine),
                    "why": [row["detail"]["why"][0] for row in mine],
                },
            )  # fmt: skip
            case = self._cases.open_in(tx, flow, opening)
            self._attach(tx, case["id"], mine)
            if first["subject"]:
                # Until somebody asks them the case does not exist for them, whatever their role is.
                tx.run(
                    """insert into case_people (case_id, part, subject, named_at, named_by, recused_at, recused_kind, recused_why)
                    values (:case, 'recused', :who, :now, 'system', :now, '제척', '당사자')""",
                    {"case": case["id"], "who": first["subject"], "now": clock.now()},
                )
            rows.notify(
                tx, ["role:ai_team"], "case_arrived",
                (f"{case['number']} 개인정보 오남용 의심이 들어왔습니다.", f"{case['number']}: suspected misuse."),
                case=case, key=f"opened:{case['id']}",
            )  # fmt: skip

    def _attach(self, tx: Transaction, case_id: str, mine: Sequence[Row]) -> None:
        tx.run(
            "update access_alerts set case_id = cast(:case as uuid) where id = any(:ids)",
            {"case": case_id, "ids": [row["id"] for row in mine]},
        )


def reason_for(tx: Transaction, subject: str, day: date) -> str | None:
    """The case in which this person gave (and, where needed, got approved) the reason of their downloads of a day."""
    found: str | None = tx.value(
        """select c.id::text from cases c join case_filings f on f.case_id = c.id
        where c.flow = 'privacy_download' and c.subject = :who and c.state in ('recorded', 'approved')
          and f.form = 'privacy_download' and f.state = 'filed' and f.answers ->> 'day' = :day limit 1""",
        who=subject,
        day=day.isoformat(),
    )
    return found


def rule_names() -> Mapping[str, str]:
    """Rule → Korean name."""
    return {rule.id: rule.name[0] for rule in load_rules(policy_file("detection"))}


def _found(tx: Transaction, id: str) -> Row:
    row = tx.one("select subject, handler, last from access_alerts where id = :id", id=id)
    assert row is not None
    return row


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _alert(told: Mapping[str, Any]) -> Alert:
    return Alert(
        id=told["id"], handler=told["handler"], rule=told["rule"], rule_version=date.fromisoformat(told["rule_version"]),
        level=told["level"], precedence=told["precedence"], first=date.fromisoformat(told["first"]),
        last=date.fromisoformat(told["last"]), value=told["value"], limit=told["limit"], z=told["z"], kind=told.get("kind", ""), rows=told["rows"],
    )  # fmt: skip
