"""A tier is earned: the same folder gains it by keeping the rules and loses it by breaking one."""

import itertools
import json
import sys
from pathlib import Path

import pytest

import haechi.services
from haechi.city.check import ServiceUnderCheck, check_all
from haechi.city.new_service import new_service
from haechi.city.register import load_register
from haechi.city.samples import offline
from haechi.city.trials import JsonLinesScorecards, run_all, run_trial
from haechi.core.contract import Scorecard
from haechi.core.errors import BadManifest, Conflict, InvalidInput, MissingPart
from haechi.core.quality import RULES, Examination, examine, figure_line, load_claims, readme_commands

CONFTEST = """import haechi.services
haechi.services.__path__.append({folder!r})
"""
NUMBERS = itertools.count(901)


class NoEngines:
    """A bench where nothing is installed."""

    def engine(self, name, *, documents=None):  # noqa: ARG002 - the port's signature
        raise MissingPart(name, "./haechi up")

    def demonstration(self):
        return None


@pytest.fixture
def city(tmp_path, monkeypatch):
    """A folder of services that Python can import, as if it stood in the house."""
    folder = tmp_path / "services"
    folder.mkdir()
    monkeypatch.setattr(haechi.services, "__path__", [*haechi.services.__path__, str(folder)])
    yield folder
    for name in [name for name in sys.modules if name.startswith("haechi.services.s9")]:
        del sys.modules[name]


@pytest.fixture
def service(city) -> Path:
    """A freshly scaffolded service whose bronze rules are kept and claimed, as its author would write it."""
    place = new_service(next(NUMBERS), "나무 상담", name_en="tree desk", engines=("knowledge",), folder=city)
    manifest = (place / "service.toml").read_text("utf-8")
    manifest = manifest.replace('decides = "미상"', 'decides = "inform"').replace('"미상"]', '"시민"]')
    manifest = manifest.replace('retention = "미상"', 'retention = "남기지 않는다"')
    kpi = 'handed_over = { name = "넘긴 비율", unit = "비율(0–1)", better = "lower", target = "미상", source = "outcomes", basis = "미상" }\n'
    (place / "service.toml").write_text(manifest + kpi, "utf-8")
    (place / "README.md").write_text(
        (place / "README.md").read_text("utf-8").replace(f"haechi trial {_number(place)}", "true"), "utf-8"
    )
    _importable(place)
    for rule in ("manifest", "readme", "samples", "size", "outcomes", "human_step", "ai_label", "register"):
        claim(place, rule, "done")
    return place


def _importable(place: Path) -> None:
    """Its tests run in a process of their own, which must find the folder too."""
    (place / "tests" / "conftest.py").write_text(CONFTEST.format(folder=str(place.parent)), "utf-8")


def _number(place: Path) -> int:
    return int(place.name[1:].partition("_")[0])


