"""Rounds of checks: one case for every service, exactly once, with the figures that the platform measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from haechi.core import clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.manifest import UNKNOWN, Manifest
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.cases import Cases, Opening
from haechi.office.cases.rows import COLUMNS
from haechi.office.checks.hooks import FLOW
from haechi.office.portfolio import Reading, Sources

KINDS: Mapping[str, int] = {"중간": 8, "연말": 12}
"""Kind of a round → its month."""
SYSTEM_WHY = "플랫폼이 까닭을 알리지 않았습니다."


class Checks:
    """Rounds over all services of the city's list. `store` under haechi_app; `sources`: the running platform."""

    def __init__(self, store: Store, cases: Cases, sources: Sources) -> None:
        self._store = store
        self._cases = cases
        self._sources = sources

    def open(self, actor: Actor, year: int, kind: str, due_on: date) -> Row:
        """Open the round, or complete it when an earlier opening was cut off: nothing is opened or measured twice.

        Measured from 1 January to the end of the round's month, or to today. Forbidden without check.open;
        InvalidInput for another kind, a round that lies ahead, or a due date that has passed.
        """
        require(actor, "check.open")
        with self._store.transaction(actor) as tx:
            opened = self._row(tx, actor, year, kind, due_on)
            kept = {
                row["number"]: row["bureau"]
                for row in tx.all("select number, bureau from portfolio_services where bureau is not null")
            }
        for manifest in self.services():
            self._one(actor, opened, manifest, kept.get(manifest.number) or manifest.bureau)
        return opened

    def services(self) -> list[Manifest]:
        """The services that a round is about."""
        return [manifest for manifest in self._sources.manifests() if manifest.in_city_list]

    def rounds(self, actor: Actor) -> list[Row]:
        """Every round, the newest first, with how many cases it has and how many are closed, as the actor may see them."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select r.*, count(c.id) as cases, count(c.closed_at) as closed from check_rounds r
                left join cases c on c.kind = :flow and c.round = r.id group by r.id order by r.id desc""",
                flow=FLOW,
            )

    def whole(self, actor: Actor, round_id: str) -> dict[str, Any]:
        """round, rows (one per service: manifest, case or None, state, readings, met, missed, unknown, late, tasks), and
        earlier (the round before with its readings, or None). NotFound for a round that was not opened."""
        with self._store.transaction(actor, snapshot=True) as tx:
            opened = tx.one("select * from check_rounds where id = :id", id=round_id)
            if opened is None:
                raise NotFound("그런 점검이 없습니다.", next_step="점검 목록에서 다시 고르세요.", record=round_id)
            before = tx.one("select * from check_rounds where id < :id order by id desc limit 1", id=round_id)
            cases = tx.all(f"select {COLUMNS} from cases c where kind = :flow and round = :id", flow=FLOW, id=round_id)
            readings = tx.all(_READINGS, round=round_id)
            earlier = tx.all(_READINGS, round=before["id"]) if before else []
            own = tx.all(_OWN, ids=[case["id"] for case in cases], form=FLOW)
            tasks = tx.all(_TASKS, ids=[case["id"] for case in cases])
        by_service = {case["service"]: self._cases.reading.named(case) for case in cases}
        counted = {row["case_id"]: row["open"] for row in tasks}
        told = {row["case_id"]: row["own"] or [] for row in own}
        rows = []
        for manifest in self.services():
            case = by_service.get(manifest.number)
            figures = [row for row in readings if row["service"] == manifest.number]
            id = case["id"] if case else ""
            rows.append(_seen(manifest, case, figures, told.get(id, []), counted.get(id, 0)))
        return {"round": opened, "rows": rows, "readings": readings, "before": before, "earlier": earlier}

    # --- opening -----------------------------------------------------------------------------------------------------

    def _row(self, tx: Transaction, actor: Actor, year: int, kind: str, due_on: date) -> Row:
        if kind not in KINDS:
            raise InvalidInput("중간 또는 연말 점검만 있습니다.", next_step="둘 가운데 하나를 고르세요.", record="kind")
        id, today = f"{year}-{KINDS[kind]:02}", clock.today()
        known = tx.one("select * from check_rounds where id = :id", id=id)
        if known is not None:
            return known
        if (year, KINDS[kind]) > (today.year, today.month):
            raise InvalidInput(f"{id} 점검은 아직 열 수 없습니다.", next_step="그 달이 되면 여세요.", record="year")
        if due_on < today:
            raise InvalidInput(
                "제출 기한이 이미 지난 날입니다.", next_step="오늘이나 그 뒤의 날을 고르세요.", record="due_on"
            )
        last = date(year, 8, 31) if kind == "중간" else date(year, 12, 31)
        tx.run(
            """insert into check_rounds (id, year, kind, since, until, due_on, opened_at, opened_by, opened_name)
            values (:id, :year, :kind, :since, :until, :due, :now, :by, :name) on conflict do nothing""",
            {"id": id, "year": year, "kind": kind, "since": date(year, 1, 1), "until": min(today, last), "due": due_on,
             "now": clock.now(), "by": actor.subject, "name": actor.name},
        )  # fmt: skip
        return tx.one("select * from check_rounds where id = :id", id=id) or {}

    def _one(self, actor: Actor, opened: Row, manifest: Manifest, bureau: str) -> None:
        """A service's figures and its case, both or neither; one opener after another."""
        key = f"check:{opened['id']}:{manifest.number}"
        with self._store.transaction(actor) as tx:
            tx.run("select pg_advisory_xact_lock(hashtext(:key))", {"key": key})
            if tx.value("select 1 from cases where origin_key = :key", key=key):
                return
            self._keep(
                tx,
                opened["id"],
                manifest.number,
                self._sources.readings(manifest.number, opened["since"], opened["until"]),
            )
            name = "중간 점검" if opened["kind"] == "중간" else "연말 성과 점검"
            self._cases.open_in(
                tx,
                self._cases.policy.flow(FLOW, on=clock.today()),
                Opening(
                    f"{opened['year']}년 {name}: {manifest.number} {manifest.name.ko}",
                    bureau="" if bureau == UNKNOWN else bureau,
                    service=manifest.number,
                    round=opened["id"],
                    facts={"due_on": opened["due_on"].isoformat()},
                    key=key,
                ),
            )

    def _keep(self, tx: Transaction, round_id: str, number: int, readings: Sequence[Reading]) -> None:
        for one in readings:
            tx.run(
                """insert into check_readings (round, service, kpi, name, unit, better, target, value, n, source, why, measured_at)
                values (:round, :service, :kpi, :name, :unit, :better, :target, :value, :n, :source, :why, :now)
                on conflict do nothing""",
                {"round": round_id, "service": number, "kpi": one.kpi, "name": one.name, "unit": one.unit,
                 "better": one.better, "target": one.target, "value": one.value, "n": one.n, "source": one.source,
                 "why": one.why or (SYSTEM_WHY if one.value is None else ""), "now": clock.now()},
            )  # fmt: skip


