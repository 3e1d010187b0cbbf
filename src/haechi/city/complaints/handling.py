"""What the receiving office does: list, take, work, finish, hand on; every step is kept and told to the reporter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from haechi.city.complaints.deadlines import days_left
from haechi.city.complaints.kinds import rules
from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.events import emit
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction

NEXT: Mapping[str, tuple[str, ...]] = {
    "received": ("assigned", "transferred", "rejected"),
    "assigned": ("in_progress", "done", "transferred", "rejected"),
    "in_progress": ("done", "transferred", "rejected"),
    "done": (),
    "transferred": (),
    "rejected": (),
}
"""접수 → 배정 → 처리 중 → 완료; 이송 and 반려 from every open state. What is closed stays closed: a new report opens anew."""
STATES = tuple(NEXT)
CLOSED = ("done", "transferred", "rejected")
NOTE_LIMIT = 2000
_COLUMNS = """c.id::text as id, c.receipt, c.kind, c.title, c.details, c.place, c.lat, c.lon, c.gu, c.dong, c.office,
c.department, c.routed_because, c.state, c.assignee, c.assignee_name, c.channel, c.phone, c.received_at, c.due_on, c.state_at,
c.closed_at, c.version, haechi_handles(c.readers) as mine"""


class Handling:
    """The desk of an office. store: as haechi_app, so that row-level security decides what each office sees."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def waiting(self, actor: Actor, *, state: str = "", search: str = "", limit: int = 200) -> list[Row]:
        """Complaints that the actor's office has (or had), the nearest due day first. state '': all that are open."""
        require(actor, "complaints.desk", actor.bureau or None)
        today, holidays = clock.today(), rules().holidays
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                f"""select {_COLUMNS}, (select count(*) from complaint_photos p where p.complaint_id = c.id) as photos
                from complaints c where (haechi_handles(c.readers) or haechi_handles(c.known_to))
                and (c.state = :state or :state = '' and c.state <> all (:closed))
                and (:search = '' or c.receipt = upper(:search) or c.title ilike :like or c.place ilike :like)
                order by c.due_on, c.received_at limit :limit""",
                state=state,
                closed=list(CLOSED),
                search=search.strip(),
                like=f"%{_escaped(search.strip())}%",
                limit=limit,
            )
        return [{**row, "left": days_left(today, row["due_on"], holidays)} for row in rows]

    def counts(self, actor: Actor) -> Mapping[str, int]:
        """How many the actor's office has in each state, and how many open ones are overdue ('overdue')."""
        require(actor, "complaints.desk", actor.bureau or None)
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                """select state, count(*) as n, count(*) filter (where due_on < :today and state <> all (:closed)) as late
                from complaints where haechi_handles(readers) or haechi_handles(known_to) group by state""",
                today=clock.today(),
                closed=list(CLOSED),
            )
        found = dict.fromkeys(STATES, 0) | {row["state"]: int(row["n"]) for row in rows}
        return found | {"overdue": sum(int(row["late"]) for row in rows)}

    def get(self, actor: Actor, complaint_id: str) -> dict[str, Any]:
        """One complaint with its steps and photos (without the pictures). NotFound when the office has nothing to do with it."""
        require(actor, "complaints.desk", actor.bureau or None)
        with self._store.transaction(actor) as tx:
            row = self._row(tx, complaint_id)
            steps = tx.all(
                "select at, state, office, by_name, note, internal from complaint_steps where complaint_id = :id order by id",
                id=row["id"],
            )
            photos = tx.all(
                """select id::text as id, width, height, faces, plates_kept from complaint_photos
                where complaint_id = :id order by created_at, id""",
                id=row["id"],
            )
        left = days_left(clock.today(), row["due_on"], rules().holidays)
        return {**row, "steps": steps, "photo_list": photos, "next": NEXT[row["state"]], "left": left}

    def photo(self, actor: Actor, photo_id: str) -> tuple[str, bytes]:
        """(media type, picture), for the office that handles the complaint; who opened it is written down."""
        require(actor, "complaints.desk", actor.bureau or None)
        with self._store.transaction(actor) as tx:
            row = tx.one(
                """select p.media_type, p.data, p.complaint_id::text as complaint from complaint_photos p
                join complaints c on c.id = p.complaint_id where p.id::text = :id and haechi_handles(c.readers)""",
                id=photo_id,
            )
            if row is None:
                raise NotFound("그런 사진이 없습니다.", next_step="민원 목록에서 다시 여세요.", record=photo_id[:40])
            audit.record(tx, "complaint.photo_opened", f"complaint:{row['complaint']}", {"photo": photo_id})
        return row["media_type"], bytes(row["data"])

    def change(
        self,
        actor: Actor,
        complaint_id: str,
        state: str,
        *,
        note: str,
        version: int,
        office: str = "",
    ) -> None:
        """Move on, with a word to the reporter. office: to which a transfer goes, a bureau here or another agency's name.

        version: of the row that the actor looked at; Conflict when somebody was faster. InvalidInput for a step that does not
        follow, a closing or handing-on without a word, an unknown aim of a transfer.
        """
        require(actor, "complaints.desk", actor.bureau or None)
        note = note.strip()
        _needs_words(state, note)
        now = clock.now()
        with self._store.transaction(actor) as tx:
            row = self._row(tx, complaint_id, lock=True)
            _follows(row, state, version)
            here = (
                state == "transferred" and tx.value("select 1 from bureaux where id = :o", o=office.strip()) is not None
            )
            changes = self._changes(actor, row, state, office.strip(), here, now)
            _write_step(tx, row, actor, state, note, changes["office"] if here else row["office"], now)
            tx.run(
                """update complaints set state = :state, office = :office, readers = :readers, known_to = :known_to,
                assignee = :assignee, assignee_name = :assignee_name, closed_at = :closed_at, purge_after = :purge_after,
                state_at = :now, version = version + 1 where id = :id""",
                {**changes, "id": row["id"], "now": now},
            )
            told = {"state": state, "office": changes["office"], "from": row["office"]}
            emit(tx, f"complaint.{state}", f"complaint:{row['id']}", told)
            audit.record(tx, f"complaint.{state}", f"complaint:{row['id']}", told)

    def note(self, actor: Actor, complaint_id: str, text: str) -> None:
        """A note among colleagues; the reporter never reads it."""
        require(actor, "complaints.desk", actor.bureau or None)
        if not text.strip():
            raise InvalidInput("적은 내용이 없습니다.", next_step="메모를 적으세요.", record="note")
        with self._store.transaction(actor) as tx:
            row = self._row(tx, complaint_id)
            _write_step(tx, row, actor, row["state"], text.strip(), row["office"], clock.now(), internal=True)

    def _row(self, tx: Transaction, complaint_id: str, *, lock: bool = False) -> Row:
        row = tx.one(
            f"""select {_COLUMNS}, c.readers, c.known_to, c.purge_after from complaints c where c.id::text = :id
            and (haechi_handles(c.readers) or haechi_handles(c.known_to)) {"for update" if lock else ""}""",
            id=complaint_id,
        )
        if row is None:
            raise NotFound("그런 민원이 없습니다.", next_step="민원 목록에서 다시 고르세요.", record=complaint_id[:40])
        return row

    def _changes(self, actor: Actor, row: Row, state: str, office: str, here: bool, now: Any) -> dict[str, Any]:
        known = sorted({*row["known_to"], *row["readers"]})
        if here:
            # To a colleague bureau it is a new receipt there: nobody has taken it yet.
            return {
                "state": "received", "office": office, "readers": [f"bureau:{office}"], "known_to": known,
                "assignee": None, "assignee_name": "", "closed_at": None, "purge_after": None,
            }  # fmt: skip
        if state == "transferred" and not office:
            raise InvalidInput("이송할 곳이 없습니다.", next_step="이송할 부서나 기관을 적으세요.", record="office")
        closed = state in CLOSED
        keep = timedelta(days=rules().keeping["complaint_days_after_close"])
        taking = state == "assigned"
        return {
            "state": state,
            "office": office if state == "transferred" else row["office"],
            "readers": list(row["readers"]),
            "known_to": list(row["known_to"]),
            "assignee": actor.subject if taking else row["assignee"],
            "assignee_name": actor.name if taking else row["assignee_name"],
            "closed_at": now if closed else None,
            "purge_after": (now.astimezone(clock.SEOUL) + keep).date() if closed else None,
        }


