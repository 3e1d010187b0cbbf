"""Questionnaires: what is asked, what is never scored, what an answer is worth, and the way out and back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from haechi.core.roles import policy_file
from haechi.office.forms import UNKNOWN, BadForm, Form, assess, check, open_questions, read_answers, visible
from haechi.office.forms.exchange import from_csv, from_json, from_xlsx, to_csv, to_json, to_xlsx
from haechi.office.forms.form import load_forms, read_form


def _told(**more: Any) -> dict[str, Any]:
    weighed = [
        {"value": "no", "ko": "없음", "weight": 0},
        {"value": "some", "ko": "조금", "weight": 2},
        {"value": "much", "ko": "많이", "weight": 4},
    ]
    return {
        "id": "impact", "version": 1, "in_force": date(2026, 1, 1), "title": {"ko": "영향", "en": "Impact"},
        "sections": [{"id": "s", "title": {"ko": "질문"}, "questions": [
            {"id": "people", "text": {"ko": "사람에게 미치는가"}, "kind": "yesno", "required_from": "plan"},
            {"id": "harm", "text": {"ko": "해"}, "kind": "choice", "options": weighed, "area": "risk", "required_from": "plan",
             "when": {"question": "people", "is": True}, "may_be_unknown": True},
            {"id": "kinds", "text": {"ko": "정보"}, "kind": "choices", "options": weighed, "area": "risk", "required_from": "plan"},
            {"id": "care", "text": {"ko": "대책"}, "kind": "choice", "options": weighed, "area": "relief", "required_from": "build"},
            {"id": "money", "text": {"ko": "예산"}, "kind": "money"},
            {"id": "lines", "text": {"ko": "내역"}, "kind": "table", "columns": [
                {"id": "what", "text": {"ko": "항목"}}, {"id": "won", "text": {"ko": "금액"}, "kind": "money"}]},
            {"id": "why", "text": {"ko": "까닭"}, "kind": "long"},
        ]}],
        "score": {"area": "risk", "relief": "relief", "relief_from": 0.8, "factor": 0.85, "levels": [
            {"id": "1", "name": {"ko": "낮음"}, "up_to": 0.25}, {"id": "2", "name": {"ko": "높음"}, "up_to": 1}]},
        **more,
    }  # fmt: skip


FORM = read_form(_told())


def test_an_empty_form_is_not_low_risk() -> None:
    told = assess(FORM, {}, stage="plan")
    assert told.level is None
    assert told.open == ("people", "kinds")


def test_a_question_that_follows_opens_when_its_key_is_answered() -> None:
    assert [q.id for q in open_questions(FORM, {"people": True, "kinds": ["no"]}, stage="plan")] == ["harm"]
    assert open_questions(FORM, {"people": False, "kinds": ["no"]}, stage="plan") == ()


def test_an_answer_to_a_question_that_is_not_asked_any_more_counts_nowhere() -> None:
    told = assess(FORM, {"people": False, "harm": "much", "kinds": ["no"]}, stage="plan")
    assert [(scale.area, scale.points) for scale in told.scales] == [("risk", 0), ("relief", 0)]


def test_unknown_weighs_as_much_as_the_worst() -> None:
    told = assess(FORM, {"people": True, "harm": UNKNOWN, "kinds": ["no"]}, stage="plan")
    assert told.scales[0].points == 4
    assert told.drivers[0].unknown


def test_the_answers_that_decide_the_level_are_named() -> None:
    told = assess(FORM, {"people": True, "harm": "much", "kinds": ["some"]}, stage="plan")
    assert told.level is not None
    assert told.level.id == "2"
    assert [(driver.question, driver.decisive) for driver in told.drivers] == [("harm", True), ("kinds", False)]


def test_care_lowers_the_share_only_when_there_is_enough_of_it() -> None:
    answers = {"people": True, "harm": "much", "kinds": ["much"]}
    none, full = (assess(FORM, {**answers, "care": care}).share for care in ("some", "much"))
    assert none is not None
    assert full == pytest.approx(none * 0.85)


def test_a_stage_asks_for_more_than_the_one_before() -> None:
    answers = {"people": False, "kinds": ["no"]}
    assert open_questions(FORM, answers, stage="plan") == ()
    assert [q.id for q in open_questions(FORM, answers, stage="run")] == ["care"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "riddle"}, "unknown kind"),
        ({"required_from": "someday"}, "unknown stage"),
        ({"when": {"question": "later", "is": 1}}, "does not stand before it"),
        ({"area": "risk", "required_from": ""}, "options"),
        ({"colour": "red"}, "unknown keys"),
    ],
)
def test_a_form_that_could_lie_is_not_loaded(change: dict[str, Any], said: str) -> None:
    told = _told()
    told["sections"][0]["questions"][0] |= change
    with pytest.raises(BadForm, match=said):
        read_form(told)


def test_a_question_behind_one_that_may_stay_blank_is_refused() -> None:
    told = _told()
    told["sections"][0]["questions"][0]["required_from"] = ""
    with pytest.raises(BadForm, match="a blank would hide this question"):
        read_form(told)


def test_answers_are_read_as_people_write_them() -> None:
    sent = {
        "money": " 1,200,000원 ",
        "people": "예",
        "kinds": ["much", "no"],
        "lines": [{"what": "서버", "won": "5,000"}, {"what": "", "won": ""}],
    }
    answers, faults = read_answers(FORM, sent)
    assert not faults
    assert answers == {
        "money": 1_200_000,
        "people": True,
        "kinds": ["no", "much"],
        "lines": [{"what": "서버", "won": 5000}],
    }


def test_what_cannot_be_read_is_said_and_kept() -> None:
    answers, faults = read_answers(FORM, {"money": "많이", "kinds": "never", "lines": [{"what": "서버", "won": "x"}]})
    assert {fault.question for fault in faults} == {"money", "kinds", "lines"}
    assert answers["money"] == "많이"
    assert "1번째 줄" in next(fault.message[0] for fault in faults if fault.question == "lines")


_TEXT = some.text(some.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(
    lambda t: t == t.strip() and t
)
_ANSWERS = some.fixed_dictionaries(
    {},
    optional={
        "people": some.booleans(),
        "harm": some.sampled_from(["no", "some", "much", UNKNOWN]),
        "kinds": some.lists(some.sampled_from(["no", "some", "much"]), min_size=1, unique=True).map(
            lambda chosen: sorted(chosen, key=["no", "some", "much"].index)
        ),
        "money": some.integers(0, 10**13),
        "lines": some.lists(
            some.fixed_dictionaries({"what": _TEXT, "won": some.integers(0, 10**12)}), min_size=1, max_size=4
        ),
        "why": _TEXT,
    },
)


@settings(max_examples=60, deadline=None)
@given(_ANSWERS)
def test_out_and_back_is_equal(answers: dict[str, Any]) -> None:
    assert check(FORM, answers) == ()
    assert from_json(FORM, to_json(FORM, answers)) == (answers, ())
    assert from_csv(FORM, to_csv(FORM, answers)) == (answers, ())
    assert from_xlsx(FORM, to_xlsx(FORM, answers)) == (answers, ())


def test_a_formula_goes_out_as_text() -> None:
    assert "'=cmd" in to_csv(FORM, {"why": "=cmd|' /C calc'!A0"})


@pytest.mark.parametrize(
    "form", load_forms(policy_file("questionnaires")).values(), ids=lambda form: f"{form.id}-{form.version}"
)
def test_every_questionnaire_of_the_city_loads_and_speaks_both_languages(form: Form) -> None:
    for question in form.questions:
        assert all(question.text), question.id
        assert all(all(option.text) for option in question.options), question.id
    assert visible(form, {})
