"""Days and moments as forms send them, in Seoul's calendar."""

from __future__ import annotations

from datetime import date, datetime

from haechi.core import clock
from haechi.core.errors import InvalidInput


def moment(text: str, name: str) -> datetime:
    """'2026-03-01T18:00' as an aware moment. InvalidInput naming the field."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=clock.SEOUL)
    except ValueError as error:
        raise InvalidInput(
            f"‘{name}’을(를) 읽을 수 없습니다.", next_step="날짜와 시각을 고르세요.", record=name
        ) from error


def day(text: str, name: str) -> date:
    """'2026-03-01'. InvalidInput naming the field."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"‘{name}’을(를) 읽을 수 없습니다.", next_step="날짜를 고르세요.", record=name) from error


def whole(text: str, name: str) -> int:
    """'1,700' or '90,000원' as an integer. InvalidInput naming the field."""
    plain = text.replace(",", "").replace("원", "").strip()
    if not plain.isascii() or not plain.isdigit() or len(plain) > 15:
        raise InvalidInput(f"‘{name}’은(는) 0 이상의 수여야 합니다.", next_step="숫자만 적으세요.", record=name)
    return int(plain)
