"""What each card asks of 서울 열린데이터광장, and how a row becomes a line. Pure.

Field names as the catalogue documents them: culturalEventInfo (OA-15486), ListPublicReservationSport (OA-2266),
RealtimeCityAir (OA-1200). Contract-tested against a peer that speaks them; not against the live service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CardKind:
    """service: name in the address. rows: asked for. keep_seconds: how long an answer is new. gu: field with the district.

    item: row → {title, text, link}. wanted: whether a row matters today.
    """

    title: str
    service: str
    rows: int
    keep_seconds: int
    gu: str
    item: Callable[[Row], Mapping[str, str]]
    wanted: Callable[[Row, date], bool]


def _text(row: Row, key: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", str(row.get(key) or ""))).strip()[:200]


def _link(row: Row, key: str) -> str:
    address = str(row.get(key) or "").strip()
    return address if re.match(r"https?://[^\s\"'<>]+$", address) else ""


def _day(row: Row, key: str) -> date | None:
    try:
        return date.fromisoformat(_text(row, key)[:10])
    except ValueError:
        return None


def _culture(row: Row) -> Mapping[str, str]:
    fee = _text(row, "USE_FEE") or _text(row, "IS_FREE")
    told = (_text(row, "CODENAME"), _text(row, "DATE"), _text(row, "PLACE"), fee)
    return {"title": _text(row, "TITLE"), "text": " · ".join(filter(None, told)), "link": _link(row, "ORG_LINK")}


def _not_over(row: Row, today: date) -> bool:
    last = _day(row, "END_DATE")
    return last is None or last >= today


def _facility(row: Row) -> Mapping[str, str]:
    until = _text(row, "RCPTENDDT")[:10]
    told = (
        _text(row, "MINCLASSNM"), _text(row, "PLACENM"), _text(row, "SVCSTATNM"), _text(row, "PAYATNM"),
        f"접수 {until}까지" if until else "",
    )  # fmt: skip
    return {"title": _text(row, "SVCNM"), "text": " · ".join(filter(None, told)), "link": _link(row, "SVCURL")}


def _open(row: Row, today: date) -> bool:
    last = _day(row, "RCPTENDDT")
    return _text(row, "SVCSTATNM") in ("접수중", "안내중") and (last is None or last >= today)


def _air(row: Row) -> Mapping[str, str]:
    grade = _text(row, "IDEX_NM") or "모름"
    told = [f"통합대기환경 {grade}"]
    for key, name, unit in (("PM10", "미세먼지", "㎍/㎥"), ("PM25", "초미세먼지", "㎍/㎥"), ("O3", "오존", "ppm")):
        value = _text(row, key)
        # The service writes an empty or negative figure while an instrument is being checked.
        told.append(f"{name} {value}{unit}" if re.fullmatch(r"\d+(\.\d+)?", value) else f"{name} 점검 중")
    return {"title": _text(row, "MSRSTE_NM"), "text": " · ".join(told), "link": ""}


KINDS: Mapping[str, CardKind] = {
    "culture": CardKind("문화행사", "culturalEventInfo", 500, 3600, "GUNAME", _culture, _not_over),
    "facilities": CardKind(
        "예약할 수 있는 체육시설", "ListPublicReservationSport", 500, 1800, "AREANM", _facility, _open
    ),
    "air": CardKind("지금 대기질", "RealtimeCityAir", 25, 600, "MSRSTE_NM", _air, lambda *_: True),
}