def met(reading: Mapping[str, Any], value: float | None = None) -> bool | None:
    """Whether a reading meets its target; None where either is unknown. value: the bureau's own, where nothing was measured."""
    seen = reading["value"] if reading["value"] is not None else value
    if seen is None or reading["target"] is None:
        return None
    return bool(seen >= reading["target"] if reading["better"] == "higher" else seen <= reading["target"])


def _seen(
    manifest: Manifest, case: Row | None, figures: Sequence[Row], told: Sequence[Mapping[str, Any]], tasks: int
) -> dict[str, Any]:
    own = {str(line.get("kpi")): line for line in told}
    shown = []
    for row in figures:
        line = own.get(row["kpi"]) if row["value"] is None else None
        value = float(line["value"]) if line else None
        shown.append({**row, "own": value, "own_source": line["source"] if line else "", "met": met(row, value)})
    return {
        "number": manifest.number, "name": (manifest.name.ko, manifest.name.en), "case": case, "figures": shown,
        "bureau": (case["bureau"] if case else manifest.bureau) or UNKNOWN, "state": case["state"] if case else "",
        "met": sum(one["met"] is True for one in shown), "missed": sum(one["met"] is False for one in shown),
        "unknown": sum(one["met"] is None for one in shown), "late": bool(case and case["late"]), "tasks": tasks,
    }  # fmt: skip


_READINGS = "select * from check_readings where round = :round order by service, kpi"
_OWN = """select case_id::text as case_id, answers -> 'own_figures' as own from case_filings
where case_id = any (cast(:ids as uuid[])) and form = :form and state = 'filed'"""
_TASKS = """select case_id::text as case_id, count(*) as open from case_tasks
where case_id = any (cast(:ids as uuid[])) and state in ('open', 'reported') group by case_id"""
