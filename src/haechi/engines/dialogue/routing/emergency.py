"""Danger to life, noticed by rules that are data: a dangerous word, unless its clause tells that nobody is in danger now.

Missing one is worse than a call too many: a sure sign outweighs every excuse, and a sign of urgency ("지금", "훈련 아니고")
lifts the excuses of tense and question.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from haechi.core.errors import InvalidInput

_CLAUSE = re.compile(r"[.!?\n。！？]+|(?<=[가-힣])(?:는데|지만|고요)\s")
_HANGUL = re.compile(r"[가-힣]")
_PARTS = ("danger", "sure", "excuse", "override")
_THRESHOLDS = ("alone", "with_danger", "foreign", "excused")
UNREAL = frozenset({"story", "figure"})
"""Excuses before which the classifier alone does not count."""
LIFTABLE = frozenset({"past", "asking", "supposing"})
"""Excuses that a sign of urgency lifts; a film stays a film however urgent it is told."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the rules say of an utterance. words: the dangerous words found. excuse: the rule that excused them, or ''.

    foreign: written without hangul, where the rules know little.
    """

    danger: bool
    sure: bool
    excuse: str
    words: tuple[str, ...]
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class EmergencyRules:
    """Compiled rules by part and name; alone, with_danger, foreign, excused: probabilities of the classifier (see emergency.toml)."""

    parts: Mapping[str, Mapping[str, re.Pattern[str]]]
    alone: float
    with_danger: float
    foreign: float
    excused: float

    def signs(self, text: str) -> Signs:
        """Read the utterance whole and by clause: an excuse counts in the clause of the dangerous word or next to it."""
        whole = _squeezed(text)
        sure = self._first("sure", whole)
        found: list[str] = []
        excuse = ""
        for clause in [part for part in map(_squeezed, _CLAUSE.split(text)) if part] or [whole]:
            words = self._danger(clause)
            if not words:
                continue
            found += words
            excuse = self._excuse(clause, whole)
            if not excuse:
                break
        if not found and sure:
            found = [sure]
        if self._first("excuse", whole, only=UNREAL):
            sure, excuse = "", excuse or "story"
        return Signs(bool(found), bool(sure), excuse, tuple(found), not _HANGUL.search(whole))

    def is_emergency(self, signs: Signs, probability: float) -> bool:
        """The rules and the classifier together. probability: of the emergency class, 0..1."""
        if signs.sure and (not signs.excuse or probability >= self.excused):
            return True
        if signs.danger and not signs.excuse:
            return probability >= self.with_danger
        if signs.excuse in UNREAL:
            return False
        return probability >= (self.foreign if signs.foreign else self.alone)

    def _danger(self, clause: str) -> list[str]:
        return [match.group() for rule in self.parts["danger"].values() if (match := rule.search(clause))]

    def _excuse(self, clause: str, whole: str) -> str:
        lifted = LIFTABLE if self._first("override", whole) else frozenset()
        for name, rule in self.parts["excuse"].items():
            if name not in lifted and rule.search(whole if name in ("story", "figure") else clause):
                return name
        return ""

    def _first(self, part: str, text: str, only: frozenset[str] | None = None) -> str:
        for name, rule in self.parts[part].items():
            if (only is None or name in only) and (match := rule.search(text)):
                return match.group()
        return ""


def _squeezed(text: str) -> str:
    return re.sub(r"[\s,~\"'’‘ʻ-]+", "", unicodedata.normalize("NFC", text).lower())


def load_rules(path: Path) -> EmergencyRules:
    """Read emergency.toml. InvalidInput names the rule that cannot be read."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        parts = {part: {name: _compiled(path, name, rule) for name, rule in raw[part].items()} for part in _PARTS}
        return EmergencyRules(parts, *(float(raw["classifier"][name]) for name in _THRESHOLDS))
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(
            f"응급 규칙을 읽을 수 없습니다: {path.name} ({error})", next_step="빠진 항목을 채우세요.", record=path.name
        ) from error


def _compiled(path: Path, name: str, rule: str) -> re.Pattern[str]:
    try:
        return re.compile(rule.replace(" ", ""))
    except re.error as error:
        raise InvalidInput(
            f"{path.name}의 규칙 '{name}'이 정규식이 아닙니다: {error}", next_step="규칙을 고치세요.", record=name
        ) from error