def claim(place: Path, rule: str, status: str, more: str = "") -> None:
    path = place / "quality.toml"
    lines = [
        f'{rule} = {{ status = "{status}"{more} }}' if line.startswith(f"{rule} =") else line
        for line in path.read_text("utf-8").splitlines()
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def subject_of(place: Path, tmp_path: Path) -> ServiceUnderCheck:
    register = load_register(place.parent)
    store = JsonLinesScorecards(tmp_path / "cards.jsonl")
    return ServiceUnderCheck(register.get(_number(place)), NoEngines(), store, register)


def result_of(place: Path, tmp_path: Path, rule_id: str):
    rule = next(rule for rule in RULES if rule.id == rule_id)
    return examine(subject_of(place, tmp_path), [rule]).results[0]


def test_a_service_that_keeps_every_bronze_rule_is_bronze_and_loses_it_when_one_breaks(service, tmp_path):
    claim(service, "tests", "done")
    examination = examine(subject_of(service, tmp_path))
    assert {r.rule.id: r.problem for r in examination.results if r.rule.tier == "bronze" and not r.holds} == {}
    assert examination.tier == "bronze"

    (service / "README.md").write_text(
        (service / "README.md").read_text("utf-8").replace("```bash\ntrue", "```bash\nfalse"), "utf-8"
    )
    fallen = examine(subject_of(service, tmp_path))
    assert fallen.tier is None
    assert [result.rule.id for result in fallen.broken_claims] == ["readme"]
    assert "명령이 실패" in fallen.broken_claims[0].problem


BREAKS = {
    "manifest": lambda p: _edit(p / "service.toml", 'decides = "inform"', 'decides = "미상"'),
    "readme": lambda p: _edit(p / "README.md", "## 한계", "## 그 밖"),
    "samples": lambda p: _edit(p / "samples/normal.toml", "needs_person = true", "needs_person = false"),
    "size": lambda p: _edit(p / "pipeline.py", "SERVICE =", "# 줄\n" * 250 + "SERVICE ="),
    "outcomes": lambda p: _edit(p / "pipeline.py", 'model="none"', 'model=""'),
    "human_step": lambda p: _edit(p / "pipeline.py", "needs_person=True", "needs_person=False"),
    "ai_label": lambda p: _edit(p / "pipeline.py", "made_by_ai=False", "made_by_ai=True"),
}


@pytest.mark.parametrize("rule", BREAKS)
def test_each_bronze_checker_can_fail(service, tmp_path, rule):
    before = result_of(service, tmp_path, rule)
    assert before.holds, before.problem
    for name in [name for name in sys.modules if service.name in name]:
        del sys.modules[name]
    BREAKS[rule](service)
    after = result_of(service, tmp_path, rule)
    assert not after.holds
    assert after.problem


def test_a_failing_test_of_the_service_is_seen(service, tmp_path):
    claim(service, "tests", "done")
    (service / "tests" / f"test_{service.name}.py").write_text("def test_no():\n    assert 1 == 2\n", "utf-8")
    assert "실패" in result_of(service, tmp_path, "tests").problem


def test_a_rule_that_needs_evidence_does_not_take_the_claim_for_it(service, tmp_path):
    claim(service, "drift", "done")
    assert "evidence" in result_of(service, tmp_path, "drift").problem
    claim(service, "drift", "done", ', evidence = "tests/nowhere.py::test_x"')
    assert "시험이 없습니다" in result_of(service, tmp_path, "drift").problem


def test_silver_rules_are_really_tried(service, tmp_path):
    for rule in ("degraded", "errors", "logs", "replay"):
        claim(service, rule, "done")
        assert result_of(service, tmp_path, rule).holds, rule
    _edit(
        service / "pipeline.py",
        "        start = time",
        "        import logging\n        logging.getLogger('x').info(request.payload['text'])\n        start = time",
    )
    for name in [name for name in sys.modules if service.name in name]:
        del sys.modules[name]
    assert "기록에" in result_of(service, tmp_path, "logs").problem


def test_a_readme_must_show_the_figure_that_was_measured(service, tmp_path):
    claim(service, "accuracy", "done")
    _edit(service / "service.toml", 'source = "outcomes"', 'source = "trial"')
    assert "haechi trial" in result_of(service, tmp_path, "accuracy").problem
    card = Scorecard(
        _number(service), "handed_over", 0.5, "비율(0–1)", "lower", None, 10, (0.2, 0.8), "표본", 0, "m", True
    )
    JsonLinesScorecards(tmp_path / "cards.jsonl").add([card])
    assert "숫자가 시험과 다릅니다" in result_of(service, tmp_path, "accuracy").problem
    with (service / "README.md").open("a", encoding="utf-8") as readme:
        readme.write(f"\n{figure_line(card)}\n")
    assert result_of(service, tmp_path, "accuracy").holds


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('nonsense = { status = "done" }', "규칙은 없습니다"),
        ('manifest = { status = "exempt", reason = "귀찮다" }', "면제할 수 없는"),
        ('ai_label = { status = "exempt" }', "까닭"),
        ('manifest = { status = "maybe" }', "status"),
    ],
)
def test_a_claim_that_bends_the_scale_is_an_error(service, line, words):
    rule = line.partition(" ")[0]
    path = service / "quality.toml"
    kept = [text for text in path.read_text("utf-8").splitlines() if not text.startswith(f"{rule} =")]
    path.write_text("\n".join([*kept, line]), "utf-8")
    with pytest.raises(BadManifest) as refused:
        load_claims(service)
    assert words in refused.value.message


def test_a_missing_rule_is_an_error_and_no_rules_are_no_tier(service):
    path = service / "quality.toml"
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[1:]), "utf-8")
    with pytest.raises(BadManifest):
        load_claims(service)
    assert Examination().tier is None


