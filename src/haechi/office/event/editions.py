"""Editions, their plan, the online hall, and what an edition came to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import rows
from haechi.office.event import sheets
from haechi.office.event.floor import Fault, Space, faults, measured_area

RIGHT = "event.keep"
SPACE_COLUMNS = (
    "종류",
    "코드",
    "속한 곳",
    "이름",
    "영문 이름",
    "x(m)",
    "y(m)",
    "폭(m)",
    "깊이(m)",
    "면적(㎡)",
    "전력(kW)",
)
_IDENTIFIER = re.compile(r"[0-9]{4}[a-z0-9-]*", re.ASCII)
KINDS = {"전시장": "hall", "구역": "zone", "부스": "booth"}
_COLUMNS = "id, name_ko, name_en, begins_on, ends_on, place, aisle_m, tickets, stated, shown, version"


class Editions:
    """Anybody reads an edition that is shown; those with 'event.keep' write."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self, actor: Actor) -> list[Row]:
        """Editions that the actor may see, the newest first."""
        with self._store.transaction(actor) as tx:
            return tx.all(f"select {_COLUMNS} from event_editions order by begins_on desc")

    def one(self, actor: Actor, edition: str) -> Row:
        """NotFound when there is none, or none for this person."""
        with self._store.transaction(actor) as tx:
            return edition_of(tx, edition)

    def keep(
        self, actor: Actor, edition: str, *, name: tuple[str, str], begins_on: date, ends_on: date, place: str = "",
        aisle_m: float = 3.0, tickets: int = 0, stated: Mapping[str, Any] | None = None, shown: bool = False,
        version: int | None = None,
    ) -> Row:  # fmt: skip
        """Make an edition or change it. InvalidInput when it ends before it begins or its identifier cannot be one; with the
        `version` that was read, Conflict when somebody changed it since."""
        require(actor, RIGHT)
        if not _IDENTIFIER.fullmatch(edition):
            raise InvalidInput(
                f"‘{edition}’은(는) 행사 번호가 될 수 없습니다.",
                next_step="2026처럼 네 자리 해로 시작하고, 영문 소문자와 숫자, 붙임표만 쓰세요.",
                record=edition,
            )
        if ends_on < begins_on or not name[0].strip():
            raise InvalidInput(
                "이름과 날짜를 확인하세요.", next_step="끝나는 날은 시작하는 날보다 앞설 수 없습니다.", record=edition
            )
        with self._store.transaction(actor) as tx:
            if version is not None:
                _unchanged(edition_of(tx, edition, lock=True), version)
            tx.run(
                """insert into event_editions (id, name_ko, name_en, begins_on, ends_on, place, aisle_m, tickets, stated, shown)
                values (:id, :ko, :en, :begins, :ends, :place, :aisle, :tickets, cast(:stated as jsonb), :shown)
                on conflict (id) do update set name_ko = :ko, name_en = :en, begins_on = :begins, ends_on = :ends, place = :place,
                  aisle_m = :aisle, tickets = :tickets, shown = :shown, version = event_editions.version + 1,
                  stated = event_editions.stated || excluded.stated""",
                {
                    "id": edition, "ko": name[0].strip(), "en": name[1].strip(), "begins": begins_on, "ends": ends_on, "place": place,
                    "aisle": aisle_m, "tickets": tickets, "stated": rows.as_json(dict(stated or {})), "shown": shown,
                },
            )  # fmt: skip
            audit.record(tx, "event.edition", f"edition:{edition}", {"name": name[0], "shown": shown})
            return edition_of(tx, edition)

    # --- the plan ----------------------------------------------------------------------------------------------------

    def plan(self, actor: Actor, edition: str) -> dict[str, Any]:
        """edition, spaces, faults, taken (booth → name of the exhibitor, once confirmed), held (booths given to somebody,
        confirmed or not), areas (hall → assigned, unassigned m²)."""
        with self._store.transaction(actor) as tx:
            found = edition_of(tx, edition)
            spaces = spaces_of(tx, edition)
            taken = tx.all(
                """select s.code, o.name_ko from event_spaces s join event_online o on o.case_id = s.exhibitor
                where s.edition = :edition""",
                edition=edition,
            )
            held = tx.all(
                "select code from event_spaces where edition = :edition and exhibitor is not null", edition=edition
            )
        return {
            "held": {row["code"] for row in held},
            "edition": found,
            "spaces": spaces,
            "faults": faults(spaces, aisle=found["aisle_m"]),
            "taken": {row["code"]: row["name_ko"] for row in taken},
            "areas": {space.code: measured_area(spaces, space.code) for space in spaces if space.kind == "hall"},
        }

    def write_plan(self, actor: Actor, edition: str, format: str) -> bytes:
        """The plan as CSV or XLSX."""
        names = {kind: word for word, kind in KINDS.items()}
        spaces = self.plan(actor, edition)["spaces"]
        table = [
            (names[s.kind], s.code, s.parent, s.name[0], s.name[1], s.x, s.y, s.w, s.d, s.area_m2, s.power_kw)
            for s in spaces
        ]
        return sheets.write(SPACE_COLUMNS, table, format)

    def read_plan(self, actor: Actor, edition: str, content: bytes, name: str) -> list[Fault]:
        """Replace the plan by a file, unless something in it does not fit: then nothing changes and the faults come back.

        Booths that an exhibitor has stay theirs by their code; Conflict when the file drops one of them."""
        require(actor, RIGHT)
        spaces = [_space(row, line) for line, row in enumerate(sheets.read(SPACE_COLUMNS, content, name), 2)]
        with self._store.transaction(actor) as tx:
            found = edition_of(tx, edition, lock=True)
            if wrong := _unclear(spaces) or faults(spaces, aisle=found["aisle_m"]):
                return wrong
            _replace(tx, edition, spaces)
            audit.record(tx, "event.plan", f"edition:{edition}", {"spaces": len(spaces)})
        return []

    # --- the online hall ---------------------------------------------------------------------------------------------

    def online(self, actor: Actor, edition: str, *, words: str = "", theme: str = "") -> list[Row]:
        """Pages of the online hall by name, at most 500. words: two letters or more of names, theme, introduction."""
        wanted = [(bool(rows.grams(words)), "o.grams @> :grams"), (bool(theme), "o.theme = :theme")]
        where = " and ".join(["o.edition = :edition", *(sql for on, sql in wanted if on)])
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition)
            return tx.all(
                f"select o.*, o.id::text as id, s.code as booth from event_online o left join event_spaces s on s.exhibitor = o.case_id"
                f" and s.exhibitor is not null where {where} order by o.name_ko limit 500",
                edition=edition, grams=rows.grams(words), theme=theme,
            )  # fmt: skip

    def online_page(self, actor: Actor, edition: str, page_id: str) -> Row:
        """One of them. NotFound."""
        with self._store.transaction(actor) as tx:
            found = tx.one(
                "select o.*, o.id::text as id from event_online o where o.edition = :edition and o.id = :id",
                edition=edition, id=rows.as_uuid(page_id),
            )  # fmt: skip
        if found is None:
            raise NotFound("온라인 전시관에 그런 곳이 없습니다.", next_step="목록에서 다시 고르세요.", record=page_id)
        return found

    def answer(
        self, actor: Actor, edition: str, *, satisfied: int, again: int, best: str = "", comment: str = ""
    ) -> None:
        """An answer to the survey, satisfied and again from 1 to 5. Nobody can tell whose it is: no account, no time of day."""
        if not (1 <= satisfied <= 5 and 1 <= again <= 5):
            raise InvalidInput("1부터 5까지 고르세요.", next_step="두 물음에 모두 답하세요.", record="survey")
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition)
            tx.run(
                """insert into event_survey (edition, satisfied, again, best, comment, on_day)
                values (:e, :satisfied, :again, :best, :comment, :day)""",
                {
                    "e": edition,
                    "satisfied": satisfied,
                    "again": again,
                    "best": best.strip(),
                    "comment": comment.strip(),
                    "day": clock.today(),
                },
            )

    # --- what it came to ---------------------------------------------------------------------------------------------

    def figures(self, actor: Actor, edition: str) -> dict[str, Any]:
        """For staff: what the platform counted, by name; nothing typed. Without records a figure is None (미상), never 0."""
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition)
            counted = tx.one("select * from haechi_event_figures(:edition)", edition=edition) or {}
        goal = int(parameter("event.online_goal", on=clock.today()).value)
        return {**{name: value or None for name, value in counted.items()}, "online_goal": goal}


