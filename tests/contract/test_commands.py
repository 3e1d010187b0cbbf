"""The commands on services, as somebody at a terminal sees them."""

import json

import click
import pytest
from click.testing import CliRunner

from haechi.city.commands_services import COMMANDS

UNBUILT = "1"


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    group = click.Group("haechi", commands={command.name: command for command in COMMANDS})

    class Settings:
        home = tmp_path
        cache = tmp_path / "cache"

    def invoke(*arguments):
        @click.pass_context
        def with_settings(context):
            context.meta["settings"] = lambda: Settings

        group.callback = with_settings
        return CliRunner().invoke(group, arguments)

    return invoke


def test_the_portfolio_as_one_json_object_and_as_a_table(run):
    result = run("portfolio", "--json")
    data = json.loads(result.stdout)
    assert (result.exit_code, data["in_city_list"], data["legible_bureaux"]) == (0, 45, 22)
    assert {row["stage"]: row["services"] for row in data["by_stage"]}["구현 전"] == 45 - data["built"]
    table = run("portfolio").stdout
    assert "인파밀집 실시간 예·경보 시스템 운영" in table
    assert "622억" in table or "62,200,000,000" in table


def test_an_unbuilt_service_has_no_tier_and_no_trial(run):
    checked = run("check", UNBUILT, "--json")
    (row,) = json.loads(checked.stdout)["services"]
    assert (checked.exit_code, row["tier"], row["tier_ko"]) == (0, None, "구현 전")
    tried = json.loads(run("trial", UNBUILT, "--json").stdout)
    assert tried["trials"][0]["why"] == "구현 전"
    assert tried["trials"][0]["scorecards"] == []
    assert "구현 전" in run("check", UNBUILT).stdout
    assert "구현 전" in run("trial", UNBUILT).stdout


def test_trial_wants_a_number_or_all_but_not_both(run):
    assert "haechi trial 39" in str(run("trial").exception)
    assert "haechi trial 39" in str(run("trial", "1", "--all").exception)
