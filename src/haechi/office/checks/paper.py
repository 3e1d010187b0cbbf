"""The report of a round, made from its records: how far it is, what was met, what is open, how it compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from haechi.office.checks.comparison import Compared
from haechi.office.letters import Chart, Heading, Item, Note, Paper, Table, Text, bars, lines

WORDS: Mapping[str, str] = {"better": "나아짐", "worse": "나빠짐", "same": "같음", "unknown": "말할 수 없음"}
STATES: Mapping[str, str] = {
    "open": "자체 점검 중", "self_checked": "확인 대기", "verified": "확인됨", "action": "조치 중", "closed": "마감", "": "열람할 수 없음",
}  # fmt: skip


def report(whole: Mapping[str, Any], compared: Sequence[Compared], *, city: str = "") -> Paper:
    """`Checks.whole` and the comparison with the round before ([] without one) → the paper."""
    opened, rows = whole["round"], whole["rows"]
    name = f"{opened['year']}년 AI 서비스 {'중간 점검' if opened['kind'] == '중간' else '연말 성과 점검'} 결과"
    states = [(word, float(sum(row["state"] == state for row in rows))) for state, word in STATES.items()]
    sums = {key: sum(row[key] for row in rows) for key in ("met", "missed", "unknown", "tasks", "late")}
    return Paper(
        title=name,
        kind="보고서",
        meta=(("기간", f"{opened['since']} ~ {opened['until']}"), ("제출 기한", str(opened["due_on"]))),
        parts=(
            Heading("1. 요약"),
            Item(f"서비스 {len(rows)}개 가운데 마감 {sum(row['state'] == 'closed' for row in rows)}개, 기한을 넘긴 것 {sums['late']}개"),
            Item(f"지표: 목표 달성 {sums['met']}개, 미달 {sums['missed']}개, 미상 {sums['unknown']}개"),
            Item(f"끝나지 않은 조치 {sums['tasks']}건"),
            Note("미상은 값이나 목표를 모르는 지표입니다. 0으로 치지 않습니다."),
            bars([one for one in states if one[1]], caption="진행 상태별 서비스 수", unit="개"),
            bars([("달성", sums["met"]), ("미달", sums["missed"]), ("미상", sums["unknown"])], caption="지표의 목표 달성", unit="개"),
            Heading("2. 부서별"),
            Table(_bureaux(rows)),
            Heading("3. 서비스별 지표"),
            Table(_figures(rows)),
            Heading("4. 앞 점검과의 비교"),
            *_comparison(whole["before"], opened, compared),
        ),
        sign=city,
    )  # fmt: skip


def _bureaux(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    told = [("부서", "서비스", "마감", "달성", "미달", "미상", "조치", "지연")]
    for bureau in sorted({row["bureau"] for row in rows}):
        own = [row for row in rows if row["bureau"] == bureau]
        counts = (sum(row["state"] == "closed" for row in own), *(sum(row[key] for row in own) for key in ("met", "missed", "unknown", "tasks", "late")))  # fmt: skip
        told.append((bureau, str(len(own)), *map(str, counts)))
    return tuple(told)


def _figures(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    told = [("번호", "지표", "목표", "값", "결과", "근거 또는 까닭")]
    for row in rows:
        for one in row["figures"]:
            own = one["own"] is not None
            value = one["own"] if own else one["value"]
            word = {True: "달성", False: "미달", None: "미상"}[one["met"]]
            source = (
                f"부서가 적음: {one['own_source']}" if own else (one["source"] if value is not None else one["why"])
            )
            told.append(
                (
                    str(row["number"]),
                    one["name"],
                    figure(one["target"], one["unit"]),
                    figure(value, one["unit"]),
                    word,
                    source,
                )
            )
    return tuple(told)


def _comparison(
    before: Mapping[str, Any] | None, opened: Mapping[str, Any], compared: Sequence[Compared]
) -> tuple[Text | Table | Chart, ...]:
    if before is None:
        return (Text("견줄 앞 점검이 없습니다."),)
    names = (str(before["id"]), str(opened["id"]))
    counts = bars([(word, float(sum(one.verdict == key for one in compared))) for key, word in WORDS.items()],
                  caption=f"{names[0]}과 {names[1]}의 비교", unit="개")  # fmt: skip
    moved = [one for one in compared if one.verdict in ("better", "worse") and one.unit == "%"][:4]
    drawn = lines(
        names, [(f"{one.service} {one.name}", (one.before, one.after)) for one in moved], caption="값이 바뀐 지표(%)"
    )
    table = [("번호", "지표", names[0], names[1], "비교", "까닭")]
    for one in compared:
        table.append(
            (
                str(one.service),
                one.name,
                figure(one.before, one.unit),
                figure(one.after, one.unit),
                WORDS[one.verdict],
                one.why,
            )
        )
    return (counts, *((drawn,) if moved else ()), Table(tuple(table)))


def figure(value: float | None, unit: str) -> str:
    """A figure with its unit; 미상 where there is none."""
    if value is None:
        return "미상"
    told = f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{told}{unit}" if unit == "%" else f"{told} {unit}".strip()
