"""What applied on that day? The ordinances' dates, unknown traits, and catalogues that may not be loaded."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from haechi.core.roles import policy_file
from haechi.engines.rules.catalogue import (
    TRAITS,
    Applies,
    BadCatalogue,
    applied,
    catalogue_in_force,
    difference,
    read_catalogue,
)

REQ = "urn:seoul:ai:req:"
ALL_NO = dict.fromkeys(TRAITS, "no")


def laws_on(day: date, **profile: str) -> set[str]:
    """Urns, without their common beginning, that certainly applied."""
    return {urn.removeprefix(REQ) for urn in applied(on=day, profile=ALL_NO | profile).urns}


def test_before_the_ordinance_the_city_had_none():
    assert not {urn for urn in laws_on(date(2025, 7, 13)) if urn.startswith(("basic-", "ethics-", "act-"))}


def test_the_ordinance_and_what_its_amendment_took_away():
    promulgated, amended = laws_on(date(2025, 7, 14)), laws_on(date(2025, 9, 29))
    assert {"basic-plan", "basic-article-7", "basic-committee-ethics", "basic-plan-item-5"} <= promulgated
    assert "basic-article-7" in laws_on(date(2025, 9, 28))
    assert {"basic-article-7", "basic-committee-ethics", "basic-plan-item-5"} & amended == set()
    assert {"ethics-plan", "ethics-guideline", "ethics-advisers"} <= amended
    assert "ethics-plan" not in laws_on(date(2025, 9, 28))


def test_the_guideline_and_the_act_came_later():
    assert "guideline-fairness" not in laws_on(date(2025, 12, 31))
    assert "guideline-fairness" in laws_on(date(2026, 1, 1))
    assert "act-label" not in laws_on(date(2026, 1, 21), generative="yes")
    assert "act-label" in laws_on(date(2026, 1, 22), generative="yes")
    assert "act-label" not in laws_on(date(2026, 1, 22))
    both = {"high_impact": "yes", "vulnerable": "yes"}
    assert "act-impact-vulnerable" not in laws_on(date(2026, 7, 20), **both)
    assert "act-impact-vulnerable" in laws_on(date(2026, 7, 21), **both)


def test_the_committee_ends_with_2027():
    assert "basic-committee" in laws_on(date(2027, 12, 31))
    assert "basic-committee" not in laws_on(date(2028, 1, 1))


def test_the_difference_between_two_days_is_told():
    before = applied(on=date(2025, 9, 28), profile=ALL_NO)
    told = difference(before, applied(on=date(2025, 9, 29), profile=ALL_NO))
    assert {one.urn.removeprefix(REQ) for one in told.went} == {
        "basic-article-7", "basic-committee-ethics", "basic-plan-item-5", "basic-committee-item-4",
    }  # fmt: skip
    assert all(one.law.startswith("서울특별시 인공지능윤리") for one in told.came)
    assert len(told.came) == 4


def test_an_unknown_trait_is_neither_yes_nor_no():
    found = applied(on=date(2026, 2, 1), profile=ALL_NO | {"high_impact": "unknown"})
    assert REQ + "act-risk-plan" in {one.urn for one in found.perhaps}
    assert REQ + "act-risk-plan" not in found.urns
    assert REQ + "act-impact-vulnerable" not in {one.urn for one in found.perhaps}, "a 'no' decides an 'all'"
    assert Applies("any", ("generative", "high_impact")).answer({"generative": "yes"}) == "yes"
    assert Applies("all", ("generative",)).answer({}) == "unknown"


def test_a_mistyped_trait_is_an_error():
    with pytest.raises(ValueError, match="highimpact"):
        applied(on=date(2026, 2, 1), profile={"highimpact": "yes"})


def test_the_catalogue_covers_every_item_of_the_crosswalk():
    catalogue, today = catalogue_in_force(), date(2026, 11, 1)
    for framework in ("cat", "seoul", "mois", "act", "rmf"):
        for item in catalogue.frameworks[framework].items:
            assert (framework == "act" and item in ("제16조", "제32조")) or catalogue.touching(
                framework, item, today
            ), item
    assert len(catalogue.frameworks["cat"].items) == 15
    assert {REQ + f"cat-{number:02}" for number in range(1, 16)} <= set(catalogue.asked)


def test_every_requirement_on_services_is_asked_in_a_questionnaire_or_shown_by_the_platform():
    catalogue = catalogue_in_force()
    for one in catalogue.requirements.values():
        if one.scope == "service":
            assert catalogue.asked.get(one.urn) or catalogue.probes_of(one), one.urn


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("requirements/mois.yaml", "mea:ethics-check", "mea:nothing", "there is no measure"),
        ("requirements/mois.yaml", '["urn:seoul:ai:mea:ethics-check"]', "[]", "has no measure"),
        ("requirements/mois.yaml", "from: 2025-11-03", "from: 2025-11-03\n    until: 2025-01-01", "in force from"),
        ("requirements/mois.yaml", "CAT-02", "CAT-99", "has no 'CAT-99'"),
        ("requirements/mois.yaml", "applies: always", "applies: {any: [magic]}", "applies is"),
        ("requirements/mois.yaml", "req:mois-self-check", "req:cat-01", "stands twice"),
        ("instruments/instruments.yaml", "ethics_plan", "ethics_dream", "no questionnaire"),
        ("measures/measures.yaml", "owner: ai_team", "owner: wizard", "unknown owner"),
    ],
)
def test_a_catalogue_with_a_broken_link_is_not_loaded(tmp_path: Path, file: str, old: str, new: str, told: str):
    folder = tmp_path / "catalogue"
    shutil.copytree(policy_file("catalogue"), folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BadCatalogue, match=told):
        read_catalogue(folder, policy_file("questionnaires"))
