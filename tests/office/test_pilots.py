"""실증: people agree, write, answer; two raters who do not know which is which; an effect with its interval; a person decides."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from tests.office.people import person
from tests.office.review import Desk, desk

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import Actor, Store
from haechi.office.cases import Opening
from haechi.office.letters import render
from haechi.office.pilots import (
    Entry,
    Pilots,
    Results,
    agreement,
    kappa,
    paired_bootstrap,
    paired_t,
    report_paper,
    results,
    said,
    t_cdf,
    t_quantile,
)

QUESTIONS = ["문서 초안을 쓰기 쉽다", "결과를 믿을 수 있다"]
PLAN: dict[str, Any] = {
    "kind": "closed", "goal": "폐쇄망에서 초안 쓰기가 빨라지는지", "tool": "시의 언어모델", "network": "내부망, 나가는 것 없음",
    "starts_on": "2025-09-01", "ends_on": "2025-11-30", "people": 6, "instruments": ["diary", "survey", "raters"],
    "hypothesis": "초안 시간이 20% 준다", "go_if": "구간이 0을 넘는다", "stop_if": "잘못된 안내가 두 건 나온다",
    "privacy": "동의를 받고 그만두면 지운다", "survey": [{"question": one} for one in QUESTIONS],
}  # fmt: skip


@pytest.fixture
def where(store: Store, owner_store: Store) -> Desk:
    return desk(store, owner_store)


def _at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T02:00:00").replace(tzinfo=UTC)


def _approved(where: Desk, **changes: Any) -> str:
    case = where.cases.open(where.owner, "pilot", Opening("폐쇄망 초안 작성 실증", bureau="복지실"))
    where.cases.filings.save(where.owner, case["id"], "pilot_plan", {**PLAN, **changes}, base=0)
    where.cases.act(where.owner, case["id"], "submit")
    where.cases.act(where.team, case["id"], "approve")
    return str(case["id"])


def _begun(where: Desk, pilots: Pilots, people: list[Actor], raters: tuple[Actor, ...]) -> str:
    case_id = _approved(where)
    assert pilots.enrol(where.owner, case_id, [one.subject for one in people]) == len(people)
    assert pilots.enrol(where.owner, case_id, [people[0].subject]) == 0, "nobody is asked twice"
    with pytest.raises(InvalidInput, match="동의한 사람이 0명"):
        where.cases.act(where.owner, case_id, "begin")
    with pytest.raises(Forbidden, match="동의한 사람만"):
        pilots.answer(people[0], case_id, "before", dict.fromkeys(QUESTIONS, 3))
    for one in people:
        pilots.agree(one, case_id)
    for rater in raters:
        where.cases.people.name(where.team, case_id, "rater", rater.subject)
    with pytest.raises(InvalidInput, match="시작 전 설문"):
        where.cases.act(where.owner, case_id, "begin")
    for at, one in enumerate(people):
        pilots.answer(one, case_id, "before", {QUESTIONS[0]: 2 + at % 2, QUESTIONS[1]: 3})
    with pytest.raises(InvalidInput, match="1~5점"):
        pilots.answer(people[0], case_id, "before", {QUESTIONS[0]: 3})
    where.cases.act(where.owner, case_id, "begin")
    return case_id


def test_a_trial_from_plan_to_report(where: Desk, owner_store: Store) -> None:
    pilots = Pilots(where.store)
    people = [person(owner_store, f"참여{n}", "staff", bureau="복지실") for n in range(6)]
    raters = where.people[:2]
    with clock.frozen(_at("2025-08-25")):
        case_id = _begun(where, pilots, people, raters)
    with clock.frozen(_at("2025-09-20")):
        for at, one in enumerate(people):
            for n in range(3):
                entry = Entry(date(2025, 9, 2 + n), "회의록 요약", 40 - at, 60 - at + n)
                pilots.write(one, case_id, entry, key=f"{at}-{n}")
                pilots.write(one, case_id, entry, key=f"{at}-{n}")
            for arm in ("without", "with"):
                pilots.hand_in(one, case_id, "회의록 요약", arm, f"{arm} 요약문 {at}번째 사람이 쓴 것")
        with pytest.raises(InvalidInput, match="실증 기간"):
            pilots.write(people[0], case_id, Entry(date(2025, 9, 25), "앞날", 10, 20))
        with pytest.raises(InvalidInput, match="개인정보"):
            pilots.hand_in(people[0], case_id, "민원", "with", "신청인 900101-1234568 님의 민원")
        with pytest.raises(InvalidInput, match="즉시 멈춤"):
            where.cases.act(where.owner, case_id, "finish")
        pilots.leave(people[5], case_id)
        there = pilots.standing(where.owner, case_id)
        assert (there["agreed"], there["left"], there["entries"], there["pairs"]) == (5, 1, 15, 5), (
            "leaving takes all along"
        )
        assert "mean" not in str(there)
        with pytest.raises(Conflict, match="채점이 끝나고"):
            pilots.results(where.owner, case_id)
        with pytest.raises(Forbidden, match="맡은 사람만"):
            pilots.standing(people[0], case_id)
    with clock.frozen(_at("2025-12-01")):
        with pytest.raises(InvalidInput, match="끝난 뒤 설문"):
            where.cases.act(where.owner, case_id, "finish")
        for one in people[:5]:
            pilots.answer(one, case_id, "after", {QUESTIONS[0]: 4, QUESTIONS[1]: 3})
        where.cases.act(where.owner, case_id, "finish")
        _rated(where, pilots, case_id, raters, people[0])
        figures = {"found": "짧은 글에서 빨랐다.", "harm": "없음", "limits": "석 달뿐이다."}
        where.cases.filings.save(where.owner, case_id, "pilot_findings", figures, base=0)
        where.cases.act(where.owner, case_id, "measure")
        found = pilots.results(where.team, case_id)
        assert isinstance(found, Results)
        assert found.minutes is not None
        assert found.minutes.pairs == 5, "people are the pairs, not entries"
        assert found.minutes.t is not None
        assert found.minutes.t.mean == pytest.approx(-21)
        assert found.scores is not None
        assert found.scores.after - found.scores.before == pytest.approx(2)
        assert found.kappa == pytest.approx(1)
        where.cases.filings.save(where.chief, case_id, "pilot_decision", {"reason": "확대 조건을 채웠습니다."}, base=0)
        with pytest.raises(InvalidInput, match="새 종료일"):
            where.cases.act(where.chief, case_id, "extend")
        with pytest.raises(Forbidden):
            where.cases.act(where.owner, case_id, "expand")
        where.cases.act(where.chief, case_id, "expand")
        seen = where.cases.reading.one(where.owner, case_id)
        assert (seen["case"]["state"], seen["letters"][0]["template"]) == ("expanded", "pilot_report")


def _rated(where: Desk, pilots: Pilots, case_id: str, raters: tuple[Actor, ...], participant: Actor) -> None:
    first, second = raters
    texts = pilots.to_rate(first, case_id)
    assert len(texts) == 10
    assert set(texts[0]) == {"id", "task", "content", "score"}, "neither who wrote it nor how"
    with where.store.transaction(first) as tx:
        assert tx.all("select * from pilot_outputs") == [], "not even past the page"
        assert tx.all("select * from pilot_diary") == []
    with pytest.raises(Forbidden, match="평가자만"):
        pilots.rate(participant, case_id, texts[0]["id"], 5)
    for one in texts:
        pilots.rate(first, case_id, one["id"], 4 if one["content"].startswith("with ") else 2)
    with where.store.transaction(second) as tx:
        assert tx.all("select * from pilot_ratings") == [], "the second rater does not see the first one's"
    with where.store.transaction(where.team) as tx:
        assert tx.all("select * from pilot_ratings") == [], "nor the office, until both are done"
    with pytest.raises(InvalidInput, match="답하지 않은"):
        where.cases.act(where.owner, case_id, "measure")
    for one in texts:
        pilots.rate(second, case_id, one["id"], 4 if one["content"].startswith("with ") else 2)


def test_a_testbed_is_measured_by_indicators_alone(where: Desk) -> None:
    with clock.frozen(_at("2025-05-01")):
        for title in ("테스트베드 1", "테스트베드 2"):
            case = where.cases.open(where.owner, "pilot", Opening(title, bureau="복지실"))
            plan = {
                **PLAN,
                "kind": "testbed",
                "people": 0,
                "instruments": ["kpi"],
                "starts_on": "2025-05-01",
                "ends_on": "2025-06-30",
            }
            where.cases.filings.save(
                where.owner, case["id"], "pilot_plan", {**plan, "instruments": ["survey"], "survey": None}, base=0
            )
            with pytest.raises(InvalidInput, match="문항이 없습니다"):
                where.cases.act(where.owner, case["id"], "submit")
            where.cases.filings.save(where.owner, case["id"], "pilot_plan", plan, base=1)
            where.cases.act(where.owner, case["id"], "submit")
            with pytest.raises(Forbidden, match="계획 승인"):
                where.cases.act(where.owner, case["id"], "approve")
            where.cases.act(where.team, case["id"], "approve")
            where.cases.act(where.owner, case["id"], "begin")
    with clock.frozen(_at("2025-07-01")):
        where.cases.act(where.owner, case["id"], "finish")
        told = {"found": "넘어짐 알림이 왔다.", "harm": "없음", "limits": "한 곳뿐이다."}
        where.cases.filings.save(where.owner, case["id"], "pilot_findings", told, base=0)
        with pytest.raises(InvalidInput, match="성과 지표"):
            where.cases.act(where.owner, case["id"], "measure")
        kpi = [{"name": "알림까지 걸린 시간", "target": "60초", "value": "41초", "source": "장치 기록"}]
        where.cases.filings.save(where.owner, case["id"], "pilot_findings", {"kpi": kpi}, base=1)
        assert where.cases.act(where.owner, case["id"], "measure")["state"] == "measured"


def test_a_commission_is_accepted_when_everything_was_received(where: Desk) -> None:
    with clock.frozen(_at("2025-04-01")):
        case_id = str(
            where.cases.open(where.owner, "commission", Opening("AI 행정 발전방안 연구", bureau="복지실"))["id"]
        )
        plan = {
            "goal": "발전방안", "contractor": "해치연구원", "contract_won": "__unknown__", "starts_on": "2025-04-01",
            "ends_on": "2025-12-15", "milestones": [{"what": "착수보고", "due_on": "2025-04-20"}, {"what": "최종보고", "due_on": "2026-01-10"}],
            "deliverables": [{"what": "최종 보고서", "form": "책 30부"}, {"what": "원자료", "form": "파일"}],
        }  # fmt: skip
        where.cases.filings.save(where.owner, case_id, "commission_plan", plan, base=0)
        with pytest.raises(InvalidInput, match="용역 기간 밖"):
            where.cases.act(where.owner, case_id, "begin")
        plan["milestones"][1]["due_on"] = "2025-12-10"
        where.cases.filings.save(where.owner, case_id, "commission_plan", {"milestones": plan["milestones"]}, base=1)
        where.cases.act(where.owner, case_id, "begin")
        tasks = where.cases.reading.one(where.owner, case_id)["tasks"]
        assert [str(one["due_on"]) for one in tasks] == ["2025-04-20", "2025-12-10"]
    with clock.frozen(_at("2025-12-12")):
        got = [{"what": "최종보고서", "on": "2025-12-11", "note": "표지와 쪽수"}]
        where.cases.filings.save(
            where.owner, case_id, "commission_delivery", {"delivered": got, "difference": "없음"}, base=0
        )
        with pytest.raises(InvalidInput, match="확인하지 않은 단계가 2개"):
            where.cases.act(where.owner, case_id, "deliver")
        for one in tasks:
            where.cases.work.move_task(where.team, one["id"], "done", "보고서를 받았습니다.")
        with pytest.raises(InvalidInput, match="받지 않은 성과물이 있습니다: 원자료"):
            where.cases.act(where.owner, case_id, "deliver")
        got.append({"what": "원자료", "on": "2025-12-11", "note": "열어 봄"})
        where.cases.filings.save(where.owner, case_id, "commission_delivery", {"delivered": got}, base=1)
        with pytest.raises(InvalidInput, match="근거로 붙이지"):
            where.cases.act(where.owner, case_id, "deliver")
        where.cases.work.add_evidence(
            where.owner, case_id, name="보고서.pdf", media_type="application/pdf", content=b"%PDF-1.7"
        )
        where.cases.act(where.owner, case_id, "deliver")
        inspector = where.people[0]
        with pytest.raises(Forbidden, match="검사 합격"):
            where.cases.act(where.owner, case_id, "inspect", note="제가 보았습니다.")
        where.cases.people.name(where.team, case_id, "inspector", inspector.subject)
        where.cases.act(inspector, case_id, "inspect", note="과업서와 대조했습니다.")
        where.cases.act(where.team, case_id, "accept")
        (letter,) = where.cases.reading.one(where.owner, case_id)["letters"]
        assert letter["name"] == "학술연구용역 준공 통보"


def test_a_stranger_learns_nothing_of_a_trial(where: Desk) -> None:
    with clock.frozen(_at("2025-08-25")):
        case_id = _approved(where)
        stranger = where.people[2]
        for ask in (Pilots(where.store).mine, Pilots(where.store).standing, Pilots(where.store).to_rate):
            with pytest.raises(NotFound):
                ask(stranger, case_id)


# --- statistics against known values ---------------------------------------------------------------------------------

DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
"""Student (1908), hours of sleep gained: t = 4.0621, df = 9, p = 0.002833, 95 % interval 0.7001–2.4599."""


def test_the_paired_t_agrees_with_student() -> None:
    got = paired_t(DRUG_1, DRUG_2)
    assert got is not None
    assert (got.mean, got.low, got.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-6)
    assert got.p == pytest.approx(0.00283289, abs=1e-7)
    assert got.clear
    assert paired_t([1.0], [2.0]) is None
    same = paired_t([1.0, 2.0], [3.0, 4.0])
    assert same is not None
    assert (same.mean, same.p, same.flat, same.clear) == (2, None, True, False)
    assert "구간을 말할 수 없음" in said(same)
    with pytest.raises(ValueError, match="after"):
        paired_t([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="not a number"):
        paired_t([1.0, 2.0], [1.0, float("nan")])


@pytest.mark.parametrize(
    ("p", "df", "t"),
    [(0.975, 1, 12.70620474), (0.975, 9, 2.262157163), (0.95, 30, 1.697260887), (0.995, 120, 2.617421)],
)
def test_quantiles_agree_with_the_tables(p: float, df: int, t: float) -> None:
    assert t_quantile(p, df) == pytest.approx(t, abs=1e-5)
    assert t_quantile(1 - p, df) == pytest.approx(-t, abs=1e-5)
    assert t_cdf(t, df) == pytest.approx(p, abs=1e-7)


def test_kappa_agrees_with_worked_examples() -> None:
    yes_no = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert kappa(*zip(*yes_no, strict=True)) == pytest.approx(0.4)
    assert kappa([1, 2, 3, 4], [1, 2, 3, 4]) == 1
    assert kappa([3, 3, 3], [3, 3, 3]) is None, "chance alone agrees"
    assert kappa([], []) is None
    assert kappa([1, 2, 3], [2, 3, 1]) == pytest.approx(-0.5)
    near, far = kappa([1, 2, 3, 4], [2, 2, 3, 4], weighted=True), kappa([1, 2, 3, 4], [4, 2, 3, 4], weighted=True)
    assert near is not None
    assert far is not None
    assert near > far, "a near miss weighs less"
    assert kappa([0, 0, 1, 1], [0, 1, 0, 1], weighted=True) == pytest.approx(0)
    assert agreement(0.75) == ("상당함", "substantial")
    assert agreement(None)[1] == "cannot be judged"


def test_intervals_cover_as_often_as_they_say() -> None:
    """The truth is drawn here and told to nobody: 400 trials of 30 people, the mean lies inside in about 95 of 100."""
    chance = np.random.default_rng(11)
    inside_t = inside_b = 0
    for _ in range(400):
        before = chance.normal(50, 10, 30)
        after = before + chance.normal(3, 8, 30)
        t, boot = paired_t(before, after), paired_bootstrap(before, after, draws=400)
        assert t is not None
        assert boot is not None
        inside_t += t.low <= 3 <= t.high
        inside_b += boot.low <= 3 <= boot.high
    assert 0.925 <= inside_t / 400 <= 0.975
    assert 0.90 <= inside_b / 400 <= 0.975


def test_the_same_seed_gives_the_same_interval() -> None:
    assert paired_bootstrap(DRUG_1, DRUG_2) == paired_bootstrap(DRUG_1, DRUG_2)
    got = paired_bootstrap(DRUG_1, DRUG_2)
    assert got is not None
    assert (got.low, got.high) == pytest.approx((0.93, 2.38), abs=0.1)


def test_one_hundred_and_eighty_people_and_what_is_unknown_in_the_report() -> None:
    chance = np.random.default_rng(7)
    diary = [
        {"number": n, "minutes": int(m), "usual_minutes": int(m * 1.25)}
        for n in range(1, 181) for m in chance.integers(20, 90, 12)
    ]  # fmt: skip
    found = results(180, diary, [], [], [])
    assert found.minutes is not None
    assert found.minutes.pairs == 180
    assert found.entries == 2160
    case = {
        "state": "running",
        "title": "실증",
        "number": "실증-1",
        "bureau": "",
        "subject_name": "책임자",
        "facts": {},
        "exercise": False,
    }
    html = render(report_paper(case, PLAN, {}, {"reason": "더 본다"}, found))["html"].decode()
    assert "연장" in html
    assert "실제 180명" in html
    assert "설문: 앞뒤 모두 답한 사람이 없어 미상" in html
    assert "카파 계산할 수 없음" in html
    assert "0을 포함하지 않음" in said(found.minutes.t)
    assert "두 개보다 적어" in said(None)
