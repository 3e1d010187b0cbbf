"""Rules over a stream of rows: a day is judged when it is over, then only what later days need is kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from haechi.engines.rules.detection.alerts import EVIDENCE_ROWS, Alert, EvidenceRow
from haechi.engines.rules.detection.day import Day, Facts
from haechi.engines.rules.detection.ingest import Intake
from haechi.engines.rules.detection.judging import Judged, Memory, judge
from haechi.engines.rules.detection.rows import ACTIONS, DAY, SEOUL_OFFSET, Rows
from haechi.engines.rules.detection.rules import WEAK, Rule, in_force
from haechi.engines.rules.detection.staff import CaseRegister, Staff, WatchList, day_of

GRACE = 6 * 3600
"""A day is judged when a row of 06:00 of the next one came: systems write their logs with some delay."""
PLACES_KEPT = 60
_NAMES = {number: name for name, number in ACTIONS.items()}


class Detector:
    """Feed rows in about the order of time; alerts come when a day is over. Rows of a day that was judged already count as late.

    cases None: case numbers cannot be checked, any number counts as related. Memory: the rows of the open days, and windows
    bounded by handlers and days (see windows.py).
    """

    def __init__(
        self, rules: Sequence[Rule], intake: Intake, staff: Staff, *, cases: CaseRegister | None = None,
        watch: WatchList | None = None, shared_places: frozenset[int] = frozenset(),
    ) -> None:  # fmt: skip
        self._rules = tuple(rules)
        self._intake = intake
        self._facts = Facts(intake, staff, cases, watch, shared_places, PLACES_KEPT)
        self._memory: dict[str, Memory] = {}
        self._open: dict[int, list[Rows]] = {}
        self._judged_until = -1
        self._told: dict[tuple[str, str, bool], int] = {}
        self.late = 0
        self.unjudged: Counter[str] = Counter()
        """Rule → handler-days over the least value for which neither own history nor peers could tell."""

    def feed(self, rows: Rows) -> list[Alert]:
        """More rows; the alerts of every day that is over now."""
        if not len(rows):
            return []
        days = rows.day
        for day in np.unique(days):
            mine = rows if days[0] == days[-1] == day and (days == day).all() else rows.where(days == day)
            if day <= self._judged_until:
                self.late += len(mine)
            else:
                self._open.setdefault(int(day), []).append(mine)
        newest = int(rows.at.max())
        return self._close((newest + SEOUL_OFFSET - GRACE) // DAY)

    def finish(self) -> list[Alert]:
        """Judge what is still open: the log ends here."""
        return self._close(max(self._open, default=-1) + 1)

    def _close(self, before: int) -> list[Alert]:
        alerts: list[Alert] = []
        for number in sorted(day for day in self._open if day < before):
            rows = Rows.joined(self._open.pop(number))
            alerts += self._judge(number, rows)
            self._judged_until = number
        return alerts

    def _judge(self, number: int, rows: Rows) -> list[Alert]:
        day = self._facts.day(number, rows)
        alerts: list[Alert] = []
        for rule in in_force(self._rules, day_of(number)):
            memory = self._memory.setdefault(rule.id, Memory(rule))
            judged = judge(rule, day, memory)
            self.unjudged[rule.id] += judged.unknown
            alerts += self._alerts(rule, day, judged)
        self._facts.learn(number, rows)
        return alerts

    def _alerts(self, rule: Rule, day: Day, judged: Judged) -> Iterator[Alert]:
        names = self._facts.names
        for handler in np.flatnonzero(judged.fired):
            who = names[int(handler)]
            # What was told weakly is told again when it has become grave, not the other way round.
            weak = bool(judged.values[handler] < rule.weak_below)
            told = [last for one in {False, weak} if (last := self._told.get((rule.id, who, one))) is not None]
            if told and day.number - max(told) < rule.again_after:
                continue
            self._told[rule.id, who, weak] = day.number
            yield _alert(rule, day, judged, int(handler), who)


def _alert(rule: Rule, day: Day, judged: Judged, handler: int, who: str) -> Alert:
    rows = judged.rows.where(judged.rows.handler == handler)
    if judged.focus is not None:
        rows = rows.where(rows.subject == judged.focus[handler])
    last = day_of(day.number)
    first = day_of(int(rows.day.min())) if len(rows) else last
    if rule.window_days > 1:
        first = min(first, day_of(day.number - rule.window_days + 1))
    value, limit = float(judged.values[handler]), float(judged.limit[handler])
    basis = {name: float(values[handler]) for name, values in judged.basis.items() if not np.isnan(values[handler])}
    z = None if np.isnan(judged.z[handler]) else round(float(judged.z[handler]), 2)
    words: Mapping[str, object] = {"value": f"{value:,.0f}", "limit": f"{limit:,.0f}", "days": rule.window_days}
    return Alert(
        id=hashlib.sha256(f"{who}|{rule.id}|{last}".encode()).hexdigest()[:32],
        handler=who, rule=rule.id, rule_version=rule.in_force, level=rule.level, precedence=max(rule.precedence, WEAK) if value < rule.weak_below else rule.precedence, first=first,
        last=last, value=value, limit=limit, basis=basis, z=z, kind=rule.kind, rows=len(rows), evidence=_evidence(rows),
        why=(rule.why[0].format(**words), rule.why[1].format(**words)),
    )  # fmt: skip


def _evidence(rows: Rows) -> tuple[EvidenceRow, ...]:
    newest = np.argsort(rows.at, kind="stable")[-EVIDENCE_ROWS:]
    return tuple(
        EvidenceRow(
            int(rows.ref[at]), datetime.fromtimestamp(int(rows.at[at]), UTC), _NAMES[int(rows.action[at])],
            int(rows.count[at]), bool(rows.case[at]), bool(rows.reason[at]),
        )
        for at in newest
    )  # fmt: skip
