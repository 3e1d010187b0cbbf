"""August against December: what got better, what got worse, and where nothing can be said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["better", "worse", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One KPI of one service in two rounds. before, after: None where 미상. why: in Korean, where nothing can be said."""

    service: int
    kpi: str
    name: str
    unit: str
    before: float | None
    after: float | None
    verdict: Verdict
    why: str = ""


def compare(earlier: Iterable[Mapping[str, Any]], later: Iterable[Mapping[str, Any]]) -> list[Compared]:
    """Readings of two rounds (rows of check_readings) → one line per service and KPI, in that order."""
    old = {(row["service"], row["kpi"]): row for row in earlier}
    new = {(row["service"], row["kpi"]): row for row in later}
    return [_one(key, old.get(key), new.get(key)) for key in sorted({*old, *new})]


def _one(key: tuple[int, str], old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Compared:
    known = new or old or {}
    before, after = (row["value"] if row else None for row in (old, new))
    verdict, why = _verdict(old, new)
    return Compared(*key, known["name"], known["unit"], before, after, verdict, why)


def _verdict(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[Verdict, str]:
    if old is None:
        return "unknown", "앞 점검에 없던 지표입니다."
    if new is None:
        return "unknown", "이번 점검에 없는 지표입니다."
    if (old["unit"], old["better"]) != (new["unit"], new["better"]):
        return "unknown", "지표의 단위나 방향이 바뀌어 견줄 수 없습니다."
    gaps = [
        f"{when} 값이 미상: {row['why'] or '까닭 미상'}"
        for when, row in (("앞", old), ("이번", new))
        if row["value"] is None
    ]
    if gaps:
        return "unknown", " / ".join(gaps)
    if old["value"] == new["value"]:
        return "same", ""
    return ("better" if (new["value"] > old["value"]) == (new["better"] == "higher") else "worse"), ""
