"""Certification, and the evidence of the platform that it rests on: a sound service, a planted bad one, and nothing measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.office.fragile import LettersBench, manifest
from tests.office.people import person
from tests.office.planted import NOW, PROBED, card, desk, outcomes, planted, planted_platform, save, verdicts

from haechi.city.register import Register
from haechi.city.trials import JsonLinesScorecards
from haechi.city.trust import PROBES, Platform
from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput
from haechi.core.store import Actor, Store
from haechi.engines.rules.catalogue import catalogue_in_force
from haechi.office.cases import Cases, Opening, Policy
from haechi.office.trust import proof_from, proofs_of, rows, standing


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


@pytest.fixture
def platform(worker_store: Store, tmp_path: Path) -> Platform:
    return planted_platform(worker_store, tmp_path)


@pytest.fixture
def cases(platform: Platform, store: Store) -> Cases:
    return desk(platform, store)


@pytest.fixture
def owner(owner_store: Store) -> Actor:
    return person(owner_store, "박나린", "service_owner", bureau="복지실")


@pytest.fixture
def assessor(owner_store: Store) -> Actor:
    return person(owner_store, "하늘찬", "ai_team", bureau="디지털도시국")


# --- the platform's evidence -----------------------------------------------------------------------------------------


def test_every_probe_of_the_catalogue_exists_and_none_is_idle() -> None:
    wanted = {probe for measure in catalogue_in_force().measures.values() for probe in measure.probes}
    assert wanted == set(PROBES)


def test_a_sound_service_passes_what_a_machine_can_judge(platform: Platform) -> None:
    found = platform.gather(77)
    told = {proof.probe: proof for proof in found.proofs}
    assert {name for name, proof in told.items() if proof.verdict == "fail"} == {"ethics_on_record", "impact_on_record"}
    assert told["scores_by_group"].detail["group"] == "65세 이상"
    assert told["label_coverage"].value == "AI 표시 240/240 (100.0%)"
    assert {name for name, proof in told.items() if proof.verdict == "person"} == {
        "data_statement", "override_rate", "complaint_rate",
    }  # fmt: skip
    assert all(proof.source and proof.command and proof.at == NOW for proof in found.proofs)
    assert [proof_from(json.loads(json.dumps(proof.as_dict()))) for proof in found.proofs] == list(found.proofs)
    bill = json.loads(found.files["sbom.cdx.json"])
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {"sqlalchemy", "fastapi"} <= {part["name"] for part in bill["components"]}
    assert len({part["bom-ref"] for part in bill["components"]}) == len(bill["components"])


def test_a_planted_bad_service_fails_where_it_is_bad(platform: Platform, worker_store: Store, tmp_path: Path) -> None:
    outcomes(worker_store, label=False, confidence=0.2, days=(1, 2))
    platform.scorecards.add([card("recall@65세 이상", 0.32)])
    models = tmp_path / "models.yaml"
    models.write_text(
        "models: [{id: x, file: 'package:haechi/cli.py', sha256: '00', used_by: [knowledge]}]", encoding="utf-8"
    )
    with worker_store.transaction() as tx:
        tx.run('update register set manifest = manifest || \'{"bureau": "다른 국"}\' where number = 77')
    bad = replace(platform, register=Register((planted(False),)), models=models)
    failing = {name for name, verdict in verdicts(bad).items() if verdict == "fail"}
    assert failing == {
        "label_coverage", "drift", "scores_by_group", "trial_figures", "model_hashes", "register_entry", "human_step",
        "ethics_on_record", "impact_on_record",
    }  # fmt: skip


def test_nothing_measured_is_not_a_pass(platform: Platform, worker_store: Store, tmp_path: Path) -> None:
    with worker_store.transaction() as tx:
        tx.run("delete from outcomes")
    empty = replace(platform, scorecards=JsonLinesScorecards(tmp_path / "none.jsonl"))
    told = verdicts(empty)
    for name in ("label_coverage", "evidence_coverage", "drift", "trial_figures", "scores_by_group", "override_rate"):
        assert told[name] == "unmeasurable", name
    offline = replace(platform, store=None)
    assert {verdicts(offline)[name] for name in ("retention_runs", "register_entry", "ethics_on_record")} == {
        "unmeasurable"
    }


@pytest.mark.parametrize(("kind", "verdict"), [("fragile", "fail"), ("sturdy", "pass")])
def test_corrupted_inputs_and_dead_engines_tell_the_fragile_from_the_sturdy(
    tmp_path: Path, kind: str, verdict: str
) -> None:
    register = Register((manifest(tmp_path / "s77", kind),))
    probes = {name: PROBES[name] for name in ("robustness", "fallback")}
    tried = Platform(JsonLinesScorecards(tmp_path / "x"), LettersBench(), register=register, probes=probes)
    found = {proof.probe: proof for proof in tried.gather(77).proofs}
    assert {name: proof.verdict for name, proof in found.items()} == {"robustness": verdict, "fallback": verdict}
    assert found["robustness"].detail["seed"] == 0
    assert tried.gather(77).proofs == tuple(found.values()), "the same seed, the same result"


def test_figures_that_grew_old_are_no_evidence(platform: Platform) -> None:
    with clock.frozen(NOW + timedelta(days=91)):
        assert verdicts(platform)["trial_figures"] == "unmeasurable"


def test_the_command_tells_what_fails_and_writes_the_bill_of_materials(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from haechi.cli import main

    place = tmp_path / "sbom.json"
    done = CliRunner().invoke(main, ["--home", str(tmp_path / "home"), "trust", "2", "--json", "--sbom", str(place)])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["passed"]) == (1, False)
    assert "human_step" in told["failing"]
    assert {proof["probe"] for proof in told["proofs"]} == set(PROBES)
    assert len(told["requirements"]) == 15
    assert json.loads(place.read_text(encoding="utf-8"))["bomFormat"] == "CycloneDX"
    assert not (tmp_path / "home" / "database").exists(), "a question makes no database"
    assert CliRunner().invoke(main, ["--home", str(tmp_path / "home"), "trust", "998"]).exit_code == 1


@pytest.mark.parametrize(
    "form", [id for id, _ in Policy.in_force().forms if id.startswith(("ethics", "impact", "trust"))]
)
def test_every_questionnaire_goes_out_and_comes_back_equal(form: str) -> None:
    from haechi.office.forms import exchange

    asked = Policy.in_force().form(form)
    sample = {"long": "=위험한 글\n둘째 줄", "text": "+글", "date": "2026-01-02", "number": 11}
    told = {q.id: q.options[0].value if q.options else sample[q.kind] for q in asked.questions}
    assert exchange.from_json(asked, exchange.to_json(asked, told)) == (told, ())
    assert exchange.from_csv(asked, exchange.to_csv(asked, told)) == (told, ())
    assert exchange.from_xlsx(asked, exchange.to_xlsx(asked, told)) == (told, ())


def test_the_chores_that_stood_still_fail(platform: Platform) -> None:
    with clock.frozen(NOW + timedelta(days=4)):
        assert verdicts(platform)["retention_runs"] == "fail"


def test_licences_that_leave_no_way_out_are_flagged() -> None:
    from haechi.city.trust.parts import copyleft

    assert copyleft("GPL-3.0-only")
    assert copyleft("GNU Affero General Public License v3")
    assert not copyleft("LGPL-2.1-or-later")
    assert not copyleft("GNU Lesser General Public License v3 (LGPLv3)")
    assert not copyleft("MIT OR GPL-2.0")
    assert not copyleft("")


def test_the_population_stability_index() -> None:
    from haechi.city.trust.running import psi

    same = [0.05 + 0.1 * (n % 10) for n in range(500)]
    assert psi(same, same) == pytest.approx(0)
    assert psi([0.9] * 200, [0.2] * 200) > 0.2
    assert psi([], []) == pytest.approx(0)


# --- certification ---------------------------------------------------------------------------------------------------


SCOPE = {"service": "77", "includes": "질문과 답", "excludes": "없음", "users": "직원"}
YES = {f"{name}{more}": value for name in ("proportion", "basis", "acceptable")
       for more, value in (("", "yes"), ("_why", "회의에서 검토했다."))}  # fmt: skip


def applied(cases: Cases, owner: Actor, assessor: Actor) -> str:
    """A case whose platform evidence was gathered."""
    case_id = str(cases.open(owner, "trust_cert", Opening("심은 서비스", bureau="복지실"))["id"])
    cases.filings.save(owner, case_id, "trust_scope", SCOPE, base=0)
    cases.act(owner, case_id, "apply")
    cases.people.name(assessor, case_id, "assessor", assessor.subject)
    cases.act(assessor, case_id, "scope", note="답변 기능만 본다.")
    return case_id


def answers(**changed: Any) -> dict[str, Any]:
    """Everything met, but what is changed."""
    told: dict[str, Any] = {}
    for number in range(1, 16):
        told |= {f"cat_{number:02}": "met", f"cat_{number:02}_how": "증거를 붙였다."}
    return told | changed


def file_what_lacks(cases: Cases, owner: Actor, case_id: str) -> None:
    """A document beside every question that the platform has not proved."""
    for number in range(1, 16):
        with cases.store.transaction(owner) as tx:
            proved = tx.value("select count(*) from case_evidence where case_id = :id and question = :q", id=case_id, q=f"cat_{number:02}")  # fmt: skip
        if not proved:
            cases.work.add_evidence(owner, case_id, name=f"{number}.txt", media_type="text/plain", content=b"x", question=f"cat_{number:02}")  # fmt: skip


def test_from_scope_to_the_draft_certificate(cases: Cases, owner: Actor, assessor: Actor, worker_store: Store) -> None:  # fmt: skip
    done_before(worker_store)
    case_id = applied(cases, owner, assessor)
    case = cases.reading.one(owner, case_id)["case"]
    assert (case["state"], case["service"], len(proofs_of(case))) == ("evidence", 77, len(PROBED))
    with pytest.raises(InvalidInput, match="답하지 않은 문항이 15개"):
        cases.act(owner, case_id, "file")
    save(cases, owner, case_id, "trust_evidence", answers())
    with pytest.raises(InvalidInput, match="답하지 않은 문항"):
        cases.act(owner, case_id, "file")  # 'met' without evidence is no answer
    file_what_lacks(cases, owner, case_id)
    yesterday, later = (clock.today() - timedelta(days=1)).isoformat(), (clock.today() + timedelta(days=30)).isoformat()
    save(
        cases,
        owner,
        case_id,
        "trust_evidence",
        {"cat_07": "gap", "cat_07_gap": "집단별 자료를 보탠다.", "cat_07_due": yesterday},
    )
    with pytest.raises(InvalidInput, match="학습데이터 편향의 보완 기한이 이미 지났습니다"):
        cases.act(owner, case_id, "file")
    save(cases, owner, case_id, "trust_evidence", {"cat_07_due": later})
    cases.act(owner, case_id, "file")
    assert cases.reading.one(owner, case_id)["case"]["state"] == "tested"
    cases.act(assessor, case_id, "report")
    save(cases, assessor, case_id, "trust_judgement", YES)
    with pytest.raises(InvalidInput, match="보완이 끝나지 않은 요구사항이 1개 있습니다: 학습데이터 편향"):
        cases.act(assessor, case_id, "certify")
    with pytest.raises(Forbidden):
        cases.act(owner, case_id, "certify")
    cases.act(assessor, case_id, "ask_fix", note="자료를 보태세요.")
    (task,) = cases.reading.one(owner, case_id)["tasks"]
    assert (task["source"], task["due_on"]) == ("cat_07", date.fromisoformat(later))
    save(cases, owner, case_id, "trust_evidence", {"cat_07": "met", "cat_07_how": "보탰다."})
    cases.act(owner, case_id, "file")
    save(cases, assessor, case_id, "trust_judgement", {"basis": "no"})
    with pytest.raises(InvalidInput, match="법적 근거을\\(를\\) 갖추었다고 판단하지 않았습니다"):
        cases.act(assessor, case_id, "certify")
    save(cases, assessor, case_id, "trust_judgement", {"basis": "yes"})
    cases.act(assessor, case_id, "certify")
    seen = cases.reading.one(owner, case_id)
    assert seen["case"]["state"] == "certified"
    assert [letter["name"] for letter in seen["letters"]] == ["신뢰성 평가 보고서(초안)", "신뢰성 준비도 확인서(초안)"]


def done_before(store: Store) -> None:
    """An ethics check and an impact level that the office already holds for the planted service."""
    for flow, facts in (("ethics_check", {"ethics": {}}), ("impact_assessment", {"impact": {"decided": "2"}})):
        with store.transaction() as tx:
            tx.run(
                """insert into cases (id, number, flow, flow_version, kind, title, state, service, subject, subject_name, origin,
                office, readers, facts, opened_at, state_at, grams, bureau, round)
                values (:id, :n, :flow, 1, :flow, 't', 'operation', 77, 'user:x', 'x', 'person', '{role:ai_team}', '{}',
                cast(:facts as jsonb), :now, :now, '{}', '', '')""",
                {"id": clock.new_id(), "n": f"{flow}-1", "flow": flow, "facts": json.dumps(facts), "now": clock.now()},
            )


def test_evidence_that_fails_stops_the_certificate_whatever_was_answered(
    cases: Cases, owner: Actor, assessor: Actor, platform: Platform, worker_store: Store
) -> None:
    done_before(worker_store)
    case_id = applied(cases, owner, assessor)
    save(cases, owner, case_id, "trust_evidence", answers(cat_09="none", cat_09_why="사람을 가리지 않는다."))
    file_what_lacks(cases, owner, case_id)
    platform.scorecards.add([card("recall@65세 이상", 0.32)])
    cases.act(owner, case_id, "file")
    save(cases, assessor, case_id, "trust_judgement", YES)
    with pytest.raises(InvalidInput, match=r"모델 편향 — 집단별 성적: 65세 이상 0\.320"):
        cases.act(assessor, case_id, "certify")
    found = rows(catalogue_in_force(), proofs_of(cases.reading.one(owner, case_id)["case"]), answers(), {})
    assert standing(found)["failing"] == 3, "trial figures (3), bias of data (7) and of the model (9)"
    cases.act(assessor, case_id, "fail", note="고령자에게 성적이 낮다.")
    assert cases.reading.one(owner, case_id)["case"]["state"] == "failed"


def test_nobody_assesses_their_own_service_and_no_unknown_service(cases: Cases, owner: Actor, assessor: Actor, owner_store: Store) -> None:  # fmt: skip
    case_id = str(cases.open(owner, "trust_cert", Opening("심은 서비스", bureau="복지실"))["id"])
    save(cases, owner, case_id, "trust_scope", SCOPE | {"service": "998"})
    with pytest.raises(InvalidInput, match="998번 서비스가 없습니다"):
        cases.act(owner, case_id, "apply")
    save(cases, owner, case_id, "trust_scope", {"service": "77"})
    cases.act(owner, case_id, "apply")
    colleague = person(owner_store, "같은실", "ai_team", bureau="복지실")
    for who in (owner, colleague):
        with pytest.raises(Conflict, match="제척"):
            cases.people.name(assessor, case_id, "assessor", who.subject)
    with pytest.raises(Conflict, match="지금은 ‘신청’"):
        cases.act(assessor, case_id, "certify")
