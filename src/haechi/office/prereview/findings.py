"""What a machine can say of a pre-review filing at once: the sums, the alternatives, personal data, what a person must answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from haechi.engines.text.personal_data import find, in_force
from haechi.office.cases.checks import Finding
from haechi.office.forms import Form
from haechi.office.forms.answers import UNKNOWN

Answers = Mapping[str, Any]
NOTHING = frozenset({"없음", "없다", "해당없음", "해당사항없음", "무", "na", "n/a", "-", "x", "없습니다"})
SECRET = frozenset({
    "resident", "foreigner", "licence", "passport", "card", "account", "rrn", "frn", "driver_license",
})  # fmt: skip
"""Kinds that no filing may carry, by the names that the finder has or had; the others are shown to a person, who judges
whether they are needed."""
TEXTS = ("text", "long", "table")


def budget(answers: Answers, *, cap_won: int | None = None) -> list[Finding]:
    """Each line's unit × quantity = amount, the sum of the lines = total, total within the bureau's ceiling and the
    cap of one project (None: 미상, not checked). O(lines)."""
    name, total = "pre_review_budget", answers.get("total_won")
    lines: Sequence[Mapping[str, Any]] = answers.get("lines") or ()
    found = [_line(name, at, line) for at, line in enumerate(lines, 1) if _product(line) != line.get("amount_won")]
    summed = sum(int(line.get("amount_won") or 0) for line in lines)
    if isinstance(total, int) and summed != total:
        found.append(
            _finding(name, "block", f"산출 내역의 합은 {summed:,}원인데 총사업비는 {total:,}원입니다({total - summed:+,}원).",
                     f"The lines sum to {summed:,} won, the total says {total:,}.", expected=summed, written=total)
        )  # fmt: skip
    found += _caps(name, answers, total, cap_won)
    if not any(one.weight == "block" for one in found):
        found.insert(0, Finding(name, "info", (f"산식이 맞습니다: {len(lines)}줄, 합계 {summed:,}원.",
                                               f"{len(lines)} lines sum to {summed:,} won."), ok=True))  # fmt: skip
    return found


def _line(name: str, at: int, line: Mapping[str, Any]) -> Finding:
    product, written = _product(line), line.get("amount_won") or 0
    shown = "알 수 없음" if product is None else f"{product:,}원"
    return _finding(
        name,
        "block",
        f"산출 내역 {at}줄 ‘{line.get('item')}’: 단가×수량은 {shown}인데 금액은 {written:,}원입니다.",
        f"Line {at}: {product} won expected, {written:,} written.",
        line=at,
        written=written,
    )


def _caps(name: str, answers: Answers, total: Any, cap_won: int | None) -> list[Finding]:
    found = []
    ceiling = answers.get("ceiling_won")
    if isinstance(total, int) and isinstance(ceiling, int) and total > ceiling:
        found.append(
            _finding(name, "block", f"총사업비 {total:,}원이 부서 예산 한도 {ceiling:,}원을 {total - ceiling:,}원 넘습니다.",
                     f"{total - ceiling:,} won above the bureau's ceiling.", over=total - ceiling)
        )  # fmt: skip
    if isinstance(total, int) and cap_won is not None and total > cap_won:
        found.append(
            _finding(name, "block", f"총사업비 {total:,}원이 한 사업의 한도 {cap_won:,}원을 {total - cap_won:,}원 넘습니다.",
                     f"{total - cap_won:,} won above the cap of one project.", over=total - cap_won)
        )  # fmt: skip
    if answers.get("yearly_won") == UNKNOWN:
        found.append(
            _finding(name, "warn", "연간 운영비를 모릅니다(미상). 계속 드는 돈을 심사에서 확인하세요.", "Yearly cost unknown.")
        )  # fmt: skip
    return found


def _product(line: Mapping[str, Any]) -> Decimal | None:
    try:
        return Decimal(str(line.get("unit_won"))) * Decimal(str(line.get("quantity")))
    except InvalidOperation:
        return None


def alternatives(answers: Answers, *, least: int) -> list[Finding]:
    """Whether the way without AI was weighed in at least `least` letters (block), and sharing what exists (warn)."""
    name, found = "pre_review_alternatives", []
    without = str(answers.get("non_ai") or "")
    if _says_nothing(without, least):
        found.append(
            _finding(name, "block", f"AI를 쓰지 않는 대안을 견주지 않았습니다({least}자 이상).",
                     "The alternative without AI was not weighed.", question="non_ai")
        )  # fmt: skip
    if _says_nothing(str(answers.get("existing") or ""), least):
        found.append(
            _finding(name, "warn", "이미 있는 서비스를 함께 쓰는 방안을 견주지 않았습니다.",
                     "Sharing an existing service was not weighed.", question="existing")
        )  # fmt: skip
    return found or [Finding(name, "info", ("대안을 견주었습니다.", "Alternatives were weighed."), ok=True)]


def _says_nothing(text: str, least: int) -> bool:
    plain = "".join(text.split()).lower().strip(".")
    return len(plain) < least or plain in NOTHING


def personal(form: Form, answers: Answers) -> list[Finding]:
    """Personal data that stand in the filing itself, by question and kind; never the data. high_impact_by is a name by
    design. O(letters)."""
    name, found = "pre_review_personal_data", []
    for question in form.questions:
        if question.kind not in TEXTS or question.id == "high_impact_by" or question.id not in answers:
            continue
        kinds = sorted({one.kind for text in _texts(answers[question.id]) for one in find(text)})
        for weight, some in (
            ("block", [k for k in kinds if k in SECRET]), ("warn", [k for k in kinds if k not in SECRET]),
        ):  # fmt: skip
            if some:
                named = ", ".join(_kind_name(kind) for kind in some)
                found.append(
                    Finding(name, "block" if weight == "block" else "warn",
                            (f"‘{question.text[0]}’에 개인정보({named})로 보이는 것이 있습니다."
                             + (" 지우고 내세요." if weight == "block" else " 필요한지 확인하세요."),
                             f"'{question.text[1]}' seems to hold personal data ({', '.join(some)})."),
                            detail={"question": question.id, "kinds": some})
                )  # fmt: skip
    return found or [
        Finding(name, "info", ("적은 글에서 개인정보를 찾지 못했습니다.", "No personal data found."), ok=True)
    ]


def _texts(answer: Any) -> list[str]:
    if isinstance(answer, list):
        return [str(value) for row in answer for value in (row.values() if isinstance(row, Mapping) else (row,))]
    return [str(answer)]


def _kind_name(kind: str) -> str:
    known = in_force().kinds
    return known[kind].label if kind in known else kind


def impact(answers: Answers, *, today: date) -> list[Finding]:
    """Whether a named person answered the high-impact question. What they should have answered is not computed."""
    name, found = "pre_review_high_impact", []
    answer = answers.get("high_impact")
    missing = [
        key for key in ("high_impact", "high_impact_basis", "high_impact_by", "high_impact_on") if not answers.get(key)
    ]
    if missing:
        found.append(
            _finding(name, "block", "고영향 판단에 답하지 않은 칸이 있습니다. 판단한 사람의 이름과 근거가 필요합니다.",
                     "The high-impact questions are open.", questions=missing)
        )  # fmt: skip
    if answer == UNKNOWN:
        found.append(
            _finding(name, "warn", "고영향 해당 여부를 ‘모름’으로 답했습니다. 심사에서 사람이 정해야 합니다.",
                     "High impact: unknown; a person must decide.")
        )  # fmt: skip
    told = answers.get("high_impact_on")
    if told and date.fromisoformat(str(told)) > today:
        found.append(
            _finding(name, "block", "고영향을 판단한 날이 앞날입니다.", "The day of the judgement is in the future.")
        )
    if answer == "yes" and answers.get("human_step") and len(str(answers["human_step"]).strip()) < 10:
        found.append(
            _finding(name, "warn", "고영향이라고 답했는데 사람이 확인하는 단계가 짧게 적혀 있습니다.",
                     "High impact, but the human step is hardly described.")
        )  # fmt: skip
    return found or [
        Finding(name, "info", (f"고영향 판단: {answers['high_impact_by']}이(가) 답했습니다.", "Answered by a named person."), ok=True)
    ]  # fmt: skip


def dates(answers: Answers) -> list[Finding]:
    """A project that ends before it begins."""
    begins, ends = answers.get("starts_on"), answers.get("ends_on")
    if begins and ends and str(ends) < str(begins):
        return [
            _finding("pre_review_dates", "block", "사업 종료일이 시작일보다 앞섭니다.", "It ends before it begins.")
        ]
    return []


def _finding(check: str, weight: Any, ko: str, en: str, **detail: Any) -> Finding:
    return Finding(check, weight, (ko, en), detail=detail)
