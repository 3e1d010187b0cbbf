"""The monthly check of access logs as a paper: what came in, what was flagged, how it ended, downloads, looks, the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from haechi.city.privacy.scanning import rule_names
from haechi.core.errors import InvalidInput
from haechi.core.store import Actor, Row, Store
from haechi.office.letters import Heading, Item, Note, Paper, Table, Text
from haechi.office.letters.paper import Part


@dataclass(frozen=True, slots=True)
class Month:
    """month: '2026-05'. sources: source, lines, refused, keep_until. alerts, cases, looks: rows; late: cases whose time to
    explain passed. chain: what verify said, None when it was not asked."""

    month: str
    sources: Sequence[Mapping[str, Any]] = ()
    alerts: Sequence[Mapping[str, Any]] = ()
    cases: Sequence[Mapping[str, Any]] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    looks: int = 0
    late: int = 0
    chain: Mapping[str, Any] | None = None


def month_of(
    store: Store, actor: Actor, month: str, states: Mapping[str, str], chain: Mapping[str, Any] | None
) -> Month:
    """What the actor may see of a month. InvalidInput for what is no month."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise InvalidInput("달을 알 수 없습니다.", next_step="2026-05처럼 적으세요.", record=month) from None
    like = f"{first:%Y-%m}"
    with store.transaction(actor) as tx:
        sources = tx.all(
            """select source, sum(lines) as lines, sum(refused) as refused, min(keep_until) as keep_until
            from access_log_batches where to_char(to_timestamp(last_at) at time zone 'Asia/Seoul', 'YYYY-MM') = :month
            group by source order by source""",
            month=like,
        )
        alerts = tx.all(
            """select rule, level, handler, case_id, reasoned_by from access_alerts where to_char(last, 'YYYY-MM') = :month""",
            month=like,
        )
        cases = tx.all(
            "select number, state, bureau from cases where flow = 'privacy_alert' and round = :month order by number",
            month=like,
        )
        looks = tx.value(
            "select count(*) from access_looks where to_char(at at time zone 'Asia/Seoul', 'YYYY-MM') = :month",
            month=like,
        )
        late = tx.value(
            """select count(*) from case_deadlines d join cases c on c.id = d.case_id
            where c.flow = 'privacy_alert' and c.round = :month and d.deadline = 'explain' and d.escalated_at is not null""",
            month=like,
        )
    return Month(like, sources, alerts, cases, states, looks, late, chain)


def paper(city: str, told: Month, made_on: date) -> Paper:
    """점검 월간 보고. No handler stands in it: it goes to people who judge nobody."""
    suspect = [row for row in told.alerts if row["level"] == "suspect"]
    notices = [row for row in told.alerts if row["level"] == "notice"]
    parts: list[Part] = [Heading("1. 들어온 기록"), *_sources(told.sources), Heading("2. 표시된 것")]
    parts += _by_rule(suspect)
    waiting = len({row["handler"] for row in suspect if row["case_id"] is None})
    if waiting:
        parts.append(Item(f"이달의 소명 한도를 넘어 기다리는 취급자 {waiting}명은 버리지 않고 남아 있습니다."))
    parts += [Heading("3. 소명과 판단"), *_cases(told)]
    given = sum(row["reasoned_by"] is not None for row in notices)
    parts += [
        Heading("4. 내려받기 사유와 조회"),
        Item(
            f"사유 없는 내려받기 알림 {len(notices)}건 가운데 사유를 적은 것 {given}건, 남은 것 {len(notices) - given}건"
        ),
        Item(f"두 사람이 함께한 원본 기록 조회 {told.looks}번"),
        Heading("5. 기록의 위변조 확인"),
        Text(_chain(told.chain)),
        Note("규칙이 찾은 것은 의심일 뿐이며 판단은 사람이 했습니다. 기준값은 시가 승인하기 전의 초기값입니다."),
    ]
    return Paper(
        kind="보고", title=f"{told.month} 개인정보 접속 기록 점검 월간 보고",
        meta=(("기관", city), ("작성일", f"{made_on:%Y. %-m. %-d.}"), ("근거", "개인정보의 안전성 확보조치 기준 제8조제2항")),
        parts=tuple(parts), label="개인정보 접속 기록 점검",
    )  # fmt: skip


def _sources(sources: Sequence[Mapping[str, Any]]) -> list[Part]:
    if not sources:
        return [Text("이달에 들어온 기록이 없습니다. 기록이 없는 것은 이상이 없다는 뜻이 아닙니다.")]
    table = [("시스템", "줄", "다섯 항목이 빠진 줄", "보관 기한(가장 이른 것)")]
    table += [
        (row["source"], f"{row['lines']:,}", f"{row['refused']:,}", f"{row['keep_until']:%Y. %-m. %-d.}")
        for row in sources
    ]
    return [Table(tuple(table))]


def _by_rule(suspect: Sequence[Mapping[str, Any]]) -> list[Part]:
    if not suspect:
        return [Text("규칙에 걸린 것이 없습니다.")]
    names, counts = rule_names(), Counter(row["rule"] for row in suspect)
    table = [("규칙", "건", "취급자")]
    for rule, n in counts.most_common():
        table.append(
            (names.get(rule, rule), str(n), str(len({row["handler"] for row in suspect if row["rule"] == rule})))
        )
    return [Table(tuple(table))]


def _cases(told: Month) -> list[Part]:
    if not told.cases:
        return [Text("소명을 요청한 건이 없습니다.")]
    counts = Counter(row["state"] for row in told.cases)
    table = [("상태", "건"), *((told.states.get(state, state), str(n)) for state, n in counts.most_common())]
    return [Table(tuple(table)), Item(f"소명 기한을 넘겨 관리자와 책임자에게 올린 건 {told.late}건")]


def _chain(chain: Mapping[str, Any] | None) -> str:
    if chain is None:
        return "이 보고를 만들 때 확인하지 않았습니다."
    if chain["whole"]:
        return f"저장된 묶음 {chain['batches']:,}개의 사슬이 온전합니다."
    return f"사슬이 온전하지 않습니다: {chain['fault']['why']}"


def months(store: Store, actor: Actor) -> list[Row]:
    """Months that have a log, newest first."""
    with store.transaction(actor) as tx:
        return tx.all(
            """select distinct to_char(to_timestamp(last_at) at time zone 'Asia/Seoul', 'YYYY-MM') as month
            from access_log_batches order by month desc limit 36"""
        )
