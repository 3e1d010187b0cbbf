"""Every error of the gateway in OpenAI's shape, with the next step."""

from __future__ import annotations

import logging
import math
from datetime import timedelta
from typing import Any

from haechi.city.gateway.truth import Refused
from haechi.core import clock
from haechi.core.errors import HaechiError
from haechi.engines.models.budget import REFUSALS
from haechi.engines.models.protocol import error_body, error_of
from haechi.engines.models.upstream import BackendFailed
from haechi.web.gateway.http import Headers

log = logging.getLogger("haechi.gateway")


def as_error(error: BaseException) -> tuple[int, dict[str, Any], Headers]:
    """(status, body, headers). What is not expected is logged and says no more than that."""
    match error:
        case Refused():
            return _refused(error)
        case HaechiError():
            return error.status, error_of(error), []
        case BackendFailed():
            body = error_body(503, "model_failed", "모델 서버가 답하는 중에 멈추었습니다.", "다시 보내세요.")
            return 503, body, [(b"retry-after", b"1")]
    log.error("예상하지 못한 오류", exc_info=error)
    return (
        500,
        error_body(500, "error", "관문에서 문제가 생겼습니다.", "다시 보내고, 계속되면 관리자에게 알리세요."),
        [],
    )


def _refused(error: Refused) -> tuple[int, dict[str, Any], Headers]:
    refusal = REFUSALS[error.code]
    body = error_body(refusal.status, refusal.code, refusal.message, refusal.next_step)
    headers: Headers = []
    if error.seconds > 0:
        seconds = math.ceil(error.seconds)
        until = clock.now().astimezone(clock.SEOUL) + timedelta(seconds=seconds)
        body["error"]["reset_at"] = until.isoformat(timespec="seconds")
        headers = [
            (b"retry-after", str(seconds).encode()),
            (b"x-ratelimit-reset", until.isoformat(timespec="seconds").encode()),
        ]
    return refusal.status, body, headers
