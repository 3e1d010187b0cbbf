"""Probes that read what the service really did: labels, evidence, drift, what people overturned and complained of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from haechi.city.trust.standing import NO_STORE
from haechi.city.trust.subject import DAYS, Subject, Told
from haechi.core import clock
from haechi.core.store import SYSTEM
from haechi.office.trust.proofs import Proof

BINS = 10
PERIOD = timedelta(days=30)
NOTHING = (f"최근 {DAYS}일에 저장된 결과가 없습니다.", "서비스를 시범 운영한 뒤 다시 하세요.")
_GENERATED = "outcome->>'model' not in ('', 'script') and coalesce((outcome->'result'->>'answered')::boolean, true)"
"""Outcomes in which a model made the words: neither a written script nor a refusal."""


def label_coverage(subject: Subject, told: Told) -> Proof:
    """Of the replies that a model made, how many went out as made by AI."""
    found = _counted(subject, "(outcome->>'made_by_ai')::boolean")
    return _share(told, found, subject.limit("label_share"), "AI 표시", "표시가 빠진 답을 찾아 고치세요.")


def evidence_coverage(subject: Subject, told: Told) -> Proof:
    """Of the same replies, how many carry at least one piece of evidence."""
    found = _counted(subject, "jsonb_array_length(outcome->'evidence') > 0")
    return _share(told, found, subject.limit("evidence_share"), "근거가 붙은 답", "근거 없는 답을 찾아 고치세요.")


def _counted(subject: Subject, holds: str) -> tuple[int, int] | None:
    if subject.store is None:
        return None
    with subject.store.transaction(SYSTEM) as tx:
        row = tx.one(
            f"""select count(*) as n, count(*) filter (where {holds}) as good from outcomes
            where service = :service and at > :since and {_GENERATED}""",
            service=subject.number,
            since=clock.now() - timedelta(days=DAYS),
        )
    assert row is not None
    return int(row["good"]), int(row["n"])


def _share(told: Told, found: tuple[int, int] | None, limit: float | None, name: str, next_step: str) -> Proof:
    if found is None:
        return told.unmeasurable(*NO_STORE)
    good, n = found
    if n == 0:
        return told.unmeasurable(*NOTHING)
    return told.against(good / n, limit, least=True, shown=f"{name} {good:,}/{n:,} ({good / n:.1%})", next_step=next_step, good=good, n=n)  # fmt: skip


def drift(subject: Subject, told: Told) -> Proof:
    """The population stability index of the confidences (and of hand-overs) of the last 30 days against the 30 before."""
    if subject.store is None:
        return told.unmeasurable(*NO_STORE)
    now = clock.now()
    recent, before = _period(subject, now - PERIOD, now), _period(subject, now - 2 * PERIOD, now - PERIOD)
    least = int(subject.limit("drift_least") or 1)
    if min(len(recent), len(before)) < least:
        why = f"두 기간의 결과가 {len(recent)}건과 {len(before)}건입니다(각 {least}건 이상 필요)."
        return told.unmeasurable(why, "결과가 더 쌓인 뒤 다시 하세요.", recent=len(recent), before=len(before))
    index = max(
        psi([r[0] for r in before], [r[0] for r in recent]), psi([r[1] for r in before], [r[1] for r in recent])
    )
    return told.against(index, subject.limit("drift_psi"), least=False, shown=f"PSI {index:.3f} ({len(before):,}건 → {len(recent):,}건)", next_step="무엇이 달라졌는지 보고 다시 시험하세요.", psi=index)  # fmt: skip


def _period(subject: Subject, start: Any, end: Any) -> list[tuple[float, float]]:
    assert subject.store is not None
    with subject.store.transaction(SYSTEM) as tx:
        rows = tx.all(
            """select coalesce((outcome->>'confidence')::float, 0) as confidence,
            (outcome->>'needs_person')::boolean::int as person from outcomes
            where service = :service and at > :start and at <= :end""",
            service=subject.number,
            start=start,
            end=end,
        )
    return [(float(row["confidence"]), float(row["person"])) for row in rows]


def psi(before: Sequence[float], after: Sequence[float]) -> float:
    """Population stability index of values in 0–1 over ten equal bins, with half a case added to each: no bin is empty.
    Source: the usual definition, sum of (a - b) * ln(a / b)."""
    total = 0.0
    for one, other in zip(_shares(before), _shares(after), strict=True):
        total += (other - one) * math.log(other / one)
    return total


def _shares(values: Sequence[float]) -> list[float]:
    counts = [0.5] * BINS
    for value in values:
        counts[min(BINS - 1, max(0, int(value * BINS)))] += 1
    return [count / sum(counts) for count in counts]


def override_rate(subject: Subject, told: Told) -> Proof:
    """Of what the service gave out, how much people overturned: objections accepted, alerts judged false."""
    return _rate(
        subject, told, "override_share", "사람이 뒤집은 결과",
        """select count(*) from cases where service = :service and opened_at > :since and flow not in ('trust_cert', 'ethics_check')
        and ((flow = 'objection' and state in ('accepted', 'partly')) or facts->>'verdict' in ('오탐', '과탐'))""",
    )  # fmt: skip


def complaint_rate(subject: Subject, told: Told) -> Proof:
    """Of what the service gave out, how much people objected to or called unhelpful."""
    return _rate(
        subject, told, "complaint_share", "이의와 도움 안 됨",
        """select (select count(*) from cases where service = :service and opened_at > :since and flow = 'objection')
        + (select count(*) from feedback f join turns t on t.id = f.turn_id join conversations c on c.id = t.conversation_id
           where c.service = :service and f.created_at > :since and not f.helpful)""",
    )  # fmt: skip


def _rate(subject: Subject, told: Told, limit: str, name: str, sql: str) -> Proof:
    if subject.store is None:
        return told.unmeasurable(*NO_STORE)
    since = clock.now() - timedelta(days=DAYS)
    with subject.store.transaction(SYSTEM) as tx:
        of = {"service": subject.number, "since": since}
        n = int(tx.value("select count(*) from outcomes where service = :service and at > :since", **of))
        hits = int(tx.value(sql, **of))
    if n == 0:
        return told.unmeasurable(*NOTHING, hits=hits)
    return told.against(hits / n, subject.limit(limit), least=False, shown=f"{name} {hits:,}건 / 결과 {n:,}건 ({hits / n:.1%})", next_step="까닭을 읽고 비율이 받아들일 만한지 적으세요.", hits=hits, n=n)  # fmt: skip