def test_samples_reach_nothing_beyond_this_machine():
    import socket

    with offline(), socket.socket() as line, pytest.raises(ConnectionRefusedError):
        line.connect(("192.0.2.1", 80))


# --- haechi check, trial, new-service --------------------------------------------------------------------------------


def test_the_scaffold_loads_has_no_tier_claims_nothing_and_is_in_order(city, tmp_path):
    place = new_service(next(NUMBERS), "가로수 살피기", name_en="street trees", folder=city)
    _importable(place)
    store = JsonLinesScorecards(tmp_path / "cards.jsonl")
    report = check_all(bench=NoEngines(), store=store, register=load_register(city), numbers=[_number(place)])
    (row,) = report["services"]
    assert report["ok"] is True
    assert (row["tier"], row["stage"], row["tier_ko"], row["readiness"]) == (None, "개발", "등급 없음", "degraded")
    assert subject_of(place, tmp_path).tests("tests") == ""
    assert readme_commands((place / "README.md").read_text("utf-8")) == [f"haechi trial {_number(place)}"]
    with pytest.raises(Conflict):
        new_service(_number(place), "또 하나", name_en="street trees", folder=city)


def test_a_korean_name_alone_asks_for_an_english_one(city):
    with pytest.raises(InvalidInput) as refused:
        new_service(next(NUMBERS), "가로수", folder=city)
    assert "--en" in refused.value.next_step


def test_a_false_claim_makes_the_whole_check_fail(service, tmp_path):
    store = JsonLinesScorecards(tmp_path / "cards.jsonl")
    arguments = {"bench": NoEngines(), "store": store, "numbers": [_number(service)]}
    assert check_all(register=load_register(service.parent), **arguments)["ok"] is True
    claim(service, "accuracy", "done")
    _edit(service / "service.toml", 'source = "outcomes"', 'source = "trial"')
    assert check_all(register=load_register(service.parent), **arguments)["ok"] is False


def test_what_is_not_built_has_no_tier_and_its_trial_says_so(tmp_path):
    store = JsonLinesScorecards(tmp_path / "cards.jsonl")
    register = load_register()
    unbuilt = [manifest.number for manifest in register.manifests if not manifest.built]
    report = check_all(bench=NoEngines(), store=store, numbers=unbuilt)
    assert {(row["tier"], row["tier_ko"], row["readiness"]) for row in report["services"]} == {(None, "구현 전", None)}
    trial = run_trial(unbuilt[0], seed=0, bench=NoEngines(), store=store)
    assert (trial.why, trial.passed, trial.scorecards) == ("구현 전", None, ())


def test_every_trial_runs_or_says_what_is_missing(tmp_path):
    reports = run_all(seed=0, bench=NoEngines(), store=JsonLinesScorecards(tmp_path / "cards.jsonl"))
    assert len(reports) == len(load_register().manifests)
    assert all(report.scorecards == () for report in reports)
    assert all(report.why or report.not_measured for report in reports)
    json.dumps([report.as_dict() for report in reports])


def test_scorecards_come_back_equal_and_a_torn_line_loses_only_itself(tmp_path):
    path = tmp_path / "cards.jsonl"
    store = JsonLinesScorecards(path)
    older = Scorecard(39, "hit_at_5", 0.8, "비율(0–1)", "higher", 0.9, 50, (0.7, 0.9), "x", 0, "m", False)
    newer = Scorecard(39, "hit_at_5", 0.95, "비율(0–1)", "higher", 0.9, 50, (0.9, 1.0), "x", 1, "m", False)
    store.add([older])
    with path.open("a") as file:
        file.write('{"service": 39, "fig\n')
    store.add([newer])
    assert store.history(39, "hit_at_5") == [older, newer]
    assert store.latest(39) == [newer]
    assert (older.passed, newer.passed) == (False, True)


def test_a_figure_needs_cases_and_lies_in_its_interval():
    with pytest.raises(ValueError, match="NotMeasured"):
        Scorecard(1, "x", 0.0, "비율", "higher", None, 0, (0.0, 0.0), "d", 0, "m", False)
    with pytest.raises(ValueError, match="interval"):
        Scorecard(1, "x", 0.5, "비율", "higher", None, 9, (0.6, 0.7), "d", 0, "m", False)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, f"{old!r} not in {path.name}"
    path.write_text(text.replace(old, new), "utf-8")
