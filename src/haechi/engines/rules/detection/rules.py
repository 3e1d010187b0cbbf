"""Detection rules as data: read from YAML, every key checked, each with its law, day in force, approver and own cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from haechi.engines.rules.detection.rows import ACTIONS

Pair = tuple[str, str]
MEASURES = ("rows", "records", "subjects", "repeat", "split", "place_switches", "account_switches")
WEAK = 4
"""From this precedence on an alert alone is little more than a look worth taking."""
LEVELS = ("suspect", "notice")
KINDS = ("amount", "case", "person", "place", "standing", "time")
CASES = ("normal", "hard", "must_not")
KEYS = {
    "id", "ko", "en", "why_ko", "why_en", "law", "source", "in_force", "until", "approved_by", "level", "kind", "precedence",
    "where", "measure", "window", "at_least", "parts", "on_days", "over_own", "over_peers", "over_expected", "again_after",
    "weak_below", "cases",
}  # fmt: skip
WHERE = {
    "action", "case", "reason", "hours", "standing", "dormant_days", "watched", "place", "count", "ends", "mostly",
}  # fmt: skip


class BadRule(ValueError):
    """A rule that cannot be used: which, where in it, and what is wrong."""

    def __init__(self, rule: str, where: str, what: str) -> None:
        super().__init__(f"{rule}: {where}: {what}")


@dataclass(frozen=True, slots=True)
class Where:
    """Which rows count. action: numbers of ACTIONS, () all. case: '' any, 'absent' no number, 'unproved' none or one that
    belongs to somebody else, 'never' unproved, and no other row of this handler on this person within a month is proved
    (who forgets the number now and then has it elsewhere). reason: '' or 'absent'. hours: '' or 'off'. standing: of the handler on the day, () any.
    dormant_days: only accounts unused for so long without a known reason (0: all). watched: '', 'own', 'public' or 'any'. place: '',
    'strange' (never used by this handler before) or 'foreign' (the own seat of one other handler, see Seats). count: records a row,
    from and to. ends: '', 'strange' or 'foreign': a change of place or account counts only when one end of it is at such a place
    (who walks between known seats is no suspect). mostly: rows count only when they are at least this share of all that the
    handler did on the day (0: always)."""

    action: tuple[int, ...] = ()
    case: str = ""
    reason: str = ""
    hours: str = ""
    standing: tuple[str, ...] = ()
    dormant_days: int = 0
    watched: str = ""
    place: str = ""
    count: tuple[int, int] | None = None
    ends: str = ""
    mostly: float = 0.0


@dataclass(frozen=True, slots=True)
class OverOwn:
    """value > times × the `quantile` of the handler's own last `days` active days; unknown with fewer than `at_least_days`."""

    quantile: float
    times: float
    days: int
    at_least_days: int


@dataclass(frozen=True, slots=True)
class OverPeers:
    """value > times × the `quantile` of the peers' days within the last `days`; unknown with fewer than `at_least` of them."""

    quantile: float
    times: float
    days: int
    at_least: int