def _unchanged(found: Row, version: int) -> None:
    if found["version"] != version:
        raise Conflict(
            f"‘{found['name_ko']}’을(를) 그사이 다른 사람이 고쳤습니다.",
            next_step="지금의 값과 견주어 본 뒤 다시 저장하세요.",
            record=found["id"],
        )


def edition_of(tx: Transaction, edition: str, *, lock: bool = False) -> Row:
    """The edition, if the actor may know of it."""
    found = tx.one(f"select {_COLUMNS} from event_editions where id = :id{' for update' if lock else ''}", id=edition)
    if found is None:
        raise NotFound("그런 행사가 없습니다.", next_step="행사 목록에서 다시 고르세요.", record=edition)
    return found


def spaces_of(tx: Transaction, edition: str) -> list[Space]:
    """Halls first, then zones, then booths, by code."""
    found = tx.all(
        """select s.kind, s.code, coalesce(p.code, '') as parent, s.name_ko, s.name_en, s.x, s.y, s.w, s.d, s.area_m2, s.power_kw
        from event_spaces s left join event_spaces p on p.id = s.parent where s.edition = :edition
        order by array_position(array['hall', 'zone', 'booth'], s.kind), s.code""",
        edition=edition,
    )
    return [
        Space(
            r["kind"],
            r["code"],
            r["parent"],
            (r["name_ko"], r["name_en"]),
            r["x"],
            r["y"],
            r["w"],
            r["d"],
            r["area_m2"],
            r["power_kw"],
        )
        for r in found
    ]


