"""The service as a city meets it: samples hold, a stopped engine hands over, and the trial's city knows no rule."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from haechi.core.contract import Request, Scorecard, ServiceCity
from haechi.core.errors import InvalidInput, Unavailable
from haechi.core.roles import policy_file
from haechi.engines.rules.detection import Detection, load_rules
from haechi.services.s45_privacy_guard import trial
from haechi.services.s45_privacy_guard.misuse import KINDS
from haechi.services.s45_privacy_guard.pipeline import PrivacyGuard, build

HERE = Path(trial.__file__).parent
LOG = "계정,접속일시,접속지,정보주체,수행업무\na,2026-06-15T10:05:00,p1,star,조회\n"


def _service(engine: object) -> PrivacyGuard:
    return build(ServiceCity({"rules": "살핀다"}, lambda _: engine))


def test_a_finding_names_its_rule_and_never_the_data_subject() -> None:
    service = _service(Detection(load_rules(policy_file("detection"))))
    outcome = service.handle(Request(45, {"log": LOG, "watch": {"public": ["star"]}}))
    assert [one["rule"] for one in outcome.result["findings"]] == ["watched_public"]
    assert "star" not in str(outcome.as_dict())
    assert (outcome.needs_person, outcome.made_by_ai, outcome.proposal and outcome.proposal.kind) == (
        True,
        False,
        "review",
    )


def test_a_stopped_engine_leaves_the_log_to_a_person() -> None:
    class Stopped:
        def judge(self, *_: object, **__: object) -> object:
            raise Unavailable("엔진이 멈췄습니다.", next_step="잠시 뒤 다시 하세요.")

    outcome = _service(Stopped()).handle(Request(45, {"log": LOG}))
    assert (outcome.result["judged"], outcome.needs_person) == (False, True)
    with pytest.raises(InvalidInput):
        _service(Stopped()).handle(Request(45, {"log": ""}))


@pytest.mark.parametrize("name", ["city_life.py", "misuse.py"])
def test_what_makes_the_trials_city_reads_no_rule(name: str) -> None:
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(module.startswith(("haechi.engines", "haechi.core")) for module in modules)
    assert "policy" not in (HERE / name).read_text(encoding="utf-8").replace("synthetic", "")


def test_a_small_trial_finds_what_was_planted_within_its_budget_and_says_synthetic() -> None:
    story = trial.play(5, people=150, months=1, a_month=3)
    cards = {card.figure: card for card in trial.score(story, 5) if isinstance(card, Scorecard)}
    assert all(card.synthetic for card in cards.values())
    assert cards["flagged_handlers"].value <= 0.01
    assert cards["downloads_with_reason"].n > 0
    assert cards["recall_without_budget"].value >= cards["scenario_recall"].value
    assert len(KINDS) == 10
