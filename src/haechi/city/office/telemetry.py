"""What runs, as the office may ask it: manifests, plan, tiers, health, KPI readings. Only reads; nothing is typed in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

from haechi.city.outcomes import measured_between
from haechi.city.register import load_plan, load_register
from haechi.city.trials import JsonLinesScorecards
from haechi.core import clock
from haechi.core.contract import Kpi, KpiReading, Scorecard
from haechi.core.manifest import Manifest
from haechi.core.store import SYSTEM, Store
from haechi.office.portfolio import Health, PlanTotals, Reading, Running

QUIET_DAYS = 7
LATELY_DAYS = 30
PLAN_YEAR = 2025  # the report of June 2025 gives the money of that year
_HEALTH = """select s.service, (select max(o.at) from outcomes o where o.service = s.service) as last_at,
  (select count(*) from outcomes o where o.service = s.service and o.at > :since) as outcomes
from unnest(cast(:numbers as integer[])) s (service)"""
_MODELS = """select distinct on (outcome ->> 'model') outcome ->> 'model' as model, outcome ->> 'model_version' as version
from outcomes where service = :service and at > :since order by outcome ->> 'model', at desc"""


class Telemetry:
    """The running installation. `store`: under haechi_worker; home: where check.json and scorecards.jsonl lie."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store = store
        self._home = home
        self._scorecards = JsonLinesScorecards(home / "scorecards.jsonl")

    def manifests(self) -> Sequence[Manifest]:
        """See Sources.manifests."""
        return load_register().manifests

    def plan(self) -> PlanTotals:
        """See Sources.plan."""
        plan = load_plan()
        return PlanTotals(
            plan.source, PLAN_YEAR, plan.services, plan.new, plan.continuing, plan.bureaux, plan.budget_won, plan.fields
        )

    def tiers(self) -> Mapping[int, str]:
        """See Sources.tiers."""
        try:
            told = json.loads((self._home / "check.json").read_text(encoding="utf-8"))
            return {int(row["number"]): str(row["tier_ko"]) for row in told["services"] if row["tier"]}
        except (OSError, ValueError, KeyError, TypeError):
            return {}  # never checked, or cut off while it was written

    def health(self) -> Mapping[int, Health]:
        """See Sources.health. Built services by what came out of them in the last week."""
        since = clock.now() - timedelta(days=QUIET_DAYS)
        manifests = self.manifests()
        built = [manifest.number for manifest in manifests if manifest.built]
        with self._store.transaction(SYSTEM) as tx:
            rows = {row["service"]: row for row in tx.all(_HEALTH, numbers=built, since=since)}
        idle = Health("not_built", ("아직 만들지 않은 서비스입니다.", "This service is not built yet."))
        return {
            manifest.number: _health(rows[manifest.number]["last_at"], rows[manifest.number]["outcomes"])
            if manifest.built else idle
            for manifest in manifests
        }  # fmt: skip

    def readings(self, number: int, since: date, until: date) -> Sequence[Reading]:
        """See Sources.readings. Both days count."""
        manifest = load_register().get(number)
        if not manifest.built:
            why = "아직 만들지 않아 잴 것이 없습니다."
            return [_reading(kpi, None, 0, "", why) for kpi in manifest.kpis]
        begin = datetime.combine(since, time(), clock.now().tzinfo)
        end = datetime.combine(until + timedelta(days=1), time(), clock.now().tzinfo)
        known = measured_between(self._store, manifest, begin, end)
        cards = self._scorecards.latest(number)
        return [_of_kpi(kpi, known.get(kpi.id), cards, end) for kpi in manifest.kpis]

    def running(self, number: int) -> Running:
        """See Sources.running. Nothing of a service that gave no result lately can be said."""
        manifest = load_register().get(number)
        sha = hashlib.sha256((manifest.folder / "service.toml").read_bytes()).hexdigest()
        if not manifest.built:
            return Running(sha, manifest.stage, known=False)
        with self._store.transaction(SYSTEM) as tx:
            rows = tx.all(_MODELS, service=number, since=clock.now() - timedelta(days=LATELY_DAYS))
        models = {row["model"]: row["version"] or "" for row in rows if row["model"]}
        return Running(sha, manifest.stage, models, known=bool(rows))


def _health(last_at: datetime | None, outcomes: int) -> Health:
    if outcomes:
        why = (f"최근 {QUIET_DAYS}일 동안 결과 {outcomes:,}건", f"{outcomes:,} results in the last {QUIET_DAYS} days")
        return Health("running", why, last_at, outcomes)
    if last_at is None:
        return Health("unknown", ("저장된 결과가 없습니다.", "No result is stored."))
    why = (f"최근 {QUIET_DAYS}일 동안 결과가 없습니다.", f"No result in the last {QUIET_DAYS} days.")
    return Health("quiet", why, last_at)


def _of_kpi(kpi: Kpi, known: KpiReading | None, cards: Sequence[Scorecard], end: datetime) -> Reading:
    if kpi.source != "trial":
        if known is None:
            return _reading(kpi, None, 0, kpi.source, "이 지표를 계산하는 기록이 아직 없습니다.")
        return _reading(kpi, known.value, known.n, f"{kpi.source}: {known.n}", known.why)
    own = [card for card in cards if card.figure == kpi.id and card.at < end]
    if not own:
        return _reading(kpi, None, 0, "trial", "기간이 끝나기 전에 한 시험이 없습니다. haechi trial로 시험하세요.")
    card = max(own, key=lambda one: one.at)
    source = f"trial: {card.dataset}, seed {card.seed}, {card.at:%Y-%m-%d}"
    return _reading(kpi, card.value, card.n, source, "만든 자료로 시험한 값입니다." if card.synthetic else "")


def _reading(kpi: Kpi, value: float | None, n: int, source: str, why: str) -> Reading:
    return Reading(kpi.id, kpi.name, kpi.unit, kpi.better, kpi.target, value, n, source, why)
