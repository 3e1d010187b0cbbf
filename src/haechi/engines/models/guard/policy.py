"""The city's rules of defence (policy/guard.yaml), compiled and checked when they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from haechi.core.errors import InvalidInput
from haechi.core.roles import policy_file
from haechi.engines.models.guard.needed import may_match, needed

Level = Literal["none", "flag", "refuse"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of words: it fits a text in which every pattern of `all` and no pattern of `none` is found."""

    id: str
    category: str
    level: Level
    all: tuple[re.Pattern[str], ...]
    none: tuple[re.Pattern[str], ...] = ()
    needs: tuple[tuple[str, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", tuple(map(needed, self.all)))

    def fits(self, text: str) -> bool:
        """text: as `requests.plain` gives it."""
        for words in self.needs:
            if not may_match(text, words):
                return False
        return all(pattern.search(text) for pattern in self.all) and not any(p.search(text) for p in self.none)


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """messages: key → language → words. leak_at: letters (jamo) of the instructions in a row that count as a leak.
    inside_hosts: servers that count as the city's own."""

    allowed_hosts: tuple[str, ...]
    canary: bool
    leak_at: int
    messages: Mapping[str, Mapping[str, str]]
    requests: tuple[Rule, ...]
    documents: tuple[Rule, ...]
    source: str
    classifier: bool = True
    founded_citations: bool = True
    inside_hosts: tuple[str, ...] = ()

    def say(self, key: str, language: str = "ko") -> str:
        """The message in that language, Korean where it has none."""
        words = self.messages[key]
        return words.get(language, words["ko"])


def read_policy(path: Path) -> GuardPolicy:
    """Raises InvalidInput naming the rule that cannot be used."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return GuardPolicy(
        tuple(str(host).lower() for host in data["allowed_hosts"]),
        bool(data["canary"]),
        int(data["leak_at"]),
        data["messages"],
        _rules(path, data["requests"]),
        _rules(path, data["documents"]),
        str(data["source"]),
        bool(data.get("classifier", True)),
        bool(data.get("founded_citations", True)),
        tuple(str(host).lower() for host in data.get("inside_hosts") or ()),
    )


def _rules(path: Path, given: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    return tuple(_rule(path, entry) for entry in given)


def _rule(path: Path, entry: Mapping[str, Any]) -> Rule:
    try:
        if entry["level"] not in ("flag", "refuse") or not entry["all"]:
            raise ValueError("level은 flag나 refuse이고 all은 비어 있지 않아야 합니다")
        patterns = [tuple(re.compile(words) for words in entry.get(key, ())) for key in ("all", "none")]
        return Rule(str(entry["id"]), str(entry["category"]), entry["level"], *patterns)
    except (KeyError, ValueError, re.error) as error:
        raise InvalidInput(
            f"{path.name}의 규칙 {entry.get('id', '?')}를 쓸 수 없습니다: {error}.",
            next_step="규칙의 id, category, level, all을 확인하세요.",
        ) from error


@cache
def in_force() -> GuardPolicy:
    """The rules of this installation, read once."""
    return read_policy(policy_file("guard.yaml"))
