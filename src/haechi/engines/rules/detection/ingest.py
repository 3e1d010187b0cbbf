"""Access logs in: CSV, JSON lines, syslog (RFC 5424), a database query; each line has the five fields or is refused and counted.

개인정보의 안전성 확보조치 기준 제8조: 식별자(who), 접속일시(when), 접속지 정보(where), 처리한 정보주체 정보(whose), 수행업무(what).
Readers yield `Rows` of at most CHUNK lines and add what they refuse to the intake's tally; no line is dropped silently.
"""

from __future__ import annotations

import csv
import json
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from haechi.core.clock import SEOUL
from haechi.core.errors import InvalidInput
from haechi.engines.rules.detection.keyed import Keyed
from haechi.engines.rules.detection.rows import ACTIONS, Rows

CHUNK = 100_000
SHOWN = 20
"""How many refused lines are named by number."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "who": ("who", "user", "user_id", "account", "계정", "식별자", "접속자", "취급자", "취급자id"),
    "when": ("when", "time", "timestamp", "at", "접속일시", "일시", "처리일시"),
    "where": ("where", "ip", "source_ip", "client_ip", "접속지", "접속지정보", "접속ip"),
    "whose": ("whose", "subject", "data_subject", "정보주체", "처리한정보주체", "정보주체정보"),
    "what": ("what", "action", "수행업무", "처리내용", "업무"),
    "count": ("count", "records", "건수", "처리건수"),
    "case": ("case", "case_no", "case_number", "접수번호", "사건번호", "업무번호", "관련업무"),
    "reason": ("reason", "사유", "다운로드사유", "내려받기사유"),
}
"""Our name → names that columns go by (compared without spaces, lower case). The first five must be there."""
REQUIRED = ("who", "when", "where", "whose", "what")
WORDS: Mapping[str, str] = {
    "조회": "view", "열람": "view", "read": "view", "get": "view", "검색": "search", "query": "search", "등록": "create",
    "입력": "create", "insert": "create", "수정": "edit", "변경": "edit", "update": "edit", "삭제": "delete", "출력": "print",
    "인쇄": "print", "다운로드": "download", "내려받기": "download", "저장": "download", "export": "download",
}  # fmt: skip
Line = Sequence[Any]
"""(number, who, when, where, whose, what, count, case, reason); None or '' where absent."""


@dataclass
class Intake:
    """What comes in, over all sources of one log: names of handlers, what was taken, what was refused and why.

    refused: reason → lines, as 'missing:whose', 'bad:when', 'bad:count', 'bad:line'. examples: the first line numbers of each; never
    their text, which may hold personal data.
    """

    keyed: Keyed
    handlers: dict[str, int] = field(default_factory=dict)
    taken: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)

    def refuse(self, why: str, number: int) -> None:
        """Count a line that cannot be taken."""
        self.refused[why] += 1
        shown = self.examples.setdefault(why, [])
        if len(shown) < SHOWN:
            shown.append(number)

    def report(self) -> dict[str, Any]:
        """taken, refused (in all and by reason), examples: line numbers."""
        return {
            "taken": self.taken, "refused": sum(self.refused.values()), "by_reason": dict(self.refused),
            "examples": self.examples,
        }  # fmt: skip


# --- sources ---------------------------------------------------------------------------------------------------------


def read_csv(lines: Iterable[str], intake: Intake, *, first: int = 1) -> Iterator[Rows]:
    """Lines with a header. first: number of the first line after it. InvalidInput when the header lacks one of the five."""
    reader = csv.reader(lines)
    header = next(reader, None)
    if header is None:
        return
    at = _positions(header)
    width = len(header)
    picks = [at.get(name, width) for name in FIELDS]

    def told() -> Iterator[Line]:
        who, when, where, whose, what, count, case, reason = picks
        for number, row in enumerate(reader, first):
            if len(row) != width:
                intake.refuse("bad:line", number)
                continue
            row.append("")
            yield number, row[who], row[when], row[where], row[whose], row[what], row[count], row[case], row[reason]

    yield from _columns(told(), intake)


def read_json_lines(lines: Iterable[str], intake: Intake, *, first: int = 1) -> Iterator[Rows]:
    """One JSON object a line; keys as FIELDS knows them. What is no object is refused as 'bad:line'."""

    def told() -> Iterator[Line]:
        for number, line in enumerate(lines, first):
            if not line.strip():
                continue
            try:
                data = json.loads(line)
            except json.JSONDecodeError:
                data = None
            if not isinstance(data, dict):
                intake.refuse("bad:line", number)
                continue
            yield number, *_named(data)

    yield from _columns(told(), intake)


SYSLOG = re.compile(r"<\d{1,3}>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?:\[(?:[^\]\\\"]|\"(?:[^\"\\]|\\.)*\")*\])+)")
PARAMETER = re.compile(r'([^\s=\]"\[]+)="((?:[^"\\\]]|\\.)*)"')


def read_syslog(lines: Iterable[str], intake: Intake, *, first: int = 1) -> Iterator[Rows]:
    """RFC 5424 messages whose structured data carry the fields as parameters; TIMESTAMP and HOSTNAME stand in for `when`
    and `where` when no parameter names them."""

    def told() -> Iterator[Line]:
        for number, line in enumerate(lines, first):
            if not line.strip():
                continue
            found = SYSLOG.match(line)
            if found is None:
                intake.refuse("bad:line", number)
                continue
            values = {key: re.sub(r"\\(.)", r"\1", value) for key, value in PARAMETER.findall(found[6])}
            who, when, where, *rest = _named(values)
            stamp, host = (None if text == "-" else text for text in (found[1], found[2]))
            yield number, who, when or stamp, where or host, *rest

    yield from _columns(told(), intake)


class Cursor(Protocol):
    """What is used of a database cursor (DB-API 2): a psycopg server-side cursor keeps memory bounded."""

    @property
    def description(self) -> Sequence[Any] | None:
        """Columns; the first item of each is its name."""
        ...

    def execute(self, query: Any) -> Any:
        """Run a query."""
        ...

    def fetchmany(self, size: int = ...) -> Sequence[Sequence[Any]]:
        """The next rows, at most `size`; none at the end."""
        ...


def read_database(cursor: Cursor, query: Any, intake: Intake) -> Iterator[Rows]:
    """The rows of a view or query, its columns named as FIELDS knows them. Open the connection read-only."""
    cursor.execute(query)

    def told() -> Iterator[Line]:
        number, at = 0, None
        while batch := cursor.fetchmany(5000):
            if at is None:
                at = _positions([column[0] for column in cursor.description or ()])
            for row in batch:
                number += 1
                yield number, *(row[at[name]] if name in at else None for name in FIELDS)

    yield from _columns(told(), intake)


# --- columns ---------------------------------------------------------------------------------------------------------


def _columns(lines: Iterator[Line], intake: Intake) -> Iterator[Rows]:
    """The common way in: checks the five fields, hashes whose data it was, gathers columns."""
    built = _Built()
    keyed, handlers, seconds, actions = intake.keyed, intake.handlers, _Seconds(), _Actions()
    for number, who, when, where, whose, what, count, case, reason in lines:
        if not (who and when and where and whose and what):
            intake.refuse(f"missing:{_first_missing(who, when, where, whose, what)}", number)
            continue
        at = seconds(when)
        if at is None:
            intake.refuse("bad:when", number)
            continue
        records = 1
        if count and count != "1":
            try:
                records = min(max(1, int(count)), 2**31 - 1)
            except (TypeError, ValueError):
                intake.refuse("bad:count", number)
                continue
        handler = handlers.get(who)
        if handler is None:
            handler = handlers.setdefault(str(who), len(handlers))
        built.take(
            handler, at, keyed(str(where)), keyed(str(whose)), actions(what), records, keyed(str(case)) if case else 0,
            bool(reason), number,
        )  # fmt: skip
        if len(built.at) >= CHUNK:
            intake.taken += len(built.at)
            yield built.rows()
            built = _Built()
    if built.at:
        intake.taken += len(built.at)
        yield built.rows()


class _Built:
    """Growing columns."""

    def __init__(self) -> None:
        self.handler, self.at, self.place, self.subject = array("i"), array("q"), array("q"), array("q")
        self.action, self.count, self.case = array("b"), array("i"), array("q")
        self.reason, self.ref = array("b"), array("q")

    def take(
        self, handler: int, at: int, place: int, subject: int, action: int, count: int, case: int, reason: bool, ref: int
    ) -> None:  # fmt: skip
        self.handler.append(handler)
        self.at.append(at)
        self.place.append(place)
        self.subject.append(subject)
        self.action.append(action)
        self.count.append(count)
        self.case.append(case)
        self.reason.append(reason)
        self.ref.append(ref)

    def rows(self) -> Rows:
        return Rows(
            np.array(self.handler, np.int32), np.array(self.at, np.int64), np.array(self.place, np.int64),
            np.array(self.subject, np.int64), np.array(self.action, np.int8), np.array(self.count, np.int32),
            np.array(self.case, np.int64), np.array(self.reason, np.bool_), np.array(self.ref, np.int64),
        )  # fmt: skip


class _Seconds:
    """Text or datetime → Unix seconds; remembers minutes, because a log repeats them. Without an offset: Seoul."""

    def __init__(self) -> None:
        self._minutes: dict[str, int] = {}

    def __call__(self, when: Any) -> int | None:
        if isinstance(when, datetime):
            return int((when if when.tzinfo else when.replace(tzinfo=SEOUL)).timestamp())
        text = str(when)
        seconds = text[17:19]
        if len(text) < 19 or text[16] != ":" or not seconds.isdigit() or seconds > "59":
            return moment_of(text)
        key = text[:16] + text[19:]
        minute = self._minutes.get(key)
        if minute is None:
            whole = moment_of(text)
            if whole is None:
                return None
            if len(self._minutes) > 100_000:
                self._minutes.clear()
            self._minutes[key] = minute = whole - int(seconds)
        return minute + int(seconds)


class _Actions:
    """A word for what was done → its number."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, word: Any) -> int:
        found = self._known.get(word)
        if found is None:
            plain = str(word).strip().lower()
            found = ACTIONS.get(plain, ACTIONS.get(WORDS.get(plain, "other"), 0))
            if len(self._known) < 1000:
                self._known[word] = found
        return found


