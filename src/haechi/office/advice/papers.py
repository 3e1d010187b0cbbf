"""회의록 and 조치결과: the minutes of a sitting, and what became of each opinion on an item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.core import clock
from haechi.core.store import Row
from haechi.office.letters import Heading, Item, Note, Paper, Part, Table, Text

WEIGHTS = {"must": "반드시", "should": "권고", "may": "참고"}


@dataclass(frozen=True, slots=True)
class Opinion:
    """An expert's opinion on an item and the owner's answer ('' : none yet)."""

    id: str
    author: str
    text: str
    weight: str = "may"
    ground: str = ""
    answer: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Agendum:
    """An item of a sitting."""

    case_id: str
    number: str
    title: str
    bureau: str
    question: str
    state: str
    opinions: tuple[Opinion, ...] = ()


def minutes_paper(sitting: Row, items: Sequence[Agendum], roster: Sequence[str], present: Sequence[str]) -> Paper:
    """Minutes of a sitting. roster: who was in term that day; present: who gave an opinion on any item. Pure."""
    parts: list[Part] = [
        Heading("1. 회의"),
        Table((("위원", f"{len(roster)}명"), ("의견을 낸 위원", f"{len(present)}명: {', '.join(present) or '없음'}"),
               ("안건", f"{len(items)}건")), headed=False),
    ]  # fmt: skip
    for at, item in enumerate(items, 1):
        parts += [Heading(f"안건 {at}. {item.title}({item.bureau or '미상'})", 2), Text(item.question or "미상")]
        parts += [
            Item(f"{one.author}({WEIGHTS.get(one.weight, one.weight)}): {one.text}") for one in item.opinions
        ] or [Note("의견이 없습니다.")]
    return Paper(
        title=f"{sitting['title']} 회의록",
        kind="회 의 록",
        meta=(("일시", str(sitting["due_on"] or "미상")), ("장소", sitting["place"] or "미상")),
        parts=tuple(parts),
        sign="간사",
        label=sitting["id"],
    )


def result_paper(case: Row, request: Mapping[str, Any], opinions: Sequence[Opinion]) -> Paper:
    """The 조치결과 of an item: every opinion with its answer and reason. Pure."""
    counted = {answer: sum(1 for one in opinions if one.answer == answer) for answer in ("반영", "일부반영", "미반영")}
    rows = [(one.author, one.text, one.answer or "답 없음", one.why) for one in opinions]
    return Paper(
        title="전문가 자문 조치결과",
        kind="통 보 서",
        meta=(("문서번호", case["number"]), ("담당", case["bureau"] or case["subject_name"]), ("안건", case["title"]),
              ("작성일", clock.today().isoformat())),
        parts=(
            Heading("1. 물은 것"), Text(str(request.get("question") or "미상")),
            Heading("2. 의견과 조치"), Table((("위원", "의견", "조치", "사유"), *rows)),
            Note(" · ".join(f"{answer} {n}건" for answer, n in counted.items())),
        ),
        sign="자문위원회 간사",
        watermark="훈련" if case["exercise"] else "",
        label=case["number"],
    )  # fmt: skip
