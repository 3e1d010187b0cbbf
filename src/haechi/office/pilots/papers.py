"""The report of a trial: what was asked, what was measured with its uncertainty, what it does not say, what a person decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.core import clock
from haechi.core.store import Row
from haechi.office.letters import Heading, Item, Note, Paper, Part, Table, Text, bars
from haechi.office.pilots.results import Compared, Results
from haechi.office.pilots.statistics import Effect, agreement

OUTCOMES: Mapping[str, tuple[str, str]] = {
    "expanded": ("확대", "Go"),
    "running": ("연장", "Extend"),
    "stopped": ("중단", "Stop"),
}
UNKNOWN = "미상"


def in_words(effect: Effect | None) -> tuple[str, str]:
    """An effect in Korean and English with its interval; never without n."""
    if effect is None:
        return "쌍이 두 개보다 적어 계산하지 않음", "not computed: fewer than two pairs"
    if effect.flat:
        return (
            f"{effect.mean:+.2f} (n={effect.n}; 모든 쌍의 차이가 같아 구간을 말할 수 없음)",
            f"{effect.mean:+.2f} (n={effect.n}; every pair differs by the same, so there is no interval)",
        )
    clear = (
        ("0을 포함하지 않음", "0 lies outside")
        if effect.clear
        else ("0을 포함함: 차이가 있다고 말할 수 없음", "0 lies inside: no difference can be claimed")
    )
    p = "" if effect.p is None else f", p={effect.p:.3g}"
    figures = f"{effect.low:+.2f}~{effect.high:+.2f}{p}, n={effect.n}"
    return (
        f"{effect.mean:+.2f} ({effect.level:.0%} 구간 {figures}; {clear[0]})",
        f"{effect.mean:+.2f} ({effect.level:.0%} interval {figures}; {clear[1]})",
    )


def said(effect: Effect | None) -> str:
    """As `in_words`, in Korean: what a report prints."""
    return in_words(effect)[0]


def report_paper(
    case: Row, plan: Mapping[str, Any], findings: Mapping[str, Any], decision: Mapping[str, Any], found: Results
) -> Paper:
    """Pure: the report of a trial that was decided."""
    parts: list[Part] = [
        Heading("1. 결정"),
        Text(OUTCOMES[case["state"]][0]),
        Text(str(decision.get("reason") or "")),
        Heading("2. 계획"),
        Item(f"알고 싶은 것: {plan.get('goal') or UNKNOWN}"),
        Item(f"확대하는 조건: {plan.get('go_if') or UNKNOWN}"),
        Item(f"멈추는 조건: {plan.get('stop_if') or UNKNOWN}"),
        Item(f"기간: {plan.get('starts_on') or UNKNOWN} ~ {case['facts'].get('ends_on') or UNKNOWN}"),
        Item(f"참여: 계획 {plan.get('people') or 0}명, 실제 {found.people}명"),
        Heading("3. 잰 결과"),
        *_measured(plan, found),
        Heading("4. 수치로 알 수 없는 것"),
        Item(f"알게 된 것: {findings.get('found') or UNKNOWN}"),
        Item(f"문제와 사고: {findings.get('harm') or UNKNOWN}"),
        Item(f"이 결과로 말할 수 없는 것: {findings.get('limits') or UNKNOWN}"),
    ]
    return Paper(
        title=f"실증 결과 보고: {case['title']}",
        kind="보 고 서",
        meta=(("문서번호", case["number"]), ("담당", case["bureau"] or case["subject_name"]), ("작성일", clock.today().isoformat())),
        parts=tuple(parts),
        sign="실증 책임자",
        watermark="훈련" if case["exercise"] else "",
        label=case["number"],
    )  # fmt: skip


def _measured(plan: Mapping[str, Any], found: Results) -> list[Part]:
    wanted = set(plan.get("instruments") or ())
    rows = [one for one in (found.minutes, *found.survey, found.scores) if one is not None]
    parts: list[Part] = []
    if rows:
        parts.append(
            Table(
                (("항목", "앞", "뒤", "쌍", "차이(t 구간)", "차이(부트스트랩)"), *map(_row, rows)), caption="앞뒤 비교"
            )
        )
    for key, name, one in (("diary", "업무 일지", found.minutes), ("raters", "결과물 채점", found.scores)):
        if key in wanted and one is None:
            parts.append(Note(f"{name}: 모인 자료가 없어 {UNKNOWN}"))
    if "survey" in wanted and not found.survey:
        parts.append(Note(f"설문: 앞뒤 모두 답한 사람이 없어 {UNKNOWN}"))
    if found.survey:
        parts.append(_chart(found.survey))
    if "raters" in wanted:
        shown = "계산할 수 없음" if found.kappa is None else f"{found.kappa:.2f}"
        weighted = "계산할 수 없음" if found.weighted_kappa is None else f"{found.weighted_kappa:.2f}"
        words = agreement(found.weighted_kappa)[0]
        parts.append(
            Note(f"평가자 두 사람의 일치: 카파 {shown}, 가중 카파 {weighted}({words}), 결과물 {found.rated}건")
        )
    parts.append(Note("걸린 시간의 ‘앞’은 참여자가 판단한 도구 없을 때의 시간이며 시계로 잰 것이 아닙니다."))
    return parts


def _row(one: Compared) -> tuple[str, ...]:
    return (one.what, f"{one.before:.2f}", f"{one.after:.2f}", str(one.pairs), said(one.t), said(one.bootstrap))


def _chart(survey: tuple[Compared, ...]) -> Part:
    values = [
        (f"{moment}: {one.what}", value) for one in survey for moment, value in (("앞", one.before), ("뒤", one.after))
    ]
    return bars(values, caption="설문 평균(1~5점)", shown="{:.2f}")
