"""A filing out of the house and back: JSON, CSV and XLSX, equal after the round trip."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from openpyxl import Workbook, load_workbook

from haechi.core.errors import InvalidInput
from haechi.office.forms.answers import UNKNOWN, Fault, check, read_answers
from haechi.office.forms.form import Form, Question

HEAD = ("문항", "question", "답", "보기")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so would be run as a formula by a spreadsheet; an apostrophe before it keeps it text."""


def to_json(form: Form, answers: Mapping[str, Any]) -> str:
    """{form, version, answers} with values as they are stored."""
    return json.dumps(
        {"form": form.id, "version": form.version, "answers": dict(answers)}, ensure_ascii=False, indent=1
    )


def from_json(form: Form, text: str) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """Answers and faults. InvalidInput when it is not an export of this form and version."""
    try:
        told = json.loads(text)
        same = (told["form"], int(told["version"])) == (form.id, form.version)
        answers = dict(told["answers"])
    except (ValueError, KeyError, TypeError) as error:
        raise _foreign(form) from error
    if not same:
        raise _foreign(form)
    return answers, check(form, answers)


def to_csv(form: Form, answers: Mapping[str, Any]) -> str:
    """A row a question: id, its words, the answer, the options; UTF-8 with a mark, as spreadsheets want it."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in _rows(form, answers):
        writer.writerow(row)
    return "\ufeff" + out.getvalue()


def from_csv(form: Form, text: str) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """As `from_json`."""
    return _from_rows(form, list(csv.reader(io.StringIO(text.lstrip("\ufeff")))))


def to_xlsx(form: Form, answers: Mapping[str, Any]) -> bytes:
    """The same rows as a workbook."""
    book = Workbook()
    sheet = book.active
    sheet.title = "answers"
    for row in _rows(form, answers):
        sheet.append(row)
    for column, width in zip("ABCD", (24, 60, 60, 40), strict=True):
        sheet.column_dimensions[column].width = width
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def from_xlsx(form: Form, data: bytes) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """As `from_json`."""
    try:
        sheet = load_workbook(io.BytesIO(data), read_only=True, data_only=True).worksheets[0]
        rows = [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    except Exception as error:
        raise _foreign(form) from error
    return _from_rows(form, rows)


def _rows(form: Form, answers: Mapping[str, Any]) -> list[list[str]]:
    rows = [[f"{form.id} {form.version}", form.title[0], "", ""], list(HEAD)]
    for question in form.questions:
        options = " · ".join(f"{option.value}={option.text[0]}" for option in question.options)
        rows.append([question.id, question.text[0], _safe(_cell(question, answers.get(question.id))), options])
    return rows


def _cell(question: Question, value: Any) -> str:
    if value is None:
        return ""
    if value == UNKNOWN:
        return UNKNOWN
    if question.kind == "yesno":
        return "예" if value else "아니요"
    if question.kind in ("choices", "table"):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _from_rows(form: Form, rows: list[list[str]]) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    if not rows or not rows[0] or rows[0][0] != f"{form.id} {form.version}":
        raise _foreign(form)
    sent: dict[str, Any] = {}
    for row in rows[2:]:
        question = form.by_id.get(row[0]) if row else None
        if question is None or len(row) < 3:
            continue
        text = _plain(row[2])
        sent[question.id] = (
            json.loads(text) if text and question.kind in ("choices", "table") and text[:1] == "[" else text
        )
    answers, faults = read_answers(form, sent)
    return {id: value for id, value in answers.items() if value is not None}, faults


def _safe(text: str) -> str:
    return "'" + text if text.startswith((*_DANGEROUS, "'")) else text


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") else text


def _foreign(form: Form) -> InvalidInput:
    return InvalidInput(
        f"‘{form.title[0]}’ {form.version}판을 내보낸 파일이 아닙니다.",
        next_step="이 화면에서 내보낸 파일을 고쳐서 올리세요.",
        record=form.id,
    )
