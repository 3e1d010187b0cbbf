"""policy/models.yaml: tariffs, first values of tenants, limits, what is logged, how energy is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from haechi.core.errors import InvalidInput
from haechi.core.roles import policy_file
from haechi.engines.models.budget import Tariffs
from haechi.engines.models.energy import EnergyModel
from haechi.engines.models.ports import LANES

NUMBERS = {name: number for number, (name, _) in enumerate(LANES)}


@dataclass(frozen=True, slots=True)
class Rules:
    """tenants: kind of holder → (lane, lanes allowed). longest_wait: seconds. log_characters: 0 keeps no words."""

    tariffs: Tariffs
    tenants: Mapping[str, tuple[int, tuple[int, ...]]]
    output_limit: int
    longest_wait: float
    log_characters: int
    log_days: int
    ledger_days: int
    energy: EnergyModel


def read_rules(path: Path | None = None) -> Rules:
    """The rules in force."""
    data = yaml.safe_load((path or policy_file("models.yaml")).read_text(encoding="utf-8"))
    tenants = {
        kind: (NUMBERS[row["lane"]], tuple(NUMBERS[lane] for lane in row["lanes"]))
        for kind, row in data["tenants"].items()
    }
    return Rules(
        tariffs=Tariffs.read(data["tariffs"]),
        tenants=tenants,
        output_limit=int(data["output_limit"]),
        longest_wait=float(data["longest_wait"]),
        log_characters=int(data["log"]["characters"]),
        log_days=int(data["log"]["days"]),
        ledger_days=int(data["log"]["ledger_days"]),
        energy=EnergyModel.read(data["energy"]),
    )


def lane_number(name: str) -> int:
    """A lane by its name ('citizen') or number ('1')."""
    key = name.strip().lower()
    number = int(key) if key.isdigit() else NUMBERS.get(key, -1)
    if not 0 <= number < len(LANES):
        raise InvalidInput(
            f"'{name}'이라는 차선은 없습니다.",
            next_step=f"다음에서 고르세요: {', '.join(NUMBERS)}",
            record="x-haechi-lane",
        )
    return number
