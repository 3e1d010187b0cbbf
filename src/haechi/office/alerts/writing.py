"""From the answers of the questionnaire 'alert' to a CAP message, and from a service's proposal to first answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from haechi.core.errors import InvalidInput
from haechi.office.alerts.message import Area, Circle, Info, Message, Point, Reference

FORM = "alert"
EXERCISE = {"ko": "[훈련] ", "en": "[EXERCISE] "}
LANGUAGES = {"ko": "ko-KR", "en": "en-US"}
SEVERITIES = {1: "Extreme", 2: "Severe", 3: "Moderate", 4: "Minor", 5: "Unknown"}
"""A case's severity as CAP says it."""


def identifier_of(sender: str, case_number: str, number: int) -> str:
    """'경보-2026-0001', 2 → '<sender>.2026.0001.2': no space or comma, never used twice."""
    return ".".join([sender, *case_number.split("-")[1:], str(number)])


def compose(
    answers: Mapping[str, Any],
    *,
    sender: str,
    sender_name: str,
    identifier: str,
    sent: datetime,
    exercise: bool,
    kind: str = "Alert",
    references: Sequence[Reference] = (),
    incidents: str = "",
    web: str = "",
) -> Message:
    """The message that the answers make. InvalidInput for a polygon that cannot be read."""
    sent = sent.replace(microsecond=0)
    expires = sent + timedelta(hours=float(answers.get("valid_hours") or 1))
    infos = tuple(_info(answers, language, sent, expires, exercise, sender_name, web) for language in LANGUAGES)
    return Message(
        identifier=identifier, sender=sender, sent=sent, status="Exercise" if exercise else "Actual", kind=kind, infos=infos,
        references=tuple(references), incidents=incidents,
        note=f"{EXERCISE['ko'].strip()} {EXERCISE['en'].strip()}" if exercise else "",
    )  # fmt: skip


def cancellation(
    last: Message, *, identifier: str, sent: datetime, references: Sequence[Reference], why: str
) -> Message:
    """The message that takes back the one in force: the same places, nothing more to do, and why."""
    sent = sent.replace(microsecond=0)
    infos = tuple(
        _with(
            info, sent,
            headline=_cancelled(info), description=why,
            instruction="이 경보에 따른 행동은 더 필요하지 않습니다." if info.language.startswith("ko") else "No further action is needed.",
        )
        for info in last.infos
    )  # fmt: skip
    return Message(
        identifier=identifier, sender=last.sender, sent=sent, status=last.status, kind="Cancel", infos=infos,
        references=tuple(references), incidents=last.incidents, note=last.note,
    )  # fmt: skip


def _cancelled(info: Info) -> str:
    if info.language.startswith("ko"):
        mark = EXERCISE["ko"] if info.headline.startswith(EXERCISE["ko"]) else ""
        return f"{mark}해제: {info.event.removeprefix(mark)}"
    mark = EXERCISE["en"] if info.headline.startswith(EXERCISE["en"]) else ""
    return f"{mark}Cancelled: {info.event.removeprefix(mark)}"


def _with(info: Info, sent: datetime, *, headline: str, description: str, instruction: str) -> Info:
    return Info(
        language=info.language, categories=info.categories, event=info.event, urgency="Past", severity=info.severity,
        certainty=info.certainty, responses=("AllClear",), effective=sent, expires=sent + timedelta(hours=24),
        sender_name=info.sender_name, headline=headline, description=description, instruction=instruction, web=info.web,
        contact=info.contact, parameters=info.parameters, areas=info.areas,
    )  # fmt: skip


def _info(
    answers: Mapping[str, Any], language: str, sent: datetime, expires: datetime, exercise: bool, name: str, web: str
) -> Info:
    mark = EXERCISE[language] if exercise else ""
    return Info(
        language=LANGUAGES[language],
        categories=tuple(answers.get("category") or ()),
        event=mark + _told(answers, f"event_{language}"),
        urgency=_told(answers, "urgency"),
        severity=_told(answers, "severity"),
        certainty=_told(answers, "certainty"),
        responses=tuple(answers.get("response") or ()),
        effective=sent,
        expires=expires,
        sender_name=name,
        headline=mark + _told(answers, f"headline_{language}"),
        description=_told(answers, f"description_{language}"),
        instruction=_told(answers, f"instruction_{language}"),
        web=web,
        contact=_told(answers, "contact"),
        areas=(_area(answers, language),),
    )


def _told(answers: Mapping[str, Any], id: str) -> str:
    return str(answers.get(id) or "").strip()


def _area(answers: Mapping[str, Any], language: str) -> Area:
    circles = tuple(
        Circle(float(row["lat"]), float(row["lon"]), float(row["radius"]))
        for row in answers.get("circles") or ()
        if all(row.get(id) is not None for id in ("lat", "lon", "radius"))
    )
    line = _polygon(_told(answers, "polygon"))
    return Area(_told(answers, f"area_{language}"), circles, (line,) if line else ())


def _polygon(text: str) -> tuple[Point, ...]:
    points: list[Point] = []
    for place, line in enumerate(filter(None, map(str.strip, text.splitlines())), 1):
        try:
            latitude, longitude = (float(value) for value in line.split(","))
        except ValueError as error:
            raise InvalidInput(
                f"다각형의 {place}번째 줄 ‘{line[:40]}’을(를) 읽을 수 없습니다.",
                next_step="한 줄에 꼭짓점 하나를 ‘37.5665,126.9780’처럼 적으세요.",
                record="polygon",
            ) from error
        points.append((latitude, longitude))
    if points and points[0] != points[-1]:
        points.append(points[0])
    return tuple(points)


def first_answers(facts: Mapping[str, Any], severity: int, known: Mapping[str, Any]) -> dict[str, Any]:
    """What the form begins with: what the service proposed for questions that exist, the severity of the case, no verdicts.

    `confirmed` is left open on purpose: how it was confirmed is for the person to say."""
    told = dict(facts.get("details") or {})
    answers = {id: value for id, value in told.items() if id in known and id != "confirmed"}
    answers.setdefault("severity", SEVERITIES[severity])
    return answers
