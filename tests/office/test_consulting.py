"""컨설팅: twelve demands come in, six are chosen by a person, six are declined with a reason, each report has its day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.office.review import Desk, desk, in_term, open_round

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput
from haechi.core.store import Store
from haechi.office.cases import Opening, look_over
from haechi.office.consulting import Consulting, Demand, points_total, rank
from haechi.office.rounds import Round

DEMAND = {
    "problem": "상담 기록을 손으로 분류합니다.", "wish": "분류 방법을 고르고 싶습니다.", "field": ["데이터", "모델"],
    "deadline": "2025-12-31", "data_ready": True,
}  # fmt: skip
WEIGHTS = {"urgency": 30, "effect": 30, "readiness": 20, "spread": 20}
POINTS = {"urgency": "4", "effect": "4", "readiness": "3", "spread": "3", "ground": "요청서와 통화로 확인"}
SPRING = datetime(2025, 3, 10, 1, tzinfo=UTC)


@pytest.fixture
def where(store: Store, owner_store: Store) -> Desk:
    return desk(store, owner_store)


def _demand(where: Desk, title: str) -> str:
    case = where.cases.open(where.owner, "consulting", Opening(title, bureau="복지실"))
    where.cases.filings.save(where.owner, case["id"], "consulting_demand", DEMAND, base=0)
    where.cases.act(where.owner, case["id"], "submit")
    return str(case["id"])


def _score(where: Desk, case_id: str, **changes: str) -> None:
    where.cases.filings.save(where.team, case_id, "consulting_score", {**POINTS, **changes}, base=0)
    where.cases.act(where.team, case_id, "score")


def test_twelve_in_six_chosen_six_declined_and_a_report_that_is_late(where: Desk, worker_store: Store) -> None:
    with clock.frozen(SPRING):
        plan = Round("2025-컨설팅", "consulting", "2025년 컨설팅 수요조사", date(2025, 3, 1), date(2025, 3, 31),
                     due_on=date(2025, 11, 28), seats=6)  # fmt: skip
        where.rounds.add(where.team, plan)
        in_term(where, "consultant", where.people, specialties=("데이터",))
        demands = [_demand(where, f"상담 기록 분류 {n:02}") for n in range(1, 13)]
        consulting = Consulting(where.store, where.cases)
        for n, case_id in enumerate(demands[:11]):
            _score(where, case_id, urgency=str(5 - n // 3))
        with pytest.raises(InvalidInput, match="점수를 매기지 않은 수요가 1건"):
            consulting.decide(where.chief, demands[0], chosen=True, reason="급합니다.")
        _score(where, demands[11], urgency="1", effect="1")
        shown = consulting.ranking(where.chief, "2025-컨설팅")
        assert len(shown["placed"]) == 12
        assert shown["criteria"].value == WEIGHTS
        assert [one.above for one in shown["placed"]] == [True] * 6 + [False] * 6
        with pytest.raises(Forbidden, match="순위"):
            consulting.ranking(where.owner, "2025-컨설팅")
        with pytest.raises(Forbidden, match="점수 확정"):
            consulting.decide(where.team, demands[0], chosen=True, reason="제가 점수를 매겼습니다.")
        with pytest.raises(InvalidInput, match="이유가 비었습니다"):
            consulting.decide(where.chief, demands[0], chosen=True, reason=" ")

        for case_id in demands[:5]:
            consulting.decide(where.chief, case_id, chosen=True, reason="급하고 효과가 큽니다.")
        consulting.decide(where.chief, demands[6], chosen=True, reason="다른 부서 다섯 곳이 함께 씁니다.")
        with pytest.raises(InvalidInput, match="6자리가 모두 찼습니다"):
            consulting.decide(where.chief, demands[5], chosen=True, reason="아깝습니다.")
        for case_id in (demands[5], *demands[7:]):
            consulting.decide(where.chief, case_id, chosen=False, reason="데이터가 아직 없습니다.")
        shown = consulting.ranking(where.team, "2025-컨설팅")
        assert (shown["selected"], shown["declined"]) == (6, 6)
        assert {one.demand.case_id for one in shown["placed"] if one.against} == {demands[5], demands[6]}
        assert all(one.demand.why for one in shown["placed"])
        declined = where.cases.reading.one(where.owner, demands[5])
        assert [one["template"] for one in declined["letters"]] == ["consulting_result"]

        first = demands[0]
        with pytest.raises(InvalidInput, match="컨설턴트를 지정하지"):
            where.cases.act(where.team, first, "match")
        order = consulting.consultants(where.team, first)
        assert order[-1][1], "the one of the bureau itself stands last, with the reason"
        consultant = next(one for one in where.people if one.subject == order[0][0].subject)
        where.cases.people.name(where.team, first, "consultant", consultant.subject)
        where.cases.act(where.team, first, "match")
        with pytest.raises(Forbidden, match="컨설팅 시작"):
            where.cases.act(where.owner, first, "begin")
        where.cases.act(consultant, first, "begin")

    with clock.frozen(datetime(2025, 11, 29, 1, tzinfo=UTC)):
        look_over(worker_store, where.cases.policy)
        late = [one for one in where.cases.reading.inbox(where.team) if one["kind"] == "case_overdue"]
        assert len(late) == 6, "every chosen one without a report"
        assert consulting.reports(where.team, "2025-컨설팅")[0]["late"]
        visit = {"day": "2025-06-11", "place": "복지실", "met": "담당자", "about": "기록 표본을 함께 보았습니다."}
        report: dict[str, Any] = {
            "visits": [visit, {**visit, "day": "2026-01-02"}], "found": "분류 기준이 두 가지입니다.",
            "advice": [{"what": "기준을 하나로", "by_when": None}], "limits": "음성 기록은 보지 못했습니다.",
        }  # fmt: skip
        where.cases.filings.save(consultant, first, "consulting_report", report, base=0)
        with pytest.raises(InvalidInput, match="2026-01-02"):
            where.cases.act(consultant, first, "report")
        where.cases.filings.save(consultant, first, "consulting_report", {"visits": [visit]}, base=1)
        where.cases.act(consultant, first, "report")
        where.cases.act(where.owner, first, "accept", note="기준을 합쳐 시험하겠습니다.")
        closed = where.cases.reading.one(where.owner, first)
        assert closed["case"]["state"] == "closed"
        assert [one["template"] for one in closed["letters"]] == ["consulting_result", "consulting_report"]


def test_a_demand_after_the_last_day_is_refused(where: Desk) -> None:
    today = clock.today()
    open_round(where, "consulting", opens_on=today - timedelta(days=9), closes_on=today - timedelta(days=1))
    with pytest.raises(Conflict, match="끝났습니다"):
        _demand(where, "늦은 수요")


def test_the_cut_shows_ties_and_points_follow_the_weights() -> None:
    assert points_total({"a": 5, "b": 5}, {"a": 3, "b": 1}) == 100
    assert points_total({"a": 1, "b": 5}, {"a": 3, "b": 1}) == 40
    demands = [
        Demand(str(n), f"{n}", "", "", "scored", {}, total) for n, total in enumerate((90.0, 80.0, 80.0, 70.0, None))
    ]
    got = rank(demands, 2)
    assert [one.place for one in got] == [1, 2, 2, 4, None]
    assert [one.above for one in got] == [True, True, True, False, False], "points cannot tell the tied apart"
