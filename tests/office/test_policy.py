"""Every questionnaire, flow and letter of the city: usable, spoken in both languages, and out of the house and back unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from haechi.office.cases import Policy
from haechi.office.forms import Form, Question
from haechi.office.forms.exchange import from_csv, from_json, from_xlsx, to_csv, to_json, to_xlsx

POLICY = Policy.in_force()
FORMS = [pytest.param(form, id=f"{id}-{version}") for (id, version), form in POLICY.forms.items()]


def _sample(question: Question) -> Any:
    """An answer that is hard to carry: signs of spreadsheets, several lines, the last option."""
    if question.kind in ("text", "bureau"):
        return "=합계(A1), \"따옴표\" '작은' + 더하기"[: question.longest].strip()
    if question.kind == "long":
        return "-첫 줄\n@둘째 줄, 쉼표\n'셋째 줄"[: question.longest]
    if question.kind in ("number", "money"):
        return question.least if question.least is not None else (question.most or 1_234_567)
    if question.kind == "choice":
        return question.options[-1].value
    if question.kind == "choices":
        return [option.value for option in question.options]
    if question.kind == "table":
        row = {"text": "=줄", "number": 3, "money": 90_000, "date": "2026-08-01"}
        return [{column.id: row[column.kind] for column in question.columns} for _ in range(2)]
    return {"date": "2026-08-31", "yesno": False}[question.kind]


@pytest.mark.parametrize("form", FORMS)
def test_a_filled_form_goes_out_and_comes_back_unchanged(form: Form) -> None:
    answers = {question.id: _sample(question) for question in form.questions}
    for out, back in ((to_json, from_json), (to_csv, from_csv), (to_xlsx, from_xlsx)):
        read, faults = back(form, out(form, answers))  # type: ignore[operator]
        assert (read, faults) == (answers, ())


@pytest.mark.parametrize("form", FORMS)
def test_a_form_says_where_it_comes_from_and_speaks_both_languages(form: Form) -> None:
    assert form.source
    assert form.approved_by
    silent = [q.id for q in form.questions if not all(q.text) or any(not all(option.text) for option in q.options)]
    assert not silent


@pytest.mark.parametrize("flow", POLICY.flows.values(), ids=lambda flow: f"{flow.id}-{flow.version}")
def test_a_flow_says_where_it_comes_from_and_speaks_both_languages(flow: Any) -> None:
    assert flow.source
    assert flow.approved_by
    named = {**flow.states, **flow.steps, **flow.parts, **flow.deadlines}
    assert not [id for id, one in named.items() if not all(one.name)]
    assert all(flow.title)
