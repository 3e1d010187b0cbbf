"""Service 39 on the real knowledge engine: every sample comes out as promised, and the silver rules are kept."""

import pytest

from haechi.city.check import ServiceUnderCheck
from haechi.city.register import load_register
from haechi.city.sample_engines import SampleBench
from haechi.city.trials import JsonLinesScorecards
from haechi.core.quality import RULES, examine

pytestmark = pytest.mark.heavy

QUICK = ("manifest", "samples", "outcomes", "human_step", "ai_label", "degraded", "errors", "logs", "replay", "kpi")


def test_every_sample_passes_and_what_is_claimed_holds(tmp_path):
    register = load_register()
    store = JsonLinesScorecards(tmp_path / "cards.jsonl")
    subject = ServiceUnderCheck(register.get(39), SampleBench.default(), store, register)
    assert {f"{run.kind}/{run.name}": run.problem for run in subject.samples() if run.problem} == {}
    assert {run.kind for run in subject.samples()} == {"normal", "hard", "hostile"}
    examination = examine(subject, [rule for rule in RULES if rule.id in QUICK])
    assert {result.rule.id: result.problem for result in examination.results if not result.holds} == {}


def test_the_access_of_a_sample_document_is_applied():
    from haechi.city.samples import documents_of
    from haechi.engines.knowledge.ports import Reader

    knowledge = SampleBench.default().engine("knowledge", documents=documents_of(load_register().get(39)))
    outsider = knowledge.search("급여 전산 자료 마감", Reader(frozenset({"public", "staff"})), limit=5)
    insider = knowledge.search("급여 전산 자료 마감", Reader(frozenset({"public", "bureau:인사과"})), limit=5)
    assert "급여 전산 처리 지침 (표본)" not in {hit.passage.title for hit in outsider}
    assert insider[0].passage.title == "급여 전산 처리 지침 (표본)"
