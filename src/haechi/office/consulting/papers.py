"""Letters of consulting: whether it was selected and why, and the consultant's report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.office.letters import Heading, Item, Note, Paper, Part, Table, Text
from haechi.office.rounds import answers_of


def result_letter(tx: Transaction, case: Row) -> Paper:
    """Selected and matched, or declined; the reason as the person wrote it when they decided."""
    why = answers_of(tx, case["id"], "consulting_decision").get("reason")
    names = [
        row["name"]
        for row in tx.all(
            "select name from case_people where case_id = :id and part = 'consultant' and recused_at is null order by name",
            id=case["id"],
        )
    ]
    return result_paper(case, str(why or ""), names)


def result_paper(case: Row, why: str, consultants: list[str]) -> Paper:
    """Pure."""
    chosen = case["state"] != "not_selected"
    parts: list[Part] = [
        Heading("1. 결과"),
        Text("선정" if chosen else "선정하지 않음"),
        Heading("2. 이유"),
        Text(why or "미상"),
    ]
    if chosen:
        parts += [Heading("3. 컨설턴트"), *(Item(name) for name in consultants)]
        parts.append(Note(f"보고 기한: {case['facts'].get('report_due') or '미상'}"))
    else:
        parts.append(Item("다음 회차에 다시 신청할 수 있습니다."))
    parts.append(Note("점수는 순위를 보여 줄 뿐이며, 담당자가 이유를 적어 정했습니다."))
    return Paper(
        title="AI 컨설팅 선정 결과 통보", kind="통 보 서", meta=_meta(case), parts=tuple(parts),
        sign="AI 컨설팅 담당", watermark="훈련" if case["exercise"] else "", label=case["number"],
    )  # fmt: skip


def report_letter(tx: Transaction, case: Row) -> Paper:
    """The report of a case."""
    return report_paper(
        case, answers_of(tx, case["id"], "consulting_demand"), answers_of(tx, case["id"], "consulting_report")
    )


def report_paper(case: Row, demand: Mapping[str, Any], report: Mapping[str, Any]) -> Paper:
    """Pure."""
    visits = report.get("visits") or ()
    advice = report.get("advice") or ()
    return Paper(
        title=f"AI 컨설팅 보고서: {case['title']}",
        kind="보 고 서",
        meta=_meta(case),
        parts=(
            Heading("1. 풀고자 한 문제"), Text(str(demand.get("problem") or "미상")),
            Heading(f"2. 방문({len(visits)}회)"),
            Table((("날짜", "곳", "만난 사람", "내용"), *((v["day"], v["place"], v["met"], v["about"]) for v in visits))),
            Heading("3. 살펴본 결과"), Text(str(report.get("found") or "")),
            Heading("4. 권고"),
            Table((("권고", "기한"), *((a["what"], a.get("by_when") or "미정") for a in advice))),
            Heading("5. 살피지 못한 것"), Text(str(report.get("limits") or "")),
        ),
        sign="컨설턴트",
        watermark="훈련" if case["exercise"] else "",
        label=case["number"],
    )  # fmt: skip


def _meta(case: Row) -> tuple[tuple[str, str], ...]:
    return (
        ("문서번호", case["number"]),
        ("수신", case["bureau"] or case["subject_name"]),
        ("건명", case["title"]),
        ("작성일", clock.today().isoformat()),
    )
