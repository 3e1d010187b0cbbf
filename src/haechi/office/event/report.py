"""What an edition came to: the figures of documents beside those that the platform counted, never mixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.core.store import Row
from haechi.office.letters import Heading, Note, Paper, Part, Table, bars

NAMES: Mapping[str, tuple[str, str]] = {
    "companies": ("참가기업", "개"), "countries": ("참가국", "개국"), "cities": ("참가 도시", "개"), "online": ("온라인 전시관", "곳"),
    "sessions": ("포럼·발표", "개"), "speakers": ("연사", "명"), "attendees": ("포럼 참관객", "명"), "registered": ("등록", "명"),
    "visitors": ("방문객", "명"), "meetings": ("도시·기업 만남", "건"), "winners": ("수상", "개"), "answers": ("설문 응답", "건"),
    "satisfied": ("만족도(5점)", "점"),
}  # fmt: skip


def paper(city: str, edition: Row, counted: Mapping[str, Any], plan: Mapping[str, Any]) -> Paper:
    """The result report. stated figures keep their source; counted ones are the platform's own records; 미상 where there are none."""
    stated: Mapping[str, Any] = edition["stated"]
    rows = [
        (name, _value(stated[key]["value"], unit) if key in stated else "–", _value(counted.get(key), unit))
        for key, (name, unit) in NAMES.items() if key in stated or key in counted
    ]  # fmt: skip
    parts: list[Part] = [
        Heading("성과"),
        Table((("항목", "문서의 값", "플랫폼이 센 값"), *rows)),
        *(Note(f"‘문서의 값’의 출처: {source}") for source in dict.fromkeys(one["source"] for one in stated.values())),
        Note(
            "‘플랫폼이 센 값’은 이 행사의 기록에서 센 것이며, 기록이 없으면 미상입니다. 두 값을 더하거나 바꾸어 쓰지 않습니다."
        ),
    ]
    for hall, (assigned, left) in plan["areas"].items():
        parts += [
            Heading(f"전시장 {hall}"),
            bars(
                [(space.name[0] or space.code, space.area) for space in plan["spaces"] if space.parent == hall],
                caption="구역별 면적",
                unit="㎡",
            ),
            Note(f"배정한 면적 {assigned:,.0f}㎡, 배정하지 않은 면적 {left:,.0f}㎡"),
        ]
    return Paper(
        kind="결과보고서",
        title=f"{edition['name_ko']} 결과보고",
        meta=(
            ("기간", f"{edition['begins_on']} ~ {edition['ends_on']}"),
            ("장소", edition["place"] or "미상"),
            ("작성", city),
        ),
        parts=tuple(parts),
        label=edition["name_ko"],
    )


def _value(value: Any, unit: str) -> str:
    if value is None:
        return "미상"
    number = float(value)
    return f"{number:,.0f}{unit}" if number.is_integer() else f"{number:,.2f}{unit}"
