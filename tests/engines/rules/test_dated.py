"""What applied on that day? Values with their law, and files that would leave a day without an answer."""

from datetime import date
from pathlib import Path

import pytest

from haechi.core.errors import NotFound
from haechi.engines.rules import dated
from haechi.engines.rules.dated import BadParameter, history, parameter, read_parameters


def written(folder: Path, text: str) -> Path:
    """The folder, with one file of parameters in it."""
    (folder / "one.yaml").write_text(text, encoding="utf-8")
    return folder


TWO = """
- id: plan.years
  name: {ko: 기본계획 주기, en: Years of the plan}
  unit: 년
  values:
    - {from: 2025-03-01, value: 5, law: 계획안}
    - {from: 2025-07-14, value: 3, law: 기본조례 제6조, approved_by: 시의회, source: 자치법규}
"""


@pytest.fixture
def city(tmp_path, monkeypatch):
    """The parameters of a city that has only TWO."""
    known = read_parameters(written(tmp_path, TWO))
    monkeypatch.setattr(dated, "parameters", lambda: known)


@pytest.mark.usefixtures("city")
def test_each_day_has_the_value_of_that_day():
    before, after = parameter("plan.years", on=date(2025, 7, 13)), parameter("plan.years", on=date(2025, 7, 14))
    assert (before.value, before.until, before.approved_by) == (5, date(2025, 7, 13), "미상")
    assert (after.value, after.until, after.law) == (3, None, "기본조례 제6조")
    assert [one.value for one in history("plan.years")] == [5, 3]


@pytest.mark.usefixtures("city")
def test_a_day_before_the_first_value_has_none():
    with pytest.raises(NotFound, match="2025-02-28에는 ‘기본계획 주기’에 시행 중인 값이 없습니다"):
        parameter("plan.years", on=date(2025, 2, 28))


@pytest.mark.usefixtures("city")
def test_a_mistyped_name_is_told_what_it_resembles():
    with pytest.raises(NotFound, match=r"plan\.years"):
        parameter("plan.year", on=date(2026, 1, 1))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("[{from: 2025-01-01, until: 2025-06-30, value: 1}, {from: 2025-07-02, value: 2}]", "nothing is in force"),
        ("[{from: 2025-01-01, until: 2025-07-02, value: 1}, {from: 2025-07-02, value: 2}]", "overlap"),
        ("[{from: 2025-07-01, value: 1}, {from: 2025-01-01, value: 2}]", "overlap"),
        ("[{from: 2025-07-01, until: 2025-01-01, value: 1}]", "before it begins"),
        ("[{from: soon, value: 1}]", "days like"),
        ("[{from: 2025-07-01}]", "is missing"),
        ("[{from: 2025-07-01, value: 1, untill: 2026-01-01}]", "unknown keys untill"),
        ("[]", "has no values"),
    ],
)
def test_a_file_that_leaves_a_day_open_or_doubly_answered_is_refused(tmp_path, values, told):
    with pytest.raises(BadParameter, match=told):
        read_parameters(written(tmp_path, f"- {{id: x, name: x, values: {values}}}"))


def test_a_value_may_be_unknown_and_may_end(tmp_path, monkeypatch):
    known = read_parameters(
        written(tmp_path, "- {id: x, name: 그것, values: [{from: 2025-07-14, until: 2027-12-31, value: 미상}]}")
    )
    monkeypatch.setattr(dated, "parameters", lambda: known)
    assert parameter("x", on=date(2027, 12, 31)).value is None
    with pytest.raises(NotFound):
        parameter("x", on=date(2028, 1, 1))


def test_the_parameters_of_the_city_can_all_be_read():
    for id, values in read_parameters(dated.policy_file("parameters")).items():
        assert id == values[0].id
        assert all(one.name[0] for one in values)
