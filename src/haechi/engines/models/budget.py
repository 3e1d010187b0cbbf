"""What a call costs, what is reserved for it beforehand, and why it may be refused.

Money is whole micro-won (1,000,000 = 1 won): a call often costs less than one won, and sums must not drift. A reservation is
an upper bound of the price, so calls that run at the same time can together pass a budget by one request at most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True)
class Tariff:
    """Won per million tokens read and written; the same number is micro-won a token."""

    won_in: float
    won_out: float

    def microwon(self, tokens_in: int, tokens_out: int) -> int:
        """The price, rounded up to a whole micro-won."""
        return math.ceil(tokens_in * self.won_in + tokens_out * self.won_out)


class Tariffs:
    """Which tariff is in force for a model's name: the first pattern that fits (policy/models.yaml)."""

    def __init__(self, patterns: list[tuple[str, Tariff]]) -> None:
        self._patterns = patterns
        self._known: dict[str, Tariff] = {}

    @classmethod
    def read(cls, rows: list[Mapping[str, Any]]) -> Tariffs:
        """rows: {model: 'city-*', won_in: 300, won_out: 900}."""
        return cls([(str(row["model"]), Tariff(float(row["won_in"]), float(row["won_out"]))) for row in rows])

    def of(self, alias: str) -> Tariff:
        """Free where no pattern fits."""
        if alias not in self._known:
            fits = (tariff for pattern, tariff in self._patterns if fnmatchcase(alias, pattern))
            self._known[alias] = next(fits, Tariff(0, 0))
        return self._known[alias]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not taken, as the caller reads it. status: HTTP. code: stable."""

    status: int
    code: str
    message: str
    next_step: str


REFUSALS: Mapping[str, Refusal] = {
    refusal.code: refusal
    for refusal in (
        Refusal(401, "key_ended", "이 키는 만료되었거나 폐지되었습니다.", "관리자에게 새 키를 요청하세요."),
        Refusal(403, "tenant_closed", "이 키의 이용이 중지되어 있습니다.", "관리자에게 이용 재개를 요청하세요."),
        Refusal(403, "lane_forbidden", "이 키로는 그 차선을 쓸 수 없습니다.", "x-haechi-lane을 빼거나 관리자에게 요청하세요."),
        Refusal(403, "model_forbidden", "이 키로는 그 모델을 쓸 수 없습니다.", "GET /v1/models의 목록에서 고르세요."),
        Refusal(404, "unknown_model", "그런 이름의 모델이 없습니다.", "GET /v1/models의 목록에서 고르세요."),
        Refusal(404, "not_offered", "이 모델은 그 일을 하지 않습니다.", "그 일을 하는 모델을 GET /v1/models에서 고르세요."),
        Refusal(429, "queue_full", "기다리는 요청이 너무 많습니다.", "앞선 요청이 끝난 뒤 다시 보내세요."),
        Refusal(429, "per_minute", "1분에 보낼 수 있는 요청 수를 다 썼습니다.", "다음 분에 다시 보내세요."),
        Refusal(429, "budget_won", "이달 예산을 다 썼습니다.", "다음 달에 다시 쓰거나 관리자에게 증액을 요청하세요."),
        Refusal(429, "budget_tokens", "이달 토큰 한도를 다 썼습니다.", "다음 달에 다시 쓰거나 관리자에게 증액을 요청하세요."),
        Refusal(429, "budget_won_reserved", "남은 예산이 진행 중인 요청에 모두 잡혀 있습니다.", "그 요청이 끝난 뒤 다시 보내세요."),
        Refusal(429, "budget_tokens_reserved", "남은 토큰이 진행 중인 요청에 모두 잡혀 있습니다.", "그 요청이 끝난 뒤 다시 보내세요."),
        Refusal(503, "no_backend", "이 모델을 돌리는 서버가 지금 모두 멈추어 있습니다.", "잠시 뒤 다시 보내세요. 관리자는 haechi gateway status로 확인하세요."),
        Refusal(503, "too_long", "기다리는 시간이 한도를 넘었습니다.", "잠시 뒤 다시 보내거나 덜 붐비는 때에 보내세요."),
        Refusal(503, "database_away", "이용량을 적을 데이터베이스에 연결할 수 없습니다.", "잠시 뒤 다시 보내세요. 아무것도 청구되지 않았습니다."),
    )
}  # fmt: skip
