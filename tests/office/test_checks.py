"""A round of checks: opened once over 45 services even after a crash, self-checked, verified by another, compared, reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from tests.office.people import person

from haechi.city.register import load_register
from haechi.core import clock
from haechi.core.errors import Forbidden, HaechiError, InvalidInput
from haechi.core.manifest import Manifest
from haechi.core.store import Actor, Store
from haechi.office.cases import Cases, Hooks, Policy
from haechi.office.checks import Checks, compare, hang, report
from haechi.office.letters import render
from haechi.office.portfolio import Health, PlanTotals, Reading, Running

BUREAU = "재무국"


@dataclass
class Measured:
    """A platform that measured what the test says; `asked`: for which services it was asked; it fails once before `fails_at`."""

    values: Mapping[int, tuple[Reading, ...]]
    fails_at: int = 0
    asked: list[int] = field(default_factory=list)

    def manifests(self) -> Sequence[Manifest]:
        return load_register().manifests

    def readings(self, number: int, since: date, until: date) -> Sequence[Reading]:
        assert since < until
        if number == self.fails_at:
            self.fails_at = 0
            raise ConnectionError("the platform went away")
        self.asked.append(number)
        return self.values.get(number, ())

    def plan(self) -> PlanTotals:
        return PlanTotals("plan", 2025, 45, 8, 37, 23, 62_200_000_000, {})

    def tiers(self) -> Mapping[int, str]:
        return {}

    def health(self) -> Mapping[int, Health]:
        return {}

    def running(self, number: int) -> Running:
        return Running(f"{number}", "미구축", known=False)


KNOWN = Reading("accuracy", "정확도", "%", "higher", 90, 87.5, 200, "trial: set, seed 1")
BLIND = Reading("wait", "대기 시간", "분", "lower", 5, None, 0, "", "재는 기록이 없습니다.")
ANSWERS: dict[str, Any] = {
    "progress": "계획대로 배포했습니다.", "reasons": "학습 자료가 모자랐습니다.", "human_step": "kept", "incidents": "없음",
    "spent": "1000000", "next": "자료를 더 모읍니다.",
}  # fmt: skip


@dataclass
class House:
    checks: Checks
    cases: Cases
    sources: Measured
    owner: Actor
    team: Actor
    second: Actor


@pytest.fixture
def house(store: Store, owner_store: Store) -> House:
    hooks = Hooks()
    hang(hooks, store)
    cases, sources = Cases(store, Policy.in_force(), hooks), Measured({39: (KNOWN, BLIND)})
    return House(
        Checks(store, cases, sources), cases, sources,
        person(owner_store, "주인", "staff", "service_owner", bureau=BUREAU),
        person(owner_store, "팀원", "staff", "ai_team", bureau="디지털도시국"),
        person(owner_store, "다른 팀원", "staff", "ai_team", bureau="디지털도시국"),
    )  # fmt: skip


def _open(house: House) -> Mapping[str, Any]:
    year = clock.today().year
    kind = "연말" if clock.today().month == 12 else "중간"
    return house.checks.open(house.team, year - (clock.today().month < 8), kind, clock.today() + timedelta(days=14))


def test_a_round_cut_off_half_way_is_completed_and_opens_nothing_twice(house: House) -> None:
    with pytest.raises(Forbidden):
        house.checks.open(house.owner, 2025, "중간", clock.today())
    with pytest.raises(InvalidInput, match="기한"):
        house.checks.open(house.team, 2025, "중간", clock.today() - timedelta(days=1))
    house.sources.fails_at = 20
    with pytest.raises(ConnectionError):
        _open(house)
    assert house.checks.rounds(house.team)[0]["cases"] == 19
    opened = _open(house)
    _open(house)
    assert house.checks.rounds(house.team)[0]["cases"] == 45
    assert sorted(house.sources.asked) == list(range(1, 46)), "each service is measured once"
    whole = house.checks.whole(house.team, opened["id"])
    row = next(row for row in whole["rows"] if row["number"] == 39)
    assert (row["met"], row["missed"], row["unknown"]) == (0, 1, 1)
    assert row["figures"][1]["why"] == "재는 기록이 없습니다."
    assert row["case"]["facts"]["due_on"] == opened["due_on"].isoformat()


def test_a_check_from_the_self_check_to_its_end_with_every_refusal(house: House) -> None:
    opened = _open(house)
    case = next(row for row in house.checks.whole(house.team, opened["id"])["rows"] if row["number"] == 39)["case"]
    id, cases, base = case["id"], house.cases, 0

    def hand_in(own: list[dict[str, str]]) -> None:
        nonlocal base
        told = {**ANSWERS, "own_figures": own}
        filing, faults = cases.filings.save(house.second, id, "service_check", told, base=base)
        assert not faults
        base = filing["version"]
        cases.act(house.second, id, "self_check")

    for own, why in (
        ([{"kpi": "accuracy", "value": "99", "source": "우리 생각"}], "이미 쟀으므로"),
        ([{"kpi": "none", "value": "1", "source": "표"}], "지표가 아닙니다"),
        ([{"kpi": "wait", "value": value, "source": "대기표"} for value in ("4", "5")], "두 번"),
    ):
        with pytest.raises(InvalidInput, match=why):
            hand_in(own)
    bare = {"own_figures": [{"kpi": "wait", "value": "4", "source": ""}]}
    assert "근거 자료" in cases.filings.save(house.second, id, "service_check", bare, base=base)[1][0].message[0]
    hand_in([{"kpi": "wait", "value": "4", "source": "창구 대기표 8월"}])
    with pytest.raises(HaechiError):
        cases.act(house.second, id, "verify", note="내가 봄")
    cases.act(house.team, id, "verify", note="대기표 원본을 보았습니다.")
    row = next(row for row in house.checks.whole(house.team, opened["id"])["rows"] if row["number"] == 39)
    assert (row["met"], row["missed"], row["unknown"]) == (1, 1, 0)

    cases.act(house.team, id, "ask_action", note="- 자료를 300건 더 모은다\n\n- 다시 시험한다")
    tasks = cases.reading.one(house.team, id)["tasks"]
    assert [task["text"] for task in tasks] == ["자료를 300건 더 모은다", "다시 시험한다"]
    with pytest.raises(InvalidInput, match="보고하지 않은 조치가 2건"):
        cases.act(house.second, id, "report")
    for task in tasks:
        cases.work.move_task(house.second, task["id"], "reported", "했습니다.")
    cases.act(house.second, id, "report")
    with pytest.raises(InvalidInput, match="끝나지 않은 조치가 2건"):
        cases.act(house.team, id, "close")
    for task in tasks:
        cases.work.move_task(house.team, task["id"], "done", "확인했습니다.")
    assert cases.act(house.team, id, "close")["state"] == "closed"

    whole = house.checks.whole(house.team, opened["id"])
    paper = report(whole, [], city="서울특별시")
    files = render(paper)
    assert set(files) == {"hwpx", "docx", "pdf", "html"}
    assert files["pdf"].startswith(b"%PDF")
    html = files["html"].decode()
    assert "마감 1개" in html
    assert "달성 1개, 미달 1개, 미상 0개" in html
    assert "창구 대기표 8월" in html


def test_august_against_december_says_why_where_it_cannot_say() -> None:
    def row(kpi: str, value: float | None, better: str = "higher", unit: str = "%", why: str = "") -> dict[str, Any]:
        return {"service": 1, "kpi": kpi, "name": kpi, "unit": unit, "better": better, "value": value, "why": why}

    august = [
        row("a", 80),
        row("b", 5, "lower"),
        row("c", 1),
        row("d", None, why="시험 없음"),
        row("e", 1),
        row("f", 3),
    ]
    december = [row("a", 85), row("b", 6, "lower"), row("c", 1), row("d", 9), row("e", 1, unit="건"), row("g", 2)]
    told = {one.kpi: (one.verdict, one.why) for one in compare(august, december)}
    assert (told["a"], told["b"], told["c"]) == (("better", ""), ("worse", ""), ("same", ""))
    assert told["d"] == ("unknown", "앞 값이 미상: 시험 없음")
    assert "단위" in told["e"][1]
    assert "이번 점검에 없는" in told["f"][1]
    assert "앞 점검에 없던" in told["g"][1]
