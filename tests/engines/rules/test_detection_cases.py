"""Each rule of the city against its own cases: it rings for the normal and the hard one, and keeps silent for the look-alike."""

from __future__ import annotations

import pytest

from haechi.core.roles import policy_file
from haechi.engines.rules.detection import load_rules
from haechi.engines.rules.detection.fixtures import run_case

RULES = load_rules(policy_file("detection"))


@pytest.mark.parametrize("kind", ["normal", "hard", "must_not"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_does_what_its_cases_say(rule, kind):
    alerts = run_case(rule, rule.cases[kind])
    if kind == "must_not":
        assert alerts == []
    else:
        assert alerts
        alert = alerts[0]
        assert alert.rule == rule.id
        assert alert.value >= alert.limit >= rule.at_least
        assert alert.evidence
        assert alert.level == rule.level
