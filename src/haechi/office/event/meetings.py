"""A city meets a company: wishes of either side, times proposed without a clash, confirmed by people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store
from haechi.office.cases import rows
from haechi.office.event.editions import RIGHT, edition_of
from haechi.office.event.programme import icalendar

Slot = tuple[datetime, datetime, str]
"""Begins, ends, table."""


def propose(
    wishes: Sequence[tuple[str, str, bool]], slots: Sequence[Slot], taken: Sequence[tuple[str, str, Slot]] = ()
) -> Mapping[tuple[str, str], Slot]:
    """(city, company) → slot, so that no city and no company is in two places at once and no table holds two meetings.

    wishes: (city, company, wished by both sides); mutual ones first, then whoever has the fewest so far, then by name, so
    that the same wishes give the same times. taken: meetings that stand, of whatever length. Greedy: O(wishes × slots)."""
    busy: dict[tuple[str, str], list[Slot]] = {}
    for city, company, slot in taken:
        for one in _occupied(city, company, slot):
            busy.setdefault(one, []).append(slot)
    free = list(slots)
    count: dict[str, int] = {}
    given: dict[tuple[str, str], Slot] = {}
    waiting = list(wishes)
    while waiting:
        waiting.sort(key=lambda wish: (not wish[2], count.get(wish[0], 0) + count.get(wish[1], 0), wish[0], wish[1]))
        city, company, _ = waiting.pop(0)
        fitting = next((slot for slot in free if _is_free(busy, _occupied(city, company, slot), slot)), None)
        if fitting is None:
            continue
        free.remove(fitting)
        for one in _occupied(city, company, fitting):
            busy.setdefault(one, []).append(fitting)
        given[city, company] = fitting
        count[city] = count.get(city, 0) + 1
        count[company] = count.get(company, 0) + 1
    return given


def _occupied(city: str, company: str, slot: Slot) -> tuple[tuple[str, str], ...]:
    return ("city", city), ("company", company), ("table", slot[2])


def _is_free(busy: Mapping[tuple[str, str], Sequence[Slot]], who: Sequence[tuple[str, str]], slot: Slot) -> bool:
    return not any(held[0] < slot[1] and held[1] > slot[0] for one in who for held in busy.get(one, ()))


def slots_of(begins: datetime, ends: datetime, *, minutes: int, tables: int) -> list[Slot]:
    """Every table at every beginning between two moments, the earliest first."""
    found: list[Slot] = []
    at = begins
    while at + timedelta(minutes=minutes) <= ends:
        found += [(at, at + timedelta(minutes=minutes), f"{number}번 탁자") for number in range(1, tables + 1)]
        at += timedelta(minutes=minutes)
    return found


class Meetings:
    """Those with 'event.keep' write down wishes, let times be proposed, and confirm."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self, actor: Actor, edition: str) -> list[Row]:
        """By time, then name; those without a time last."""
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition)
            return tx.all(
                """select id::text as id, city, company, wished_by, begins, ends, place, state, version from event_meetings
                where edition = :e order by begins nulls last, city, company""",
                e=edition,
            )

    def calendar(self, actor: Actor, edition: str) -> str:
        """What people confirmed, as iCalendar."""
        require(actor, RIGHT)
        with self._store.transaction(actor) as tx:
            name = edition_of(tx, edition)["name_ko"]
        events = [
            (f"{m['id']}@haechi", f"{m['city']} · {m['company']}", m["begins"], m["ends"], m["place"], name)
            for m in self.listed(actor, edition) if m["state"] == "확정"
        ]  # fmt: skip
        return icalendar(name, events)

    def wish(self, actor: Actor, edition: str, city: str, company: str, by: str) -> None:
        """A wish of '도시' or '기업'; wished by the other side too it becomes '양쪽'."""
        require(actor, RIGHT)
        if by not in ("도시", "기업") or not city.strip() or not company.strip():
            raise InvalidInput("도시와 기업, 누가 바라는지 적으세요.", next_step="빈 칸을 채우세요.", record="wish")
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition)
            tx.run(
                """insert into event_meetings (id, edition, city, company, wished_by) values (:id, :e, :city, :company, :by)
                on conflict (edition, city, company) do update set
                  wished_by = case when event_meetings.wished_by = :by then :by else '양쪽' end""",
                {"id": clock.new_id(), "e": edition, "city": city.strip(), "company": company.strip(), "by": by},
            )

    def propose(self, actor: Actor, edition: str, slots: Sequence[Slot]) -> int:
        """Give times to wishes that have none; how many got one. What people confirmed stays where it is."""
        require(actor, RIGHT)
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition, lock=True)
            found = tx.all(
                "select id::text as id, city, company, wished_by, begins, ends, place, state from event_meetings where edition = :e",
                e=edition,
            )
            standing = [row for row in found if row["begins"] is not None and row["state"] in ("제안", "확정")]
            given = propose(
                [(r["city"], r["company"], r["wished_by"] == "양쪽") for r in found if r["state"] == "희망"],
                slots,
                [(row["city"], row["company"], (row["begins"], row["ends"], row["place"])) for row in standing],
            )
            for row in found:
                slot = given.get((row["city"], row["company"]))
                if slot is not None and row["state"] == "희망":
                    tx.run(
                        """update event_meetings set begins = :begins, ends = :ends, place = :place, state = '제안', version = version + 1
                        where id = cast(:id as uuid)""",
                        {"begins": slot[0], "ends": slot[1], "place": slot[2], "id": row["id"]},
                    )
            audit.record(tx, "event.meetings_proposed", f"edition:{edition}", {"given": len(given)})
            return len(given)

    def settle(self, actor: Actor, meeting_id: str, state: str, version: int) -> None:
        """People confirm or decline a proposal. Conflict when it stands otherwise by now."""
        require(actor, RIGHT)
        if state not in ("확정", "거절"):
            raise InvalidInput("확정과 거절 가운데 고르세요.", next_step="다시 고르세요.", record=state)
        with self._store.transaction(actor) as tx:
            changed = tx.run(
                "update event_meetings set state = :state, version = version + 1 where id = :id and version = :version and state = '제안'",
                {"state": state, "id": rows.as_uuid(meeting_id), "version": version},
            )
            if not changed:
                if tx.value("select 1 from event_meetings where id = :id", id=rows.as_uuid(meeting_id)) is None:
                    raise NotFound("그런 만남이 없습니다.", next_step="목록에서 다시 고르세요.", record=meeting_id)
                raise Conflict("그사이 달라졌습니다.", next_step="목록을 새로 고친 뒤 다시 하세요.", record=meeting_id)
            audit.record(tx, "event.meeting", f"meeting:{meeting_id}", {"state": state})