def _needs_words(state: str, note: str) -> None:
    if state not in STATES or state == "received":
        raise InvalidInput(
            "그런 상태로 바꿀 수 없습니다.", next_step="화면에 있는 상태 가운데서 고르세요.", record="state"
        )
    if len(note) > NOTE_LIMIT:
        raise InvalidInput("답변이 너무 깁니다.", next_step=f"{NOTE_LIMIT:,}자 이내로 줄이세요.", record="note")
    if state in CLOSED and not note:
        raise InvalidInput(
            "시민에게 알릴 말이 없습니다.",
            next_step="무엇을 했는지, 왜 그런지 적으세요. 접수한 사람이 읽습니다.",
            record="note",
        )


def _follows(row: Row, state: str, version: int) -> None:
    if not row["mine"]:
        raise NotFound(
            "이 민원은 다른 부서로 넘어갔습니다.", next_step="목록에서 상태를 확인하세요.", record=row["receipt"]
        )
    if row["version"] != version:
        raise Conflict(
            "다른 사람이 먼저 이 민원을 바꾸었습니다.",
            next_step="바뀐 내용을 확인한 뒤 다시 하세요.",
            record=row["receipt"],
        )
    if state not in NEXT[row["state"]]:
        raise Conflict(
            "지금 상태에서는 그렇게 바꿀 수 없습니다.",
            next_step="화면을 새로 고쳐 상태를 확인하세요.",
            record=row["receipt"],
        )


def _write_step(
    tx: Transaction, row: Row, actor: Actor, state: str, note: str, office: str, at: Any, *, internal: bool = False
) -> None:
    tx.run(
        "insert into complaint_steps (complaint_id, at, state, office, by_subject, by_name, note, internal)"
        " values (:c, :at, :state, :office, :by, :by_name, :note, :internal)",
        {
            "c": row["id"],
            "at": at,
            "state": state,
            "office": office,
            "by": actor.subject,
            "by_name": actor.name if internal else row["office"],
            "note": note,
            "internal": internal,
        },
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
