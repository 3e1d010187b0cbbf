"""Answers in words, as papers print them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.office.forms.answers import UNKNOWN
from haechi.office.forms.form import Form, Question


def said(question: Question, value: Any) -> str:
    """The answer in Korean: options by their names, money with commas, a table row after row."""
    if value is None:
        return ""
    if value == UNKNOWN:
        return "모름"
    names = {option.value: option.text[0] for option in question.options}
    if question.kind == "choices":
        return ", ".join(names.get(one, str(one)) for one in value)
    if question.kind == "yesno":
        return "예" if value in (True, "yes", "true") else "아니요"
    if question.kind == "money":
        return f"{value:,}원"
    if question.kind == "table":
        return "; ".join(" / ".join(_cell(row, column.id) for column in question.columns) for row in value)
    return names.get(value, str(value)) if question.kind == "choice" else str(value)


def told(form: Form, answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(question, answer) for everything that was answered, in the form's order."""
    return [(one.text[0], said(one, answers[one.id])) for one in form.questions if answers.get(one.id) is not None]


def _cell(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value or "")
