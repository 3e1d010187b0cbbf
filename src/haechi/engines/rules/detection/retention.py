"""How long an access log is kept: 1 year, or 2 where many or delicate data are handled.

개인정보의 안전성 확보조치 기준 제8조제1항: 1년 이상; 5만 명 이상의 정보주체, 고유식별정보 또는 민감정보를 처리하면 2년 이상.
The numbers come from the caller (policy/detection/keeping.yaml), so that another version of the notice is another file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any


def years_to_keep(
    rule: Mapping[str, Any], *, subjects: int | None, unique_identifiers: bool | None, sensitive: bool | None
) -> int:
    """Years. None for something unknown counts as the stricter answer: 모름 is not "fewer than 50,000"."""
    many = subjects is None or subjects >= int(rule["many_subjects"])
    delicate = unique_identifiers is not False or sensitive is not False
    return int(rule["years_strict"] if many or delicate else rule["years"])


def keep_until(last: date, years: int) -> date:
    """The last day on which a batch whose newest row is of `last` must still be there."""
    try:
        return last.replace(year=last.year + years)
    except ValueError:  # 29 February
        return last.replace(year=last.year + years, day=28) + timedelta(days=1)
