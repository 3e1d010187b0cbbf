"""The cases that stand beside each rule: a small story in rows, run through the real detector.

A story has one handler 'a' among peers, working days counted from the day that is judged (0; -1 the working day before):
rows: [{days: [-20, -1], n: 12, case: true, subject: x, place: other, at: "10:00", every: 120, action: view, count: 1, reason: true,
who: b}]; left, returned: a day; leave: [from, to]; overtime: {days, to}; watch: {own, public}; shared: true (the seat is a
registered shared one); busy: how many times more the peers do on day 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from haechi.core.clock import SEOUL
from haechi.engines.rules.detection.alerts import Alert
from haechi.engines.rules.detection.detector import Detector
from haechi.engines.rules.detection.ingest import Intake, Line, _columns
from haechi.engines.rules.detection.keyed import Keyed
from haechi.engines.rules.detection.rules import Rule
from haechi.engines.rules.detection.staff import CaseRegister, Handler, Staff, WatchList

PEERS = 12
PEERS_DO = 12
ZERO = date(2026, 6, 15)


def run_case(rule: Rule, told: Mapping[str, Any]) -> list[Alert]:
    """The alerts of `rule` about handler 'a' in a story, on whichever of its days."""
    keyed = Keyed(b"fixtures-of-rules")
    register, lines = CaseRegister(keyed), []
    lines = sorted([*_peers(told, register), *_story(told, register)], key=lambda line: (line[1 + 1], line[1]))
    people = {f"p{at}": Handler(f"p{at}", "복지과", "복지") for at in range(PEERS)} | {
        "b": Handler("b", "복지과", "복지")
    }
    leave = tuple([(_day(told["leave"][0]), _day(told["leave"][1]))] if "leave" in told else ())
    people["a"] = Handler(
        "a", "복지과", "복지", left=_day(told["left"]) if "left" in told else None, leave=leave,
        returned=(_day(told["returned"]),) if "returned" in told else (),
    )  # fmt: skip
    watch = told.get("watch", {})
    intake = Intake(keyed)
    detector = Detector(
        [rule], intake, Staff(people, _overtime(told)), cases=register,
        watch=WatchList(keyed, watch.get("public", ()), {"a": watch.get("own", ())}),
        shared_places=frozenset({keyed("seat-a")} if told.get("shared") else ()),
    )  # fmt: skip
    alerts: list[Alert] = []
    for rows in _columns(iter([(at, *line[1:]) for at, line in enumerate(lines, 1)]), intake):
        alerts += detector.feed(rows)
    return [alert for alert in [*alerts, *detector.finish()] if alert.handler == "a"]


def _day(working: int) -> date:
    day, step = ZERO, timedelta(days=1 if working > 0 else -1)
    for _ in range(abs(working)):
        day += step
        while day.weekday() >= 5:
            day += step
    return day


def _overtime(told: Mapping[str, Any]) -> dict[tuple[str, date], list[tuple[int, int]]]:
    if "overtime" not in told:
        return {}
    first, last = told["overtime"]["days"]
    end = time.fromisoformat(told["overtime"]["to"])
    return {("a", _day(at)): [(18 * 60, end.hour * 60 + end.minute)] for at in range(first, last + 1)}


def _peers(told: Mapping[str, Any], register: CaseRegister) -> Iterator[Line]:
    for at in range(PEERS):
        for day in range(-20, 1):
            n = PEERS_DO + (at + day) % 5
            n = n * int(told.get("busy", 1)) if day == 0 else n
            yield from _rows({"n": n, "case": True, "who": f"p{at}"}, _day(day), register)


def _story(told: Mapping[str, Any], register: CaseRegister) -> Iterator[Line]:
    for one in told["rows"]:
        first, last = one["days"]
        for day in range(first, last + 1):
            yield from _rows(one, _day(day), register)


def _rows(one: Mapping[str, Any], day: date, register: CaseRegister) -> Iterator[Line]:
    who = one.get("who", "a")
    begin = datetime.combine(day, time.fromisoformat(one.get("at", "10:00")), SEOUL)
    place = {"own": "seat-a", "other": f"elsewhere-{who}", "b": "seat-b"}.get(one.get("place", ""), f"seat-{who}")
    for at in range(one["n"]):
        subject = (
            one.get("subject") or f"{who}-{day}-{one.get('at', '')}-{one.get('action', '')}-{one.get('case', '')}-{at}"
        )
        case = f"case-{subject}" if one.get("case") else ""
        if one.get("case") is True:
            register.add([(case, subject)])
        when = begin + timedelta(seconds=at * one.get("every", 60))
        yield 0, who, when, place, subject, one.get("action", "view"), one.get("count", 1), case, one.get("reason", "")
