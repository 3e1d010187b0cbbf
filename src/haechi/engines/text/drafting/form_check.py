"""Does a draft keep the form? Sections, title, dates, amounts, label: each rule can fail, and says what to mend."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from haechi.engines.text.drafting.draft import Draft, Paragraph
from haechi.engines.text.drafting.form import Form

_SHORT_YEAR = re.compile(r"(?<![가-힣\w])['’‘]\d{2}(?=\s*(?:\.|년|~))")
_TIGHT_DATE = re.compile(r"(?<!\d)(?:19|20)\d{2}\.(?:\d{1,2}|\s*0\d)|(?<!\d)(?:19|20)\d{2}\.\s\d{1,2}\.(?:\d|\s*0\d)")
_OPEN_DATE = re.compile(r"(?<!\d)(?:19|20)\d{2}\.\s\d{1,2}\.\s\d{1,2}(?![\d.])")
_HYPHEN_DATE = re.compile(r"(?<!\d)(?:19|20)\d{2}[-/]\d{1,2}[-/]\d{1,2}(?!\d)")
_NO_COMMA = re.compile(r"(?<![\d.,A-Za-z-])(?!(?:19|20)\d{2}(?!\d))\d{4,}(?=\s?(?:원|명|건|개|곳|시간|가구|㎡|만|억))")
_LARGE_UNIT = re.compile(r"\d(?:백만|천)\s?원")
_WON_JOINED = re.compile(r"[만억조]원")


@dataclass(frozen=True, slots=True)
class FormFault:
    """rule: its name. severity: "error" (the form is broken) or "notice" (look at it). paragraph: id, "" for the whole."""

    rule: str
    severity: str
    message: str
    paragraph: str = ""
    text: str = ""


def check_form(draft: Draft, form: Form) -> list[FormFault]:
    """Every fault in the order of the page; [] when the draft keeps the form."""
    faults = [*_sections(draft, form), *_title(draft, form), *_label(draft, form)]
    for paragraph in draft.paragraphs:
        faults += _spelling(paragraph)
    return faults


def _sections(draft: Draft, form: Form) -> Iterator[FormFault]:
    present = {one.section for one in draft.paragraphs if one.role != "heading"}
    order = [section.id for section in form.sections]
    for section in form.sections:
        if section.required and section.id not in present:
            yield FormFault("section", "error", f"'{section.name}' 자리가 없습니다.")
        elif section.heading and not any(
            one.section == section.id and one.role == "heading" for one in draft.paragraphs
        ):
            yield FormFault("section", "error", f"'{section.name}'에 제목이 없습니다.")
    seen = [one.section for one in draft.paragraphs if one.section in order]
    if seen != sorted(seen, key=order.index):
        yield FormFault("order", "error", "절의 차례가 서식과 다릅니다.")
    for one in draft.paragraphs:
        if one.role == "to_fill":
            yield FormFault("to_fill", "notice", "담당자가 채울 자리입니다.", one.id, one.text)
    if not any(one.section == "meta" for one in draft.paragraphs):
        yield FormFault("section", "error", "기관·부서·담당자 칸이 없습니다.")


def _title(draft: Draft, form: Form) -> Iterator[FormFault]:
    longest, shortest = form.title.get("longest", 60), form.title.get("shortest", 1)
    if not shortest <= len(draft.title) <= longest:
        yield FormFault("title", "notice", f"제목은 {shortest}~{longest}자로 씁니다(지금 {len(draft.title)}자).")
    wanted = form.subtitle.get("lines", 0)
    subtitles = [one for one in draft.paragraphs if one.role == "subtitle"]
    if wanted and len(subtitles) != wanted:
        yield FormFault("subtitle", "notice", f"부제는 {wanted}줄로 씁니다(지금 {len(subtitles)}줄).")
    for one in subtitles:
        if len(one.text) > form.subtitle.get("longest", 60):
            yield FormFault("subtitle", "notice", "부제가 너무 깁니다.", one.id, one.text)


def _label(draft: Draft, form: Form) -> Iterator[FormFault]:
    if draft.label != form.label or not draft.label.strip():
        yield FormFault("label", "error", "AI가 만든 초안이라는 표시가 없습니다.")


_RULES = (
    ("date", "연도는 네 자리로 씁니다(예: 2026. 3. 1.).", _SHORT_YEAR),
    ("date", "날짜의 온점 뒤는 한 칸 띄우고 0을 붙이지 않습니다(예: 2026. 3. 1.).", _TIGHT_DATE),
    ("date", "날짜는 온점으로 마칩니다(예: 2026. 3. 1.).", _OPEN_DATE),
    ("date", "날짜는 온점으로 나눕니다(예: 2026. 3. 1.).", _HYPHEN_DATE),
    ("number", "네 자리가 넘는 수는 천 단위마다 쉼표를 씁니다.", _NO_COMMA),
    ("amount", "금액은 '백만 원·천 원' 단위를 쓰지 않고 억·만으로 씁니다.", _LARGE_UNIT),
    ("amount", "'만·억' 뒤의 '원'은 띄어 씁니다.", _WON_JOINED),
)


def _spelling(paragraph: Paragraph) -> Iterator[FormFault]:
    texts = [one.text for one in paragraph.sentences] + [" | ".join(row) for row in paragraph.rows]
    for text in texts:
        for rule, message, pattern in _RULES:
            if pattern.search(text):
                yield FormFault(rule, "notice", message, paragraph.id, text)
