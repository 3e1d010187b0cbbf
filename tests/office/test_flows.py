"""Flows: who may do what when, what a flow that leads nowhere is told, and days that are counted as an office counts them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from haechi.core.roles import policy_file
from haechi.office.cases import Policy
from haechi.office.flows import (
    BadFlow,
    Flow,
    Person,
    Standing,
    calendar_in_force,
    load_flows,
    offered,
    read_flow,
    refusal,
)

REVIEWER, OWNER = Person("user:r", frozenset({"staff"}), "심사과"), Person("user:o", frozenset({"staff"}), "복지실")


def _told(**more: Any) -> dict[str, Any]:
    return {
        "id": "errand", "version": 1, "in_force": date(2026, 1, 1), "title": {"ko": "심부름", "en": "Errand"},
        "number": "심-{year}-{serial}", "start": "draft", "opens": ["role:staff"],
        "parts": {"owner": {"ko": "담당", "opener": True}, "judge": {"ko": "심사", "judges": True}},
        "states": {"draft": {"ko": "작성"}, "sent": {"ko": "제출"}, "done": {"ko": "끝", "final": True}},
        "steps": {
            "send": {"ko": "제출", "from": "draft", "to": "sent", "by": "part:owner"},
            "approve": {"ko": "승인", "from": "sent", "to": "done", "by": ["part:judge", "part:owner"], "apart_from": "send"},
        },
        **more,
    }  # fmt: skip


FLOW = read_flow(_told())


def _standing(state: str, **more: Any) -> Standing:
    return Standing(state, "복지실", OWNER.subject, {"owner": {OWNER.subject}, "judge": {REVIEWER.subject}}, **more)


def test_only_the_steps_of_here_and_of_mine_are_offered() -> None:
    assert [step.id for step in offered(FLOW, _standing("draft"), OWNER)] == ["send"]
    assert offered(FLOW, _standing("draft"), REVIEWER) == ()


def test_who_sent_does_not_approve() -> None:
    why = refusal(FLOW, FLOW.steps["approve"], _standing("sent", did={"send": {OWNER.subject}}), OWNER)
    assert "한 사람은" in str(why)
    assert refusal(FLOW, FLOW.steps["approve"], _standing("sent", did={"send": {OWNER.subject}}), REVIEWER) is None


def test_too_early_names_what_comes_first() -> None:
    assert "먼저 ‘제출’" in str(refusal(FLOW, FLOW.steps["approve"], _standing("draft"), REVIEWER))


def test_who_stepped_back_is_told_nothing_more() -> None:
    why = refusal(FLOW, FLOW.steps["approve"], _standing("draft", recused={REVIEWER.subject}), REVIEWER)
    assert "회피" in str(why)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"states": {**_told()["states"], "limbo": {"ko": "미아"}}}, "no step leads here"),
        ({"steps": {"send": _told()["steps"]["send"]}}, "no step leads"),
        ({"opens": ["role:king"]}, "nobody is called"),
        ({"start": "nowhere"}, "no state"),
        ({"colour": "red"}, "unknown keys"),
        ({"deadlines": {"d": {"ko": "기한", "in": "sent"}}}, "either days or hours"),
    ],
)
def test_a_flow_that_leads_nowhere_is_not_loaded(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadFlow, match=said):
        read_flow(_told(**change))


def test_working_days_step_over_weekends_and_holidays() -> None:
    calendar = calendar_in_force()
    assert calendar.after(date(2026, 9, 23), 1) == date(2026, 9, 28), "추석 and the weekend lie between"
    assert calendar.after(date(2026, 9, 26), 0) == date(2026, 9, 28)


@pytest.mark.parametrize(
    "flow", load_flows(policy_file("flows")).values(), ids=lambda flow: f"{flow.id}-{flow.version}"
)
def test_every_flow_of_the_city_loads_and_speaks_both_languages(flow: Flow) -> None:
    names = [*flow.states.values(), *flow.steps.values(), *flow.parts.values(), *flow.deadlines.values()]
    assert [one.id for one in names if not all(one.name)] == []


def test_the_city_s_policy_fits_together() -> None:
    assert Policy.in_force().flows
