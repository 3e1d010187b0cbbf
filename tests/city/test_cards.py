"""Cards over a peer that speaks the open-data API: rows, nothing there, a bad key, errors, silence."""

from __future__ import annotations

import http.server
import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from haechi.city.cards import KINDS, Connector
from haechi.core import clock
from haechi.core.errors import Unavailable
from haechi.engines.geo import Geo

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
KEY = "비밀키abc".encode().hex()
GEO = Geo()


@dataclass
class OpenData:
    """says: what it answers next. asked: paths."""

    says: Any = None
    status: int = 200
    wait: float = 0.0
    asked: list[str] = field(default_factory=list)
    address: str = ""


def good(service: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    body = {
        "list_total_count": len(rows),
        "RESULT": {"CODE": "INFO-000", "MESSAGE": "정상 처리되었습니다"},
        "row": rows,
    }
    return {service: body}


def code(value: str) -> dict[str, Any]:
    return {"RESULT": {"CODE": value, "MESSAGE": "…"}}


@pytest.fixture
def data() -> Iterator[OpenData]:
    peer = OpenData()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            peer.asked.append(self.path)
            time.sleep(peer.wait)
            body = peer.says if isinstance(peer.says, bytes) else json.dumps(peer.says).encode()
            try:
                self.send_response(peer.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                return

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    peer.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield peer
    server.shutdown()
    server.server_close()
    thread.join(5)


EVENTS = [
    {"CODENAME": "연극", "GUNAME": "중구", "TITLE": "겨울 <b>이야기</b>", "DATE": "2026-11-20~2026-11-30", "PLACE": "예술극장",
     "USE_FEE": "만 원", "ORG_LINK": "https://culture.example/1", "STRTDATE": "2026-11-20 00:00:00.0", "END_DATE": "2026-11-30 00:00:00.0"},
    {"CODENAME": "전시", "GUNAME": "마포구", "TITLE": "바다", "PLACE": "미술관", "ORG_LINK": "javascript:alert(1)", "END_DATE": "2026-12-30"},
    {"CODENAME": "축제", "GUNAME": "중구", "TITLE": "끝난 축제", "END_DATE": "2026-11-01 00:00:00.0"},
]  # fmt: skip


def test_events_of_the_district_that_was_named_and_none_that_is_over(data: OpenData) -> None:
    data.says = good("culturalEventInfo", EVENTS)
    connector = Connector(data.address, KEY, GEO)
    with clock.frozen(NOON):
        everywhere, here = connector.card("culture"), connector.card("culture", "중구에서 하는 공연 알려줘")
    assert [item["title"] for item in everywhere.items] == ["겨울 이야기", "바다"]
    assert [item["title"] for item in here.items] == ["겨울 이야기"]
    assert here.title == "중구 문화행사"
    assert (here.sample, here.as_of) == (False, NOON)
    assert [item["link"] for item in everywhere.items] == ["https://culture.example/1", ""]
    assert data.asked == [f"/{KEY}/json/culturalEventInfo/1/500/"]


def test_air_says_what_is_being_checked_instead_of_a_false_figure(data: OpenData) -> None:
    rows = [{"MSRSTE_NM": "중구", "PM10": "41", "PM25": "", "O3": "-", "IDEX_NM": "보통", "MSRDT": "202611231200"}]
    data.says = good("RealtimeCityAir", rows)
    text = Connector(data.address, KEY, GEO).card("air").items[0]["text"]
    assert text == "통합대기환경 보통 · 미세먼지 41㎍/㎥ · 초미세먼지 점검 중 · 오존 점검 중"


def test_only_facilities_that_can_be_booked(data: OpenData) -> None:
    row = {
        "SVCNM": "테니스장 1면",
        "SVCSTATNM": "접수중",
        "AREANM": "중구",
        "RCPTENDDT": "2026-12-01 00:00:00.0",
        "PLACENM": "체육공원",
    }
    data.says = good("ListPublicReservationSport", [row, {**row, "SVCSTATNM": "예약마감"}])
    with clock.frozen(NOON):
        items = Connector(data.address, KEY, GEO).card("facilities").items
    assert [item["text"] for item in items] == ["체육공원 · 접수중 · 접수 2026-12-01까지"]


def test_nothing_there_is_an_empty_card(data: OpenData) -> None:
    data.says = code("INFO-200")
    assert Connector(data.address, KEY, GEO).card("culture").items == ()


@pytest.mark.parametrize(
    ("says", "status"),
    [(code("ERROR-300"), 200), (code("ERROR-500"), 200), (code("INFO-100"), 200), (b"<html>", 200), ({}, 200), ([], 200),
     ({"culturalEventInfo": {"RESULT": {"CODE": "INFO-000"}, "row": "x"}}, 200), (code("INFO-000"), 503),
     (b"[" + b"1," * 3_000_000 + b"1]", 200)],
    ids=["error-300", "error-500", "bad-key", "html", "empty", "list", "no-rows", "http-503", "too-large"],
)  # fmt: skip
def test_an_error_is_told_with_the_next_step_and_without_the_key(
    data: OpenData, says: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    data.says, data.status = says, status
    with caplog.at_level(logging.DEBUG, "haechi"), pytest.raises(Unavailable) as told:
        Connector(data.address, KEY, GEO).card("culture")
    assert told.value.next_step
    assert KEY not in str(told.value) + caplog.text


def test_while_the_service_is_away_the_last_answer_serves_with_its_own_time(data: OpenData) -> None:
    seconds = [0.0]
    connector = Connector(data.address, KEY, GEO, timer=lambda: seconds[0])
    data.says = good("RealtimeCityAir", [{"MSRSTE_NM": "중구", "PM10": "41", "IDEX_NM": "보통"}])
    with clock.frozen(NOON):
        connector.card("air")
    connector.card("air")
    assert len(data.asked) == 1
    seconds[0], data.says = 700.0, code("ERROR-500")
    assert connector.card("air").as_of == NOON
    assert connector.card("air").as_of == NOON
    assert len(data.asked) == 2  # after a failure it is left alone for a while
    seconds[0] = 700.0 + 25 * 3600
    with pytest.raises(Unavailable):
        connector.card("air")


def test_a_service_that_keeps_silent_does_not_hold_the_citizen(data: OpenData) -> None:
    data.says, data.wait = code("INFO-200"), 4.0
    start = time.monotonic()
    with pytest.raises(Unavailable):
        Connector(data.address, KEY, GEO).card("air")
    assert time.monotonic() - start < 3.5


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_key_the_card_is_an_example_and_says_so(kind: str) -> None:
    card = Connector("http://127.0.0.1:9", "", GEO).card(kind)
    assert card.sample is True
    assert "예시" in card.source
    assert all("예시" in str(item) for item in card.items)
    assert card.items
