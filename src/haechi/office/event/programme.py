"""The programme: sessions in rooms, speakers, and nobody and nothing in two places at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.event import sheets
from haechi.office.event.editions import RIGHT, edition_of

COLUMNS = ("회의장", "시작", "끝", "제목", "영문 제목", "언어", "연사")
"""연사: '이름(소속)' joined by ';'."""


class Programme:
    """Anybody reads it; those with 'event.keep' write."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def sessions(self, actor: Actor, edition: str) -> list[Row]:
        """In the order of time and room, each with its speakers (name, affiliation, role)."""
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition)
            found = tx.all(
                """select s.id::text as id, s.room, s.title_ko, s.title_en, s.begins, s.ends, s.languages from event_sessions s
                where s.edition = :edition order by s.begins, s.room""",
                edition=edition,
            )
            speakers = tx.all(
                """select p.session::text as session, p.name, p.affiliation, p.role from event_speakers p
                join event_sessions s on s.id = p.session where s.edition = :edition order by p.name""",
                edition=edition,
            )
        by_session: dict[str, list[Row]] = {}
        for row in speakers:
            by_session.setdefault(row["session"], []).append(row)
        return [{**row, "speakers": by_session.get(row["id"], [])} for row in found]

    def add(
        self, actor: Actor, edition: str, *, room: str, title: tuple[str, str], begins: datetime, ends: datetime,
        languages: str = "한국어", speakers: Sequence[tuple[str, str]] = (),
    ) -> str:  # fmt: skip
        """A session; its identifier. Conflict when the room, or a speaker, is somewhere else at that time; InvalidInput for a
        session outside the days of the edition."""
        require(actor, RIGHT)
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition, lock=True)
            return _add(tx, edition, room.strip(), title, begins, ends, languages, speakers)

    def write(self, actor: Actor, edition: str, format: str) -> bytes:
        """The programme as CSV or XLSX."""
        table = [
            (
                s["room"], _local(s["begins"]), _local(s["ends"]), s["title_ko"], s["title_en"], s["languages"],
                "; ".join(f"{p['name']}({p['affiliation']})" for p in s["speakers"]),
            )
            for s in self.sessions(actor, edition)
        ]  # fmt: skip
        return sheets.write(COLUMNS, table, format)

    def read(self, actor: Actor, edition: str, content: bytes, name: str) -> int:
        """Replace the programme by a file; how many sessions it has. Any clash names both and nothing changes. A session of the
        same title stays the same one, so that calendars move it instead of showing it twice."""
        require(actor, RIGHT)
        found = sheets.read(COLUMNS, content, name)
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition, lock=True)
            same = _identities(tx, edition)
            tx.run("delete from event_sessions where edition = :e", {"e": edition})
            for line, row in enumerate(found, 2):
                begins, ends = (_moment(row[column], f"{'BC'[n]}{line}") for n, column in enumerate(("시작", "끝")))
                _add(
                    tx,
                    edition,
                    row["회의장"],
                    (row["제목"], row["영문 제목"]),
                    begins,
                    ends,
                    row["언어"] or "한국어",
                    _speakers(row["연사"]),
                    id=same.pop((row["제목"], row["영문 제목"]), ""),
                )
        return len(found)

    def calendar(self, actor: Actor, edition: str) -> str:
        """The programme as iCalendar (RFC 5545)."""
        with self._store.transaction(actor) as tx:
            found = edition_of(tx, edition)
        events = [
            (
                f"{s['id']}@haechi",
                s["title_ko"],
                s["begins"],
                s["ends"],
                s["room"],
                ", ".join(p["name"] for p in s["speakers"]),
            )
            for s in self.sessions(actor, edition)
        ]
        return icalendar(found["name_ko"], events)


