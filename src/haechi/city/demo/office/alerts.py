"""Things for the alert desk of the demonstration: a proposal, an alert in force, a drill, an incident. Nobody real is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from haechi.city.office import Office
from haechi.core.outcome import Evidence, Outcome, Proposal
from haechi.core.store import Actor

WORDS: Mapping[str, Any] = {
    "category": ["Safety"], "event_ko": "인파 밀집", "event_en": "Crowd", "urgency": "Immediate", "severity": "Severe",
    "certainty": "Observed", "confirmed": "CCTV 3대와 현장 직원이 확인했습니다.",
    "headline_ko": "해치광장 일대가 매우 붐빕니다. 다른 길로 돌아가세요.",
    "headline_en": "Haechi Square is very crowded. Please take another way.",
    "description_ko": "1㎡에 5명이 넘게 모여 있습니다.", "description_en": "There are more than five people a square metre.",
    "instruction_ko": "밀지 말고 넓은 길로 천천히 나가세요.", "instruction_en": "Do not push. Leave slowly by a wide road.",
    "area_ko": "해치광장과 둘레 300m", "area_en": "Haechi Square and 300 m around it",
    "circles": [{"lat": "37.5665", "lon": "126.978", "radius": "0.3"}], "valid_hours": "3",
}  # fmt: skip


def demo(office: Office, people: Mapping[str, Actor]) -> None:
    """people: 'oper' and 'oper2', two operators. Done a second time it adds nothing."""
    proposals = (
        ("crowd", 26, Proposal("alert", "해치광장 인파 밀집", severity=2, details=WORDS)),
        ("flood", 37, Proposal("alert", "해치천 지하차도 침수 우려", severity=2)),
        (
            "drill",
            36,
            Proposal("alert", "합동 침수 훈련", severity=3, exercise=True, details={**WORDS, "event_ko": "침수"}),
        ),
        ("fallen", 22, Proposal("incident", "공원 산책로에 쓰러진 사람", severity=3)),
    )
    made = {name: office.carriage.carry(_outcome(name, service, what)) for name, service, what in proposals}
    for name in ("crowd", "drill"):
        case = made[name]
        if case is not None and case["state"] == "new":
            _sent(office, people["operator"], people["operator.night"], str(case["id"]))


def _outcome(name: str, service: int, proposal: Proposal) -> Outcome:
    return Outcome(
        service=service, result={"시연": True}, confidence=None, evidence=(Evidence("rule", f"demo-{name}", "시연용으로 만든 제안"),),
        model="demo", model_version="1", made_by_ai=False, needs_person=True, why_person="관제원이 현장이나 CCTV로 확인합니다.",
        elapsed=0.0, id=str(uuid5(NAMESPACE_URL, f"haechi:demo:alerts:{name}")), proposal=proposal,
    )  # fmt: skip


def _sent(office: Office, first: Actor, second: Actor, case_id: str) -> None:
    cases = office.cases
    cases.act(first, case_id, "accept")
    cases.filings.save(first, case_id, "alert", WORDS, base=cases.filings.get(first, case_id, "alert")["version"])
    for who, step in ((first, "submit"), (second, "approve"), (second, "send")):
        cases.act(who, case_id, step)
