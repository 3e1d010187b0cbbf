"""What the tests of pre-review, consulting, advice and trials share: people, rounds, a filing that is complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tests.office.people import person

import haechi
from haechi.core import clock
from haechi.core.manifest import Manifest, load
from haechi.core.store import Actor, Store
from haechi.office import advice, consulting, pilots, prereview
from haechi.office.cases import Cases, Hooks, Policy
from haechi.office.rounds import Roster, Round, Rounds

BUREAUX = ("복지실", "도로과", "재무국", "교통실", "문화본부")


@cache
def manifests() -> tuple[Manifest, ...]:
    """The 45 services as they stand in the sources."""
    folder = Path(haechi.__file__).parent / "services"
    return tuple(load(path.parent) for path in sorted(folder.glob("s*/service.toml")))


@dataclass
class Desk:
    """A book of cases with the modules of review hung on it, and the people who work with it."""

    cases: Cases
    rounds: Rounds
    roster: Roster
    owner: Actor
    team: Actor
    chief: Actor
    people: tuple[Actor, ...]
    store: Store


def desk(store: Store, owner_store: Store) -> Desk:
    """owner: of 복지실. people: five of other bureaux. team and chief: of the AI team."""
    hooks, policy = Hooks(), Policy.in_force()
    for module in (consulting, advice, pilots):
        module.register(hooks, store, policy)
    prereview.register(hooks, store, policy, prereview.Services(manifests()))
    return Desk(
        Cases(store, policy, hooks), Rounds(store), Roster(store),
        person(owner_store, "박나린", "staff", "service_owner", bureau="복지실"),
        person(owner_store, "하늘찬", "staff", "ai_team", bureau="디지털도시국"),
        person(owner_store, "한바다", "staff", "ai_team", bureau="디지털도시국"),
        tuple(person(owner_store, f"{name}위원", "staff", bureau=bureau)
              for name, bureau in zip("가나다라마", ("도로과", "재무국", "교통실", "문화본부", "복지실"), strict=True)),
        store,
    )  # fmt: skip


def open_round(where: Desk, kind: str, **more: Any) -> str:
    """A round that is open today."""
    today = clock.today()
    new: dict[str, Any] = {"opens_on": today - timedelta(days=3), "closes_on": today + timedelta(days=10), **more}
    return str(where.rounds.add(where.team, Round(f"{today.year}-{kind}", kind, "올해 회차", **new))["id"])


def in_term(where: Desk, kind: str, people: tuple[Actor, ...], **more: Any) -> None:
    """Put them on the roster for two years around today."""
    today = clock.today()
    span = {"from_on": today - timedelta(days=365), "until_on": today + timedelta(days=365)}
    for one in people:
        where.roster.add(where.team, kind, one.subject, **span, **more)


FILING: dict[str, Any] = {
    "goal": "도로의 움푹 파인 곳을 버스에 단 카메라로 찍어 자동으로 찾아내고 보수반에 위치를 알립니다.",
    "users": "도로 보수를 맡은 직원",
    "starts_on": date(2027, 1, 1).isoformat(),
    "ends_on": date(2027, 12, 31).isoformat(),
    "measure": "찾은 곳 가운데 실제로 파인 곳의 비율과 메우기까지 걸린 시간",
    "why_ai": "하루 영상이 백 시간이 넘어 사람이 다 볼 수 없습니다.",
    "non_ai": "순찰 인력을 두 배로 늘리는 방안은 해마다 3억 원이 들고 밤에는 찾지 못합니다.",
    "existing": "교통정보 카메라는 각도가 높아 노면이 보이지 않아 함께 쓸 수 없습니다.",
    "lines": [
        {"item": "버스용 카메라", "unit_won": 1_200_000, "quantity": 30, "amount_won": 36_000_000},
        {"item": "판독 서버", "unit_won": 14_000_000, "quantity": 1, "amount_won": 14_000_000},
    ],
    "total_won": 50_000_000,
    "ceiling_won": 60_000_000,
    "funding": "main",
    "yearly_won": 5_000_000,
    "sources": "시내버스 노면 영상",
    "personal": False,
    "model_kind": "open",
    "human_step": "보수반이 사진을 보고 출동을 정합니다.",
    "high_impact": "no",
    "high_impact_basis": "도로 시설의 상태를 찾을 뿐 사람에 대한 결정을 하지 않습니다.",
    "high_impact_by": "박나린 주무관",
    "high_impact_on": "2025-08-01",
}
SHEET = {
    "need": "4", "feasible": "4", "data": "3", "money": "5", "duty": "3", "opinion": "필요하고 이룰 수 있습니다.",
    "advice": "조건부추진",
}  # fmt: skip
