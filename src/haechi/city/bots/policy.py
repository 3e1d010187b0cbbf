"""The city's rule for publishing a bot: policy/bots.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import yaml

from haechi.core.roles import policy_file


@dataclass(frozen=True, slots=True)
class BotPolicy:
    """questions, unknown: counts at least. right, citation, unknown_right: shares (0..1) at least."""

    in_force: date
    approved_by: str
    questions: int
    unknown: int
    right: float
    citation: float
    unknown_right: float
    proposed_unknown: tuple[str, ...]


@cache
def bot_policy() -> BotPolicy:
    """The rule in force. KeyError or TypeError where the file lacks a value: a rule is never guessed."""
    data = yaml.safe_load(policy_file("bots.yaml").read_text(encoding="utf-8"))
    return BotPolicy(
        data["in_force"], data["approved_by"], proposed_unknown=tuple(data["proposed_unknown"]), **data["test"]
    )
