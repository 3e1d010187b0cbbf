"""Answers as people send them, read into values; and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from haechi.office.forms.conditions import Answers
from haechi.office.forms.form import Column, Form, Question

UNKNOWN = "__unknown__"
"""The answer 모름, where a question allows it: it counts as an answer, and in points as the heaviest one."""
MOST_ROWS = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be taken: the question, and what to do (ko, en)."""

    question: str
    message: tuple[str, str]


def check(form: Form, answers: Answers) -> tuple[Fault, ...]:
    """Faults of typed answers: unknown questions, wrong types, values outside the bounds. Missing ones are no fault."""
    faults = [Fault(id, ("이 양식에 없는 문항입니다.", "No such question.")) for id in answers if id not in form.by_id]
    for question in form.questions:
        if answers.get(question.id) is not None:
            message = _fault(question, answers[question.id])
            if message is not None:
                faults.append(Fault(question.id, message))
    return tuple(faults)


def read_answers(form: Form, sent: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """What a page or a file sent (texts, lists of texts, JSON rows), as values; blanks become None.

    A value that cannot be read is kept as it was sent, beside its fault, so that nobody types it again.
    """
    answers: dict[str, Any] = {}
    for id, raw in sent.items():
        question = form.by_id.get(id)
        answers[id] = raw if question is None else read_answer(question, raw)
    return answers, check(form, answers)


def read_answer(question: Question, raw: Any) -> Any:
    """One answer; None for a blank; the raw value when it cannot be read."""
    if isinstance(raw, str):
        raw = raw.strip()
    if raw in ("", None, []):
        return None
    if raw == UNKNOWN and question.may_be_unknown:
        return UNKNOWN
    return _READERS.get(question.kind, _same)(question, raw)


def _same(_: Question, raw: Any) -> Any:
    return raw


def _yesno(_: Question, raw: Any) -> Any:
    return {"true": True, "yes": True, "예": True, "false": False, "no": False, "아니요": False}.get(
        str(raw).lower(), raw
    )


def _choices(question: Question, raw: Any) -> Any:
    values = [raw] if isinstance(raw, str) else list(raw)
    order = {option.value: place for place, option in enumerate(question.options)}
    return sorted(dict.fromkeys(map(str, filter(None, values))), key=lambda value: order.get(value, len(order))) or None


def _table(question: Question, raw: Any) -> Any:
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            return raw
    if not isinstance(raw, list) or not all(isinstance(row, Mapping) for row in raw):
        return raw
    rows = [{c.id: _cell(c, row.get(c.id)) for c in question.columns} for row in raw]
    return [row for row in rows if any(value is not None for value in row.values())] or None


def _cell(column: Column, raw: Any) -> Any:
    if isinstance(raw, str):
        raw = raw.strip()
    if raw in ("", None):
        return None
    return _PLAIN[column.kind](raw)


def _whole(raw: Any) -> Any:
    text = str(raw).replace(",", "").removesuffix("원").strip()
    return int(text) if text.lstrip("-").isdecimal() else raw


def _number(raw: Any) -> Any:
    try:
        value = Decimal(str(raw).replace(",", ""))
    except InvalidOperation:
        return raw
    if not value.is_finite():
        return raw
    return int(value) if value == value.to_integral_value() else str(value.normalize())


def _date(raw: Any) -> Any:
    text = str(raw).replace(".", "-").replace("/", "-").rstrip("-").replace(" ", "")
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return raw


_PLAIN: Mapping[str, Callable[[Any], Any]] = {"text": str, "number": _number, "money": _whole, "date": _date}
_READERS: Mapping[str, Callable[[Question, Any], Any]] = {
    "yesno": _yesno,
    "choices": _choices,
    "table": _table,
    "number": lambda _, raw: _number(raw),
    "money": lambda _, raw: _whole(raw),
    "date": lambda _, raw: _date(raw),
    "text": lambda _, raw: str(raw),
    "long": lambda _, raw: str(raw),
}


# --- faults ----------------------------------------------------------------------------------------------------------


def _fault(question: Question, value: Any) -> tuple[str, str] | None:
    if value == UNKNOWN and question.may_be_unknown:
        return None
    if question.kind in ("text", "long", "bureau"):
        return _text_fault(question, value)
    if question.kind == "yesno":
        return None if isinstance(value, bool) else ("예와 아니요 가운데 고르세요.", "Choose yes or no.")
    if question.kind in ("choice", "choices"):
        return _choice_fault(question, value)
    if question.kind == "table":
        return _table_fault(question, value)
    return _plain_fault(question.kind, value, question.least, question.most)


def _text_fault(question: Question, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "글로 적으세요.", "Write text."
    if len(value) > question.longest:
        return f"{question.longest:,}자까지 적을 수 있습니다.", f"At most {question.longest:,} characters."
    return None


def _choice_fault(question: Question, value: Any) -> tuple[str, str] | None:
    known = {option.value for option in question.options}
    chosen = value if isinstance(value, list) else [value]
    if isinstance(value, list) != (question.kind == "choices") or not all(one in known for one in chosen):
        return "보기 가운데 고르세요.", "Choose one of the options."
    return None


def _plain_fault(kind: str, value: Any, least: int | None, most: int | None) -> tuple[str, str] | None:
    if kind == "text":
        return None
    if kind == "date":
        return None if _is_day(value) else ("날짜를 2026-03-01처럼 적으세요.", "Write a day like 2026-03-01.")
    number = _as_number(value)
    if number is None or (kind == "money" and not isinstance(value, int)):
        return ("원 단위의 숫자로 적으세요.", "Whole won.") if kind == "money" else ("숫자로 적으세요.", "A number.")
    if (least is not None and number < least) or (most is not None and number > most):
        bounds = f"{least if least is not None else '…'}–{most if most is not None else '…'}"
        return f"{bounds} 사이의 값이어야 합니다.", f"Between {bounds}."
    return None


def _table_fault(question: Question, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, list) or len(value) > MOST_ROWS:
        return f"표로 적으세요({MOST_ROWS}줄까지).", f"Rows, at most {MOST_ROWS}."
    for number, row in enumerate(value, 1):
        for column in question.columns:
            cell = row.get(column.id) if isinstance(row, Mapping) else None
            if cell is None:
                if column.required:
                    return (
                        f"{number}번째 줄의 ‘{column.text[0]}’이(가) 비었습니다.",
                        f"Row {number}: {column.text[1]} is blank.",
                    )
                continue
            fault = _plain_fault(column.kind, cell, None, None)
            if fault is not None:
                return f"{number}번째 줄, {column.text[0]}: {fault[0]}", f"Row {number}, {column.text[1]}: {fault[1]}"
    return None


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _as_number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
