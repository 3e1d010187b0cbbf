"""Which personal data is looked for: the city's rules (policy/personal_data.yaml), checked when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from haechi.core.errors import InvalidInput
from haechi.core.roles import policy_file

KINDS = (
    "email", "resident", "foreigner", "card", "licence", "passport", "phone", "account", "business", "corporate", "customer",
    "vehicle", "ip", "address", "birthdate", "name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of personal data. label: the Korean word of its placeholder. rank: smaller wins an overlap.

    lists: its word lists by name ("cues", "except_after", …); missing lists are empty.
    """

    name: str
    label: str
    rank: int
    active: bool
    law: str
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def words(self, name: str) -> tuple[str, ...]:
        """The list of that name, empty where the rules have none."""
        return self.lists.get(name, ())


@dataclass(frozen=True, slots=True)
class Rules:
    """All kinds by name. Hashable by identity; read once and share."""

    kinds: Mapping[str, Kind]
    source: str

    def __hash__(self) -> int:
        return id(self)


def read_rules(path: Path) -> Rules:
    """Raises InvalidInput where a kind is unknown or missing, or its label is no Korean word."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    given: dict[str, dict[str, Any]] = data["kinds"]
    if set(given) != set(KINDS):
        wrong = sorted(set(given) ^ set(KINDS))
        raise InvalidInput(
            f"{path.name}의 개인정보 종류가 맞지 않습니다: {', '.join(wrong)}.",
            next_step=f"kinds에 {', '.join(KINDS)}를 하나씩 적고, 쓰지 않을 것은 active: false로 끄세요.",
        )
    return Rules({name: _kind(path, name, rank, given[name]) for rank, name in enumerate(given)}, str(data["source"]))


def _kind(path: Path, name: str, rank: int, given: Mapping[str, Any]) -> Kind:
    label = str(given["ko"])
    if not label or not all("가" <= sign <= "힣" for sign in label):
        raise InvalidInput(
            f"{path.name}: {name}의 이름 '{label}'은 한글 낱말이어야 합니다.", next_step="ko를 한글로만 적으세요."
        )
    lists = {key: tuple(map(str, value)) for key, value in given.items() if isinstance(value, list)}
    if "given" in given:
        lists["given"] = tuple(str(given["given"]))
    return Kind(name, label, rank, bool(given["active"]), str(given["law"]), lists)


@cache
def in_force() -> Rules:
    """The rules of this installation (policy/personal_data.yaml), read once."""
    return read_rules(policy_file("personal_data.yaml"))