@dataclass(frozen=True, slots=True)
class OverExpected:
    """value so high that chance alone brings it about with at most `tail`: expected is the handler's own share of counted rows among
    all rows of the last `days` days (drawn to the peers' share with the weight of `prior` rows), times all rows of the window;
    the spread is negative binomial, variance = `spread` × mean. Unknown with fewer than `at_least_days` active days before the window."""

    tail: float
    days: int
    prior: float
    spread: float
    at_least_days: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one version. window_days: days that are summed; minutes: reach of split and switches. at_least: the least
    value. parts: least downloads of a split. on_days: least days on which a repeat lies. precedence: 1 the gravest. kind: what the rule looks at; two
    rules of one kind are one piece of evidence. weak_below: a value under it is told, with precedence WEAK.
    again_after: days before the same handler is told of again by this rule."""

    id: str
    name: Pair
    why: Pair
    law: str
    source: str
    in_force: date
    until: date | None
    approved_by: str
    level: str
    kind: str
    precedence: int
    where: Where
    measure: str
    window_days: int
    minutes: int
    at_least: float
    parts: int
    on_days: int
    over_own: OverOwn | None
    over_peers: OverPeers | None
    over_expected: OverExpected | None
    again_after: int
    weak_below: float
    cases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.in_force <= day and (self.until is None or day <= self.until)


def load_rules(folder: Path) -> tuple[Rule, ...]:
    """The rules of every *.yaml that has a `rules` list, in the order of their names. BadRule for one that stands twice on a day."""
    rules: list[Rule] = []
    for path in sorted(folder.glob("*.yaml")):
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(told, Mapping) and "rules" in told:
            rules += read_rules(told, path.name)
    for at, rule in enumerate(rules):
        for other in rules[:at]:
            if other.id == rule.id and (other.holds_on(rule.in_force) or rule.holds_on(other.in_force)):
                raise BadRule(rule.id, "in_force", "two versions are in force on one day")
    return tuple(rules)


def in_force(rules: Sequence[Rule], day: date) -> tuple[Rule, ...]:
    """Those that hold on a day."""
    return tuple(rule for rule in rules if rule.holds_on(day))


def read_rules(told: Mapping[str, Any], name: str) -> tuple[Rule, ...]:
    """The rules of one parsed file. BadRule for unknown or missing keys."""
    return tuple(_rule(one, name) for one in told["rules"])


def _rule(told: Mapping[str, Any], name: str) -> Rule:
    id = str(told.get("id", name))
    _known(told, KEYS, id, "top")
    for key in (
        "id",
        "ko",
        "en",
        "why_ko",
        "why_en",
        "law",
        "in_force",
        "approved_by",
        "kind",
        "measure",
        "at_least",
        "cases",
    ):
        if key not in told:
            raise BadRule(id, key, "is missing")
    window = told.get("window", {})
    _known(window, {"days", "minutes"}, id, "window")
    _one_of(told["measure"], MEASURES, id, "measure")
    _one_of(told.get("level", "suspect"), LEVELS, id, "level")
    _one_of(told["kind"], KINDS, id, "kind")
    absent = [kind for kind in CASES if kind not in told["cases"]]
    if absent:
        raise BadRule(id, "cases", f"has no {', '.join(absent)} case")
    return Rule(
        id=id,
        name=(told["ko"], told["en"]),
        why=(told["why_ko"], told["why_en"]),
        law=told["law"],
        source=told.get("source", ""),
        in_force=told["in_force"],
        until=told.get("until"),
        approved_by=told["approved_by"],
        level=told.get("level", "suspect"),
        kind=told["kind"],
        precedence=int(told.get("precedence", 3)),
        where=_where(told.get("where", {}), id),
        measure=told["measure"],
        window_days=int(window.get("days", 1)),
        minutes=int(window.get("minutes", 0)),
        at_least=float(told["at_least"]),
        parts=int(told.get("parts", 1)),
        on_days=int(told.get("on_days", 1)),
        over_own=_compared(OverOwn, told.get("over_own"), id, "over_own"),
        over_peers=_compared(OverPeers, told.get("over_peers"), id, "over_peers"),
        over_expected=_compared(OverExpected, told.get("over_expected"), id, "over_expected"),
        again_after=int(told.get("again_after", 7)),
        weak_below=float(told.get("weak_below", 0)),
        cases=told["cases"],
    )


def _where(told: Mapping[str, Any], id: str) -> Where:
    _known(told, WHERE, id, "where")
    _one_of(told.get("case", ""), ("", "absent", "unproved", "never"), id, "where.case")
    _one_of(told.get("watched", ""), ("", "own", "public", "any"), id, "where.watched")
    _one_of(told.get("ends", ""), ("", "strange", "foreign"), id, "where.ends")
    _one_of(told.get("place", ""), ("", "strange", "foreign"), id, "where.place")
    for action in told.get("action", ()):
        _one_of(action, tuple(ACTIONS), id, "where.action")
    count = told.get("count")
    return Where(
        action=tuple(ACTIONS[action] for action in told.get("action", ())),
        case=told.get("case", ""),
        reason=told.get("reason", ""),
        hours=told.get("hours", ""),
        standing=tuple(told.get("standing", ())),
        dormant_days=int(told.get("dormant_days", 0)),
        watched=told.get("watched", ""),
        place=told.get("place", ""),
        count=None if count is None else (int(count[0]), int(count[1])),
        ends=told.get("ends", ""),
        mostly=float(told.get("mostly", 0)),
    )


def _compared(kind: Any, told: Mapping[str, Any] | None, id: str, where: str) -> Any:
    if told is None:
        return None
    _known(told, set(kind.__dataclass_fields__), id, where)
    try:
        return kind(**told)
    except TypeError as error:
        raise BadRule(id, where, str(error)) from error


def _known(told: Mapping[str, Any], keys: set[str], id: str, where: str) -> None:
    unknown = sorted(set(told) - keys)
    if unknown:
        raise BadRule(id, where, f"unknown keys {', '.join(unknown)}")


def _one_of(value: Any, allowed: Sequence[str], id: str, where: str) -> None:
    if value not in allowed:
        raise BadRule(id, where, f"is one of {', '.join(map(repr, allowed))}, not {value!r}")