def icalendar(name: str, events: Sequence[tuple[str, str, datetime, datetime, str, str]]) -> str:
    """(uid, summary, begins, ends, location, description) as a calendar; lines folded at 75 octets."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Haechi//Event//KO", f"X-WR-CALNAME:{_escaped(name)}"]
    stamp = f"{clock.now():%Y%m%dT%H%M%SZ}"
    for uid, summary, begins, ends, location, description in events:
        lines += [
            "BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{stamp}", f"DTSTART:{_utc(begins)}", f"DTEND:{_utc(ends)}",
            f"SUMMARY:{_escaped(summary)}", f"LOCATION:{_escaped(location)}", f"DESCRIPTION:{_escaped(description)}", "END:VEVENT",
        ]  # fmt: skip
    return "\r\n".join(_folded(line) for line in [*lines, "END:VCALENDAR"]) + "\r\n"


def _add(
    tx: Transaction, edition: str, room: str, title: tuple[str, str], begins: datetime, ends: datetime, languages: str,
    speakers: Sequence[tuple[str, str]], id: str = "",
) -> str:  # fmt: skip
    _plain(speakers)
    if ends <= begins or not room or not title[0].strip():
        raise InvalidInput(
            "회의장, 제목, 시각을 확인하세요.", next_step="끝나는 시각은 시작보다 뒤여야 합니다.", record=title[0]
        )
    days = edition_of(tx, edition)
    if not days["begins_on"] <= begins.astimezone(clock.SEOUL).date() <= days["ends_on"]:
        raise InvalidInput(
            f"‘{title[0]}’의 날이 행사 기간 밖입니다.",
            next_step=f"{days['begins_on']}부터 {days['ends_on']}까지입니다.",
            record=title[0],
        )
    there = tx.one(
        "select title_ko from event_sessions where edition = :e and room = :room and begins < :ends and ends > :begins limit 1",
        e=edition, room=room, begins=begins, ends=ends,
    )  # fmt: skip
    if there is not None:
        raise Conflict(
            f"‘{room}’에는 그 시각에 ‘{there['title_ko']}’이(가) 있습니다.",
            next_step="다른 회의장이나 시각을 고르세요.",
            record=title[0],
        )
    for name, affiliation in speakers:
        busy = tx.one(
            """select s.title_ko, s.room from event_speakers p join event_sessions s on s.id = p.session
            where s.edition = :e and p.name = :name and p.affiliation = :affiliation and s.begins < :ends and s.ends > :begins limit 1""",
            e=edition, name=name, affiliation=affiliation, begins=begins, ends=ends,
        )  # fmt: skip
        if busy is not None:
            raise Conflict(
                f"{name} 연사는 그 시각에 ‘{busy['room']}’의 ‘{busy['title_ko']}’에 있습니다.",
                next_step="시각을 옮기거나 연사를 바꾸세요.",
                record=title[0],
            )
    id = id or clock.new_id()
    tx.run(
        """insert into event_sessions (id, edition, room, title_ko, title_en, begins, ends, languages)
        values (:id, :e, :room, :ko, :en, :begins, :ends, :languages)""",
        {
            "id": id,
            "e": edition,
            "room": room,
            "ko": title[0].strip(),
            "en": title[1].strip(),
            "begins": begins,
            "ends": ends,
            "languages": languages,
        },
    )
    for name, affiliation in dict.fromkeys(speakers):
        tx.run(
            "insert into event_speakers (session, name, affiliation) values (:id, :name, :affiliation)",
            {"id": id, "name": name, "affiliation": affiliation},
        )
    audit.record(tx, "event.session", f"edition:{edition}", {"room": room, "title": title[0]})
    return id


def _identities(tx: Transaction, edition: str) -> dict[tuple[str, str], str]:
    """Title → identifier of the sessions whose title stands once."""
    found = tx.all("select id::text as id, title_ko, title_en from event_sessions where edition = :e", e=edition)
    titles = [(row["title_ko"], row["title_en"]) for row in found]
    return {title: row["id"] for title, row in zip(titles, found, strict=True) if titles.count(title) == 1}


def _plain(speakers: Sequence[tuple[str, str]]) -> None:
    """A table joins names by ';' and '(': names with these would not come back as they went out."""
    for name, affiliation in speakers:
        if not name.strip() or set(";(") & set(name) or ";" in affiliation:
            raise InvalidInput(
                f"‘{name}’ 연사의 이름이나 소속을 읽을 수 없습니다.",
                next_step="이름에는 괄호를, 이름과 소속에는 ‘;’을 쓰지 마세요.",
                record=name,
            )


def _speakers(text: str) -> list[tuple[str, str]]:
    found = []
    for one in filter(None, (part.strip() for part in text.split(";"))):
        name, _, affiliation = one.partition("(")
        found.append((name.strip(), affiliation.removesuffix(")").strip()))
    return found


def _moment(text: str, place: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=clock.SEOUL)
    except ValueError as error:
        raise InvalidInput(
            f"{place}의 ‘{text}’은(는) 시각이 아닙니다.", next_step="2026-09-30 14:00처럼 적으세요.", record=place
        ) from error


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(clock.SEOUL):%Y-%m-%d %H:%M}"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: Any) -> str:
    return str(text).replace("\\", "\\\\").replace(";", r"\;").replace(",", r"\,").replace("\n", r"\n")


def _folded(line: str) -> str:
    out, room = "", 75
    for sign in line:
        size = len(sign.encode())
        if size > room:
            out, room = out + "\r\n ", 74
        out, room = out + sign, room - size
    return out