def _space(row: dict[str, str], line: int) -> Space:
    kind = KINDS.get(row["종류"])
    if kind is None:
        raise InvalidInput(
            f"A{line}의 ‘{row['종류']}’을(를) 모릅니다.",
            next_step=f"{', '.join(KINDS)} 가운데 적으세요.",
            record=f"A{line}",
        )
    x, y, w, d, power = (
        sheets.number(row, c, line, SPACE_COLUMNS) for c in ("x(m)", "y(m)", "폭(m)", "깊이(m)", "전력(kW)")
    )
    area = sheets.number(row, "면적(㎡)", line, SPACE_COLUMNS, blank=None)
    return Space(
        kind,
        row["코드"],
        row["속한 곳"],
        (row["이름"], row["영문 이름"]),
        x or 0,
        y or 0,
        w or 0,
        d or 0,
        area,
        power or 0,
    )


def _unclear(spaces: Sequence[Space]) -> list[Fault]:
    kinds = {space.code: space.kind for space in spaces}
    above = {"hall": "", "zone": "hall", "booth": "zone"}
    found = [
        Fault(s.code, (f"‘{s.code}’은(는) {'전시장' if s.kind == 'zone' else '구역'}에 속해야 합니다.", f"{s.code} is in the wrong place."))
        for s in spaces if kinds.get(s.parent, "") != above[s.kind]
    ]  # fmt: skip
    if len(kinds) < len(spaces) or "" in kinds:
        found.append(Fault("", ("코드가 비었거나 두 번 쓰였습니다.", "A code is blank or stands twice.")))
    return found


def _replace(tx: Transaction, edition: str, spaces: Sequence[Space]) -> None:
    held = {
        row["code"]: row["exhibitor"]
        for row in tx.all(
            "select code, exhibitor::text as exhibitor from event_spaces where edition = :e and exhibitor is not null",
            e=edition,
        )
    }
    booths = {space.code for space in spaces if space.kind == "booth"}
    if gone := sorted(held.keys() - booths):
        raise Conflict(
            f"참가기업이 있는 부스가 빠졌습니다: {', '.join(gone)}.",
            next_step="먼저 다른 부스로 옮기세요.",
            record=gone[0],
        )
    tx.run("delete from event_spaces where edition = :e", {"e": edition})
    ids: dict[str, str] = {}
    for kind in ("hall", "zone", "booth"):
        for space in (one for one in spaces if one.kind == kind):
            ids[space.code] = clock.new_id()
            tx.run(
                """insert into event_spaces (id, edition, kind, code, parent, name_ko, name_en, x, y, w, d, area_m2, power_kw, exhibitor)
                values (:id, :e, :kind, :code, cast(:parent as uuid), :ko, :en, :x, :y, :w, :d, :area, :power, cast(:exhibitor as uuid))""",
                {
                    "id": ids[space.code], "e": edition, "kind": kind, "code": space.code, "parent": ids.get(space.parent),
                    "ko": space.name[0], "en": space.name[1], "x": space.x, "y": space.y, "w": space.w, "d": space.d,
                    "area": space.area_m2, "power": space.power_kw, "exhibitor": held.get(space.code),
                },
            )  # fmt: skip