def moment_of(text: str) -> int | None:
    """Unix seconds of an ISO 8601 moment; without an offset: Seoul. None when it is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=SEOUL)).timestamp())


def _first_missing(*values: Any) -> str:
    return next(name for name, value in zip(REQUIRED, values, strict=True) if not value)


OURS = {synonym: name for name, synonyms in FIELDS.items() for synonym in synonyms}
"""A column's plain name → ours."""


def plain_name(name: str) -> str:
    """A column's name as FIELDS compares it."""
    return "".join(name.lower().split()).lstrip("\ufeff")


def _positions(header: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for position, name in enumerate(header):
        ours = OURS.get(plain_name(name))
        if ours is not None:
            found.setdefault(ours, position)
    absent = [name for name in REQUIRED if name not in found]
    if absent:
        raise InvalidInput(
            f"접속 기록에 필요한 항목이 없습니다: {', '.join(FIELDS[name][-1] for name in absent)}.",
            next_step="계정·접속일시·접속지·정보주체·수행업무 다섯 열이 있는 파일을 보내세요.",
            record=absent[0],
        )
    return found


def _named(data: Mapping[str, Any]) -> Iterator[Any]:
    """The values of a mapping in the order of FIELDS."""
    ours = {OURS[key]: value for name, value in data.items() if (key := plain_name(str(name))) in OURS}
    return (ours.get(name) for name in FIELDS)
