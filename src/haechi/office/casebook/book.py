"""The book as a paper: one chapter a case, with the time it saves and what to mind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from haechi.office.letters import Heading, Item, Note, Paper, Table, Text
from haechi.office.letters.paper import Part

MEASURED = {"timed": "재어 본 값", "estimated": "어림한 값"}


def minutes_saved(content: Mapping[str, Any]) -> float:
    """Minutes a month that one person saves by the author's own account; negative where it takes longer now."""
    saved = (content["before_minutes"] - content["after_minutes"]) * content["times"]
    return int(saved) if float(saved).is_integer() else float(saved)


def paper(city: str, round: str, entries: Sequence[Mapping[str, Any]], made_on: date) -> Paper:
    """The book of a round ('' for all rounds): entries as the shelf gives them, in the order of their numbers."""
    parts: list[Part] = [Heading("차례")]
    if entries:
        rows = [("번호", "사례", "부서", "1회에 줄어든 시간")]
        rows += [(e["number"], e["title"], e["credit"], _once(e["content"])) for e in entries]
        parts.append(Table(tuple(rows)))
    else:
        parts.append(Text("아직 실린 사례가 없습니다."))
    for entry in entries:
        parts += chapter(entry)
    parts.append(Note("시간은 낸 사람이 재거나 어림한 값이며, 합쳐서 도시의 절감 시간으로 쓰지 않습니다."))
    return Paper(
        kind="사례집",
        title=f"AI 활용 우수사례집{f' {round}회차' if round else ''}",
        meta=(("펴낸 곳", city), ("펴낸 날", f"{made_on:%Y. %-m. %-d.}"), ("실린 사례", f"{len(entries)}건")),
        parts=tuple(parts),
        label="AI 활용 우수사례집",
    )


def chapter(entry: Mapping[str, Any]) -> list[Part]:
    """What one case says, heading first."""
    told = entry["content"]
    parts: list[Part] = [
        Heading(f"{entry['number']} {entry['title']}"),
        Text(told["task"]),
        Item(f"{entry['credit']} · 쓴 서비스: {told['service']}"),
        Item(f"{_once(told)} · 한 달 {_plain(told['times'])}회 · {MEASURED.get(told['measured'], '')}"),
    ]
    for title, key in (
        ("프롬프트", "prompt"),
        ("받은 결과", "output"),
        ("사람이 확인하고 고친 것", "checked"),
        ("주의할 점", "caution"),
    ):
        parts += [Heading(title, 2), *(Text(line) for line in str(told[key]).splitlines() if line.strip())]
    return parts


def _once(content: Mapping[str, Any]) -> str:
    return f"{_plain(content['before_minutes'])}분 → {_plain(content['after_minutes'])}분"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
