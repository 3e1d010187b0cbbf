"""Asks 서울 열린데이터광장, remembers what it said and when, and tells honestly what could not be had.

The key stands in the address that the service wants: addresses are therefore never logged and never part of an error.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from haechi.city.cards.kinds import KINDS, CardKind, Row
from haechi.core import clock
from haechi.core.errors import InvalidInput, MissingPart, Unavailable
from haechi.engines.dialogue.ports import Card
from haechi.engines.geo import Geo

log = logging.getLogger("haechi.cards")
SOURCE = "서울 열린데이터광장"
SAMPLE_SOURCE = "예시 자료 (실제 정보가 아닙니다)"
TIMEOUT = httpx.Timeout(2.5, connect=1.5)
LIMIT_BYTES = 4 * 2**20
SHOWN = 5
STALE_SECONDS = 24 * 3600
REST_SECONDS = 30
"""After a failure the service is left alone for this long, so that citizens do not wait for it in turn."""


@dataclass(frozen=True, slots=True)
class _Kept:
    rows: tuple[Row, ...]
    as_of: datetime
    at: float


class Connector:
    """Cards by kind. Safe for many threads. timer: monotonic seconds."""

    def __init__(self, url: str, key: str, geo: Geo, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._url, self._key, self._geo, self._timer = url.rstrip("/"), key, geo, timer
        self._kept: dict[str, _Kept] = {}
        self._rests_until: dict[str, float] = {}
        self._locks = {kind: threading.Lock() for kind in KINDS}

    def card(self, kind: str, said: str = "") -> Card:
        """What there is, of the district that was named. Unavailable when the service is away and nothing is remembered."""
        wanted = KINDS[kind]
        gu = self._gu(said)
        if not self._key:
            return self._shown(kind, wanted, _sample(kind), clock.now(), gu, sample=True)
        kept = self._rows(kind, wanted)
        return self._shown(kind, wanted, kept.rows, kept.as_of, gu, sample=False)

    def _gu(self, said: str) -> str:
        try:
            return self._geo.named(said).gu if said else ""
        except MissingPart:
            return ""

    def _shown(
        self, kind: str, wanted: CardKind, rows: tuple[Row, ...], as_of: datetime, gu: str, *, sample: bool
    ) -> Card:
        today = clock.today()
        chosen = [row for row in rows if (sample or wanted.wanted(row, today)) and (not gu or row.get(wanted.gu) == gu)]
        title = f"{gu} {wanted.title}" if gu else wanted.title
        items = tuple(wanted.item(row) for row in chosen[:SHOWN])
        return Card(kind, title, items, SAMPLE_SOURCE if sample else f"{SOURCE} {wanted.service}", as_of, sample)

    def _rows(self, kind: str, wanted: CardKind) -> _Kept:
        """New enough from memory, else asked; while the service is away what is remembered, with its own time."""
        with self._locks[kind]:
            now, kept = self._timer(), self._kept.get(kind)
            if kept is not None and now - kept.at < wanted.keep_seconds:
                return kept
            problem: Unavailable | None = None
            if now >= self._rests_until.get(kind, 0.0):
                try:
                    kept = self._kept[kind] = _Kept(self._ask(wanted), clock.now(), now)
                    return kept
                except Unavailable as error:
                    problem, self._rests_until[kind] = error, now + REST_SECONDS
                    log.warning("열린데이터 %s: %s", wanted.service, error.message)
            if kept is not None and now - kept.at < STALE_SECONDS:
                return kept
            raise problem or _away("잠시 쉬는 중입니다")

    def _ask(self, wanted: CardKind) -> tuple[Row, ...]:
        address = f"{self._url}/{self._key}/json/{wanted.service}/1/{wanted.rows}/"
        try:
            with httpx.stream("GET", address, timeout=TIMEOUT, follow_redirects=False) as answer:
                body = bytearray()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > LIMIT_BYTES:
                        raise _away("답이 너무 큽니다")
                if answer.status_code != 200:
                    raise _away(f"HTTP {answer.status_code}")
            return rows_of(json.loads(body), wanted.service)
        except httpx.HTTPError as error:
            raise _away(type(error).__name__) from None
        except (ValueError, UnicodeDecodeError):
            raise _away("답을 읽을 수 없습니다") from None


def rows_of(said: Any, service: str) -> tuple[Row, ...]:
    """The rows of an answer, () for INFO-200 (nothing there). Unavailable for every other code."""
    if not isinstance(said, Mapping):
        raise _away("답을 읽을 수 없습니다")
    body = said.get(service, said)
    result = body.get("RESULT") if isinstance(body, Mapping) else None
    code = str(result.get("CODE")) if isinstance(result, Mapping) else "?"
    if code == "INFO-200":
        return ()
    if code == "INFO-100":
        raise Unavailable(
            "열린데이터광장이 인증키를 받지 않습니다.",
            next_step="관리자가 HAECHI_OPEN_DATA_KEY를 확인해야 합니다.",
            record=code,
        )
    rows = body.get("row")
    if code != "INFO-000" or not isinstance(rows, list):
        raise _away(code)
    return tuple(row for row in rows if isinstance(row, Mapping))


def _sample(kind: str) -> tuple[Row, ...]:
    path = Path(__file__).parent / "samples" / f"{kind}.json"
    try:
        return rows_of(json.loads(path.read_text(encoding="utf-8")), KINDS[kind].service)
    except OSError as error:
        raise InvalidInput("예시 자료가 없습니다.", next_step="설치를 다시 하세요.", record=kind) from error


def _away(why: str) -> Unavailable:
    return Unavailable(
        f"열린데이터광장에서 정보를 받지 못했습니다({why}).",
        next_step="잠시 뒤 다시 물어보거나 120에 물어보세요.",
        record=why,
    )
