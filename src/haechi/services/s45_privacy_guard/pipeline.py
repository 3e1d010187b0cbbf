"""개인정보 오남용 방지: an access log becomes findings of the city's rules, each for a person to look at.

All reading and judging is the rules engine's. The stored log of a city, its cases and deadlines are carried by the city
(city/privacy); this service judges a log that is handed to it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from haechi.core.contract import City, KpiReading, Readiness, Request
from haechi.core.errors import HaechiError, InvalidInput
from haechi.core.outcome import Evidence, Outcome, Proposal
from haechi.engines.rules.detection import Alert

SERVICE = 45
VERSION = "1"
MODEL = "rules:access_misuse"
LONGEST = 5_000_000
"""Characters of a log in one request; longer ones go in by `haechi access-log import`."""


class Rules(Protocol):
    """The part of the rules engine that this service uses."""

    def judge(
        self, text: str, format: str, *, key: bytes, staff: Iterable[Mapping[str, Any]] = (),
        cases: Iterable[tuple[str, str]] | None = None, public: Iterable[str] = (),
        own: Mapping[str, Iterable[str]] | None = None,
    ) -> tuple[list[Alert], dict[str, Any]]:  # fmt: skip
        """Findings and the tally of lines."""
        ...


class PrivacyGuard:
    """The service. Keeps nothing of any log."""

    def __init__(self, city: City) -> None:
        self._city = city

    def warm_up(self) -> None:
        """Read the rules."""
        self._city.engine("rules")

    def check(self) -> Readiness:
        """Ready when the rules can be read."""
        try:
            self._city.engine("rules")
        except HaechiError as error:
            if install := getattr(error, "install", ""):
                return Readiness.missing(error.message, install)
            return Readiness.degraded(error.message, "기록은 그대로 쌓이고 나중에 살필 수 있습니다.")
        return Readiness.ready()

    def handle(self, request: Request) -> Outcome:
        """Judge `payload["log"]`. InvalidInput for an empty log, a missing field, facts that cannot be read."""
        text = request.text("log", limit=LONGEST)
        start = time.perf_counter()
        try:
            rules: Rules = self._city.engine("rules")
            found, lines = rules.judge(
                text,
                str(request.payload.get("format", "csv")),
                key=self._city.random().randbytes(32),
                **_facts(request.payload),
            )
        except InvalidInput:
            raise
        except HaechiError as error:
            why = f"{error.message} 기록은 버리지 말고 담당자가 손으로 점검합니다."
            return _outcome(
                {"findings": [], "lines": None, "judged": False}, (), True, why, time.perf_counter() - start
            )
        return _judged(found, lines, time.perf_counter() - start)


def build(city: City) -> PrivacyGuard:
    """Entry point. Cheap: opens nothing."""
    return PrivacyGuard(city)


def measure(outcomes: Sequence[Outcome]) -> list[KpiReading]:  # noqa: ARG001 - the contract's port
    """Every KPI of this service comes from its trial."""
    return []


def _facts(payload: Mapping[str, Any]) -> dict[str, Any]:
    """staff, cases, public, own as the engine takes them."""
    watch = payload.get("watch", {})
    cases = payload.get("cases")
    try:
        return {
            "staff": [{key: str(value) for key, value in row.items()} for row in payload.get("staff", ())],
            "cases": None if cases is None else [(str(case), str(subject)) for case, subject in cases],
            "public": [str(one) for one in watch.get("public", ())],
            "own": {str(who): [str(one) for one in whose] for who, whose in watch.get("own", {}).items()},
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidInput(
            "인사·업무 번호·주시 대상을 읽을 수 없습니다.", next_step="README의 형식을 확인하세요.", record="staff"
        ) from error


def _judged(found: Sequence[Alert], lines: Mapping[str, Any], elapsed: float) -> Outcome:
    suspects = [alert for alert in found if alert.level == "suspect"]
    result = {"judged": True, "findings": [_shown(alert) for alert in found], "lines": dict(lines)}
    evidence = tuple(
        Evidence("rule", alert.rule, alert.why[0], f"{alert.first}~{alert.last}", f"{alert.value:g} ≥ {alert.limit:g}")
        for alert in found
    )
    if found:
        why = "표시는 의심일 뿐입니다. 담당자가 확인하고 당사자의 소명을 듣습니다."
    elif lines["refused"]:
        why = f"다섯 항목이 없어 살피지 못한 줄이 {lines['refused']}개 있습니다. 기록을 보낸 시스템을 확인하세요."
    else:
        why = "규칙에 걸린 것이 없습니다. 월 1회 점검은 그대로 합니다."
    who = sorted({alert.handler for alert in suspects})
    proposal = None
    if suspects:
        grave = min(5, min(alert.precedence for alert in suspects) + 1)
        proposal = Proposal("review", f"개인정보 오남용 의심 {len(who)}명", severity=grave)
    return _outcome(result, evidence, bool(found or lines["refused"]), why, elapsed, proposal)


def _shown(alert: Alert) -> dict[str, Any]:
    return {
        "handler": alert.handler, "rule": alert.rule, "level": alert.level, "first": alert.first.isoformat(),
        "last": alert.last.isoformat(), "value": alert.value, "limit": alert.limit, "why": alert.why[0],
        "rows": [row.ref for row in alert.evidence],
    }  # fmt: skip


def _outcome(
    result: Mapping[str, Any], evidence: tuple[Evidence, ...], person: bool, why: str, elapsed: float,
    proposal: Proposal | None = None,
) -> Outcome:  # fmt: skip
    # Rules count; no model spoke, so nothing is labelled as made by AI.
    return Outcome(
        service=SERVICE, result=result, confidence=None, evidence=evidence, model=MODEL, model_version=VERSION,
        made_by_ai=False, needs_person=person, why_person=why, elapsed=elapsed, proposal=proposal,
    )  # fmt: skip
