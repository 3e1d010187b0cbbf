"""Every figure of a draft is found in the line of the plan that it names, or it does not stand in the draft."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from haechi.engines.text.drafting.draft import Draft, Paragraph, Sentence
from haechi.engines.text.drafting.fields import squeeze
from haechi.engines.text.drafting.plan import Korean, Line, Plan

_TOKEN = re.compile(r"[A-Za-z]*\d[\dA-Za-z]*(?:[.,:/-]\d+)*")
_NUMBER_WORD = re.compile(
    r"절반|(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|몇|수십|수백|수천)\s?(?:배|곱절|차례|째)|\S*분의\s?\S"
)
_MEASURED = frozenset({"money", "percent", "count"})
_LABEL_BEFORE = re.compile(r"([가-힣A-Za-z]{2,}(?: [가-힣A-Za-z]{2,})?)\s?(?:은|는|[:：]|\))?\s*(?:총|모두|약)?\s*$")
_BREAKDOWN = frozenset({"회당", "인당", "평균", "최대", "최소", "월", "연", "전체", "기존", "추가", "대비"})


@dataclass(frozen=True, slots=True)
class Cited:
    """A figure of the draft with the place of the plan it stands in. paragraph: id in the draft. quote: exact."""

    text: str
    kind: str
    value: str
    unit: str
    paragraph: str
    line: int
    quote: str
    locator: str
    page: int | None
    passage: int


@dataclass(frozen=True, slots=True)
class Unproved:
    """A figure that its sentence's lines do not have, or a line that the plan does not have."""

    paragraph: str
    sentence: str
    figure: str
    why: str


@dataclass(frozen=True, slots=True)
class Verification:
    """ok: every figure is proved. figures: the proved ones in order."""

    ok: bool
    figures: tuple[Cited, ...]
    failures: tuple[Unproved, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """The plan gives the same thing two different figures; both are shown."""

    subject: str
    first: tuple[str, int]
    second: tuple[str, int]


def verify(draft: Draft, plan: Plan, korean: Korean) -> Verification:
    """Prove each number, date and amount of the draft against the quoted lines, comparing normal forms and units."""
    figures: list[Cited] = []
    failures: list[Unproved] = []
    for paragraph in draft.paragraphs:
        for text, numbers, _ in paragraph.claims():
            lines = _lines(plan, numbers)
            if lines is None:
                failures.append(Unproved(paragraph.id, text, "", "계획서에 없는 줄을 가리킵니다."))
                continue
            failures += [
                Unproved(paragraph.id, text, figure, "가리킨 줄에 없는 숫자입니다.")
                for figure in unproved(text, [line.text for line in lines], korean)
            ]
            figures += _cited(text, paragraph.id, lines, korean)
    return Verification(not failures, tuple(figures), tuple(failures))


def _lines(plan: Plan, numbers: Sequence[int]) -> list[Line] | None:
    try:
        return [plan.line(number) for number in numbers]
    except KeyError:
        return None


def unproved(text: str, quotes: Sequence[str], korean: Korean) -> list[str]:
    """The figures of `text` that stand in none of the quotes: by value and unit, leftover digits letter by letter."""
    if any(text in quote for quote in quotes):
        return []  # the quote's own words
    known = {(one.value, one.unit) for quote in quotes for one in korean.figures(quote)}
    letters = {token for quote in quotes for token in _TOKEN.findall(quote)}
    found = korean.figures(text)
    missing = [one.text for one in found if (one.value, one.unit) not in known]
    rest = text
    for one in found:
        rest = rest[: one.start] + " " * (one.end - one.start) + rest[one.end :]
    missing += [token for token in _TOKEN.findall(rest) if token not in letters]
    said = squeeze(" ".join(quotes))
    return missing + [word for word in _NUMBER_WORD.findall(rest) if squeeze(word) not in said]


def _cited(text: str, paragraph: str, lines: Sequence[Line], korean: Korean) -> Iterable[Cited]:
    for one in korean.figures(text):
        for line in lines:
            if any((one.value, one.unit) == (there.value, there.unit) for there in korean.figures(line.text)):
                yield Cited(
                    one.text, one.kind, one.value, one.unit, paragraph,
                    line.number, line.text, line.locator, line.page, line.passage,
                )  # fmt: skip
                break


def keep_proved(draft: Draft, plan: Plan, korean: Korean) -> Draft:
    """The draft without what it cannot prove; each sentence or row taken out is listed in `left_out`."""
    out: list[Paragraph] = []
    removed: list[tuple[str, str]] = []
    for paragraph in draft.paragraphs:
        good = [one for one in paragraph.sentences if _proved(one.text, one.lines, plan, korean)]
        rows = [
            at
            for at, row in enumerate(paragraph.rows)
            if _proved(" | ".join(row), paragraph.row_lines[at], plan, korean)
        ]
        removed += [("근거 없는 숫자", one.text) for one in paragraph.sentences if one not in good]
        removed += [("근거 없는 숫자", " | ".join(row)) for at, row in enumerate(paragraph.rows) if at not in rows]
        kept = replace(
            paragraph,
            sentences=tuple(good),
            rows=tuple(paragraph.rows[at] for at in rows),
            row_lines=tuple(paragraph.row_lines[at] for at in rows),
        )
        if kept.sentences or kept.rows:
            out.append(kept)
    return replace(draft, paragraphs=tuple(out), left_out=(*draft.left_out, *removed))


def _proved(text: str, numbers: Sequence[int], plan: Plan, korean: Korean) -> bool:
    lines = _lines(plan, numbers)
    return lines is not None and not unproved(text, [line.text for line in lines], korean)


def proved_or_plain(changed: Sentence, plain: Sentence, plan: Plan, korean: Korean) -> Sentence:
    """The changed sentence when its figures are still the plan's, else the plan's own words."""
    return changed if _proved(changed.text, changed.lines, plan, korean) else plain


def conflicts(plan: Plan, korean: Korean, *, leave: frozenset[int] = frozenset()) -> list[Conflict]:
    """Two different figures of one unit for the same subject in two lines of prose or list ("총사업비 5억 원" and
    "총사업비 7억 원"). Tables are not compared: their rows are different things. leave: lines not looked at."""
    seen: dict[tuple[str, str], tuple[str, str, int]] = {}
    found: list[Conflict] = []
    for line in plan.lines:
        if line.kind != "text" or line.number in leave:
            continue
        for subject, one in _subjects(line, korean):
            value, text, number = seen.setdefault((subject, one.unit), (one.value, one.text, line.number))
            if value != one.value and number != line.number:
                found.append(Conflict(subject, (text, number), (one.text, line.number)))
    return found


def _subjects(line: Line, korean: Korean) -> Iterable[tuple[str, object]]:
    text = line.text
    last = 0
    for one in korean.figures(text):
        if one.kind in _MEASURED:
            before = _LABEL_BEFORE.search(text[last : one.start])
            if before and not set(before[1].split()) & _BREAKDOWN:
                yield squeeze(before[1]), one
        last = one.end
